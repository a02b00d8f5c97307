"""Samples peptides from a protein language model: JSON lines in, JSON lines out. Knows neither exp nor files but its weights."""
