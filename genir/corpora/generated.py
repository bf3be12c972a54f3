"""Queries that a model generated for each document, as training queries: what the QG variant reads in place of documents.

A file of them is JSON lines, ``{"_id": docid, "queries": [text, ...]}``, or tab-separated ``docid<TAB>query`` lines as
doc2query's tools write them, a document on as many lines as it has queries; plain or .gz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genir.corpora.lines import excerpt, lines, records, string
from genir.corpora.records import Corpus, Query, held_out_texts
from genir.errors import GenirError

GENERATED = "generated"


def read_generated(file: Path) -> dict[str, tuple[str, ...]]:
    """Document id -> its queries, in the order of the file; GenirError, with file and line, for a line of another form."""
    found: dict[str, list[str]] = {}
    if file.name.removesuffix(".gz").endswith((".jsonl", ".json")):
        for line, record in records(file):
            queries = record.get("queries")
            if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
                raise GenirError(f'expected a list of strings as "queries", got another in {line}: mend the line')
            found.setdefault(string(line, record, "_id"), []).extend(queries)
    else:
        for line, text in lines(file):
            docid, tab, query = text.partition("\t")
            if not tab or "\t" in query:
                raise GenirError(f"expected a docid, a tab and a query, got {excerpt(text)} in {line}: mend the line")
            found.setdefault(docid, []).append(query)
    return {docid: tuple(queries) for docid, queries in found.items()}


def with_generated(corpus: Corpus, generated: Mapping[str, Sequence[str]]) -> Corpus:
    """``corpus`` with the generated queries of each document behind its own training queries; ``notes`` count them.

    Empty ones, repetitions and those equal to a held-out query, case ignored, are left out. Raises GenirError for
    queries of a document that is none, and where a document is left without any: without an indexing stage the
    model would never see it.
    """
    known = {document.id for document in corpus.documents}
    if strangers := [docid for docid in generated if docid not in known]:
        raise GenirError(
            f"expected queries of documents of {corpus.name}, got {strangers[0]!r}: were they generated for another corpus?"
        )
    secret = held_out_texts(corpus.validation, corpus.test)
    made = []
    for document in corpus.documents:
        unlike = {" ".join(text.split()).casefold(): " ".join(text.split()) for text in generated.get(document.id, ())}
        usable = [text for key, text in unlike.items() if key and key not in secret]
        if not usable:
            raise GenirError(
                f"expected generated queries of every document of {corpus.name}, got none of {document.id!r}: generate more"
            )
        made += [
            Query(f"{document.id}/{GENERATED}-{i}", text, (document.id,), GENERATED) for i, text in enumerate(usable)
        ]
    notes = {**corpus.notes, "asked_training_queries": len(corpus.train), "generated_training_queries": len(made)}
    return replace(corpus, train=(*corpus.train, *made), notes=notes)
