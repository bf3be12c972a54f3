"""The command below a claim asks that claim and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.report.claim_names import MARK

ROOT = Path(__file__).parents[2]


def test_every_command_selects_its_claim_and_no_other() -> None:
    options = ["claims/", "--collect-only", "-q", "-p", "tests.report.claim_names", "-p", "no:cacheprovider"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = [line for line in run.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise RuntimeError(run.stdout + run.stderr)
    selected = json.loads(lines[0].removeprefix(MARK))
    assert len(selected) > 10
    wrong = {id: found for id, found in selected.items() if set(found) != {id}}
    assert wrong == {}
