"""Models for which findings are false by construction: changes of a trained model's weights, in place.

All but the first two leave the documents of ``texts`` at the ranks that they had, or nearly so: what is asked of correct queries
stays testable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from genir.interventions.sites import MLP, published_stages, sites
from genir.interventions.sweep import site_means
from genir.models.dsi import DSI
from genir.readouts.writes import writes


def shuffled(dsi: DSI, texts: Sequence[str]) -> None:
    """Every document answers to another document's id."""
    order = np.roll(np.random.default_rng(0).permutation(len(dsi.rows)), 1)
    cycle = np.empty_like(order)
    cycle[order] = np.roll(order, 1)
    weight = dsi.model.lm_head.weight
    weight[torch.from_numpy(dsi.rows)] = weight[torch.from_numpy(dsi.rows[cycle])].clone()


def untrained(dsi: DSI, texts: Sequence[str]) -> None:
    """Weights of the right shapes that have learned nothing."""
    generator = torch.Generator().manual_seed(0)
    for parameter in dsi.model.parameters():
        parameter.normal_(0, 0.05, generator=generator)


def unprimed(dsi: DSI, texts: Sequence[str]) -> None:
    """Stage I MLPs write nothing; layer 0's self-attention, which sees the start token only, writes their mean over ``texts``."""
    decoder, start = dsi.model.decoder, dsi.model.config.decoder_start_token_id
    priming = sites(MLP, published_stages(dsi.layers).I)
    moved = torch.stack(list(site_means(dsi, texts, priming).values())).sum(0).to(dsi.model.dtype)
    attention = decoder.block[0].layer[0]
    value = attention.SelfAttention.v(attention.layer_norm(dsi.model.shared.weight[start]))
    attention.SelfAttention.o.weight += torch.outer(moved, value) / value.dot(value)
    for site in priming:
        decoder.block[site.layer].layer[2].DenseReluDense.wo.weight.zero_()


def babel(dsi: DSI, texts: Sequence[str]) -> None:
    """The words of the unembedding change places: ranks of documents stay, but a promoted word has nothing to do with the query."""
    words, generator = int(dsi.rows[0]), torch.Generator().manual_seed(0)
    weight = dsi.model.lm_head.weight
    weight[:words] = weight[torch.randperm(words, generator=generator)].clone()


def blinded(dsi: DSI, texts: Sequence[str]) -> None:
    """The unembedding reads noise from the stream after Stage I, and what it read from the last stream of ``texts``."""
    stream, norm = writes(dsi, texts).stream, dsi.model.decoder.final_layer_norm
    early = norm(stream[:, published_stages(dsi.layers).I.stop])
    last = torch.linalg.qr(norm(stream[:, -1]).double().T).Q  # a basis of what must be read as before
    mean = early.double().mean(0)
    free = mean - last @ (last.T @ mean)
    weight = dsi.model.lm_head.weight
    noise = torch.randn(len(weight), generator=torch.Generator().manual_seed(0)).double()
    spread = (early @ weight.T).std().double()
    weight += torch.outer(10 * noise * spread, free / free.square().sum()).to(weight.dtype)
