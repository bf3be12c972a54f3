"""The pages that benchmarks write: made at a tiny size, so that the command works where the device is."""

from __future__ import annotations

import re

import pytest
import torch

from tests.benchmarks.device import main
from tests.benchmarks.others import PEERS, SCRIPTS
from tests.benchmarks.record import Record, markdown, plot


def test_the_device_page_at_a_tiny_size(tmp_path):
    """Both precisions and sizes have a row, whose figures agree with one another."""
    target = tmp_path / "page.md"
    asked = ["--device", "cpu", "--shape", "tiny", "--documents", "20", "300", "--queries", "9", "--rounds", "1"]
    page = main([*asked, "--dtype", "bfloat16", "float32", "--out", str(target)])
    assert target.read_text() == page
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if re.match(r"\| [\d]", line)
    ]
    assert [(row[0], row[1]) for row in rows] == [
        ("20", "bfloat16"),
        ("20", "float32"),
        ("300", "bfloat16"),
        ("300", "float32"),
    ]
    assert all(float(row[2]) > 0 and float(row[6]) > 0 for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_a_missing_device_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "expected a CUDA device, there is none: --device cpu" in capsys.readouterr().err


def test_the_speed_page_holds_what_was_measured_and_says_what_was_not(tmp_path):
    record = Record(engine={"A": 0.2, "T": 0.05})
    record.slower("slow way", "T", 100.0)
    record.slower("slow way", "A", 240.0)
    record.slower("hooks", "A", 3.25)
    record.fact("growth of memory", "12 MB", "at most 40 MB more")
    page = markdown(record)
    assert "| way, times the engine | T | A |" in page
    assert "| engine | 50 ms | 200 ms |" in page
    assert "| hooks | not run | 3.2 |" in page
    assert page.index("| hooks |") < page.index("| slow way | 100.0 | 240.0 |")
    assert "| growth of memory | 12 MB | at most 40 MB more |" in page
    plot(record, tmp_path / "speed.svg")
    drawn = (tmp_path / "speed.svg").read_text()
    assert drawn.startswith("<?xml")


@pytest.mark.parametrize("peer", PEERS.values(), ids=lambda peer: peer.script)
def test_every_peer_has_its_script_and_requirements(peer):
    assert (SCRIPTS / peer.script).is_file()
    pinned = (SCRIPTS / f"{peer.environment}.txt").read_text().split()
    assert all("==" in line for line in pinned)
