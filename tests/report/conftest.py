"""The page of a small run, written once for all tests that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from genir.report.html import write_report
from tests.report.sample_run import write_run


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ledger, exhibits and the report made from them."""
    folder = write_run(tmp_path_factory.mktemp("report"))
    write_report(folder)
    return folder
