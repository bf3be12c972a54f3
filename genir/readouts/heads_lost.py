"""What is lost when heads are masked: retrieval heads against random ones, distant needles against near ones (Section 4.1).

Needles are the clusters of every interval. Cells that the unmasked model does not answer are left out, since what is not found
cannot be lost; the choice looks at the unmasked run alone and is the same for every mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.readouts.heads import LEAST_RECALL
from genir.readouts.heads_causal import Masking
from genir.statistics import Estimate, census, mean, monte_carlo_p, ratio_of_means

Floats = NDArray[np.float64]
SEED = 15574


@dataclass(frozen=True, eq=False)
class Masked:
    """A masking experiment with the needle and the depth of each of its cells."""

    masking: Masking
    needle: NDArray[np.int64]
    depth: Floats

    @property
    def answered(self) -> NDArray[np.bool_]:
        """The cells that the unmasked model answers; GenirError where there are none."""
        found: NDArray[np.bool_] = self.masking.clean > LEAST_RECALL
        if not found.any():
            raise GenirError(
                f"expected needles that the unmasked model finds, none of {len(found)} is: use shorter contexts"
            )
        return found

    def drop(self) -> Floats:
        """Recall lost when as many of the strongest heads are masked as random ones are, per answered cell."""
        return (self.masking.clean - self.masking.at(self.masking.size))[self.answered]

    def exact_drop(self) -> Floats:
        """The same for answers that are right word for word."""
        row = int(np.flatnonzero(self.masking.doses == self.masking.size)[0])
        lost = self.masking.clean_exact.astype(float) - self.masking.dosed_exact[row]
        return np.asarray(lost[self.answered])

    def random_drops(self) -> Floats:
        """Recall lost in each random set, (sets, answered cells)."""
        return (self.masking.clean - self.masking.random)[:, self.answered]


@dataclass(frozen=True, eq=False)
class Lost:
    """Losses under masks of retrieval heads.

    ``ladder`` has the doses over all depths and no random sets. ``matched`` has random sets from the layers of the retrieval
    heads, ``unmatched`` from anywhere, ``published`` flattens attention at decoding steps and draws from all layers; these three
    over the same cells. ``text_clean`` and ``text_masked`` are losses of unrelated texts in nats per token, (texts,).
    """

    ladder: Masked
    matched: Masked
    unmatched: Masked
    published: Masked
    text_clean: Floats
    text_masked: Floats
    confidence: float

    def drop(self) -> Estimate:
        """Mean recall lost with the retrieval heads masked."""
        return self._mean(self.ladder.drop(), self.ladder)

    def exact_drop(self) -> Estimate:
        """Share of exact answers lost with the retrieval heads masked, net of gained ones."""
        return self._mean(self.ladder.exact_drop(), self.ladder)

    def published_drop(self) -> Estimate:
        """Mean recall lost with the attention of retrieval heads flattened at decoding steps."""
        return self._mean(self.published.drop(), self.published)

    def advantage(self, masked: Masked) -> Estimate:
        """How much more is lost with the retrieval heads than with the average random set, over the same cells."""
        return self._mean(masked.drop() - masked.random_drops().mean(axis=0), masked)

    def beaten(self, masked: Masked) -> Estimate:
        """Share of the random sets that lose less than the retrieval heads; all of them are counted."""
        return census(masked.random_drops().mean(axis=1) < masked.drop().mean() - 1e-12, self.confidence)

    def random_p(self, masked: Masked) -> float:
        """One-sided p-value of the retrieval heads' loss against the random sets'."""
        return monte_carlo_p(float(masked.drop().mean()), masked.random_drops().mean(axis=1))

    def random_change(self, masked: Masked) -> Estimate:
        """Change of recall under random sets, each cell's mean over sets: needles vary."""
        return self._mean(-masked.random_drops().mean(axis=0), masked)

    def random_change_by_set(self, masked: Masked) -> Estimate:
        """The same, each set's mean over cells: draws vary."""
        return mean(-masked.random_drops().mean(axis=1), self._rng(), self.confidence)

    def worst_random(self, masked: Masked) -> float:
        """The largest mean loss of a random set."""
        return float(masked.random_drops().mean(axis=1).max())

    def text_ratio(self) -> Estimate:
        """Loss of unrelated text with the retrieval heads masked, over its loss with nothing masked."""
        return ratio_of_means(self.text_masked, self.text_clean, self._rng(), self.confidence)

    def failed_answers(self) -> tuple[str, ...]:
        """What was said with the retrieval heads masked where the needle was found before and is not any more."""
        masking = self.ladder.masking
        row = int(np.flatnonzero(masking.doses == masking.size)[0])
        failed = self.ladder.answered & (masking.dosed[row] <= LEAST_RECALL)
        return tuple(str(text) for text in masking.said[1 + row][failed])

    def distance(self) -> Estimate:
        """Recall lost on needles before the end minus that on the needle at the end, one value per needle.

        Raises GenirError where no needle was answered at both.
        """
        needle, depth = (x[self.ladder.answered] for x in (self.ladder.needle, self.ladder.depth))
        drop, last = self.ladder.drop(), self.ladder.depth.max()
        both = [n for n in np.unique(needle) if len({bool(d) for d in depth[needle == n] == last}) == 2]
        if not both:
            raise GenirError("expected needles that are answered at the end and before it, got none: add depths")
        gaps = [
            drop[(needle == n) & (depth < last)].mean() - drop[(needle == n) & (depth == last)].mean() for n in both
        ]
        return mean(np.array(gaps), self._rng(), self.confidence)

    def by_depth(self) -> dict[float, Estimate]:
        """Mean recall lost at each depth."""
        depth, needle = (x[self.ladder.answered] for x in (self.ladder.depth, self.ladder.needle))
        drop = self.ladder.drop()
        return {
            float(d): mean(drop[depth == d], self._rng(), self.confidence, clusters=needle[depth == d])
            for d in np.unique(depth)
        }

    def dose_response(self) -> dict[int, float]:
        """Mean recall of answered cells with 0, 1, 2, ... of the strongest heads masked."""
        kept, masking = self.ladder.answered, self.ladder.masking
        doses = {int(k): float(row[kept].mean()) for k, row in zip(masking.doses, masking.dosed, strict=True)}
        return {0: float(masking.clean[kept].mean()), **doses}

    def _mean(self, values: Floats, masked: Masked) -> Estimate:
        return mean(values, self._rng(), self.confidence, clusters=masked.needle[masked.answered])

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(SEED)
