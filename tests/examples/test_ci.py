"""Templates of continuous integration: they parse, they ask the same, and what they run fails when a finding has changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from genir.corpora.beir import write_beir
from tests.models import tiny

ROOT = Path(__file__).parents[2]


def template(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "examples" / "ci" / name).read_text(encoding="utf-8"))


def github() -> dict[str, str]:
    """The commands of the workflow by the name of their step."""
    [job] = template("github.yml")["jobs"].values()
    return {step["name"]: step["run"].strip() for step in job["steps"] if "run" in step}


def gitlab() -> dict[str, Any]:
    [job] = template("gitlab.yml").values()
    return job


def test_both_ask_and_compare_in_the_same_words() -> None:
    asked, compared = gitlab()["script"]
    assert github()["Ask the claims"] == asked
    assert github()["Compare"] == compared
    assert [github()["Write the page"]] == gitlab()["after_script"]
    assert github()["Install"].splitlines() == gitlab()["before_script"][1:]


def test_every_variable_that_they_use_is_set() -> None:
    given = template("github.yml")["env"]
    shared = {name: value for name, value in gitlab()["variables"].items() if name in given}
    assert shared == given
    used = {word.split("/")[0].strip('"') for line in github().values() for word in line.split("$")[1:]}
    assert {name.split('"')[0].split(" ")[0] for name in used} - {"?"} <= set(given)


def test_what_they_install_is_in_the_repository() -> None:
    for line in github()["Install"].splitlines():
        for path in (part for part in line.split() if part.startswith('"$GENIR')):
            assert (ROOT / path.strip('"').removeprefix("$GENIR").lstrip("/")).exists()


@pytest.mark.slow
def test_a_finding_that_changed_fails(tmp_path: Path) -> None:
    """The commands as they stand in the template, on a model of four layers: claims are asked once, ledgers compared twice."""
    corpus = tiny.corpus()
    folder = tmp_path / "models" / "my-dsi"
    tiny.write_base(folder, [document.id for document in corpus.documents], num_layers=4, num_decoder_layers=4)
    write_beir(corpus, tmp_path / "data" / "my-beir")
    ask, compare = gitlab()["script"]
    first = shell(ask, tmp_path)
    assert first.returncode == 0, first.stdout
    ledger = tmp_path / "report" / "claims.json"
    kept = tmp_path / "findings" / "claims.json"
    kept.parent.mkdir()
    shutil.copy(ledger, kept)
    same = shell(compare, tmp_path)
    assert (same.returncode, same.stdout.startswith("nothing moved")) == (0, True), same.stdout
    found = json.loads(kept.read_bytes())
    changed = next(record for record in found["records"] if record["verdict"] == "undecided")
    changed["verdict"] = "supported"
    kept.write_text(json.dumps(found))
    moved = shell(compare, tmp_path)
    assert moved.returncode == 1
    assert f"{changed['id']} on my-dsi was supported, is undecided" in moved.stdout


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the template as CI does, with its variables and this Python."""
    variables = template("github.yml")["env"] | {"GENIR": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={**kept, **variables, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
