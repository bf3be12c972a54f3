"""The published way, by TransformerLens 3: one query at a time, all activations cached on every pass, rank by sorting twice."""

from __future__ import annotations

import torch
from lens3 import convert, name
from subject import Subject, main
from transformer_lens import HookedEncoderDecoder


def sweep(subject: Subject, model: HookedEncoderDecoder) -> list[torch.Tensor]:
    queries = [ids[None, : int(mask.sum())] for ids, mask in zip(subject.ids, subject.mask, strict=True)]
    start = subject.start[:1]
    sums = {place: torch.zeros(subject.model.config.d_model) for place in subject.places}
    for ids in queries:
        _, cache = model.run_with_cache(ids, decoder_input=start, one_zero_attention_mask=torch.ones_like(ids))
        for place in subject.places:
            sums[place] += cache[name(place)][0, 0]
    means = {place: total / len(queries) for place, total in sums.items()}

    def put(value: torch.Tensor) -> object:
        return lambda output, hook: value.expand_as(output)

    found = []
    for plan in subject.plans:
        hooks = [(name(place), put(means[place] * (kind == "mean"))) for place, kind in plan.items()]
        ranks = []
        for ids, gold in zip(queries, subject.gold, strict=True):
            with model.hooks(fwd_hooks=hooks):
                logits, _ = model.run_with_cache(ids, decoder_input=start, one_zero_attention_mask=torch.ones_like(ids))
            ranks.append(logits[0, 0].argsort(descending=True).argsort()[gold] + 1)
        found.append(torch.stack(ranks))
    return found


main(convert, sweep)
