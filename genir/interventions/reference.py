"""Patching by forward hooks on the Hugging Face module, of any family: the obvious way, which tests the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from genir.interventions.sites import Component, Site, every_site
from genir.models import forward
from genir.models.families import family_of, heads_of, layers_of, part
from genir.models.forward import Inputs

PARTS = tuple(Component)
Hook = Callable[[Tensor], Tensor | None]
"""Sees what a site adds to the stream, (queries, positions, d); returns what to add instead, or None."""
Watch = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]


class Trace(NamedTuple):
    """One unpatched pass at the decoder position where a document id is written, as a rule the first.

    ``embedding`` (queries, d); ``outputs[component]`` (layers, queries, d), what each layer's component adds
    to the residual stream; ``stream`` (layers + 1, queries, d), the input of each layer and last the output
    of the decoder before its final norm. The embedding and all outputs add up to ``stream[-1]`` within
    rounding; in a post-norm family the stream is normalised after each addition, and they do so through
    those norms.
    """

    embedding: Tensor
    outputs: Mapping[Component, Tensor]
    stream: Tensor


@contextmanager
def hooked(model: PreTrainedModel, hooks: Mapping[Site, Hook]) -> Iterator[None]:
    """Call each site's hook on its output for as long as the context lasts.

    A component's output is what is added to the residual stream, before the addition and before the norm that
    follows it in a post-norm family. A head's output is its slice of the output projection's input times the
    projection's columns; the heads and the projection's bias, if it has one, add up to the component.
    """
    handles = []
    try:
        for site, hook in hooks.items():
            handles.append(module_of(model, site).register_forward_hook(_watch(model, site, hook)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def module_of(model: PreTrainedModel, site: Site) -> nn.Module:
    """The module whose output is a component's, or the output projection that holds its heads."""
    family, number = family_of(model), PARTS.index(site.component)
    paths = family.added if site.head is None else family.projections
    return layers_of(model)[site.layer].get_submodule(paths[number])


def _watch(model: PreTrainedModel, site: Site, hook: Hook) -> Watch:
    if site.head is None:
        return _on_output(hook)
    return _on_head(hook, site.head, cast(nn.Linear, module_of(model, site)).in_features // heads_of(model))


def decoder_sublayer(model: PreTrainedModel, site: Site) -> nn.Module:
    """The module (norm, transformation, dropout) of a site's component in the decoder of a T5."""
    return cast(nn.Module, model.decoder.block[site.layer].layer[PARTS.index(site.component)])


def attention(sublayer: nn.Module) -> nn.Module:
    """The attention module of a self- or cross-attention sublayer."""
    module = sublayer.SelfAttention if hasattr(sublayer, "SelfAttention") else sublayer.EncDecAttention
    return cast(nn.Module, module)


def _on_output(hook: Hook) -> Watch:
    return lambda module, args, output: hook(output)


def _on_head(hook: Hook, head: int, width: int) -> Watch:
    mine = slice(head * width, (head + 1) * width)

    def replace(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        contribution = args[0][..., mine] @ cast(nn.Linear, module).weight[:, mine].T
        value = hook(contribution)
        return None if value is None else output - contribution + value

    return replace


@torch.no_grad()
def encode(model: PreTrainedModel, inputs: Inputs) -> Tensor:
    """What the decoder attends to, the encoder's output, (queries, length, d)."""
    return forward.encode(model, inputs)


@torch.no_grad()
def decode(
    model: PreTrainedModel,
    encoded: Tensor,
    mask: Tensor,
    values: Mapping[Site, Tensor] | None = None,
) -> Tensor:
    """What the unembedding reads where a document id is written, (queries, d), with ``values`` at their sites there.

    A value is (d,) or (queries, d). Without values this is the unpatched model, bit for bit.
    """
    with hooked(model, {site: _constantly(value) for site, value in (values or {}).items()}):
        return forward.decoded(model, encoded, mask)[:, -1]


def _constantly(value: Tensor) -> Hook:
    def put(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, -1] = value
        return changed

    return put


@torch.no_grad()
def capture(model: PreTrainedModel, encoded: Tensor, mask: Tensor, places: Iterable[Site]) -> dict[Site, Tensor]:
    """The unpatched output of each site where a document id is written, (queries, d)."""
    found: dict[Site, Tensor] = {}

    def keep(site: Site) -> Hook:
        def hook(output: Tensor) -> None:
            found[site] = output[:, -1]

        return hook

    with hooked(model, {site: keep(site) for site in places}):
        decode(model, encoded, mask)
    return found


@torch.no_grad()
def trace(model: PreTrainedModel, inputs: Inputs) -> Trace:
    """All that is written into the residual stream where a document id is written, and the stream itself."""
    stream: list[Tensor] = []
    family, layers = family_of(model), layers_of(model)

    def read(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        stream.append(args[0][:, -1])

    def read_last(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        stream.append(output[:, -1])

    handles = [module.register_forward_pre_hook(read) for module in layers]
    if family.final_norm is not None:
        handles.append(part(model, family.final_norm).register_forward_pre_hook(read))
    else:
        handles.append(layers[-1].register_forward_hook(read_last))
    try:
        found = capture(model, encode(model, inputs), inputs.mask, every_site(len(layers)))
    finally:
        for handle in handles:
            handle.remove()
    outputs = {
        component: torch.stack([found[Site(component, layer)] for layer in range(len(layers))])
        for component in Component
    }
    return Trace(stream[0], outputs, torch.stack(stream))
