"""One record for a run of the benchmarks, written where ``--speed`` says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.benchmarks.record import Record, markdown, plot
from tests.benchmarks.subjects import SIZES


def pytest_addoption(parser):
    parser.addoption(
        "--speed", metavar="FOLDER", help="write speed.md and speed.svg into FOLDER, if every size was measured"
    )


@pytest.fixture(scope="session")
def record(request):
    found = Record()
    yield found
    folder = request.config.getoption("--speed")
    # A part of the benchmarks writes no page.
    if folder and found.engine.keys() == SIZES.keys():
        Path(folder, "speed.md").write_text(markdown(found))
        plot(found, Path(folder, "speed.svg"))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cache():
    return Path(os.environ.get("GENIR_CACHE", ".genir"))
