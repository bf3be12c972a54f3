"""The sweep by nnsight, one trace of the whole batch for each intervention, as its tutorials write it."""

from __future__ import annotations

import torch
from nnsight import NNsight, save
from subject import Means, Place, Subject, main


def envoy(model: NNsight, place: Place) -> object:
    part, layer = place
    sublayers = model.decoder.block[layer].layer
    return {
        "attention": lambda: sublayers[0].SelfAttention,
        "cross-attention": lambda: sublayers[1].EncDecAttention,
        "MLP": lambda: sublayers[2].DenseReluDense,
    }[part]()


def sweep(subject: Subject, model: NNsight) -> list[torch.Tensor]:
    inputs = {"input_ids": subject.ids, "attention_mask": subject.mask, "decoder_input_ids": subject.start}
    means: Means = {}
    with model.trace(**inputs):
        saved = save({})
        for place in subject.places:
            output = envoy(model, place).output
            saved[place] = (output if place[0] == "MLP" else output[0]).mean(0)
    means = dict(saved)
    found = []
    for plan in subject.plans:
        with model.trace(**inputs):
            for place in subject.places:
                if place in plan:
                    value = means[place] if plan[place] == "mean" else 0
                    if place[0] == "MLP":
                        envoy(model, place).output[:] = value
                    else:
                        envoy(model, place).output[0][:] = value
            logits = model.lm_head.output[:, 0].save()
        found.append(subject.ranks(logits))
    return found


main(lambda subject: NNsight(subject.model), sweep)
