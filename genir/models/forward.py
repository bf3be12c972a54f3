"""Query in, state out: the two halves of a pass through any encoder-decoder of the table."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from genir.models.families import family_of, part, prompt_of, read


class Inputs(NamedTuple):
    """A batch of queries: token ids and key mask (1 = attended), both of shape (queries, length)."""

    ids: Tensor
    mask: Tensor


def encode(model: PreTrainedModel, inputs: Inputs) -> Tensor:
    """What the decoder attends to, (queries, length, d)."""
    encoder = part(model, family_of(model).encoder)
    encoded = encoder(input_ids=inputs.ids, attention_mask=inputs.mask).last_hidden_state
    if hasattr(model, "enc_to_dec_proj"):  # an encoder and a decoder of different widths
        encoded = model.enc_to_dec_proj(encoded)
    return cast(Tensor, encoded)


def decoded(model: PreTrainedModel, encoded: Tensor, mask: Tensor, tokens: Tensor | None = None) -> Tensor:
    """What the unembedding reads after each of the decoder's ``tokens`` (queries, positions): (queries, positions, d).

    Without tokens they are those after which a document id is written (``prompt_of``), the start token as a rule.
    """
    if tokens is None:
        tokens = torch.tensor([prompt_of(model)], device=encoded.device).expand(len(encoded), -1)
    state = part(model, family_of(model).decoder)(
        input_ids=tokens, encoder_hidden_states=encoded, encoder_attention_mask=mask, use_cache=False
    ).last_hidden_state
    return read(model, state)
