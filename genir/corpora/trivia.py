"""TriviaQA (Joshi et al., 2017), from its own files: question files of JSON, and a folder of pages as text.

A file of questions (triviaqa-rc.tar.gz: qa/wikipedia-train.json and wikipedia-dev.json) is one object whose ``Data`` is
a list of

- ``Question``: a sentence as trivia authors wrote it; ``QuestionId``: "tc_2", its name in messages;
- ``EntityPages``: Wikipedia pages of the things that the question names, each ``{"DocSource", "Filename", "Title"}``;
- ``Answer``, ``SearchResults`` and others: not read.

``Filename`` is a file of evidence/wikipedia, beside qa in the same archive: the page's text, paragraphs between empty
lines. The paper does not say which pages count. Here every entity page of a question is relevant for it: the rc files
list those that hold the answer. The unfiltered files have the same form but list pages that do not; take rc.

A file is read as a whole, as its format asks (0.2 GB on disk, 1.5 GB in memory); of a page no more than its start.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from genir import strict_json
from genir.corpora.lines import string
from genir.corpora.pages import CHARACTERS, Asked, WikiPage
from genir.errors import GenirError


def read_trivia(files: Iterable[Path], evidence: Path | None = None) -> Iterator[Asked]:
    """The questions of the files, each with its entity pages; ``evidence`` holds their texts.

    Without ``evidence`` it is the folder evidence/wikipedia beside the one that a file lies in, as the archive unpacks.
    A page without a file there is left out. Raises GenirError, with file and line or question, for a file that is no
    JSON or has no list ``Data``, for a question without its fields, and where no page of a file has its text.
    """
    for file in files:
        folder = evidence or file.resolve().parent.parent / "evidence" / "wikipedia"
        if not folder.is_dir():
            raise GenirError(f"expected TriviaQA's pages in {folder}, got no such folder: name it with --evidence")
        some = False
        for number, entry in enumerate(_data(file)):
            where = f"{file}, question {number}"
            if not isinstance(entry, dict):
                raise GenirError(f"expected an object as {where}, got {type(entry).__name__}: fetch the file again")
            where = f"{where} ({entry.get('QuestionId')})"
            pages = tuple(_pages(where, entry, folder))
            some = some or bool(pages)
            yield Asked(string(where, entry, "Question"), pages)
        if not some:
            raise GenirError(
                f"expected the pages of {file} in {folder}, got none of them: name their folder with --evidence"
            )


def _data(file: Path) -> list[Any]:
    try:
        whole = strict_json.loads(file.read_bytes())
    except OSError:
        raise GenirError(f"expected a file, got {file}, which is none: check the path") from None
    except json.JSONDecodeError as error:
        raise GenirError(f"expected JSON, got {error.msg} in {file}:{error.lineno}: fetch the file again") from None
    except UnicodeDecodeError:
        raise GenirError(f"expected UTF-8, got other bytes in {file}: fetch the file again") from None
    except ValueError as error:
        raise GenirError(f"expected JSON that all read alike, got {error} in {file}: fetch the file again") from None
    data = whole.get("Data") if isinstance(whole, dict) else None
    if not isinstance(data, list):
        raise GenirError(
            f'expected a list "Data" in {file}, got {type(data).__name__}: is it a file of TriviaQA\'s qa?'
        )
    return data


def _pages(where: str, entry: dict[str, Any], folder: Path) -> Iterator[WikiPage]:
    found = entry.get("EntityPages")
    if not isinstance(found, list) or not all(isinstance(page, dict) for page in found):
        raise GenirError(f'expected a list of objects as "EntityPages" in {where}, got {type(found).__name__}: mend it')
    for page in found:
        name = string(where, page, "Filename")
        title = string(where, page, "Title")
        path = folder / name
        try:
            inside, there = path.resolve().is_relative_to(folder.resolve()), path.is_file()
        except (ValueError, OSError):  # a name that no file can have
            inside, there = True, False
        if not inside:
            raise GenirError(f"expected a file inside {folder}, got {name!r} in {where}: mend it")
        if there:
            with path.open(encoding="utf-8", errors="replace") as stream:
                yield WikiPage(title, stream.read(2 * CHARACTERS))
