"""BEIR folders, read and written: corpus.jsonl, queries.jsonl, qrels/{train,dev,test}.tsv, each plain or .gz.

Lines are UTF-8; a byte order mark, CRLF and empty lines are tolerated. The header of a qrels file
("query-id corpus-id score") is optional: a first line without a query whose score is no number is one. A query's ``kind``
is in its metadata.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genir.corpora.lines import Line, excerpt, lines, records, string
from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError

SPLITS = ("train", "dev", "test")  # BEIR's names of train, validation and test
_UNFIT = re.compile("[\t\n\r\ud800-\udfff]|^\ufeff")  # separators, halves of a surrogate pair, byte order mark
_HEADER = "query-id\tcorpus-id\tscore\n"


def read_beir(folder: str | os.PathLike[str], name: str | None = None) -> Corpus:
    """The corpus in ``folder``, called ``name`` or like the folder.

    A document is relevant where one of its judgements has a score above 0; queries without a relevant
    document in any split are left out and counted in ``notes``. Queries stand in the order of the qrels
    file, documents in that of the corpus file. Raises GenirError, with file and line, on a missing file, a
    folder without a relevant judgement, text that is not UTF-8, a line that is no JSON object with "_id"
    and "text" or no judgement, a duplicate id, an empty query, and a judgement of an unknown query or
    document.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GenirError(f"expected a BEIR folder, got {folder}, which is no folder: give one with corpus.jsonl in it")
    documents: dict[str, Document] = {}
    for line, record in records(_file(folder, "corpus.jsonl")):
        id = _new_id(line, record, documents)
        documents[id] = Document(id, string(line, record, "title", ""), string(line, record, "text"))
    texts: dict[str, tuple[str, str]] = {}
    for line, record in records(_file(folder, "queries.jsonl")):
        id = _new_id(line, record, texts)
        text = string(line, record, "text")
        if not text.strip():
            raise GenirError(f"expected text in query {id!r}, got none in {line}: write it or remove the query")
        metadata = record.get("metadata")
        kind = metadata.get("kind") if isinstance(metadata, dict) else None
        texts[id] = (text, kind if isinstance(kind, str) else "query")

    splits = {split: _split(folder, split, documents, texts) for split in SPLITS}
    used = {query.id for queries in splits.values() for query in queries}
    if not used:
        raise GenirError(
            f"expected judgements with a score above 0 in {folder / 'qrels'}, got none: "
            "add train.tsv, dev.tsv or test.tsv"
        )
    notes: dict[str, int | str] = {"queries_without_relevant_document": len(texts) - len(used)}
    corpus_name = name or folder.resolve().name
    return Corpus(corpus_name, tuple(documents.values()), splits["train"], splits["dev"], splits["test"], notes)


def write_beir(corpus: Corpus, folder: str | os.PathLike[str]) -> None:
    """Write ``corpus`` to ``folder`` so that ``read_beir`` returns its equal; name and notes are not written.

    The folder appears whole or not at all. Raises GenirError where it exists with files in it, where the
    corpus has no queries (no reader could tell it from a broken folder) and where an id does not fit a line
    of qrels.
    """
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise GenirError(f"expected a new or empty folder to write to, got {folder}: choose another or empty it")
    if not any(True for _ in corpus.queries):
        raise GenirError(f"expected queries in {corpus.name} to write qrels from, got none: add some")
    for id in (*(document.id for document in corpus.documents), *(query.id for query in corpus.queries)):
        if _UNFIT.search(id):
            raise GenirError(f"expected ids that a line of qrels can hold, got {id!r}: rename it")

    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        partial.chmod(0o755)
        _write_lines(partial / "corpus.jsonl", (_document_line(document) for document in corpus.documents))
        _write_lines(partial / "queries.jsonl", (_query_line(query) for query in corpus.queries))
        (partial / "qrels").mkdir()
        for split, queries in zip(SPLITS, (corpus.train, corpus.validation, corpus.test), strict=True):
            judgements = (f"{query.id}\t{id}\t1\n" for query in queries for id in query.relevant)
            _write_lines(partial / "qrels" / f"{split}.tsv", (_HEADER, *judgements))
        os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _file(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    raise GenirError(f"expected {name} or {name}.gz in {folder}, got neither: a BEIR folder needs it")


def _new_id(line: Line, record: dict[str, Any], known: Iterable[str]) -> str:
    id = string(line, record, "_id")
    if not id:
        raise GenirError(f"expected an id, got an empty one in {line}: name it")
    if id in known:
        raise GenirError(f"expected ids that occur once, got {id!r} again in {line}: rename or remove one")
    return id


def _split(
    folder: Path, split: str, documents: dict[str, Document], texts: dict[str, tuple[str, str]]
) -> tuple[Query, ...]:
    """The queries of one split in the order of its qrels file; none where the split has no file."""
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file() and not path.with_name(f"{split}.tsv.gz").is_file():
        return ()
    relevant: dict[str, dict[str, None]] = {}
    first = True
    for line, text in lines(_file(folder / "qrels", f"{split}.tsv")):
        header, first = first, False
        fields = text.split("\t")
        score = _number(fields[2]) if len(fields) == 3 else None
        if header and score is None and len(fields) == 3 and fields[0] not in texts:
            continue
        if score is None:
            raise GenirError(f"expected query-id, corpus-id and score between tabs, got {excerpt(text)} in {line}")
        query, document = fields[:2]
        if query not in texts:
            raise GenirError(f"expected a query of queries.jsonl, got {query!r} in {line}: add it or remove the line")
        if document not in documents:
            raise GenirError(
                f"expected a document of corpus.jsonl, got {document!r} in {line}: add it or remove the line"
            )
        if score > 0:
            relevant.setdefault(query, {})[document] = None
    return tuple(Query(id, texts[id][0], tuple(found), texts[id][1]) for id, found in relevant.items())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _document_line(document: Document) -> str:
    return json.dumps({"_id": document.id, "title": document.title, "text": document.text}) + "\n"


def _query_line(query: Query) -> str:
    return json.dumps({"_id": query.id, "text": query.text, "metadata": {"kind": query.kind}}) + "\n"


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(lines)
