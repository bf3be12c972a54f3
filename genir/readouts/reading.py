"""Who reads from whom: what each output in the stream adds to MLP pre-activations and to attention scores (Section 5.3).

Both readings are linear in the stream once its norm is known, so that the contributions of all sources add up to the
pre-activation, or to the score. With the norm's weight folded in they are matrix products over sources instead of a loop over
neurons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genir.interventions.reference import attention, decoder_sublayer, encode
from genir.interventions.sites import CROSS, MLP, Site
from genir.models.dsi import DSI, Inputs, Protocol
from genir.readouts.writes import Writes, term

ENTRIES = 16_000_000  # of a block of contributions, 64 MB in single precision

Floats = NDArray[np.float32]


class Shares(NamedTuple):
    """What each source adds, as shares of the whole, (queries, targets, sources); sources are the terms of ``Writes``.

    ``positive`` counts positive contributions only: their share in a neuron's (a head's) sum, averaged over active neurons
    (over heads). ``published`` is the same without the norm's weight, and for attention without the mean over positions taken
    off. ``signed`` is the source's part of the summed pre-activations (score differences): it may be negative, and adds up to 1.
    Sources that are written after the target has read are 0.
    """

    positive: Floats
    published: Floats
    signed: Floats


def pre_activations(dsi: DSI, layer: int, sources: Tensor, stream: Tensor, weighted: bool = True) -> Tensor:
    """What each source adds to each pre-activation of the MLP in ``layer``, (queries, sources, d_ff).

    ``sources`` (queries, sources, d) are parts of the ``stream`` (queries, d) that the MLP reads. In a gated MLP the
    pre-activation is that of the gate. If ``weighted`` is false the norm's weight and scale are left out, as published.
    """
    sublayer = decoder_sublayer(dsi.model, Site(MLP, layer))
    dense = cast(nn.Module, sublayer.DenseReluDense)
    matrix = cast(nn.Linear, dense.wi_0 if hasattr(dense, "wi_0") else dense.wi).weight
    return _normed(sublayer, sources, stream, weighted) @ matrix.T


@torch.no_grad()
def neuron_shares(dsi: DSI, written: Writes, layers: Iterable[int]) -> Shares:
    """How much each output contributes to the active neurons of the MLPs in ``layers`` (Fig. 5, right).

    A neuron is active where its pre-activation is positive; neurons and queries are weighted equally.
    """
    targets = list(layers)
    found = Shares(
        *(np.zeros((len(written.terms), len(targets), written.terms.shape[1]), np.float32) for _ in range(3))
    )
    for number, layer in enumerate(targets):
        read = term(Site(MLP, layer))
        for rows in blocks(len(written.terms), read, dsi.model.config.d_ff):
            sources = written.terms[rows, :read]
            added = pre_activations(dsi, layer, sources, sources.sum(1))
            active = added.sum(1) > 0
            plain = pre_activations(dsi, layer, sources, sources.sum(1), weighted=False)
            summed = (added * active[:, None]).sum(2)
            found.positive[rows, number, :read] = positive_shares(added, active).cpu().numpy()
            found.published[rows, number, :read] = positive_shares(plain, active).cpu().numpy()
            found.signed[rows, number, :read] = _of_whole(summed).cpu().numpy()
    return found


def positive_shares(added: Tensor, active: Tensor) -> Tensor:
    """Share of each source in the positive contributions, averaged over active neurons: (queries, sources).

    ``added`` (queries, sources, neurons), ``active`` (queries, neurons).
    """
    positive = added.clamp_min(0)
    shares = positive / positive.sum(1, keepdim=True).clamp_min(torch.finfo(added.dtype).tiny) * active[:, None]
    return shares.sum(2) / active.sum(1).clamp_min(1)[:, None]


@torch.no_grad()
def score_shares(
    dsi: DSI,
    written: Writes,
    texts: Sequence[str],
    layers: Iterable[int],
    protocol: Protocol = Protocol.MASKED,
    batch_size: int = 128,
) -> Shares:
    """How much each output contributes to the scores of cross-attention in ``layers``, mean over heads (Fig. 5, left)."""
    targets = list(layers)
    found = Shares(
        *(np.zeros((len(written.terms), len(targets), written.terms.shape[1]), np.float32) for _ in range(3))
    )
    for chosen, inputs in dsi.batches(texts, protocol, batch_size):
        encoded = encode(dsi.model, inputs)
        for number, layer in enumerate(targets):
            read = term(Site(CROSS, layer))
            sources = written.terms[torch.from_numpy(chosen), :read]
            one = scores_at_peak(dsi, layer, sources, encoded, inputs)
            plain = scores_at_peak(dsi, layer, sources, encoded, inputs, published=True)
            everywhere = torch.ones_like(one[:, 0], dtype=torch.bool)
            summed = one.sum(2)
            found.positive[chosen, number, :read] = positive_shares(one, everywhere).cpu().numpy()
            found.published[chosen, number, :read] = positive_shares(plain, everywhere).cpu().numpy()
            found.signed[chosen, number, :read] = _of_whole(summed).cpu().numpy()
    return found


def scores_at_peak(
    dsi: DSI, layer: int, sources: Tensor, encoded: Tensor, inputs: Inputs, published: bool = False
) -> Tensor:
    """What each source adds to each head's score at the position where that is largest, (queries, sources, heads).

    The mean score over attended positions is taken off, since softmax ignores a shift; as published it is not, and the norm's
    weight and scale are left out. The position is that of the model's own score either way.
    """
    queries, keys = query_parts(dsi, layer, sources), head_keys(dsi, layer, encoded)
    attended = inputs.mask[:, None, :].bool()
    scores = torch.einsum("nhd,nhpd->nhp", queries.sum(1), keys)
    peak = scores.masked_fill(~attended, -torch.inf).argmax(2)
    key = keys.gather(2, peak[..., None, None].expand(-1, -1, 1, keys.shape[-1]))[:, :, 0]
    if published:
        return torch.einsum("nshd,nhd->nsh", query_parts(dsi, layer, sources, weighted=False), key)
    mean = (keys * attended[..., None]).sum(2) / attended.sum(2, keepdim=True)
    return torch.einsum("nshd,nhd->nsh", queries, key - mean)


def query_parts(dsi: DSI, layer: int, sources: Tensor, weighted: bool = True) -> Tensor:
    """What each source adds to the query vectors of cross-attention, (queries, sources, heads, d_kv).

    ``sources`` (queries, sources, d) are all that the layer's cross-attention reads.
    """
    sublayer = decoder_sublayer(dsi.model, Site(CROSS, layer))
    matrix = cast(nn.Linear, attention(sublayer).q).weight
    parts = _normed(sublayer, sources, sources.sum(1), weighted) @ matrix.T
    return parts.unflatten(-1, (dsi.model.config.num_heads, -1))


def head_keys(dsi: DSI, layer: int, encoded: Tensor) -> Tensor:
    """Keys that cross-attention computes from the encoder's output (queries, positions, d): (queries, heads, positions, d_kv)."""
    keys = cast(nn.Linear, attention(decoder_sublayer(dsi.model, Site(CROSS, layer))).k)(encoded)
    return cast(Tensor, keys.unflatten(-1, (dsi.model.config.num_heads, -1)).transpose(1, 2))


def _of_whole(summed: Tensor) -> Tensor:
    whole = summed.sum(1, keepdim=True)
    # over one position all scores are their mean: nothing is read, by no one
    return torch.where(whole == 0, 0, summed / whole)


def blocks(queries: int, sources: int, width: int) -> Iterator[slice]:
    """Runs of queries whose contributions fit into memory."""
    size = max(1, ENTRIES // (sources * width))
    return (slice(start, min(start + size, queries)) for start in range(0, queries, size))


def _normed(sublayer: nn.Module, sources: Tensor, stream: Tensor, weighted: bool) -> Tensor:
    """Parts of the normed stream: the RMS is that of the whole stream, hence the parts add up to what the layer reads."""
    if not weighted:
        return sources
    norm = cast(nn.Module, sublayer.layer_norm)
    scale = torch.rsqrt(stream.pow(2).mean(-1) + cast(float, norm.variance_epsilon))
    return sources * scale[:, None, None] * cast(Tensor, norm.weight)
