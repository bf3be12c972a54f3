"""What needle runs say about the heads of one model: how many copy, how often, where (Sections 2.2 to 3.2), as estimates.

Runs are the unit and needles the clusters: runs of one needle share its words. A head that is chosen because it leads is judged
on other runs than those it was chosen on, ``others``, which have haystacks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal_attention import Head
from genir.readouts.heads import THRESHOLD, Runs, activity, distractor_scores, ranked, retrieval_heads, run_scores
from genir.readouts.heads_compare import dependence
from genir.statistics import Estimate, bootstrap, mean, monte_carlo_p, proportion

Floats = NDArray[np.float64]
SEED, DRAWS = 2404, 999


@dataclass(frozen=True, eq=False)
class Found:
    """Scores of heads in ``runs``, with ``others`` to choose on: crossed over contexts, the distractor of the needle's own form.

    ``untrained`` (runs, layers, heads) are scores of the untrained twin in every run, since in none does it find the needle.
    """

    runs: Runs
    others: Runs
    untrained: Floats
    confidence: float

    @cached_property
    def scores(self) -> Floats:
        """The score of each head, (layers, heads)."""
        means: Floats = run_scores(self.runs).mean(axis=0)
        return means

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The retrieval heads, strongest first."""
        return tuple(retrieval_heads(self.scores))

    @cached_property
    def leader(self) -> Head:
        """The head of largest score in the other runs."""
        return ranked(run_scores(self.others).mean(axis=0))[0]

    def leading_score(self, *, published: bool = False) -> Estimate:
        """Its score in the runs; in those that count steps rather than positions, as published."""
        return self._mean(run_scores(self.runs, published=published)[:, *self.leader], self.runs)

    def leading_over_distractor(self) -> tuple[Estimate, Estimate]:
        """The best head of the runs in the others: its score on the answer, and on the distractor of the same form."""
        best = ranked(self.scores)[0]
        asked, distracted = run_scores(self.others)[:, *best], distractor_scores(self.others)[:, *best]
        return self._mean(asked, self.others), self._mean(distracted, self.others)

    def other_form_distractor(self) -> Estimate:
        """The score of the leader on a distractor of another form, in the runs."""
        return self._mean(distractor_scores(self.runs)[:, *self.leader], self.runs)

    def untrained_best(self) -> Estimate:
        """The largest score of a head of the untrained twin."""
        best = ranked(self.untrained.mean(axis=0))[0]
        return mean(self.untrained[:, *best], self._rng(), self.confidence)

    def retrieval_share(self, *, published: bool = False) -> Estimate:
        """Share of heads whose score is at least 0.1."""
        scores = run_scores(self.runs, published=published)
        return bootstrap(
            scores.reshape(len(scores), -1),
            _share_at_least,
            self._rng(),
            self.confidence,
            clusters=self.runs.needle[self.runs.counted],
            unit="%",
        )

    def zero_share(self) -> Estimate:
        """Share of heads that copied nothing in any run; heads are the unit, as no resample of runs has fewer zeros."""
        return proportion((self.scores == 0).ravel(), self.confidence)

    def always(self) -> Estimate:
        """How often the head is active in the runs that is active most often in the others."""
        frequent = activity(self.others).mean(axis=0) + 1e-6 * run_scores(self.others).mean(axis=0)
        return proportion(activity(self.runs)[:, *ranked(frequent)[0]], self.confidence)

    def always_heads(self) -> int:
        """Heads that are active in every run that counts."""
        return int(activity(self.runs).all(axis=0).sum())

    def sometimes(self) -> Estimate:
        """How often the retrieval head is active in the runs that is active least often in the others.

        Raises GenirError where the other runs have no retrieval head.
        """
        chosen = retrieval_heads(run_scores(self.others).mean(axis=0))
        if not chosen:
            raise GenirError("expected a retrieval head to watch, got none in the runs to choose from: add needles")
        frequency = activity(self.others).mean(axis=0)
        return proportion(activity(self.runs)[:, *min(chosen, key=lambda head: frequency[head])], self.confidence)

    def context_dependence(self) -> Estimate:
        """How much more the context tells of which retrieval heads are active than it would by chance.

        Runs of one needle in the same context, at other depths, are more alike than runs of it in different ones: the variance
        between contexts over all, minus its mean over permutations of contexts among the runs of a needle. The interval is
        that of the permutations, so that it excludes zero where a two-sided test rejects.
        """
        observed, null = self._dependence
        low, high = np.quantile(null, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return Estimate(
            observed - float(null.mean()),
            observed - float(high),
            observed - float(low),
            self.confidence,
            int(self.others.counted.sum()),
            "permutation of contexts within needles",
        )

    def context_p(self) -> float:
        """The one-sided permutation p-value of the same."""
        return monte_carlo_p(*self._dependence)

    @cached_property
    def _dependence(self) -> tuple[float, Floats]:
        """Observed and permuted; 0 where no needle has runs in two contexts, or no retrieval head's activity varies."""
        counted = self.others.counted
        needle, context = self.others.needle[counted], self.others.context[counted]
        active = activity(self.others)[:, *np.array(self.heads, dtype=int).reshape(-1, 2).T]
        if not active.size or not (active != active[0]).any():
            return 0.0, np.zeros(DRAWS)
        places, many = np.argsort(needle, kind="stable"), 1 + int(context.max())
        rng, null, shuffled = self._rng(), np.empty(DRAWS), context.copy()
        for draw in range(DRAWS):
            # sorting random keys within each needle is a uniform permutation of its contexts
            shuffled[places] = context[np.lexsort((rng.random(len(needle)), needle))]
            null[draw] = dependence(active, needle * many + shuffled)
        return dependence(active, needle * many + context), null

    def _mean(self, values: Floats, runs: Runs) -> Estimate:
        return mean(values, self._rng(), self.confidence, clusters=runs.needle[runs.counted])

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(SEED)


def _share_at_least(values: Floats, weights: Floats) -> Floats:
    """Share of the columns of values (n, k) whose mean is at least 0.1, in each resample (b, n)."""
    means = weights @ values / weights.sum(axis=1, keepdims=True)
    shares: Floats = (means >= THRESHOLD - 1e-12).mean(axis=1)
    return shares
