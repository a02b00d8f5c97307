"""The sampler with the real transformers on a real GPU: `python3 on_gpu.py [small|large]`. Models have the hub's architectures and random
weights, of a few megabytes or of the sizes that are on the hub, in a folder laid out as the hub's cache. Prints what was seen;
ends with 1 where something is not as the README of the rules says."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading

import torch
from transformers import EsmConfig, EsmForMaskedLM, GPT2Config, GPT2LMHeadModel

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "../../../rules/peptides/generate")
REVISION = "0123456789abcdef0123456789abcdef01234567"
RESIDUES = "LAGVSERTIDPKQNFYMHWC"
ESM_SYMBOLS = ["<cls>", "<pad>", "<eos>", "<unk>", *RESIDUES, *"XBUZO", ".", "-", "<null_1>", "<mask>"]
UBIQUITIN = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"


def snapshot(hub, name):
    folder = os.path.join(hub, "models--" + name.replace("/", "--"), "snapshots", REVISION)
    os.makedirs(folder)
    return folder


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def make_esm(hub, name, layers, width):
    folder = snapshot(hub, name)
    about = EsmConfig(
        **{"vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "hidden_size": width, "num_hidden_layers": layers},
        **{"num_attention_heads": 20, "intermediate_size": 4 * width, "max_position_embeddings": 1026},
        **{"position_embedding_type": "rotary", "token_dropout": True, "initializer_range": 0.06},
        **{"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    )
    torch.manual_seed(1)
    with torch.device("cuda"):
        EsmForMaskedLM(about).save_pretrained(folder)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(ESM_SYMBOLS))
    marks = {f"{role}_token": f"<{role}>" for role in ("cls", "eos", "mask", "pad", "unk")}
    write_json(folder, "tokenizer_config.json", {"tokenizer_class": "EsmTokenizer", **marks})


def make_gpt(hub, name, layers, width):
    folder = snapshot(hub, name)
    oligomers = ("".join(word) for size in (2, 3, 4) for word in itertools.product(RESIDUES, repeat=size))
    words = ["<|endoftext|>", "\u010a", *RESIDUES, *oligomers][:50257]
    merges = [f"{word[:-1]} {word[-1]}" for word in words[22:]]
    write_json(folder, "vocab.json", {word: symbol for symbol, word in enumerate(words)})
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    marks = {f"{role}_token": "<|endoftext|>" for role in ("bos", "eos", "unk")}
    write_json(folder, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", **marks})
    about = GPT2Config(
        **{"vocab_size": len(words), "n_positions": 1024, "n_embd": width, "n_layer": layers, "n_head": 20},
        **{"bos_token_id": 0, "eos_token_id": 0, "initializer_range": 0.05},
    )
    torch.manual_seed(2)
    with torch.device("cuda"):
        GPT2LMHeadModel(about).save_pretrained(folder)


class Program:
    """The sampler as a person would run it."""

    def __init__(self, home):
        environment = {**os.environ, "HF_HOME": home, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-u", "-B", "-m", "peptide_lm"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=PROGRAM, env=environment, text=True, **pipes)
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()

    def ask(self, **request):
        """Draws, and the manifest or the message of an error."""
        print(json.dumps({"revision": REVISION, **request}), file=self.process.stdin, flush=True)
        draws = []
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer["kind"] != "draw":
                return draws, answer if answer["kind"] == "manifest" else answer["message"]
            draws.append(answer)
        raise SystemExit("the sampler ended:\n" + "".join(self.said)[-3000:])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


faults = []


def expect(holds, what):
    print(f"  {'as it should be' if holds else 'WRONG'}: {what}", flush=True)
    if not holds:
        faults.append(what)


def timeless(draws):
    return [{name: value for name, value in draw.items() if name != "wall_ms"} for draw in draws]


def sequences(draws):
    return [draw["sequence"] for draw in draws]


def furthest(some, others):
    return max(abs(one["logprob"] - other["logprob"]) for one, other in zip(some, others))


def check(home, name, request):
    print(f"{name}:", flush=True)
    program = Program(home)
    draws, manifest = program.ask(**request, batch=64)
    if isinstance(manifest, str):
        return expect(False, manifest)
    each = len(draws) / manifest["wall_ms"] * 1000
    place = f"{manifest['gpu']}, torch {manifest['torch']}, transformers {manifest['transformers']}"
    print(f"  {len(draws)} draws, {each:.1f} a second, on {place}; the first {sequences(draws)[0]}")
    gpu = torch.cuda.get_device_name()
    expect(manifest["device"] == "cuda" and manifest["gpu"] == gpu, "it runs on the GPU and says so")
    lengths = [len(sequence) for sequence in sequences(draws)]
    shortest, longest = request["length"]
    expect(shortest <= min(lengths) and max(lengths) <= longest, "lengths are those that were asked for")
    expect(set("".join(sequences(draws))) <= set(RESIDUES), "only the 20 residues are drawn")
    again, _ = program.ask(**request, batch=64)
    expect(timeless(again) == timeless(draws), "the same batch gives the same numbers again")
    few, _ = program.ask(**{**request, "n": 20}, batch=7)
    differ = sum(one != other for one, other in zip(sequences(few), sequences(draws)))
    expect(differ <= 1, f"other batches: {differ} of 20 sequences differ")
    print(f"  other batches: ln P differs by {furthest(few, draws):.1g} at most")
    _, refused = program.ask(**{**request, "n": 1}, on={"gpu": "T4"})
    expect(refused == f"it must run on gpu T4; here it is {gpu}", f"another GPU is refused: {refused}")
    words = gpu.split()
    _, accepted = program.ask(**{**request, "n": 1}, on={"gpu": words[1] if len(words) > 1 else gpu})
    expect(not isinstance(accepted, str), "this one is not")
    program.end()
    other = Program(home)
    elsewhere, _ = other.ask(**request, batch=64)
    other.end()
    expect(timeless(elsewhere) == timeless(draws), "another process gives the same numbers")


def main(size):
    if not torch.cuda.is_available():
        raise SystemExit("there is no GPU that torch sees")
    sizes = {"small": ((6, 320), (4, 320)), "large": ((33, 1280), (36, 1280))}
    esm, gpt = sizes[size]
    with tempfile.TemporaryDirectory() as home:
        hub = os.path.join(home, "hub")
        make_esm(hub, "facebook/esm2_t33_650M_UR50D", *esm)
        make_esm(hub, "ChatterjeeLab/PepMLM-650M", *esm)
        make_gpt(hub, "nferruz/ProtGPT2", *gpt)
        check(home, "ESM-2", {"family": "esm2", "seed": "1", "n": 128, "length": [5, 50]})
        pepmlm = {"family": "pepmlm", "seed": "1", "n": 128, "length": [8, 15], "target_sequence": UBIQUITIN}
        check(home, "PepMLM", pepmlm)
        check(home, "ProtGPT2", {"family": "protgpt2", "seed": "1", "n": 64, "length": [5, 50]})
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "small")
