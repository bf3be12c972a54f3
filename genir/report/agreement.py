"""Agreement between models: which verdicts carry over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from genir.report.ledger import Ledger
from genir.report.record import NO_MODEL
from genir.statistics.verdict import Verdict

DECIDED = (Verdict.SUPPORTED, Verdict.CONTRADICTED)


def agreement(ledger: Ledger, paper: str) -> dict[str, Mapping[str, Verdict]]:
    """Verdicts by claim of ``paper`` and model, for each claim that is supported or contradicted on two models or more."""
    table: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for record in ledger.judged:
        if record.paper == paper and record.model != NO_MODEL and record.verdict in DECIDED:
            table[record.id][record.model] = record.verdict
    return {claim: verdicts for claim, verdicts in table.items() if len(verdicts) > 1}
