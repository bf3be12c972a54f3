"""Generated queries from files of two forms, and what of them is trained on."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from genir.corpora.generated import read_generated, with_generated
from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError

CORPUS = Corpus(
    "two",
    (Document("a", "A", "x"), Document("b", "B", "y")),
    train=(Query("t", "asked", ("a",)),),
    validation=(Query("v", "Held out", ("b",)),),
    test=(),
)
EXPECTED = {"a": ("what is a", "who is a"), "b": ("what is b",)}


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    lines = '{"_id": "a", "queries": ["what is a", "who is a"]}\n{"_id": "b", "queries": ["what is b"]}\n'
    (tmp_path / "q.jsonl").write_text(lines)
    (tmp_path / "q.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "q.tsv").write_text("a\twhat is a\nb\twhat is b\na\twho is a\n")
    for name in ("q.jsonl", "q.jsonl.gz", "q.tsv"):
        assert read_generated(tmp_path / name) == EXPECTED


def test_generated_queries_join_the_asked_ones() -> None:
    found = with_generated(CORPUS, EXPECTED)
    assert found.train[0] == CORPUS.train[0]
    assert [(q.id, q.text, q.relevant, q.kind) for q in found.train[1:]] == [
        ("a/generated-0", "what is a", ("a",), "generated"),
        ("a/generated-1", "who is a", ("a",), "generated"),
        ("b/generated-0", "what is b", ("b",), "generated"),
    ]
    assert (found.validation, found.test) == (CORPUS.validation, CORPUS.test)
    assert found.notes == {"asked_training_queries": 1, "generated_training_queries": 3}


def test_empty_repeated_and_held_out_ones_are_left_out() -> None:
    found = with_generated(CORPUS, {"a": (" ", "one  two", "One two"), "b": ("HELD OUT", "other")})
    assert [query.text for query in found.train[1:]] == ["One two", "other"]


@pytest.mark.parametrize(
    ("generated", "message"),
    [
        ({"a": ("x",)}, "expected generated queries of every document of two, got none of 'b': generate more"),
        ({"a": ("x",), "b": ("held out", "")}, "expected generated queries of every document of two, got none of 'b'"),
        ({**EXPECTED, "c": ("x",)}, "expected queries of documents of two, got 'c': were they generated for another c"),
    ],
)
def test_a_document_too_few_or_too_many_is_one_line(generated: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(GenirError, match=f"^{message}"):
        with_generated(CORPUS, generated)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("q.tsv", "no tab", "expected a docid, a tab and a query, got 'no tab' in .*q.tsv:2: mend the line"),
        ("q.tsv", "a\tb\tc", r"expected a docid, a tab and a query, got .* in .*q.tsv:2"),
        ("q.jsonl", "[]", r"expected a JSON object, got '\[\]' in .*q.jsonl:2"),
        ("q.jsonl", '{"_id": "a", "queries": "x"}', 'expected a list of strings as "queries", got another in .*:2: m'),
        ("q.jsonl", '{"_id": 1, "queries": ["x"]}', 'expected a string as "_id", got .1. in .*q.jsonl:2: mend the l'),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, name: str, line: str, message: str) -> None:
    first = "a\tfine" if name.endswith("tsv") else '{"_id": "a", "queries": ["fine"]}'
    (tmp_path / name).write_text(f"{first}\n{line}\n")
    with pytest.raises(GenirError, match=f"^{message}"):
        read_generated(tmp_path / name)
