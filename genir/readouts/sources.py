"""Whether a cross-attention head writes a document id out of one query token: retrieval heads, asked of a GenIR model.

A docid has one token that no query holds, so that nothing can be copied in the sense of Wu et al. (2024). What can be asked is what
a head writes from the token that it looks at most: that token's attention weight times its value, through the head's columns of the
output projection, ranked by the logit lens among docids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genir.interventions.reference import attention, decode, decoder_sublayer, encode
from genir.interventions.sites import CROSS, Site
from genir.models.dsi import DSI, Protocol
from genir.models.forward import Inputs
from genir.readouts.lens import lens
from genir.statistics import Estimate, census, mean, proportion


class Sources(NamedTuple):
    """Of each query and cross-attention head, (queries, layers, heads).

    ``position`` is the query token that the head looks at most, ``weight`` its attention; ``rank`` that of the followed document
    among docids (1-based) by what the head writes from this token, ``other`` that of another query's document.
    """

    position: NDArray[np.int32]
    weight: NDArray[np.float32]
    rank: NDArray[np.int32]
    other: NDArray[np.int32]


@torch.no_grad()
def sources(
    dsi: DSI,
    texts: Sequence[str],
    rows: NDArray[np.int64],
    protocol: Protocol = Protocol.MASKED,
    batch_size: int = 64,
) -> Sources:
    """What every cross-attention head of a T5 writes from one token; ``rows`` (queries,) are those of the followed documents."""
    documents = dsi.model.lm_head.weight[torch.from_numpy(dsi.rows).to(dsi.device)]
    place = {int(row): number for number, row in enumerate(dsi.rows)}
    own = np.array([place[int(row)] for row in rows])
    shape = len(texts), dsi.layers, dsi.model.config.num_heads
    found = Sources(*(np.zeros(shape, kind) for kind in (np.int32, np.float32, np.int32, np.int32)))
    for chosen, inputs in dsi.batches(texts, protocol, batch_size):
        for layer, (weights, written) in enumerate(written_from(dsi, inputs)):
            top = weights.max(-1)
            at = top.indices[..., None, None].expand(-1, -1, 1, written.shape[-1])
            logits = (lens(dsi, written.gather(2, at)[:, :, 0]) @ documents.T).cpu().numpy()
            found.position[chosen, layer] = top.indices.cpu().numpy()
            found.weight[chosen, layer] = top.values.cpu().numpy()
            for array, asked in ((found.rank, own[chosen]), (found.other, np.roll(own, max(1, len(own) // 2))[chosen])):
                mine = np.take_along_axis(logits, np.broadcast_to(asked[:, None, None], (*logits.shape[:2], 1)), 2)
                array[chosen, layer] = (logits > mine).sum(-1) + 1
    return found


def written_from(dsi: DSI, inputs: Inputs) -> list[tuple[Tensor, Tensor]]:
    """Layer by layer the cross-attention of every head where a docid is written, and what it writes from each token.

    Attention is (queries, heads, length), what is written (queries, heads, length, d); summed over tokens and heads it is what
    the component adds to the stream.
    """
    encoded = encode(dsi.model, inputs)
    modules = [attention(decoder_sublayer(dsi.model, Site(CROSS, layer))) for layer in range(dsi.layers)]
    states: dict[int, Tensor] = {}

    def keep(layer: int) -> None:
        def hook(module: nn.Module, args: tuple[Tensor, ...], options: dict[str, Tensor]) -> None:
            states[layer] = (args[0] if args else options["hidden_states"])[:, -1]

        handles.append(modules[layer].register_forward_pre_hook(hook, with_kwargs=True))

    handles: list[torch.utils.hooks.RemovableHandle] = []
    for layer in range(dsi.layers):
        keep(layer)
    try:
        decode(dsi.model, encoded, inputs.mask)
    finally:
        for handle in handles:
            handle.remove()
    heads = dsi.model.config.num_heads
    return [_parts(module, states[layer], encoded, inputs.mask, heads) for layer, module in enumerate(modules)]


def _parts(module: nn.Module, state: Tensor, encoded: Tensor, mask: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    query, key, value, out = (cast(nn.Linear, getattr(module, name)) for name in "qkvo")
    count, length = mask.shape
    asked = query(state).view(count, heads, -1)
    keys, values = (part(encoded).view(count, length, heads, -1) for part in (key, value))
    scores = torch.einsum("qhe,qlhe->qhl", asked, keys).masked_fill(mask[:, None] == 0, -torch.inf)  # T5 does not scale
    weights = scores.float().softmax(-1).to(values.dtype)
    columns = out.weight.view(-1, heads, values.shape[-1])
    return weights, torch.einsum("qhl,qlhe,dhe->qhld", weights, values, columns)


@dataclass(frozen=True, eq=False)
class Writers:
    """The question of Wu et al. asked of ``sources``: which heads write the followed document, in how many queries."""

    sources: Sources
    confidence: float = 0.95

    @property
    def leader(self) -> tuple[int, int]:
        """The head that ranks the document first most often in the even queries; it is judged on the odd ones."""
        shares = (self.sources.rank[::2] == 1).mean(0)
        layer, head = np.unravel_index(int(shares.argmax()), shares.shape)
        return int(layer), int(head)

    def score(self) -> Estimate:
        """Share of queries whose document the leading head writes first among docids, from one token."""
        return proportion(self.sources.rank[1::2, *self.leader] == 1, self.confidence)

    def stranger(self) -> Estimate:
        """The same for the document of another query."""
        return proportion(self.sources.other[1::2, *self.leader] == 1, self.confidence)

    def writers(self, least: float = 0.1) -> Estimate:
        """Share of heads that do so for at least ``least`` of all queries."""
        return census(((self.sources.rank == 1).mean(0) >= least).ravel(), self.confidence)

    def weight(self) -> Estimate:
        """The leading head's attention to the token that it looks at most."""
        return mean(self.sources.weight[1::2, *self.leader], np.random.default_rng(0), self.confidence)
