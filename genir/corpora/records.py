"""What a corpus is: documents, and queries with their relevant documents in three splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from genir.errors import GenirError


@dataclass(frozen=True)
class Document:
    """One retrievable text."""

    id: str
    title: str
    text: str

    @property
    def indexed(self) -> str:
        """What an index reads of the document: "title: text", or the text alone where there is no title."""
        return f"{self.title}: {self.text}" if self.title else self.text


@dataclass(frozen=True)
class Query:
    """One query, the ids of the documents that answer it, and how it came about (``kind``)."""

    id: str
    text: str
    relevant: tuple[str, ...]
    kind: str = "query"


@dataclass(frozen=True)
class Corpus:
    """Documents in docid order, and the queries of the three splits.

    ``notes`` says what a reader of results has to know about how the corpus was made (counts, exclusions);
    notes and name take part neither in equality nor in the fingerprint. Raises GenirError on a duplicate
    document id, on a query id that occurs twice in or between splits, on an empty id or query text, on a
    query without relevant documents, on a repeated relevant id and on one that names no document.
    """

    name: str = field(compare=False)
    documents: tuple[Document, ...]
    train: tuple[Query, ...]
    validation: tuple[Query, ...]
    test: tuple[Query, ...]
    notes: Mapping[str, int | str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        known = _unique((document.id for document in self.documents), f"document ids of {self.name}")
        if not known:
            raise GenirError(f"expected documents in the corpus {self.name}, got none: add some")
        _unique((query.id for query in self.queries), f"query ids of {self.name}, in and between its splits")
        for query in self.queries:
            if not query.text.strip():
                raise GenirError(f"expected text in query {query.id!r} of {self.name}, got none: remove it")
            if not query.relevant:
                raise GenirError(
                    f"expected a relevant document for query {query.id!r} of {self.name}, got none: remove it"
                )
            if len(set(query.relevant)) < len(query.relevant):
                raise GenirError(
                    f"expected each relevant document of query {query.id!r} of {self.name} once, "
                    f"got {list(query.relevant)}: remove the repetition"
                )
            for id in query.relevant:
                if id not in known:
                    raise GenirError(
                        f"expected documents of {self.name} to be relevant for its query {query.id!r}, "
                        f"got {id!r}, which is none: add the document or remove the judgement"
                    )

    @property
    def queries(self) -> Iterator[Query]:
        """The queries of all splits: train, validation, test."""
        yield from self.train
        yield from self.validation
        yield from self.test

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex of documents and queries in their order: equal when a model sees the same data."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(_line("document", document.id, document.title, document.text))
        for split, queries in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            for query in queries:
                digest.update(_line(split, query.id, query.text, list(query.relevant), query.kind))
        return digest.hexdigest()


def held_out_texts(*splits: Iterable[Query]) -> frozenset[str]:
    """The texts of held-out queries, case ignored: no query that is trained on may have one of them."""
    return frozenset(query.text.casefold() for split in splits for query in split)


def _line(*values: str | list[str]) -> bytes:
    # JSON keeps the borders between values, which a plain join would lose.
    return json.dumps(values).encode() + b"\n"


def _unique(ids: Iterable[str], what: str) -> set[str]:
    seen: set[str] = set()
    for id in ids:
        if not id:
            raise GenirError(f"expected {what}, got an empty one: name it")
        if id in seen:
            raise GenirError(f"expected unique {what}, got {id!r} twice: rename or remove one")
        seen.add(id)
    return seen
