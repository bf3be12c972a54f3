"""Ledgers, exhibits, learning curves and known.toml: refused in a line, or held as they were written and shown without a traceback."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.known import FIELDS, read_known
from genir.report.comparison import compare
from genir.report.curve import curve
from genir.report.exhibits import quantities, read_exhibits
from genir.report.ledger import Ledger, read, write
from genir.report.terminal import table
from tests.fuzz.hostile import ROUND, changed, files, texts, tried
from tests.report.samples import record

EXHIBIT = {
    "cells": [{"kind": "mean", "stage": "I", "value": 0.01, "low": 0.0, "high": 0.02, "n": 396, "count": 4, "unit": "%", "printed": {"NQ10k": 0.76}}],
    "noop": {"value": 0.0, "low": None, "high": None, "n": 396},
    "curve": [0.1, None, 0.3],
}  # fmt: skip
CURVE = [{"step": 1, "loss": 6.5}, {"step": 2, "loss": 5.0, "hits@1": 0.1, "hits@10": 0.2, "mrr": 0.15}]
ENTRY = {"claim": "5.1-x", "model": "one", "reason": "loses 25 % [21, 29]"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


def test_a_ledger(folder: Path) -> None:
    control = {"value": 0.0, "low": None, "high": 0.01, "n": 396, "count": 0, "unit": "%"}
    rich = record(controls={"noop": control}, printed={"NQ10k": 0.76}, records={"x": 1, "y": None}, margin=[0.01, 0.05])
    path = write(Ledger.of([rich, record(model="vital10k", parts=[{"label": "a"}])], {"alpha": 0.05}), folder)
    valid = path.read_bytes()

    @ROUND
    @given(files(valid, changed(json.loads(valid))))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        ledger = tried(lambda: read(path))
        if ledger is None:
            return
        given_one = json.loads(data.decode("utf-8-sig"))
        assert [one.to_json() for one in ledger.records] == given_one["records"]
        assert json.loads(write(ledger, folder / "again").read_bytes()) == given_one
        assert compare(ledger, read(folder / "again")) == []
        numbers = [x for one in ledger.records for x in (one.value, one.low, one.high, one.p_value) if x is not None]
        assert all(map(math.isfinite, numbers))
        assert len({one.key for one in ledger.records}) == len(ledger.records)
        assert len(table(ledger, 100)) >= 0

    hold()


def test_an_exhibit(folder: Path) -> None:
    path = folder / "exhibits" / "one" / "table3.json"
    path.parent.mkdir(parents=True)

    @ROUND
    @given(files(json.dumps(EXHIBIT).encode(), changed(EXHIBIT)))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        exhibits = tried(lambda: read_exhibits(folder))
        assert exhibits is not None
        assert (("one", "table3") in exhibits.broken) != ("table3" in exhibits.of("one"))
        payload = exhibits.of("one").get("table3", {})
        found = tried(lambda: quantities(payload)) or ()
        assert all(x is None or math.isfinite(x) for one in found for x in (one.value, one.low, one.high))

    hold()


def test_a_learning_curve(folder: Path) -> None:
    path = folder / "train.jsonl"
    valid = b"".join(json.dumps(line).encode() + b"\n" for line in CURVE)
    exchanged = changed(CURVE).map(lambda data: b"".join(json.dumps(line).encode() + b"\n" for line in _listed(data)))

    @ROUND
    @given(files(valid, exchanged))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        panels = tried(lambda: curve(path))
        assert panels is None or all(
            math.isfinite(y) for panel in panels for series in panel.series for y in series.values
        )

    hold()


def _listed(data: bytes) -> list[object]:
    value = json.loads(data)
    return value if isinstance(value, list) else [value]


def test_known_contradictions(folder: Path) -> None:
    path = folder / "known.toml"
    valid = _toml(ENTRY) + _toml(ENTRY | {"model": "two"})
    fields = st.dictionaries(st.one_of(st.sampled_from(FIELDS), texts), texts, max_size=4)
    written = st.lists(
        st.one_of(st.just(ENTRY), fields, st.fixed_dictionaries(dict.fromkeys(FIELDS, texts))), max_size=3
    )
    raw = st.sampled_from(
        ["9" * 5000, "nan", "1979-05-27T07:32:00Z", "[" * 2000, "[" * 50 + "]" * 50, "{a.b.c = 1}", "true", "''''''"]
    )
    strange = raw.map(lambda value: valid + f'[[known]]\nclaim = {value}\nmodel = "m"\nreason = "r"\n')

    @ROUND
    @given(files(valid.encode(), st.one_of(written.map(lambda all: "".join(map(_toml, all))), strange).map(_utf8)))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        known = tried(lambda: read_known(path))
        if known is not None:
            entries = tomllib.loads(data.decode()).get("known", [])
            assert known == {(entry["claim"], entry["model"]): entry["reason"] for entry in entries}
            assert len(known) == len(entries)

    hold()


def _toml(entry: dict[str, str]) -> str:
    return "[[known]]\n" + "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in entry.items())


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
