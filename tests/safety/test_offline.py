"""Nobody is called unless a hub id was named: models load, and claims run, in processes that have no sockets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genir.corpora.beir import write_beir
from tests.heads.tiny_lms import random_model, words_tokenizer
from tests.models import tiny
from tests.safety.offline import REFUSED

LOAD = """
import sys
from pathlib import Path

from genir.models.causal import load_causal
from genir.models.dsi import load_dsi

load_dsi(Path(sys.argv[1]))
load_causal(Path(sys.argv[2]))
print("loaded")
"""
CALL = "import urllib.request; urllib.request.urlopen('http://localhost:9')"


def without_sockets(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.safety.offline", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HF_", "CI"))}
    environment = {**kept, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_call_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "call.py").write_text(CALL)
    ended = without_sockets(tmp_path / "call.py")
    assert ended.returncode == 1
    assert REFUSED in ended.stderr


def test_models_load_without_a_network(tmp_path: Path) -> None:
    random_model("llama").save_pretrained(tmp_path / "lm")
    words_tokenizer("a b").save_pretrained(tmp_path / "lm")
    tiny.write_base(tmp_path / "dsi", ["d0"])
    (tmp_path / "load.py").write_text(LOAD)
    ended = without_sockets(tmp_path / "load.py", tmp_path / "dsi", tmp_path / "lm")
    assert (ended.returncode, ended.stdout) == (0, "loaded\n"), ended.stderr


@pytest.mark.slow
def test_claims_run_without_a_network(tmp_path: Path) -> None:
    corpus = tiny.corpus()
    tiny.write_base(
        tmp_path / "model", [document.id for document in corpus.documents], num_layers=4, num_decoder_layers=4
    )
    write_beir(corpus, tmp_path / "beir")
    options = ("--model", tmp_path / "model", "--corpus", tmp_path / "beir", "--base", tmp_path / "model")
    folders = ("--cache", tmp_path / "cache", "--claims-report", tmp_path / "report")
    ended = without_sockets("-m", "pytest", "claims/", *options, *folders, "-p", "no:cacheprovider")
    assert (tmp_path / "report" / "claims.json").is_file(), ended.stdout + ended.stderr
    assert REFUSED not in ended.stdout + ended.stderr
    assert "verdicts on model" in ended.stdout
