"""The sweep by TransformerLens 3's HookedEncoderDecoder, one call on the whole batch for each intervention."""

from __future__ import annotations

import torch
from lens3 import convert, name
from subject import Subject, main
from transformer_lens import HookedEncoderDecoder


def sweep(subject: Subject, model: HookedEncoderDecoder) -> list[torch.Tensor]:
    inputs = {"input": subject.ids, "decoder_input": subject.start, "one_zero_attention_mask": subject.mask}
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


main(convert, sweep)
