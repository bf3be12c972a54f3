"""Folders that are expensive to make and are served whole or not at all: models, and evidence computed from them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genir.errors import GenirError

MANIFEST = "manifest.json"


def digest(content: Mapping[str, Any]) -> str:
    """A short, stable key of JSON-serialisable content: 16 hex digits of its SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def obtain(
    root: Path,
    name: str,
    content: Mapping[str, Any],
    build: Callable[[Path, Path], None],
    wait: float = 7_200,
) -> Path:
    """The folder ``root/name-key``, built at most once whoever asks, and verified before it is served.

    ``content`` is what the folder is a function of; its digest is the key. ``build(target, scratch)`` fills ``target``;
    ``scratch`` outlives a killed build, so that training resumes from what it left there. The manifest, with the SHA-256 of
    every file, is written last and the folder renamed into place after it. A folder that fails verification is built again.
    Raises GenirError on a full disk or when another process holds the lock for ``wait`` seconds.
    """
    entry = f"{name}-{digest(content)}"
    final, work = root / entry, root / "partial" / entry
    if intact(final):
        return final
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "partial" / f"{entry}.lock", timeout=wait):
            if intact(final):
                return final
            _build(final, work, content, build)
    except Timeout:
        raise GenirError(
            f"expected {entry} within {wait:.0f} s, another process is still building it: wait for it or stop it"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(root).free / 1e6
            raise GenirError(
                f"expected room for {entry} in {root}, {free:.0f} MB are free: free space or use --cache"
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise GenirError(
                f"expected to write {entry} into {root}, it is read-only: choose a folder with --cache"
            ) from error
        raise
    return final


def _build(final: Path, work: Path, content: Mapping[str, Any], build: Callable[[Path, Path], None]) -> None:
    target, scratch = work / "target", work / "scratch"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    scratch.mkdir(exist_ok=True)
    build(target, scratch)
    files = {
        str(path.relative_to(target)): _sha256(path) for path in sorted(target.rglob("*")) if path.is_file()
    }
    manifest = target / MANIFEST
    manifest.write_text(json.dumps({"content": content, "files": files}, indent=1, default=str))
    _to_disk([*(target / name for name in files), manifest])
    shutil.rmtree(final, ignore_errors=True)
    os.replace(target, final)
    shutil.rmtree(work)


def intact(folder: Path) -> bool:
    """Whether ``folder`` holds exactly the files of its manifest, byte for byte."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
        return found == set(files) and all(_sha256(folder / name) == sha for name, sha in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_whole(path: Path, text: str) -> None:
    """Write a small text file so that a reader sees the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _to_disk(paths: list[Path]) -> None:
    """Have the kernel write the files out before the rename makes them visible: a crash must not serve empty files."""
    for path in paths:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
