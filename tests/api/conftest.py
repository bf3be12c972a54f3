"""A small T5 that retrieves, its corpus, and both in one hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from genir import GenIR
from genir.corpora.beir import write_beir
from tests.models import other, tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other.write_dsi(tmp_path_factory.mktemp("api") / "mine", "T5 v1.1, Flan-T5", steps=60)


@pytest.fixture(scope="session")
def beir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "beir"
    write_beir(tiny.corpus(), path)
    return path


@pytest.fixture(scope="session")
def model(folder: Path, beir: Path) -> GenIR:
    return GenIR(folder, beir, device="cpu")
