"""Models of the hub: ProtGPT2, ESM-2, PepMLM and their like, through transformers, pinned to a revision."""

import os
import pwd

import torch

from .contract import RequestError
from .symbols import describe_letters, device, first_line, padded, required, residues_in, to_cpu, unpadded


def from_hub(request, network_class):
    """Tokeniser and network of exactly this revision, from the user's cache of the hub or from the hub itself."""
    try:
        import transformers
    except ImportError:
        raise RequestError(f"{request.family} needs the package transformers: python3 -m pip install transformers")
    where = {"revision": request.revision, "cache_dir": hub_cache()}

    def load(**more):
        tokenizer = transformers.AutoTokenizer.from_pretrained(request.model, **where, **more)
        return tokenizer, getattr(transformers, network_class).from_pretrained(request.model, **where, **more)

    try:
        # A revision does not change: what is here needs no question to the hub, which a node without a network waits for in vain.
        tokenizer, network = load(local_files_only=True)
    except (OSError, ValueError):
        try:
            tokenizer, network = load()
        except (OSError, ValueError) as error:
            raise RequestError(
                f"{request.model} at revision {request.revision} could not be loaded from {where['cache_dir']} nor from the hub: "
                f"{first_line(error)}. To fetch it: hf download {request.model} --revision {request.revision}"
            )
    # Whatever type the file has: half precision would draw otherwise, and 650 million parameters fit as they are.
    return tokenizer.get_vocab(), network.to(device=device(), dtype=torch.float32).eval()


def hub_cache():
    """Where `hf download` puts what it fetches. HOME may be a worker's own folder: the user's is asked of the system."""
    home = os.environ.get("HF_HOME") or os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache", "huggingface")
    return os.path.join(home, "hub")


class HubChain:
    kind = "autoregressive"

    def __init__(self, request):
        self.name, self.revision = request.model, request.revision
        vocabulary, self.network = from_hub(request, "AutoModelForCausalLM")
        self.start = self.end = required(vocabulary, "<|endoftext|>", self.name)
        # A network's table may have more rows than there are symbols.
        self.texts = [None] * max(self.network.config.vocab_size, len(vocabulary))
        for word, symbol in vocabulary.items():
            self.texts[symbol] = residues_in(word)
        self.texts[self.end] = None

    def step(self, symbols, state):
        ids = torch.tensor(symbols, device=device()).unsqueeze(1)
        out = self.network(input_ids=ids, past_key_values=state, use_cache=True)
        return to_cpu(out.logits[:, -1]), out.past_key_values


class HubMasked:
    kind = "masked"

    def __init__(self, request):
        self.name, self.revision = request.model, request.revision
        vocabulary, self.network = from_hub(request, "AutoModelForMaskedLM")
        self.prefix = [required(vocabulary, "<cls>", self.name)]
        self.suffix = [required(vocabulary, "<eos>", self.name)]
        self.mask = required(vocabulary, "<mask>", self.name)
        self.pad = required(vocabulary, "<pad>", self.name)
        # ESM-2 has learnt from pieces of 1024 symbols, both ends included.
        self.longest = min(1024, getattr(self.network.config, "max_position_embeddings", 1024)) - 2
        describe_letters(self, vocabulary, self.network.config.vocab_size)

    def logits(self, rows):
        ids, attention = padded(rows, self.pad)
        out = self.network(input_ids=ids, attention_mask=attention)
        return unpadded(to_cpu(out.logits), rows)
