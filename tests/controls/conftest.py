"""A small model of real text, trained for these tests, and claims runs on folders made from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from genir.corpora.beir import write_beir
from genir.corpora.records import Corpus
from genir.corpora.vital import vital
from genir.models.dsi import DSI, load_dsi
from genir.models.obtain import obtain_trained
from genir.models.recipe import Recipe

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".genir"
RECIPE = Recipe("control", steps=120, batch_size=24, warmup=10)

Change = Callable[[DSI, Sequence[str]], None]
Verdicts = dict[str, str]
Run = Callable[..., Verdicts]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return vital(60)


@pytest.fixture(scope="session")
def trained(corpus: Corpus) -> Path:
    """The folder of a model that retrieves: 60 pages, a minute or two of one core, once per cache."""
    return obtain_trained(RECIPE, corpus, CACHE, torch.device("cpu"))


@pytest.fixture(scope="session")
def beir(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beir") / "corpus"
    write_beir(corpus, folder)
    return folder


@pytest.fixture
def saved(trained: Path, corpus: Corpus, tmp_path: Path) -> Callable[[str, Change], Path]:
    """``saved(name, change)``: a copy of the trained model with its weights changed in place, saved as a user would.

    ``change`` is given the model and its held-out queries.
    """

    def save(name: str, change: Change = lambda dsi, texts: None) -> Path:
        dsi = load_dsi(trained)
        with torch.no_grad():
            change(dsi, [query.text for query in (*corpus.validation, *corpus.test)])
        dsi.model.save_pretrained(tmp_path / name)
        dsi.tokenizer.save_pretrained(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def ask(beir: Path, tmp_path: Path) -> Run:
    """``ask(folder, *options)``: the judged verdicts of a claims run on a model folder, by claim."""

    def run(folder: Path, *options: str) -> Verdicts:
        report = tmp_path / "report"
        command = [
            "claims/",
            "--model",
            folder,
            "--corpus",
            beir,
            "--claims-report",
            report,
            "--cache",
            tmp_path / "cache",
        ]
        # A claims run of its own, whatever runs these tests: a worker's environment would make it one more worker.
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *map(str, command), *options],
            cwd=ROOT,
            env=alone,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        ledger = json.loads((report / "claims.json").read_text())
        return {r["id"]: r["verdict"] for r in ledger["records"] if r["judged"] and r["model"] == folder.name}

    return run
