raise ModuleNotFoundError("No module named 'transformers'", name="transformers")
