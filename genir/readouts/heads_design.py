"""The retrieval-head experiments on a language model: which cells, in which haystacks, under how many masks.

Chosen so that a model of 135 M parameters takes ten minutes on two cores: prompts of one haystack share their beginnings, which
are computed once, and random sets, which cost most, are drawn for short prompts with the needle in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal import CausalLM, untrained
from genir.models.causal_attention import Head, HeadMask
from genir.models.decoding import Progress
from genir.readouts.heads import Runs, detect, retrieval_heads
from genir.readouts.heads_causal import Masking, masking
from genir.readouts.heads_masked import answers, text_loss
from genir.readouts.needle import Cell, Questions, cells
from genir.readouts.needle_bank import NEEDLES, Needle


@dataclass(frozen=True)
class Design:
    """Lengths in tokens, depths, haystacks and draws; ``seed`` draws haystacks and random sets.

    ``contexts`` haystacks for detection, ``crossed`` ones that every needle is put into. ``sets`` random sets are judged,
    ``fewer`` are recorded beside them. The map of recall with the retrieval heads masked has the first ``mapped`` lengths, of
    which the ladder measures one.
    """

    lengths: tuple[int, ...] = (300, 700, 1500)
    depths: tuple[float, ...] = (0.1, 0.5, 1.0)
    contexts: int = 4
    crossed: int = 2
    crossed_depths: tuple[float, ...] = (0.5, 1.0)
    control_depth: float = 0.5
    doses: tuple[int, ...] = (1, 2, 5, 10, 20)
    sets: int = 39
    fewer: int = 9
    mapped: int = 2
    steps: int = 50
    masked_steps: int = 28
    batch: int = 12
    masked_batch: int = 40
    seed: int = 0
    needles: tuple[Needle, ...] = NEEDLES

    def rng(self, what: int) -> np.random.Generator:
        """The generator of one part, the same whichever parts are computed."""
        return np.random.default_rng([self.seed, what])


def detection(lm: CausalLM, passages: Sequence[str], design: Design) -> Questions:
    """Every needle at every length and depth."""
    made = cells(
        lm,
        passages,
        design.rng(0),
        needles=design.needles,
        lengths=design.lengths,
        depths=design.depths,
        contexts=design.contexts,
    )
    return Questions(tuple(made), design.needles)


def crossed(lm: CausalLM, passages: Sequence[str], design: Design) -> Questions:
    """Every needle in every one of ``design.crossed`` other haystacks, with a distractor of the needle's own form."""
    made: list[Cell] = []
    for context in range(design.crossed):
        found = cells(
            lm,
            passages,
            design.rng(10 + context),
            needles=design.needles,
            lengths=design.lengths[:1],
            depths=design.crossed_depths,
            contexts=1,
            distract="own form",
        )
        made += [cell._replace(context=context) for cell in found]
    return Questions(tuple(made), design.needles)


def control(lm: CausalLM, passages: Sequence[str], design: Design) -> Questions:
    """Every needle once, in two haystacks that detection has not seen: the prompts that random sets are compared on."""
    made = cells(
        lm,
        passages,
        design.rng(20),
        needles=design.needles,
        lengths=design.lengths[:1],
        depths=(design.control_depth,),
        contexts=2,
    )
    return Questions(tuple(made), design.needles)


def runs_of(lm: CausalLM, asked: Questions, design: Design, progress: Progress | None = None) -> Runs:
    """Needle runs of the questions."""
    return detect(lm, asked.cells, asked.needles, steps=design.steps, batch=design.batch, progress=progress)


def untrained_scores(
    lm: CausalLM, asked: Questions, design: Design, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Scores of the untrained twin in every run whose span was found, (runs, layers, heads)."""
    twin = untrained(lm, design.rng(30))
    runs = runs_of(twin, asked, replace(design, steps=min(16, design.steps)), progress)
    valid = runs.span > 0
    scores: NDArray[np.float64] = runs.hits[valid] / runs.span[valid, None, None]
    return scores


def masked_heads(scores: NDArray[np.float64]) -> tuple[Head, ...]:
    """The heads that masking is about: the retrieval heads, but at most a tenth of all, so that random sets remain.

    Raises GenirError where no head has a score of 0.1.
    """
    found = retrieval_heads(scores)
    if not found:
        raise GenirError(
            f"expected a retrieval head to mask, the largest of {scores.size} scores is {scores.max():.3f}: name another model"
        )
    return tuple(found[: max(1, scores.size // 10)])


def masked_ladder(
    lm: CausalLM, asked: Questions, scores: NDArray[np.float64], design: Design, progress: Progress | None = None
) -> Masking:
    """Rising numbers of heads masked; no random sets."""
    size = len(masked_heads(scores))
    doses = sorted({size, *(dose for dose in design.doses if dose <= scores.size)})
    return _masking(lm, asked, scores, design, progress, rng=design.rng(40), size=size, doses=doses, sets=0)


def masked_recall(
    lm: CausalLM, asked: Questions, scores: NDArray[np.float64], design: Design, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Recall of the answers of ``asked`` with the retrieval heads masked, (cells,)."""
    mask = HeadMask(masked_heads(scores))
    steps, batch = design.masked_steps, design.masked_batch
    found = answers(lm, asked.cells, [mask], asked.needles, steps=steps, batch=batch, progress=progress)
    recall: NDArray[np.float64] = found.recall[0]
    return recall


def masked_control(
    lm: CausalLM,
    asked: Questions,
    scores: NDArray[np.float64],
    design: Design,
    progress: Progress | None = None,
    *,
    sets: int,
    matched: bool,
    how: HeadMask,
) -> Masking:
    """The retrieval heads and ``sets`` random sets of as many heads masked, over the same questions."""
    size, rng = len(masked_heads(scores)), design.rng(50 + matched)
    return _masking(
        lm, asked, scores, design, progress, rng=rng, size=size, doses=(size,), sets=sets, matched=matched, how=how
    )


def _masking(
    lm: CausalLM,
    asked: Questions,
    scores: NDArray[np.float64],
    design: Design,
    progress: Progress | None,
    **options: Any,
) -> Masking:
    return masking(
        lm,
        asked.cells,
        scores,
        needles=asked.needles,
        steps=design.masked_steps,
        batch=design.masked_batch,
        progress=progress,
        **options,
    )


def text_losses(
    lm: CausalLM, texts: Sequence[str] | Sequence[Sequence[int]], scores: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Loss of each unrelated text with nothing masked and with the retrieval heads masked."""
    return {"clean": text_loss(lm, texts), "masked": text_loss(lm, texts, HeadMask(masked_heads(scores)))}
