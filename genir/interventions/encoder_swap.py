"""The decoder of one model with the encoder of another (Section 4, Table 2)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from enum import StrEnum
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.models.t5.modeling_t5 import T5Stack

from genir.errors import GenirError
from genir.interventions.reference import decode
from genir.models.dsi import DSI, Inputs, Protocol
from genir.models.ranking import ranks


class Swap(StrEnum):
    """What the other model gives: two readings of Table 2 (docs/protocol.md, "encoder swap")."""

    WHOLE = "whole encoder"
    """Embeddings, layers and final norm."""
    RESIDUAL = "residual only"
    """The last residual state; the host's final norm stays, as in the authors' scripts."""


@torch.no_grad()
def swap_ranks(
    host: DSI,
    guest: T5Stack,
    texts: Sequence[str],
    gold_rows: NDArray[np.int64],
    swap: Swap = Swap.WHOLE,
    *,
    protocol: Protocol = Protocol.MASKED,
    length: int = 0,
    batch_size: int = 256,
) -> NDArray[np.int64]:
    """Rank of each query's document when the encoder ``guest`` reads the query and the host decodes, (queries,).

    1-based over the host's vocabulary, as in ``sweep``; the host's tokenizer serves both. Raises GenirError
    where the encoder is of another width.
    """
    if guest.config.d_model != host.model.config.d_model:
        raise GenirError(
            f"expected an encoder of width {host.model.config.d_model}, got {guest.config.d_model}: "
            "swap between models of one base"
        )
    rows = torch.from_numpy(np.asarray(gold_rows)).to(host.device)
    found = np.zeros(len(texts), dtype=np.int64)
    for chosen, inputs in host.batches(texts, protocol, batch_size, length):
        states = encoded_by(host, guest, inputs, swap)
        mine = rows[torch.from_numpy(chosen).to(rows.device)]
        state = decode(host.model, states, inputs.mask)
        found[chosen] = ranks(state, host.model.lm_head.weight, mine).cpu().numpy()
    return found


def encoded_by(host: DSI, guest: T5Stack, inputs: Inputs, swap: Swap) -> Tensor:
    """What the host's decoder is given to read, (queries, length, d)."""
    residual: list[Tensor] = []

    def read(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        residual.append(args[0])

    handle = guest.final_layer_norm.register_forward_pre_hook(read)
    try:
        whole = guest(input_ids=inputs.ids, attention_mask=inputs.mask).last_hidden_state
    finally:
        handle.remove()
    return cast(Tensor, whole if swap is Swap.WHOLE else host.model.encoder.final_layer_norm(residual[0]))


@torch.no_grad()
def random_encoder(encoder: T5Stack, rng: np.random.Generator) -> T5Stack:
    """A copy of an encoder whose matrices and embeddings are drawn anew: the control of Table 2.

    Each is normal with the standard deviation that it had, so that only what was learned is lost; norm
    weights stay.
    """
    copy = deepcopy(encoder)
    for weight in copy.parameters():
        if weight.ndim > 1:
            drawn = torch.from_numpy(rng.standard_normal(tuple(weight.shape), dtype=np.float32))
            weight.copy_(drawn.to(weight) * weight.std())
    return copy
