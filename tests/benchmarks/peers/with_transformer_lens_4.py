"""The sweep by TransformerLens 4's bridge over the Hugging Face model, one call on the whole batch for each intervention."""

from __future__ import annotations

import sys

import torch
from lens import hooked_sweep
from subject import Place, Subject, main
from transformer_lens.model_bridge import TransformerBridge

HOOKS = {"attention": "self_attn.hook_out", "cross-attention": "cross_attn.hook_out", "MLP": "mlp.hook_out"}


def name(place: Place) -> str:
    return f"decoder_blocks.{place[1]}.{HOOKS[place[0]]}"


def boot(subject: Subject) -> TransformerBridge:
    return TransformerBridge.boot_transformers(sys.argv[1], hf_model=subject.model, device="cpu")


def sweep(subject: Subject, model: TransformerBridge) -> list[torch.Tensor]:
    inputs = {"input": subject.ids, "attention_mask": subject.mask, "decoder_input": subject.start}
    return hooked_sweep(subject, model, name, inputs)


main(boot, sweep)
