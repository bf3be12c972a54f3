"""Text files read line by line, plain or .gz, so that every fault has its file and line.

Lines are UTF-8; a byte order mark, CRLF and empty lines are tolerated. Nothing is held but the line at hand.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from genir import strict_json
from genir.errors import GenirError


class Line(NamedTuple):
    """A place in a file, printed as file:line."""

    file: Path
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def lines(file: Path) -> Iterator[tuple[Line, str]]:
    """The non-empty lines of a plain or gzipped file; only a line feed ends one.

    Raises GenirError for a file that is missing, for bytes that are no UTF-8 and for a damaged gzip file.
    """
    number = 0
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield Line(file, number), text
    except UnicodeDecodeError:
        raise GenirError(f"expected UTF-8, got other bytes in {Line(file, number)}: convert the file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise GenirError(f"expected a whole gzip file, got a damaged one in {file}: fetch it again") from None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise GenirError(f"expected a file, got {file}, which is none: check the path") from None
    except OSError as error:
        raise GenirError(f"expected to read {file}, got '{error.strerror}': check the path and its rights") from None


def records(file: Path) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The JSON objects of a file that holds one a line; GenirError, with file and line, for a line that is none."""
    for line, text in lines(file):
        try:
            record = strict_json.loads(text)
        except json.JSONDecodeError:
            record = None
        except ValueError as error:
            raise GenirError(f"expected JSON that all read alike, got {error} in {line}: mend the line") from None
        if not isinstance(record, dict):
            raise GenirError(f"expected a JSON object, got {excerpt(text)} in {line}: mend the line")
        yield line, record


def string(line: object, record: dict[str, Any], key: str, default: str | None = None) -> str:
    """The string ``record[key]``; GenirError, with the place ``line``, for anything else."""
    value = record.get(key, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise GenirError(
            f'expected a string as "{key}", got {excerpt(json.dumps(value, default=repr))} in {line}: mend the line'
        )
    return value


def excerpt(text: str) -> str:
    """The first 40 characters of ``text``, quoted, for a message."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
