"""The sweep by TransformerLens 3's HookedEncoderDecoder, one call on the whole batch for each intervention."""

from __future__ import annotations

import torch
from lens import hooked_sweep
from lens3 import convert, name
from subject import Subject, main
from transformer_lens import HookedEncoderDecoder


def sweep(subject: Subject, model: HookedEncoderDecoder) -> list[torch.Tensor]:
    inputs = {"input": subject.ids, "decoder_input": subject.start, "one_zero_attention_mask": subject.mask}
    return hooked_sweep(subject, model, name, inputs)


main(convert, sweep)
