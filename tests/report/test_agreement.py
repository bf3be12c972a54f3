"""Agreement: only claims that were decided on two models count."""

from __future__ import annotations

from dataclasses import replace

from genir.report.agreement import agreement
from genir.report.ledger import Ledger
from genir.report.record import Record
from genir.statistics.verdict import Verdict

SUPPORTED, CONTRADICTED, UNDECIDED = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.UNDECIDED


def record(id, model, verdict, **changes):
    made = Record(id, "retrieval_process", "Fig. 3", "A sentence.", model, "corpus", "10 documents", verdict, "")
    return replace(made, **changes)


def test_claims_that_two_models_decide_are_compared():
    ledger = Ledger.of(
        [
            record("5-a", "one", SUPPORTED),
            record("5-a", "two", CONTRADICTED),
            record("5-a", "three", UNDECIDED),
            record("5-b", "one", SUPPORTED),
            record("5-b", "two", UNDECIDED),
            record("5-c", "one", SUPPORTED),
            record("5-c", "two", SUPPORTED),
            record("5-c", "three", CONTRADICTED, judged=False, reading="as published"),
            record("0-d", "-", SUPPORTED),
            record("h-e", "one", SUPPORTED, paper="retrieval_heads"),
            record("h-e", "two", SUPPORTED, paper="retrieval_heads"),
        ]
    )
    assert agreement(ledger, "retrieval_process") == {
        "5-a": {"one": SUPPORTED, "two": CONTRADICTED},
        "5-c": {"one": SUPPORTED, "two": SUPPORTED},
    }
