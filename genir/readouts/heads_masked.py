"""What a language model loses when heads are masked: retrieval, and the control that it still speaks (Section 4.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.models.causal_attention import Head, HeadMask, Watch, stacked, watching
from genir.models.decoding import Progress, decode
from genir.readouts.heads import answer_recall, says, spoken
from genir.readouts.needle import Cell
from genir.readouts.needle_bank import NEEDLES, Needle


class Answers(NamedTuple):
    """What was answered under each mask: ``recall`` and ``exact`` are (masks, cells), ``said`` the texts in that order."""

    recall: NDArray[np.float64]
    exact: NDArray[np.bool_]
    said: tuple[tuple[str, ...], ...]


def answers(
    lm: CausalLM,
    cells: Sequence[Cell],
    masks: Sequence[HeadMask | None],
    needles: Sequence[Needle] = NEEDLES,
    *,
    steps: int = 50,
    batch: int = 16,
    progress: Progress | None = None,
) -> Answers:
    """Answer every cell under every mask (None: nothing is masked), paired: column j is the same prompt in every row."""
    prompts = [cell.tokens for cell in cells]
    decoded = decode(lm, prompts, masks, steps=steps, batch=batch, want_keys=False, progress=progress)
    said = tuple(tuple(spoken(lm, run) for run in runs) for runs in decoded)
    wanted = [needles[cell.needle] for cell in cells]
    return Answers(
        np.array(
            [[answer_recall(text, w.answer, w.question) for text, w in zip(row, wanted, strict=True)] for row in said]
        ),
        np.array([[says(text, w.answer) for text, w in zip(row, wanted, strict=True)] for row in said], dtype=bool),
        said,
    )


def random_heads(
    like: Sequence[Head],
    shape: tuple[int, int],
    exclude: Collection[Head],
    rng: np.random.Generator,
    *,
    matched: bool = True,
) -> tuple[Head, ...]:
    """As many heads as ``like``, none of ``exclude``, drawn from the layers of ``like`` where these have enough of them.

    ``matched=False`` draws from all layers, as published. The matched control is the harder one: retrieval heads sit in few
    layers, and other heads of the same layers may be needed for what has nothing to do with copying.

    ``shape`` is (layers, heads). What a layer cannot give comes from anywhere. Published random sets were drawn from all
    heads that are not among the strongest, so that weaker retrieval heads may be in them.
    Raises GenirError when fewer heads are left than are wanted.
    """
    banned = set(exclude)
    pool = [(layer, head) for layer in range(shape[0]) for head in range(shape[1]) if (layer, head) not in banned]
    if len(pool) < len(like):
        raise GenirError(
            f"expected at least {len(like)} heads to draw a random set from, {len(pool)} are left after excluding {len(banned)}: "
            "mask fewer heads"
        )
    pool = [pool[i] for i in rng.permutation(len(pool))]
    drawn: list[Head] = []
    for layer, _ in like if matched else ():
        same = next((head for head in pool if head[0] == layer), None)
        if same is not None:
            pool.remove(same)
            drawn.append(same)
    return (*drawn, *pool[: len(like) - len(drawn)])


@torch.inference_mode()
def text_loss(
    lm: CausalLM, texts: Sequence[str] | Sequence[Sequence[int]], mask: HeadMask | None = None
) -> NDArray[np.float64]:
    """Mean next-token loss of each text, in nats per token, (texts,): the control that a masked model still knows its language.

    Texts are strings or token ids; the mask acts at all positions, since every position predicts.
    """
    losses = []
    for text in texts:
        ids = _ids(lm, text)
        with watching(Watch(layers=lm.layers, masks=() if mask is None else (mask,))):
            logits = lm.model(input_ids=ids, use_cache=False).logits[0, :-1].float()
        losses.append(float(torch.nn.functional.cross_entropy(logits, ids[0, 1:])))
    return np.array(losses)


@torch.inference_mode()
def head_means(lm: CausalLM, texts: Sequence[str] | Sequence[Sequence[int]]) -> Tensor:
    """The mean output of every head over all positions of ``texts``, (layers, heads, head size), for ``mean`` masks."""
    watch = Watch(layers=lm.layers, want_outputs=True)
    count = 0
    for text in texts:
        ids = _ids(lm, text)
        count += ids.shape[1]
        with watching(watch):
            lm.model.base_model(input_ids=ids, use_cache=False)
    if not count:
        raise GenirError("expected texts to take the heads' mean outputs from, got none")
    return stacked({layer: total[None] for layer, total in watch.outputs.items()})[0] / count


def _ids(lm: CausalLM, text: str | Sequence[int]) -> Tensor:
    if isinstance(text, str):
        if lm.tokenizer is None:
            raise GenirError(f"expected token ids for {lm.name}, which has no tokenizer, got a text")
        text = lm.tokenizer(text)["input_ids"]
    if len(text) < 2:
        raise GenirError(f"expected texts of at least two tokens, got {len(text)}")
    return torch.tensor([list(text)], device=lm.device)
