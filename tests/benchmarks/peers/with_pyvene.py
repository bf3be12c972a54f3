"""The sweep by pyvene, one intervenable model and one call on the whole batch for each intervention."""

from __future__ import annotations

import pyvene
import torch
from subject import Means, Place, Subject, main

MODULES = {
    "attention": "layer[0].SelfAttention",
    "cross-attention": "layer[1].EncDecAttention",
    "MLP": "layer[2].DenseReluDense",
}


def component(place: Place) -> str:
    return f"decoder.block[{place[1]}].{MODULES[place[0]]}.output"


def logits(subject: Subject, interventions: dict[Place, object]) -> torch.Tensor:
    """One pass; pyvene adds its hooks when the model is made, and takes them off after the call."""
    config = [{"component": component(place), "intervention": change} for place, change in interventions.items()]
    model = pyvene.IntervenableModel(config, model=subject.model)
    inputs = {"input_ids": subject.ids, "attention_mask": subject.mask, "decoder_input_ids": subject.start}
    return model(inputs)[1].logits[:, 0]


def sweep(subject: Subject, _: object) -> list[torch.Tensor]:
    means: Means = {}

    def keep(place: Place) -> object:
        def change(base: torch.Tensor, source: torch.Tensor | None) -> torch.Tensor:
            means[place] = base.mean(0)
            return base

        return change

    def put(value: torch.Tensor) -> object:
        return lambda base, source: value.expand_as(base)

    logits(subject, {place: keep(place) for place in subject.places})
    return [
        subject.ranks(logits(subject, {place: put(means[place] * (kind == "mean")) for place, kind in plan.items()}))
        for plan in subject.plans
    ]


main(lambda subject: None, sweep)
