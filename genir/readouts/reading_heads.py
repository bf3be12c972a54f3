"""Cross-attention heads as sources of Stage III MLPs (Section 5.3: which heads are among the top five)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genir.interventions.reference import capture, encode
from genir.interventions.sites import ATTENTION, CROSS, MLP, Site
from genir.models.dsi import DSI, Protocol
from genir.models.families import heads_of
from genir.readouts.reading import blocks, positive_shares, pre_activations

TOP = 5


class TopSources(NamedTuple):
    """Whether a cross-attention head is among the five largest sources of an MLP, (queries, MLPs, layers, heads).

    A source's size is its positive share as in ``neuron_shares``. ``among_all``: among everything that wrote before, each
    attention head, each cross-attention head and each MLP on its own, and the start token's embedding. ``among_heads``: among
    cross-attention heads.
    """

    among_all: NDArray[np.bool_]
    among_heads: NDArray[np.bool_]


@torch.no_grad()
def top_sources(
    dsi: DSI, texts: Sequence[str], layers: Iterable[int], protocol: Protocol = Protocol.MASKED, batch_size: int = 64
) -> TopSources:
    """Which cross-attention heads the MLPs in ``layers`` read most from, for each text."""
    targets, heads = list(layers), heads_of(dsi.model)
    shape = len(texts), len(targets), dsi.layers, heads
    found = TopSources(np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    for chosen, inputs in dsi.batches(texts, protocol, batch_size):
        sites = sources_before(max(targets), heads)
        outputs = capture(dsi.model, encode(dsi.model, inputs), inputs.mask, sites)
        start = dsi.model.get_input_embeddings().weight[dsi.model.config.decoder_start_token_id]
        for number, layer in enumerate(targets):
            read = sources_before(layer, heads)
            terms = torch.stack([start.expand(len(chosen), -1), *(outputs[site] for site in read)], 1)
            shares = torch.empty(terms.shape[:2], device=terms.device)
            for rows in blocks(len(chosen), terms.shape[1], dsi.model.config.d_ff):
                added = pre_activations(dsi, layer, terms[rows], terms[rows].sum(1))
                shares[rows] = positive_shares(added, added.sum(1) > 0).float()
            mine = [place for place, site in enumerate(read, start=1) if site.component is CROSS]
            places = np.array([(read[place - 1].layer, read[place - 1].head) for place in mine])
            largest = torch.zeros_like(shares, dtype=torch.bool)
            largest.scatter_(1, shares.topk(min(TOP, shares.shape[1]), 1).indices, True)
            among = torch.zeros_like(shares[:, mine], dtype=torch.bool)
            among.scatter_(1, shares[:, mine].topk(min(TOP, len(mine)), 1).indices, True)
            for array, chosen_heads in ((found.among_all, largest[:, mine]), (found.among_heads, among)):
                array[chosen[:, None], number, places[:, 0], places[:, 1]] = chosen_heads.cpu().numpy()
    return found


def sources_before(layer: int, heads: int) -> tuple[Site, ...]:
    """Everything that has written when the MLP of ``layer`` reads: attention heads one by one, MLPs whole."""
    return tuple(
        site
        for number in range(layer + 1)
        for site in (
            *(Site(part, number, head) for part in (ATTENTION, CROSS) for head in range(heads)),
            *([Site(MLP, number)] if number < layer else []),
        )
    )
