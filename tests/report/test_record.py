from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given

from genir.errors import GenirError
from genir.report.record import Record, evidence, figure, scalars
from genir.statistics.estimate import Estimate
from genir.statistics.judgement import every, untestable
from genir.statistics.proportions import proportion
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, records


@few
@given(records())
def test_a_record_survives_json(one: Record) -> None:
    assert Record.from_json(json.loads(json.dumps(one.to_json(), allow_nan=False))) == one


def share(count: int, n: int = 396) -> Estimate:
    return proportion(np.arange(n) < count)


def test_evidence_is_that_of_the_deciding_part() -> None:
    near, far = share(3).below(0.05).labelled("near"), share(0).below(0.05).labelled("far")
    fields = evidence(every(far, near))
    assert (fields["value"], fields["count"], fields["margin"]) == (3 / 396, 3, 0.05)
    assert [part["label"] for part in fields["parts"]] == ["far", "near"]
    assert fields["p_value"] == max(near.p_value, far.p_value)
    assert fields["verdict"] is Verdict.SUPPORTED
    assert evidence(near) | {"message": "", "parts": []} == evidence(every(near)) | {"message": "", "parts": []}


def test_evidence_of_a_paired_comparison_keeps_both_sides() -> None:
    [part] = evidence(share(200).exceeds(share(100)))["parts"]
    assert part["question"] == "exceeds"
    assert (part["subject"]["count"], part["baseline"]["count"]) == (200, 100)
    assert part["value"] == pytest.approx(100 / 396)


def test_evidence_within_two_margins_is_json() -> None:
    fields = evidence(share(200).within(0.4, 0.6))
    assert fields["margin"] == [0.4, 0.6]
    assert json.dumps(fields["parts"], allow_nan=False)


def test_an_untestable_claim_has_a_reason_and_no_figures() -> None:
    fields = evidence(untestable("no base model"))
    assert fields == {"verdict": "untestable", "message": "untestable: no base model", "parts": [], "p_value": None}


def test_what_is_not_finite_becomes_null() -> None:
    wide = Estimate(0.5, -math.inf, math.inf, 0.95, 1, "none")
    assert (figure(wide)["low"], figure(wide)["high"], figure(wide)["value"]) == (None, None, 0.5)
    assert figure(float("nan"))["value"] is None
    assert figure(0.0) == {"value": 0.0, "low": None, "high": None, "n": None, "count": None, "unit": "1"}
    assert scalars({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": float("inf")}, "x") == {
        "a": 0.5,
        "b": 3,
        "c": True,
        "d": None,
    }


def test_nested_figures_are_refused() -> None:
    with pytest.raises(GenirError, match=r"^expected records\['x'\] to be a number or a text, got ndarray: flatten it"):
        scalars({"x": np.zeros(2)}, "records")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "0.5"}, "expected value of record 0 (5.1-mlp-I on vital600) to be int or float or null, got str"),
        ({"n": 3.0}, "expected n of record 0 (5.1-mlp-I on vital600) to be int or null, got float"),
        ({"n": True}, "expected n of record 0 (5.1-mlp-I on vital600) to be int or null, got bool"),
        ({"judged": 1}, "expected judged of record 0 (5.1-mlp-I on vital600) to be bool, got int"),
        ({"corpus": None}, "expected corpus of record 0 (5.1-mlp-I on vital600) to be str, got null"),
        ({"verdict": "maybe"}, "supported, contradicted, undecided, untestable, got 'maybe'"),
        ({"flavour": 1}, "expected only fields of this schema in record 0 (5.1-mlp-I on vital600), got 'flavour'"),
    ],
)
def test_a_field_of_another_kind_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(GenirError) as error:
        Record.from_json(record().to_json() | change, "record 0")
    assert message in str(error.value)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Record)])
def test_a_missing_field_is_named(name: str) -> None:
    data = record().to_json()
    del data[name]
    with pytest.raises(GenirError, match=f"^expected the field '{name}' in record"):
        Record.from_json(data)


def test_a_record_is_an_object() -> None:
    with pytest.raises(GenirError, match=r"^expected record 3 to be an object, got list"):
        Record.from_json([], "record 3")


def test_places_sort_as_a_reader_counts() -> None:
    ids = ["5.10-a", "5.4-words-1000", "5.4-words-10", "0-x", "5.4-words-100", "3-ranks", "h-zero"]
    ordered = sorted((record(id=id) for id in ids), key=lambda one: one.place)
    assert [one.id for one in ordered] == [
        "0-x",
        "3-ranks",
        "5.4-words-10",
        "5.4-words-100",
        "5.4-words-1000",
        "5.10-a",
        "h-zero",
    ]
    assert ordered[2].section == "5.4"
