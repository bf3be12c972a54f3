"""The page in a real browser: it renders, nothing errs, nothing is fetched, nothing sticks out on a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from genir.report.html import PAGE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to look at the page with")

Browse = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """``browse(path, *options)``: what Chromium says of a page."""

    def run(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
        quiet = ("--disable-background-networking", "--no-first-run", "--disable-gpu", "--hide-scrollbars")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        log = ("--enable-logging=stderr", "--v=0")
        command = [str(CHROMIUM), "--headless", "--no-sandbox", *quiet, *log, profile, *options, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return run


def console(run: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def test_an_error_on_a_page_would_be_seen(browse: Browse, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text("<!doctype html><title>x</title><script>undefinedFunction()</script>", encoding="utf-8")
    assert "undefinedFunction is not defined" in console(browse(page, "--dump-dom"))[0]


def test_the_page_renders_without_a_word_in_the_console(browse: Browse, written: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    run = browse(written / PAGE, f"--screenshot={picture}", "--window-size=1280,3000")
    assert console(run) == []
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (3000, 1280)
    ground = pixels[5, 5]
    painted = np.abs(pixels - ground).max(axis=-1) > 0.2
    assert 0.01 < painted.mean() < 0.5  # text and drawings, neither blank nor black
    assert painted.reshape(10, 300, 1280).any(axis=(1, 2)).all()  # from top to bottom


def test_the_filter_appears_and_counts(browse: Browse, written: Path) -> None:
    run = browse(written / PAGE, "--dump-dom")
    assert console(run) == []
    form = re.search(r'<form id="filter"[^>]*>', run.stdout)
    assert form is not None
    assert "hidden" not in form[0]
    assert re.search(r'id="shown">12 verdicts<', run.stdout)


def test_the_filter_leaves_what_was_asked_for(browse: Browse, written: Path, tmp_path: Path) -> None:
    framed = """
      const form = page.getElementById("filter");
      const shown = () => [...page.querySelectorAll(".verdicts tbody tr")].filter((row) => row.offsetParent).length;
      const told = [shown()];
      form.elements.text.value = "STAGE i vital600";
      form.dispatchEvent(new Event("input"));
      told.push(shown());
      form.querySelector("[value=contradicted]").checked = false;
      form.dispatchEvent(new Event("input"));
      told.push(shown(), page.getElementById("shown").textContent);
      document.title = told.join("; ");
    """
    # "Stage I" stands in the sentences of both MLP claims; the one about Stage III is contradicted
    assert titled(browse, written, tmp_path, framed, 1200) == "12; 2; 1; 1 of 12 verdicts"


@pytest.mark.parametrize("width", [320, 375, 768])
def test_nothing_sticks_out(browse: Browse, written: Path, tmp_path: Path, width: int) -> None:
    framed = """
      for (const details of page.querySelectorAll("details")) details.open = true;
      document.title = page.documentElement.scrollWidth;
    """
    assert int(titled(browse, written, tmp_path, framed, width)) <= width


def test_it_prints_on_paper(browse: Browse, written: Path, tmp_path: Path) -> None:
    paper = tmp_path / "page.pdf"
    browse(written / PAGE, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box is not None
    assert [float(side) for side in box.groups()] == pytest.approx([595, 842], abs=2)  # A4 in points


def titled(browse: Browse, written: Path, tmp_path: Path, script: str, width: int) -> str:
    """The title that ``script`` sets after looking into the page in a frame of ``width``; a window has a least width."""
    harness = tmp_path / "frame.html"
    harness.write_text(
        f"""<!doctype html><title>none</title>
        <iframe src="{(written / PAGE).as_uri()}" style="width:{width}px;height:800px;border:0"></iframe>
        <script>
        const frame = document.querySelector("iframe");
        frame.addEventListener("load", () => {{ const page = frame.contentDocument; {script} }});
        </script>""",
        encoding="utf-8",
    )
    run = browse(harness, "--dump-dom", "--allow-file-access-from-files", "--virtual-time-budget=5000")
    found = re.search(r"<title>(.*?)</title>", run.stdout)
    assert found is not None
    return found[1]
