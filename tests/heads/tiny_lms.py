"""Language models small enough to check by hand, and architectures at random."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 61,
    "max_position_embeddings": 128,
}
GROUPED = {**SIZES, "num_key_value_heads": 2, "intermediate_size": 48}
ARCHITECTURES = {
    "llama": ("Llama", GROUPED),
    "qwen3": ("Qwen3", {**GROUPED, "head_dim": 8}),
    "mistral-sliding": ("Mistral", {**GROUPED, "sliding_window": 7}),
    "phi3": ("Phi3", {**GROUPED, "pad_token_id": 0}),
    "gemma2-softcap": ("Gemma2", {**GROUPED, "head_dim": 8, "sliding_window": 9, "attn_logit_softcapping": 2.0}),
    "gpt-oss-sinks": ("GptOss", {**GROUPED, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1}),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 61, "n_positions": 128}),
    "gpt-neox": ("GPTNeoX", {**SIZES, "intermediate_size": 48}),
}


def random_model(architecture: str, seed: int = 0) -> transformers.PreTrainedModel:
    family, settings = ARCHITECTURES[architecture]
    config = getattr(transformers, f"{family}Config")(**settings, bos_token_id=None, eos_token_id=None)
    head = "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM"
    with torch.random.fork_rng(devices=[]):
        model = getattr(transformers, head)(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():  # attention that is far from uniform, or equal argmaxes would prove little
            scale = 0.5 if parameter.dim() > 1 else 0.1
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale + (parameter.dim() == 1))
    return model


def words_tokenizer(text: str, chat: bool = False) -> PreTrainedTokenizerFast:
    """One token per word or punctuation mark of ``text``."""
    known = sorted(set(re.findall(r"\w+|[^\w\s]", text)) | {"user", "assistant"})
    vocabulary = {word: i for i, word in enumerate(["<unk>", "<end>", *known])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")
    if chat:
        fast.chat_template = "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} . {% endfor %}assistant :"
    return fast


def copying_model(vocabulary: int, positions: int, planted: Sequence[int], linked: bool = True) -> GPT2LMHeadModel:
    """Two layers of two heads that continue a text as it went on after the last earlier occurrence of its last token.

    The stream has four slots: token, position, previous token, output. Head (0, 0) moves the token of the position before
    into the third slot; heads (1, h) for h in ``planted`` look for the position whose third slot is the present token, and
    write the token found there into the fourth, which the unembedding reads. Without ``linked`` the third slot stays empty.
    """
    size = max(positions, -(-(3 * vocabulary + positions) // 2))
    d = 2 * size
    token, place = slice(0, vocabulary), slice(vocabulary, vocabulary + positions)
    before = slice(place.stop, place.stop + vocabulary)
    out = slice(before.stop, before.stop + vocabulary)
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=positions, n_embd=d, n_layer=2, n_head=2, bos_token_id=None, eos_token_id=None,
        tie_word_embeddings=False, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if ".ln_" in name and name.endswith("weight") else 0.0)
        body = model.transformer
        body.wte.weight[:, token] = torch.eye(vocabulary)
        body.wpe.weight[:, place] = torch.eye(positions)
        model.lm_head.weight[:, out] = torch.eye(vocabulary)

        def head(layer: int, at: int, query: torch.Tensor, key: torch.Tensor, read: slice, write: slice) -> None:
            mix, project = body.h[layer].attn.c_attn.weight, body.h[layer].attn.c_proj.weight
            start = at * size
            mix[:, start : start + query.shape[1]] = query
            mix[:, d + start : d + start + key.shape[1]] = key
            mix[read, 2 * d + start : 2 * d + start + vocabulary] = torch.eye(vocabulary)
            project[start : start + vocabulary, write] = torch.eye(vocabulary)

        def reader(slot: slice, scale: float) -> torch.Tensor:
            matrix = torch.zeros(d, slot.stop - slot.start)
            matrix[slot] = torch.eye(slot.stop - slot.start) * scale
            return matrix

        if linked:
            head(0, 0, reader(place, 40.0), reader(place, 40.0).roll(1, dims=1), token, before)
        for at in planted:
            head(1, at, reader(token, 40.0), reader(before, 40.0), token, out)
    return model
