"""The sweep by TransformerLens 4's bridge over the Hugging Face model, one call on the whole batch for each intervention."""

from __future__ import annotations

import sys

import torch
from subject import Place, Subject, main
from transformer_lens.model_bridge import TransformerBridge

HOOKS = {"attention": "self_attn.hook_out", "cross-attention": "cross_attn.hook_out", "MLP": "mlp.hook_out"}


def name(place: Place) -> str:
    return f"decoder_blocks.{place[1]}.{HOOKS[place[0]]}"


def boot(subject: Subject) -> TransformerBridge:
    return TransformerBridge.boot_transformers(sys.argv[1], hf_model=subject.model, device="cpu")


def sweep(subject: Subject, model: TransformerBridge) -> list[torch.Tensor]:
    inputs = {"input": subject.ids, "attention_mask": subject.mask, "decoder_input": subject.start}
    names = {name(place) for place in subject.places}
    _, cache = model.run_with_cache(**inputs, names_filter=lambda hook: hook in names)
    means = {place: cache[name(place)].mean(0) for place in subject.places}

    def put(value: torch.Tensor) -> object:
        return lambda output, hook: value.expand_as(output)

    found = []
    for plan in subject.plans:
        hooks = [(name(place), put(means[place] * (kind == "mean"))) for place, kind in plan.items()]
        found.append(subject.ranks(model.run_with_hooks(**inputs, fwd_hooks=hooks)[:, 0]))
    return found


main(boot, sweep)
