"""What must hold of every architecture: gaps between two ways of computing one thing, zero but for rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from genir.interventions.reference import capture, decode, encode, module_of, trace
from genir.interventions.sites import ATTENTION, CROSS, Component, Site, every_site, head_sites
from genir.models.families import (
    Ability,
    family_of,
    heads_of,
    lacking,
    layers_of,
    part,
    prompt_of,
    read,
    unembedding_of,
)
from genir.models.forward import Inputs
from genir.readouts.lens import lens
from tests.interventions.tiny import random_inputs, subject


def gap(one: Tensor, other: Tensor) -> float:
    """The largest difference, as a share of the spread of what is compared."""
    return float((one - other).abs().max() / other.std())


def logits(model: PreTrainedModel, inputs: Inputs) -> float:
    """Logits by our pass against those of the model's own forward."""
    start = torch.tensor([prompt_of(model)]).expand(len(inputs.ids), -1)
    theirs = model(input_ids=inputs.ids, attention_mask=inputs.mask, decoder_input_ids=start).logits[:, -1]
    return gap(decode(model, encode(model, inputs), inputs.mask) @ unembedding_of(model).T, theirs)


def parts(model: PreTrainedModel, inputs: Inputs) -> float:
    """Embedding and outputs, added up in order and through post-norms, against the stream and what the decoder returns."""
    family, seen = family_of(model), trace(model, inputs)
    total, worst = seen.embedding, 0.0
    for number, layer in enumerate(layers_of(model)):
        for place, component in enumerate(Component):
            total = total + seen.outputs[component][number]
            if family.norms is not None:
                total = layer.get_submodule(family.norms[place])(total)
        worst = max(worst, gap(total, seen.stream[number + 1]))
    final = total if family.final_norm is None else part(model, family.final_norm)(total)
    return max(worst, gap(read(model, final), decode(model, encode(model, inputs), inputs.mask)))


def doing_nothing(model: PreTrainedModel, inputs: Inputs) -> float:
    """Every output replaced by itself, against no hook at all: not a bit may change."""
    encoded = encode(model, inputs)
    own = capture(model, encoded, inputs.mask, every_site(len(layers_of(model))))
    return gap(decode(model, encoded, inputs.mask, own), decode(model, encoded, inputs.mask))


def heads(model: PreTrainedModel, inputs: Inputs) -> float:
    """Heads and the bias of their projection, against the component."""
    layers, count, worst = len(layers_of(model)), heads_of(model), 0.0
    seen = capture(model, encode(model, inputs), inputs.mask, (*every_site(layers), *head_sites(layers, count)))
    for component in (ATTENTION, CROSS):
        for layer in range(layers):
            total = sum(seen[Site(component, layer, head)] for head in range(count))
            bias = getattr(module_of(model, Site(component, layer, 0)), "bias", None)
            worst = max(worst, gap(total + (0 if bias is None else bias), seen[Site(component, layer)]))
    return worst


def lens_of_the_whole(model: PreTrainedModel, inputs: Inputs) -> float | None:
    """The logit lens on the stream that leaves the decoder, against the model's own logits; None where there is no lens."""
    if lacking(model, Ability.LENS) is not None:
        return None
    unembedding = unembedding_of(model).T
    state = decode(model, encode(model, inputs), inputs.mask)
    return gap(lens(subject(model), trace(model, inputs).stream[-1]) @ unembedding, state @ unembedding)


INVARIANTS: Mapping[str, Callable[[PreTrainedModel, Inputs], float | None]] = {
    "logits are Hugging Face's": logits,
    "parts add up": parts,
    "no-op is the identity": doing_nothing,
    "heads add up": heads,
    "the lens ends in the logits": lens_of_the_whole,
}
TOLERANCE = {"no-op is the identity": 0.0}
DEFAULT = 1e-4


@torch.no_grad()
def gaps(model: PreTrainedModel) -> dict[str, float | None]:
    """Every invariant's gap on random queries of mixed lengths; None for one that the architecture has not."""
    inputs = random_inputs(np.random.default_rng(7), 5, 6)
    return {name: measure(model, inputs) for name, measure in INVARIANTS.items()}


def broken(found: Mapping[str, float | None]) -> dict[str, float]:
    """The invariants that do not hold; a gap that is no number does not."""
    return {
        name: value for name, value in found.items() if value is not None and not value <= TOLERANCE.get(name, DEFAULT)
    }
