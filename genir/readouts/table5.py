"""Docids and words that heads promote, asked in the words of Section 5.4 and Table 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genir.readouts.expansion import Expansion, gap
from genir.readouts.words import DEPTHS, Words
from genir.statistics import Estimate, mean, permutation_p, proportion

Reading = Literal["per head", "class offset removed", "summed", "as published"]
READINGS: tuple[Reading, ...] = ("per head", "class offset removed", "summed", "as published")


@dataclass(frozen=True, eq=False)
class Table5:
    """Shares of docids among promoted tokens; ``chance`` is the share of docids among all rows, N / (V + N)."""

    words: Words
    expansion: Expansion
    chance: float
    confidence: float = 0.95

    def docids(self, depth: int, reading: Reading = "per head") -> Estimate:
        """Share of docids among the first ``depth`` tokens, mean over Stage II layers and heads.

        "summed" reads the sum of a layer's heads; "as published" does so as well and leaves out Stage II's last layer, as the
        authors' script does (docs/protocol.md, Table 5).
        """
        counts = {
            "per head": self.words.docids,
            "class offset removed": self.words.shifted,
            "summed": self.words.summed,
            "as published": self.words.summed[:, : max(1, self.words.summed.shape[1] - 1)],
        }[reading][..., DEPTHS.index(depth)]
        share = counts.reshape(len(counts), -1).mean(1) / depth
        return mean(share, np.random.default_rng(0), self.confidence, unit="%")

    def first(self) -> Estimate:
        """Share of queries whose document some single head ranks first."""
        return proportion((self.words.relevant == 1).any((1, 2)), self.confidence)

    def nearer(self, unseen: bool = False) -> Estimate:
        """How much more similar promoted words are to their own query than to other queries: a difference of cosines."""
        return mean(gap(self._similarity(unseen)), np.random.default_rng(0), self.confidence)

    def permutation_p(self, unseen: bool = False, permutations: int = 999) -> float:
        """Whether words handed to random queries would be as similar: one-sided p-value of the mean similarity."""
        found, queries = self._similarity(unseen), np.arange(len(self.expansion.similarity))
        return permutation_p(
            lambda order: float(found[queries, order].mean()), len(queries), np.random.default_rng(0), permutations
        )

    def best_head(self, query: int) -> tuple[int, int]:
        """The layer (counted from the first of Stage II) and head whose words are nearest to the query, beyond other queries."""
        scores = self.expansion.heads[query]
        layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
        return int(layer), int(head)

    def _similarity(self, unseen: bool) -> NDArray[np.float32]:
        return self.expansion.unseen if unseen else self.expansion.similarity
