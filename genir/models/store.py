"""Folders that are expensive to make and are served whole or not at all: models, and evidence computed from them."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genir.errors import GenirError

MANIFEST = "manifest.json"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}


def digest(content: Mapping[str, Any]) -> str:
    """A short, stable key of JSON-serialisable content: 16 hex digits of its SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
    Raises GenirError on a full disk, where ``root`` cannot be written to, or when another process holds the lock for
    ``wait`` seconds.
    """
    entry = f"{name}-{digest(content)}"
    final, work = root / entry, root / "partial" / entry
    if intact(final) and not work.exists():
        return final
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "partial" / f"{entry}.lock", timeout=wait):
            if not intact(final):
                _build(final, work, content, build)
            shutil.rmtree(work, ignore_errors=True)  # also what a process left that was killed right here
    except Timeout:
        raise GenirError(
            f"expected {entry} within {wait:.0f} s, another process is still building it: wait for it or stop it"
        ) from None
    except GenirError:
        raise
    except Exception as error:
        if intact(final):  # on a disk that cannot be written to, only the clearing up failed
            return final
        reason = _refusal(error, root)
        if reason in FULL:
            raise GenirError(
                f"expected room for {entry} in {root}, {_free(root) / 1e6:.0f} MB are free: free space or use --cache"
            ) from error
        if reason in UNWRITABLE:
            raise GenirError(
                f"expected to write {entry} into {root}, got '{os.strerror(reason)}': choose a folder with --cache"
            ) from error
        raise
    return final


def _build(final: Path, work: Path, content: Mapping[str, Any], build: Callable[[Path, Path], None]) -> None:
    target, scratch = work / "target", work / "scratch"
    _remove(target)
    target.mkdir(parents=True)
    scratch.mkdir(exist_ok=True)
    try:
        build(target, scratch)
        files = {name: file_digest(target / name) for name in sorted(_names(target))}
        manifest = target / MANIFEST
        manifest.write_text(json.dumps({"content": content, "files": files}, indent=1, default=str))
        _to_disk([*(target / name for name in files), manifest, target])
    except Exception:
        _remove(target)  # on a full disk the space is needed
        raise
    _remove(final)
    os.replace(target, final)


def intact(folder: Path) -> bool:
    """Whether ``folder`` holds exactly the files of its manifest, byte for byte, and is named after the manifest's content."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = manifest["files"]
        return (
            folder.name.endswith(f"-{digest(manifest['content'])}")
            and set(_names(folder)) == {*files, MANIFEST}
            and all(file_digest(folder / name) == sha for name, sha in files.items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def write_whole(path: Path, text: str) -> None:
    """Write a small text file so that a reader sees the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def telling(scratch: Path) -> Callable[[Mapping[str, Any]], None]:
    """What a build says how far it is with: once a second at most, ``progress.json`` beside ``scratch`` holds what it was told."""
    told = -math.inf

    def tell(job: Mapping[str, Any]) -> None:
        nonlocal told
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            write_whole(scratch.parent / "progress.json", json.dumps(job))

    return tell


def _names(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _remove(path: Path) -> None:
    """Remove a folder, or the file that stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _refusal(error: BaseException | None, root: Path) -> int:
    """The errno of the write under ``root`` that the system refused, wherever it stands in the chain of causes; otherwise 0.

    A full disk names no file, and safetensors reports it in words: "I/O error: No space left on device (os error 28)".
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            inside = error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(root)
            if error.errno in FULL or (error.errno in UNWRITABLE and inside):
                return error.errno
        elif type(error).__module__.startswith("safetensors"):
            return next((number for number in FULL if f"(os error {number})" in str(error)), 0)
        error = error.__cause__ or error.__context__
    return 0


def _free(path: Path) -> int:
    """Free bytes on the disk that holds ``path``, or would hold it."""
    return shutil.disk_usage(next(folder for folder in (path, *path.absolute().parents) if folder.exists())).free


def _to_disk(paths: list[Path]) -> None:
    """Have the kernel write files and folder out before the rename makes them visible: a crash must not serve empty files."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
