"""A judgement: the verdict on a claim that has several parts."""

from __future__ import annotations

from dataclasses import dataclass

from genir.errors import GenirError
from genir.statistics.answer import Answer
from genir.statistics.verdict import Verdict

SEVERITY = (Verdict.CONTRADICTED, Verdict.UNTESTABLE, Verdict.UNDECIDED, Verdict.SUPPORTED)


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdict on a conjunction; ``deciding`` is the part nearest to its margin, or furthest beyond.

    ``p_value`` is that of the intersection-union test, the largest of the parts' (Berger 1982): a conjunction
    needs no correction for its number of parts. An untestable judgement has its ``reasons``; parts,
    ``deciding`` and ``p_value`` may be missing there.
    """

    verdict: Verdict
    parts: tuple[Answer, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def deciding(self) -> Answer | None:
        """The part with the least clearance, among those that have the verdict of the whole."""
        telling = [part for part in self.parts if part.verdict is self.verdict] or self.parts
        return min(telling, key=lambda part: part.clearance, default=None)

    @property
    def p_value(self) -> float | None:
        """The largest p-value of the parts; None for an untestable claim."""
        return None if self.reasons else max(part.p_value for part in self.parts)

    @property
    def message(self) -> str:
        """One line: the deciding part and how many parts there are, or why the claim cannot be tested."""
        deciding = self.deciding
        if self.verdict is Verdict.UNTESTABLE or deciding is None:
            return f"{self.verdict}: {'; '.join(self.reasons)}"
        if len(self.parts) == 1:
            return deciding.message
        verdicts = [part.verdict for part in self.parts]
        tally = ", ".join(f"{verdicts.count(v)} {v}" for v in reversed(SEVERITY) if v in verdicts)
        return f"{deciding.message} (deciding of {len(self.parts)} parts: {tally})"


def every(*parts: Answer | Judgement) -> Judgement:
    """The conjunction of answers, and of judgements, whose parts it takes over.

    Supported if all parts are, contradicted if any is; else untestable if any is, else undecided.
    Raises GenirError without parts.
    """
    if not parts:
        raise GenirError("expected at least one answer, got none; without evidence a claim is untestable(reason)")
    answers = tuple(a for part in parts for a in (part.parts if isinstance(part, Judgement) else (part,)))
    reasons = tuple(r for part in parts if isinstance(part, Judgement) for r in part.reasons)
    verdicts = {part.verdict for part in parts}
    return Judgement(next(verdict for verdict in SEVERITY if verdict in verdicts), answers, reasons)


def untestable(reason: str) -> Judgement:
    """The verdict on a claim whose premise the model lacks: no base model, no correct queries, no stages."""
    if not reason.strip():
        raise GenirError("expected the reason why the claim cannot be tested, got an empty text")
    return Judgement(Verdict.UNTESTABLE, reasons=(reason,))
