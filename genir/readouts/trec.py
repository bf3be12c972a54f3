"""Runs and qrels in the formats of trec_eval, for whoever wants to check a figure with another tool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from genir.corpora.records import Query
from genir.errors import GenirError
from genir.models.store import write_whole


def write_run(path: Path, queries: Sequence[str], run: Sequence[Sequence[tuple[str, float]]], tag: str) -> None:
    """Write ``query Q0 document rank score tag`` lines; nine digits give back the same float32 score.

    trec_eval ignores the rank: it sorts by score, and ties by document id, descending. GenirError for an id with a space.
    """
    tag = "-".join(tag.split()) or "genir"
    _write(
        path,
        (
            f"{_word(query)} Q0 {_word(document)} {rank} {score:.9g} {tag}\n"
            for query, found in zip(queries, run, strict=True)
            for rank, (document, score) in enumerate(found, start=1)
        ),
    )


def write_qrels(path: Path, queries: Sequence[Query]) -> None:
    """Write ``query 0 document 1`` lines, one for each relevant document; GenirError for an id with a space."""
    _write(path, (f"{_word(query.id)} 0 {_word(docid)} 1\n" for query in queries for docid in query.relevant))


def _word(id: str) -> str:
    if len(id.split()) != 1 or id != id.strip():
        raise GenirError(f"expected ids without spaces for a TREC file, got {id!r}: rename it")
    return id


def _write(path: Path, lines: Iterable[str]) -> None:
    text = "".join(lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise GenirError(f"expected to write {path}, got '{error.strerror}': choose another file") from error
