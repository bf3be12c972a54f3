"""The masking experiment of Section 4.1: retrieval heads against random heads, over the number of heads masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.models.causal_attention import Head, HeadMask
from genir.models.decoding import Progress
from genir.readouts.heads import retrieval_heads, strongest
from genir.readouts.heads_masked import answers, random_heads
from genir.readouts.needle import Cell
from genir.readouts.needle_bank import NEEDLES, Needle

DOSES = (1, 2, 5, 10, 20)
SETS = 39  # the least p-value of a set against 39 others is 1/40


class Masking(NamedTuple):
    """Answers with heads masked, every row over the same cells: recall and word-for-word answers.

    ``clean`` (cells,) has nothing masked; row i of ``dosed`` (doses, cells) the ``doses[i]`` strongest heads; ``random`` (sets,
    cells) as many random heads as ``size``, none of them a retrieval head. ``random_heads`` is (sets, size, 2).
    """

    doses: NDArray[np.int64]
    clean: NDArray[np.float64]
    clean_exact: NDArray[np.bool_]
    dosed: NDArray[np.float64]
    dosed_exact: NDArray[np.bool_]
    size: int
    random: NDArray[np.float64]
    random_exact: NDArray[np.bool_]
    random_heads: NDArray[np.int64]
    said: NDArray[np.str_]

    def at(self, size: int) -> NDArray[np.float64]:
        """Recall with the ``size`` strongest heads masked, (cells,); GenirError for a number that was not measured."""
        if size not in self.doses:
            raise GenirError(f"expected a number of heads that was masked ({self.doses.tolist()}), got {size}")
        return np.asarray(self.dosed[int(np.flatnonzero(self.doses == size)[0])])


def masking(
    lm: CausalLM,
    cells: Sequence[Cell],
    scores: NDArray[np.float64],
    rng: np.random.Generator,
    needles: Sequence[Needle] = NEEDLES,
    *,
    size: int = 10,
    doses: Sequence[int] = DOSES,
    sets: int = SETS,
    matched: bool = True,
    how: HeadMask = HeadMask(()),  # noqa: B008 - a frozen value
    steps: int = 40,
    batch: int = 16,
    progress: Progress | None = None,
) -> Masking:
    """Answer ``cells`` with nothing masked, with the strongest heads of ``scores`` (layers, heads), and with random heads.

    ``how`` gives the manner of masking; its own heads are ignored. ``said`` (1 + doses + sets, cells) keeps the texts, for
    whether a model that retrieves nothing still speaks. ``size`` is one of ``doses``.
    Raises GenirError where fewer than ``size`` heads are no retrieval heads.
    """
    if size not in doses:
        raise GenirError(f"expected the size of random sets among the doses {list(doses)}, got {size}")
    top = strongest(scores, size)
    banned = {*retrieval_heads(scores), *top}
    drawn = [random_heads(top, (lm.layers, lm.heads), banned, rng, matched=matched) for _ in range(sets)]
    chosen: list[tuple[Head, ...]] = [*(strongest(scores, dose) for dose in doses), *drawn]
    masks = [None, *(HeadMask(heads, how.how, how.decoding, how.means) for heads in chosen)]
    found = answers(lm, cells, masks, needles, steps=steps, batch=batch, progress=progress)
    last = 1 + len(doses)
    return Masking(
        doses=np.array(doses),
        clean=found.recall[0],
        clean_exact=found.exact[0],
        dosed=found.recall[1:last],
        dosed_exact=found.exact[1:last],
        size=size,
        random=found.recall[last:],
        random_exact=found.exact[last:],
        random_heads=np.array(drawn, dtype=np.int64).reshape(sets, size, 2),
        said=np.array(found.said, dtype=np.str_),
    )


def one_per_needle(cells: Sequence[Cell], counted: NDArray[np.bool_], length: int) -> list[Cell]:
    """Of each needle one cell of ``length`` that counted, depth by depth in turn: the subjects of a masking experiment.

    What a model does not find cannot be lost, hence the choice; it is made on the unmasked run and the same for every mask.
    Raises GenirError when no cell is left.
    """
    depths = sorted({cell.depth for cell in cells if cell.length == length})
    kept: list[Cell] = []
    for needle in sorted({cell.needle for cell in cells}):
        own = [
            cell
            for cell, good in zip(cells, counted, strict=True)
            if good and cell.needle == needle and cell.length == length
        ]
        if own:
            turn = len(kept)
            kept.append(min(own, key=lambda cell: (depths.index(cell.depth) - turn) % len(depths)))
    if not kept:
        raise GenirError(f"expected needles that are found at length {length}, got none: use shorter contexts")
    return kept
