"""Exhibits of an earlier run go, whatever the clock says; those of this run stay."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fixtures.exhibits import drop_older, keeper, written

HOUR = 3600.0


def test_null_stands_for_what_is_not_finite(tmp_path: Path) -> None:
    keeper(tmp_path, "one")("figure3", {"curve": (0.5, float("nan")), "cells": [{"value": float("-inf"), "n": 3}]})
    kept = (tmp_path / "exhibits" / "one" / "figure3.json").read_text()
    assert json.loads(kept) == {"curve": [0.5, None], "cells": [{"value": None, "n": 3}]}


@pytest.mark.parametrize("shift", [-48 * HOUR, 0.0, 48 * HOUR], ids=["behind", "now", "ahead"])
def test_only_what_this_run_wrote_stays(tmp_path: Path, shift: float) -> None:
    for name in ("old", "again"):
        keeper(tmp_path, "one")(name, {"run": 1})
    for path in tmp_path.rglob("*.json"):  # as if the clock had been set between the runs
        moved = path.stat().st_mtime + shift
        os.utime(path, (moved, moved))
    before = written(tmp_path)
    keeper(tmp_path, "one")("again", {"run": 2})
    keeper(tmp_path, "owner/name@v1")("new", {"run": 2})
    drop_older(tmp_path, before)
    left = {path.relative_to(tmp_path / "exhibits").as_posix(): path for path in written(tmp_path)}
    assert left.keys() == {"one/again.json", "owner--name--v1/new.json"}
    assert all(json.loads(path.read_text()) == {"run": 2} for path in left.values())
