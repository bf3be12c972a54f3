"""A corpus refuses what would make a measurement wrong, and its fingerprint sees what a model sees."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace

import pytest

from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError

DOCUMENTS = (Document("a", "Ant", "An insect."), Document("b", "Bee", "It flies."))
CORPUS = Corpus(
    "tiny",
    DOCUMENTS,
    train=(Query("q1", "what is an ant", ("a",)),),
    validation=(Query("q2", "what flies", ("b",), "sentence"),),
    test=(Query("q3", "insects", ("b", "a")),),
    notes={"dropped": 3},
)


def test_a_document_is_indexed_as_title_colon_text() -> None:
    """The indexed form is "title: text", and the bare text where there is no title."""
    assert DOCUMENTS[0].indexed == "Ant: An insect."
    assert Document("c", "", "Only text.").indexed == "Only text."


def test_queries_run_through_the_splits_in_order() -> None:
    """Train, validation, test."""
    assert [query.id for query in CORPUS.queries] == ["q1", "q2", "q3"]


def test_the_fingerprint_is_the_sha256_of_its_lines() -> None:
    """One JSON line per document and query, written out by hand."""
    lines = (
        '["document", "a", "Ant", "An insect."]\n["document", "b", "Bee", "It flies."]\n'
        '["train", "q1", "what is an ant", ["a"], "query"]\n'
        '["validation", "q2", "what flies", ["b"], "sentence"]\n'
        '["test", "q3", "insects", ["b", "a"], "query"]\n'
    )
    assert CORPUS.fingerprint == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        replace(CORPUS, documents=DOCUMENTS[::-1]),
        replace(CORPUS, documents=(replace(DOCUMENTS[0], text="An insect"), DOCUMENTS[1])),
        replace(CORPUS, train=CORPUS.validation, validation=CORPUS.train),
        replace(CORPUS, test=(replace(CORPUS.test[0], relevant=("a", "b")),)),
        replace(CORPUS, validation=(replace(CORPUS.validation[0], kind="query"),)),
    ],
    ids=["document order", "document text", "split", "order of relevance", "kind"],
)
def test_the_fingerprint_changes_with_the_data(other: Corpus) -> None:
    """Whatever a model could see moves the fingerprint."""
    assert other.fingerprint != CORPUS.fingerprint
    assert other != CORPUS


def test_name_and_notes_do_not_matter() -> None:
    """The same data under another name is the same data."""
    other = replace(CORPUS, name="other", notes={})
    assert other == CORPUS
    assert other.fingerprint == CORPUS.fingerprint


def test_a_corpus_travels_between_processes() -> None:
    """Pickling keeps data, notes and fingerprint."""
    copy = pickle.loads(pickle.dumps(CORPUS))
    assert copy == CORPUS
    assert copy.notes == {"dropped": 3}
    assert copy.fingerprint == CORPUS.fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"documents": ()}, "expected documents in the corpus tiny, got none"),
        ({"documents": (*DOCUMENTS, DOCUMENTS[0])}, "expected unique document ids of tiny, got 'a' twice"),
        (
            {"documents": (*DOCUMENTS, Document("", "", "x"))},
            "expected document ids of tiny, got an empty one",
        ),
        (
            {"test": CORPUS.train},
            "expected unique query ids of tiny, in and between its splits, got 'q1' twice",
        ),
        ({"train": (Query("q", " \n", ("a",)),)}, "expected text in query 'q' of tiny, got none"),
        ({"train": (Query("q", "x", ()),)}, "expected a relevant document for query 'q' of tiny, got none"),
        ({"train": (Query("q", "x", ("a", "a")),)}, r"query 'q' of tiny once, got \['a', 'a'\]"),
        ({"train": (Query("q", "x", ("z",)),)}, "its query 'q', got 'z', which is none"),
    ],
)
def test_a_bad_corpus_is_refused_in_one_line(changes: dict[str, tuple[object, ...]], message: str) -> None:
    """Every refusal names the corpus, what came and what to do."""
    with pytest.raises(GenirError, match=message) as refusal:
        replace(CORPUS, **changes)
    assert "\n" not in str(refusal.value)
    assert ": " in str(refusal.value)
