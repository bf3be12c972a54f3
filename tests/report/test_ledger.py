from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.report.ledger import NAME, Ledger, read, write
from genir.report.record import Record
from genir.statistics.verdict import Verdict
from tests.report.samples import few, record, several


@few
@given(several())
def test_a_ledger_survives_its_file(tmp_path: Path, members: list[Record]) -> None:
    ledger = Ledger.of(members, {"protocol": "masked", "alpha": 0.05})
    assert read(write(ledger, tmp_path)) == ledger
    assert read(tmp_path) == ledger
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@few
@given(several(), st.randoms(use_true_random=False))
def test_the_order_of_a_run_leaves_no_trace(tmp_path: Path, members: list[Record], order: random.Random) -> None:
    first = write(Ledger.of(members), tmp_path).read_bytes()
    order.shuffle(members)
    assert write(Ledger.of(members), tmp_path).read_bytes() == first


def test_holm_by_hand() -> None:
    p_values = {"a": 0.01, "b": 0.04, "c": 0.03, "d": None}
    members = [record(id=f"5.1-{name}", p_value=p) for name, p in p_values.items()]
    others = [
        record(id="5.2-a", p_value=0.5),
        record(id="5.1-a", model="vital10k", p_value=0.2),
        record(id="5.1-a", paper="retrieval_heads", model="smollm2-135m", p_value=0.3),
        record(id="5.1-a", reading="as published", judged=False, p_value=0.9),
    ]
    ledger = Ledger.of([*members, *others])
    found = {(r.paper, r.id, r.model, r.reading): r.p_holm for r in ledger.records}
    one = ("retrieval_process", "vital600", "corrected")
    assert {name: found[one[0], f"5.1-{name}", one[1], one[2]] for name in p_values} == {
        "a": pytest.approx(0.03),
        "b": pytest.approx(0.06),
        "c": pytest.approx(0.06),
        "d": None,
    }
    assert found["retrieval_process", "5.2-a", "vital600", "corrected"] == 0.5
    assert found["retrieval_process", "5.1-a", "vital10k", "corrected"] == 0.2
    assert found["retrieval_heads", "5.1-a", "smollm2-135m", "corrected"] == 0.3
    assert found["retrieval_process", "5.1-a", "vital600", "as published"] is None


def test_a_reading_is_recorded_once() -> None:
    with pytest.raises(GenirError, match=r"^expected one record of 5\.1-mlp-I on vital600 \(corrected\), got two: "):
        Ledger.of([record(), record(value=0.5)])
    both = Ledger.of([record(reading="as published", judged=False), record()])
    assert [one.reading for one in both.records] == ["corrected", "as published"]
    assert len(both.judged) == both.count(Verdict.SUPPORTED) == 1


def test_models_are_listed_once() -> None:
    ledger = Ledger.of([record(), record(id="5.1-x"), record(model="-", id="0-x")])
    assert ledger.models == ("-", "vital600")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"^expected a ledger at .*claims\.json, there is none: run pytest claims/ first$"),
        ("{", r"^expected a ledger at .*claims\.json, got .*: run the claims again$"),
        ("[]", r"^expected a ledger of schema 1 at .*, got list: run the claims again$"),
        ('{"schema": 2}', r"^expected a ledger of schema 1 at .*, got 2: run the claims again$"),
        ('{"schema": 1, "records": {}, "settings": {}}', r"^expected a list of records and an object of settings"),
        (
            '{"schema": 1, "records": [1], "settings": {}}',
            r"^expected record 0 of .*claims\.json to be an object, got int",
        ),
        (b"\xff", r"^expected a ledger at .*claims\.json, got "),
    ],
)
def test_a_file_that_is_no_ledger_is_one_line(tmp_path: Path, text: str | bytes | None, message: str) -> None:
    path = tmp_path / NAME
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GenirError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        GenirError, match=r"^expected to write .*claims\.json, got .*: choose a folder with --claims-report$"
    ):
        write(Ledger.of([record()]), tmp_path / "file")


def test_the_old_ledger_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    write(Ledger.of([record()]), tmp_path)
    broken = Ledger((replace(record(), value=float("nan")),))
    with pytest.raises(ValueError, match="JSON compliant"):
        write(broken, tmp_path)
    assert read(tmp_path).records[0].value == 3 / 396
    assert json.loads((tmp_path / NAME).read_text(encoding="utf-8"))["schema"] == 1
