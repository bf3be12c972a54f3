"""A claims run on a folder that is no T5: verdicts, or untestable by name, and no traceback."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fixtures.models import needs
from genir.corpora.beir import write_beir
from genir.models.families import Ability, family_of
from tests.interventions.support import CLAIMS
from tests.interventions.tiny import subject
from tests.models import other, tiny
from tests.models.architectures import random_model

ROOT = Path(__file__).parents[2]
PATCHED = ("3-ranks", "5.1-attention", "5.1-mlp-I", "5.1-mlp-III", "5.1-priming", "5.1-random", "5.1-single")


def test_a_claim_skips_by_the_name_of_what_is_lacking() -> None:
    model = SimpleNamespace(dsi=subject(random_model("mBART")))
    needs(model, Ability.LENS)  # type: ignore[arg-type]
    with pytest.raises(pytest.skip.Exception, match=r"^reading what neurons and heads read is not for mBART: its norm"):
        needs(model, Ability.READING)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BART", "mBART", "UMT5"])
def test_a_run_ends_in_verdicts_or_says_what_is_lacking(name: str, tmp_path: Path) -> None:
    folder = other.write_dsi(tmp_path / name, name)
    write_beir(tiny.corpus(), tmp_path / "beir")
    options = {
        "model": folder,
        "corpus": tmp_path / "beir",
        "cache": tmp_path / "cache",
        "claims-report": tmp_path / "r",
    }
    command = ["-m", "pytest", "claims/retrieval_process", *(f"--{key}={value}" for key, value in options.items())]
    # a run of its own, whatever runs these tests
    alone = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert " error" not in done.stdout.splitlines()[-1]
    records = json.loads((tmp_path / "r" / "claims.json").read_text())["records"]
    mine = {record["id"]: record for record in records if record["model"] == name and record["judged"]}
    lacks = [ability for ability in family_of(random_model(name)).lacks if ability in CLAIMS]
    patterns = [pattern for ability in lacks for pattern in CLAIMS[ability].split(", ")]
    expected = {id for id in mine if any(fnmatch.fnmatch(id, pattern) for pattern in patterns)}
    assert {id for id, record in mine.items() if f"is not for {name}" in record["message"]} == expected
    assert {mine[id]["verdict"] for id in expected} <= {"untestable"}
    assert mine["5.1-noop"]["verdict"] == "supported"
    assert {mine[id]["verdict"] for id in PATCHED} <= {"supported", "contradicted", "undecided"}
    for ability in lacks:
        assert any(f"{ability} is not for {name}" in record["message"] for record in mine.values()), ability
