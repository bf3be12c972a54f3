"""An answer: a question asked of an estimate, the verdict, and the line that explains it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from genir.errors import GenirError
from genir.statistics.verdict import Verdict

if TYPE_CHECKING:  # an estimate answers questions, an answer holds its estimate
    from genir.statistics.estimate import Estimate

Question = Literal["below", "above", "within", "exceeds"]
Margin = float | tuple[float, float]


@dataclass(frozen=True, eq=False)
class Answer:
    """The verdict on one question, with the estimate that it was read off.

    For ``exceeds`` the estimate is the paired difference, whose interval is what the margin judges;
    ``subject`` and ``baseline`` are the two quantities that were compared. ``p_value`` is one-sided: the
    probability of data as favourable to the claim if the quantity stood at the margin (TOST for ``within``).
    """

    estimate: Estimate
    question: Question
    margin: Margin
    verdict: Verdict
    p_value: float
    label: str = ""
    baseline: Estimate | None = None
    subject: Estimate | None = None

    @classmethod
    def ask(
        cls,
        estimate: Estimate,
        question: Question,
        margin: Margin,
        subject: Estimate | None = None,
        baseline: Estimate | None = None,
    ) -> Answer:
        """Read the verdict on ``question`` off the interval; GenirError for a margin that is none."""
        margins = margin if isinstance(margin, tuple) else (margin,)
        if not all(math.isfinite(m) for m in margins):
            raise GenirError(f"expected a finite margin, got {margin}; percent(5) is the margin 5 %")
        if len(margins) == 2 and not margins[0] < margins[1]:
            raise GenirError(f"expected a region with low < high, got {margins}")
        verdict = _verdict(estimate, question, margins)
        p_value = _p_value(estimate, question, margins)
        return cls(estimate, question, margin, verdict, p_value, baseline=baseline, subject=subject)

    @property
    def margins(self) -> tuple[float, ...]:
        """The margin, or the two margins of ``within``."""
        return self.margin if isinstance(self.margin, tuple) else (self.margin,)

    @property
    def clearance(self) -> float:
        """How far the interval clears its margin: 1 where it just does, -1 where just the wrong way.

        In units of the interval's own arms, hence comparable between quantities; above 1 is supported, below
        -1 contradicted.
        """
        scores = [self.estimate.score(margin) / self.estimate.quantile for margin in self.margins]
        if self.question == "below":
            return -scores[0]
        return scores[0] if self.question != "within" else min(scores[0], -scores[1])

    @property
    def more_queries(self) -> int | None:
        """About how many more queries would decide if the value stayed; 0 if decided, None if none would.

        At that number the interval would just clear the margin: half of all such runs would be decided.
        Proportions scale their score test exactly; other intervals are taken to shrink as 1 / sqrt(n).
        """
        if self.verdict is not Verdict.UNDECIDED:
            return 0
        value, margins = self.estimate.value, self.margins
        if len(margins) == 2 and not margins[0] < value < margins[1]:
            # outside the region one margin is enough: the nearer one contradicts
            margins = (min(margins, key=lambda margin: abs(value - margin)),)
        scores = [self._score(margin) for margin in margins]
        weakest = min(abs(score) for score in scores)
        if weakest == 0:
            return None
        needed = self.estimate.n * (self.estimate.quantile / weakest) ** 2
        return max(1, math.floor(needed) + 1 - self.estimate.n)

    def _score(self, margin: float) -> float:
        own = self.estimate.at(margin).score
        return self.estimate.score(margin) if own is None else own

    @property
    def message(self) -> str:
        """One line: what was found, the margin, the verdict, and what would decide an undecided one."""
        unit = " %" if self.estimate.unit == "%" else ""
        scale = 100 if unit else 1
        margins = ", ".join(f"{scale * margin:.6g}" for margin in self.margins)
        margin = f"[{margins}]{unit}" if self.question == "within" else margins + unit
        phrase = _phrase(self.question, self.verdict)
        if self.subject is None or self.baseline is None:
            line = f"{self.estimate} {phrase} {margin}: {self.verdict}"
        else:
            by = "" if self.margin == 0 else f" by more than {margin}"
            line = f"{self.subject} {phrase} {self.baseline}{by}: {self.verdict}, difference {self.estimate}"
        return f"{self.label + ': ' if self.label else ''}{line}{self._outlook}"

    @property
    def _outlook(self) -> str:
        if self.verdict is not Verdict.UNDECIDED:
            return ""
        more = self.more_queries
        if not math.isfinite(self.estimate.high - self.estimate.low):
            return "; more queries are needed before anything can be said"
        if more is None:
            return "; no number of queries would decide, the value sits on the margin"
        if more > 10_000_000:
            return "; more than ten million more queries would be needed"
        step = 10 ** max(0, len(str(more)) - 2)  # two figures: it is an extrapolation
        rounded = math.ceil(more / step) * step
        noun = "query" if rounded == 1 else "queries"
        return f"; about {rounded:,} more {noun} would decide if the value stayed"

    def labelled(self, label: str) -> Answer:
        """The same answer under a name, such as "Stage I MLP mean"."""
        return replace(self, label=label)


def _verdict(estimate: Estimate, question: Question, margins: tuple[float, ...]) -> Verdict:
    low, high = estimate.low, estimate.high
    if question == "within":
        inside, outside = margins[0] < low and high < margins[1], high < margins[0] or low > margins[1]
    elif question == "below":
        inside, outside = high < margins[0], low > margins[0]
    else:
        inside, outside = low > margins[0], high < margins[0]
    if inside:
        return Verdict.SUPPORTED
    return Verdict.CONTRADICTED if outside else Verdict.UNDECIDED


def _p_value(estimate: Estimate, question: Question, margins: tuple[float, ...]) -> float:
    if question == "below":
        return estimate.at(margins[0]).below
    above = estimate.at(margins[0]).above
    return max(above, estimate.at(margins[1]).below) if question == "within" else above


def _phrase(question: Question, verdict: Verdict) -> str:
    exceeds = question == "exceeds"
    if verdict is Verdict.SUPPORTED:
        return "exceeds" if exceeds else f"is {question}"
    if verdict is Verdict.CONTRADICTED:
        return "does not exceed" if exceeds else f"is not {question}"
    return f"may or may not {'exceed' if exceeds else f'be {question}'}"
