"""Patching by forward hooks on the Hugging Face module: the obvious way, which tests the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from transformers import T5ForConditionalGeneration

from genir.interventions.sites import Component, Site, every_site
from genir.models.dsi import Inputs

Hook = Callable[[Tensor], Tensor | None]
"""Sees what a site adds to the stream, (queries, positions, d); returns what to add instead, or None."""
Watch = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]


class Trace(NamedTuple):
    """One unpatched pass at the first decoder position.

    ``embedding`` (queries, d); ``outputs[component]`` (layers, queries, d), what each layer's component adds
    to the residual stream; ``stream`` (layers + 1, queries, d), the input of each layer and last the output
    of the decoder before its final norm. The embedding and all outputs add up to ``stream[-1]`` within
    rounding.
    """

    embedding: Tensor
    outputs: Mapping[Component, Tensor]
    stream: Tensor


@contextmanager
def hooked(model: T5ForConditionalGeneration, hooks: Mapping[Site, Hook]) -> Iterator[None]:
    """Call each site's hook on its output for as long as the context lasts.

    In evaluation mode the dropout of a sublayer returns exactly what is added to the residual stream. A
    head's output is its slice of the output projection's input times the projection's columns; the heads add
    up to the component.
    """
    handles = []
    try:
        for site, hook in hooks.items():
            sublayer = decoder_sublayer(model, site)
            module, watch = sublayer.dropout, _on_output(hook)
            if site.head is not None:
                module, watch = attention(sublayer).o, _on_head(hook, site.head, model.config.d_kv)
            handles.append(cast(nn.Module, module).register_forward_hook(watch))
        yield
    finally:
        for handle in handles:
            handle.remove()


def decoder_sublayer(model: T5ForConditionalGeneration, site: Site) -> nn.Module:
    """The module (norm, transformation, dropout) of a site's component in the decoder."""
    position = {Component.ATTENTION: 0, Component.CROSS: 1, Component.MLP: -1}[site.component]
    return cast(nn.Module, model.decoder.block[site.layer].layer[position])


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
def encode(model: T5ForConditionalGeneration, inputs: Inputs) -> Tensor:
    """The encoder's normed output, (queries, length, d)."""
    return cast(Tensor, model.encoder(input_ids=inputs.ids, attention_mask=inputs.mask).last_hidden_state)


@torch.no_grad()
def decode(
    model: T5ForConditionalGeneration,
    encoded: Tensor,
    mask: Tensor,
    values: Mapping[Site, Tensor] | None = None,
) -> Tensor:
    """What the unembedding reads at the first decoder position, (queries, d), with ``values`` at their sites.

    A value is (d,) or (queries, d). Without values this is the unpatched model, bit for bit.
    """
    start = torch.full((len(encoded), 1), model.config.decoder_start_token_id, device=encoded.device)
    with hooked(model, {site: _constantly(value) for site, value in (values or {}).items()}):
        state = model.decoder(
            input_ids=start, encoder_hidden_states=encoded, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state[:, 0]
    return cast(Tensor, state * model.config.d_model**-0.5 if model.config.scale_decoder_outputs else state)


def _constantly(value: Tensor) -> Hook:
    return lambda output: value.unsqueeze(-2).expand_as(output).to(output)


@torch.no_grad()
def capture(
    model: T5ForConditionalGeneration, encoded: Tensor, mask: Tensor, places: Iterable[Site]
) -> dict[Site, Tensor]:
    """The unpatched output of each site at the first decoder position, (queries, d)."""
    found: dict[Site, Tensor] = {}

    def keep(site: Site) -> Hook:
        def hook(output: Tensor) -> None:
            found[site] = output[:, 0]

        return hook

    with hooked(model, {site: keep(site) for site in places}):
        decode(model, encoded, mask)
    return found


@torch.no_grad()
def trace(model: T5ForConditionalGeneration, inputs: Inputs) -> Trace:
    """All that is written into the residual stream of the first decoder position, and the stream itself."""
    stream: list[Tensor] = []

    def read(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        stream.append(args[0][:, 0])

    handles = [
        module.register_forward_pre_hook(read) for module in [*model.decoder.block, model.decoder.final_layer_norm]
    ]
    try:
        found = capture(model, encode(model, inputs), inputs.mask, every_site(len(model.decoder.block)))
    finally:
        for handle in handles:
            handle.remove()
    layers = range(len(model.decoder.block))
    outputs = {part: torch.stack([found[Site(part, layer)] for layer in layers]) for part in Component}
    return Trace(stream[0], outputs, torch.stack(stream))
