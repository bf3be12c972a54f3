"""Records, made by hand and by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from genir.report.record import Record
from genir.statistics.verdict import Verdict


def record(**fields: Any) -> Record:
    """A supported proportion, 3 of 396 below 5 %, with ``fields`` in place of its own."""
    return Record(
        **{
            "id": "5.1-mlp-I",
            "paper": "retrieval_process",
            "where": "Table 3",
            "sentence": "MLPs in Stage I can be replaced by their mean.",
            "model": "vital600",
            "corpus": "vital600",
            "scale": "600 pages",
            "verdict": Verdict.SUPPORTED,
            "message": "0.76 % [0.26, 2.20] (3/396) is below 5 %: supported",
            "value": 3 / 396,
            "low": 0.0026,
            "high": 0.022,
            "confidence": 0.95,
            "n": 396,
            "count": 3,
            "unit": "%",
            "question": "below",
            "margin": 0.05,
            "method": "Wilson",
            "p_value": 0.001,
            **fields,
        }
    )


# no deadline: continuous integration is slow at times; one folder for all examples is meant
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
share = st.floats(0, 1)
scalar = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any record that a claim could write."""
    low, value, high = sorted(draw(st.tuples(share, share, share)))
    return record(
        id=f"{draw(st.sampled_from(['0', '3', '5.1', '5.10', '5.2', 'h']))}-{draw(st.sampled_from('abcdef'))}",
        model=draw(st.sampled_from(["-", "vital600", "vital10k", "owner/name"])),
        paper=draw(st.sampled_from(["retrieval_process", "retrieval_heads"])),
        verdict=draw(st.sampled_from(list(Verdict))),
        sentence=draw(text),
        where=draw(text),
        message=draw(text),
        scale=draw(text),
        value=draw(st.none() | st.just(value)),
        low=draw(st.none() | st.just(low)),
        high=draw(st.none() | st.just(high)),
        n=draw(st.none() | st.integers(1, 10**6)),
        count=draw(st.none() | st.integers(0, 10**6)),
        unit=draw(st.sampled_from(["1", "%"])),
        question=draw(st.sampled_from([None, "below", "above", "within", "exceeds"])),
        margin=draw(number | st.lists(st.floats(-1, 1), min_size=2, max_size=2)),
        p_value=draw(st.none() | share),
        printed=draw(st.dictionaries(text, st.floats(0, 100) | st.integers(0, 10), max_size=3)),
        records=draw(st.dictionaries(text, scalar, max_size=3)),
        reading=draw(st.sampled_from(["corrected", "as published"])),
        judged=draw(st.booleans()),
        known=draw(st.none() | text),
        seconds=draw(st.none() | st.floats(0, 1e4)),
    )


def several(min_size: int = 0) -> st.SearchStrategy[list[Record]]:
    """Records of which no two have the same claim, model and reading."""
    return st.lists(records(), min_size=min_size, max_size=8, unique_by=lambda one: one.key)
