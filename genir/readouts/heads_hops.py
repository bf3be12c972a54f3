"""Chains of thought against direct answers to the same questions, with heads masked (Section 4.3).

That masking hurts a chain of thought more than a direct answer says nothing of the heads by itself: a chain is longer, and random
heads hurt it more as well. So the difference is taken twice, between the two ways to answer and between the heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.models.causal_attention import HeadMask
from genir.models.decoding import Progress
from genir.readouts.heads import LEAST_RECALL, retrieval_heads
from genir.readouts.heads_design import Design, masked_heads
from genir.readouts.heads_masked import answers, random_heads
from genir.readouts.needle import Questions
from genir.statistics import Estimate, mean

Floats = NDArray[np.float64]
SEED = 43


def masked_hops(
    lm: CausalLM,
    asked: Mapping[str, Questions],
    scores: Floats,
    design: Design,
    steps: Mapping[str, int],
    progress: Progress | None = None,
) -> dict[str, Floats]:
    """Recall of every way to ask in ``asked``, under no mask, the retrieval heads, and random sets of as many heads.

    Each array is (2 + sets, questions). ``steps`` are the tokens that each way may take to answer. Random sets are drawn from
    the layers of the retrieval heads where possible, and are the same for every way.
    """
    top, rng = masked_heads(scores), design.rng(60)
    banned = {*retrieval_heads(scores), *top}
    drawn = [random_heads(top, (lm.layers, lm.heads), banned, rng) for _ in range(design.sets)]
    masks: Sequence[HeadMask | None] = [None, HeadMask(top), *(HeadMask(heads) for heads in drawn)]
    return {
        way: answers(
            lm, made.cells, masks, made.needles, steps=steps[way], batch=design.masked_batch, progress=progress
        ).recall
        for way, made in asked.items()
    }


@dataclass(frozen=True, eq=False)
class Hops:
    """Recall (2 + sets, questions) of direct answers and of chains of thought: unmasked, retrieval heads, random sets."""

    direct: Floats
    chain: Floats
    confidence: float

    @property
    def answered(self) -> NDArray[np.bool_]:
        """The questions that the unmasked model answers both ways; GenirError where there are none."""
        right: NDArray[np.bool_] = (self.direct[0] > LEAST_RECALL) & (self.chain[0] > LEAST_RECALL)
        if not right.any():
            raise GenirError(
                f"expected questions that are answered both ways, none of {len(right)} is: ask another model"
            )
        return right

    def lost(self, way: Floats) -> Estimate:
        """Recall that masking the retrieval heads loses, over the questions answered both ways."""
        return self._mean(way[0] - way[1])

    def naive(self) -> Estimate:
        """How much more a chain loses than a direct answer, without regard to what random heads do."""
        return self._mean((self.chain[0] - self.chain[1]) - (self.direct[0] - self.direct[1]))

    def random(self) -> Estimate:
        """The same for random heads, mean over sets."""
        return self._mean(self._random())

    def beyond_random(self) -> Estimate:
        """How much more masking retrieval heads hurts chains than direct answers, beyond what random heads do."""
        return self._mean((self.chain[0] - self.chain[1]) - (self.direct[0] - self.direct[1]) - self._random())

    def _random(self) -> Floats:
        gaps: Floats = ((self.chain[0] - self.chain[2:]) - (self.direct[0] - self.direct[2:])).mean(axis=0)
        return gaps

    def _mean(self, values: Floats) -> Estimate:
        return mean(values[self.answered], np.random.default_rng(SEED), self.confidence)
