"""BEIR folders: what is written is what is read, and every fault has its file and line."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genir.corpora.beir import read_beir, write_beir
from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError

HEADER = "query-id\tcorpus-id\tscore\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, three queries (one of them judged irrelevant only), train and test."""
    place = tmp_path / "tiny"
    (place / "qrels").mkdir(parents=True)
    (place / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Ant", "text": "An insect."}\n{"_id": "b", "text": "It flies."}\n'
    )
    (place / "queries.jsonl").write_text(
        '{"_id": "1", "text": "ants", "metadata": {"kind": "title"}}\n{"_id": "2", "text": "bees"}\n'
        '{"_id": "3", "text": "cows"}\n'
    )
    (place / "qrels" / "train.tsv").write_text(f"{HEADER}1\tb\t1\n1\ta\t2\n3\ta\t0\n3\tb\t-1\n")
    (place / "qrels" / "test.tsv").write_text(f"{HEADER}2\tb\t1\n")
    return place


EXPECTED = Corpus(
    "any",
    (Document("a", "Ant", "An insect."), Document("b", "", "It flies.")),
    train=(Query("1", "ants", ("b", "a"), "title"),),
    validation=(),
    test=(Query("2", "bees", ("b",)),),
)


def test_a_folder_is_read_as_it_stands(folder: Path) -> None:
    """Order of files, optional title, kind from metadata, no dev split, scores up to 0 not relevant."""
    corpus = read_beir(folder)
    assert corpus == EXPECTED
    assert corpus.name == "tiny"
    assert corpus.notes == {"queries_without_relevant_document": 1}
    assert read_beir(folder, "other").name == "other"


def test_gzip_bom_crlf_blank_lines_and_a_missing_header_change_nothing(folder: Path) -> None:
    """The tolerated variants read as the plain folder does."""
    plain = (folder / "corpus.jsonl").read_bytes()
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(plain))
    queries = (folder / "queries.jsonl").read_text()
    (folder / "queries.jsonl").write_bytes(b"\xef\xbb\xbf" + queries.replace("\n", "\r\n\r\n").encode())
    train = (folder / "qrels" / "train.tsv").read_text().removeprefix(HEADER)
    (folder / "qrels" / "train.tsv").write_bytes(train.replace("\n", "\r\n").encode())
    test = (folder / "qrels" / "test.tsv").read_bytes()
    (folder / "qrels" / "test.tsv").unlink()
    (folder / "qrels" / "test.tsv.gz").write_bytes(gzip.compress(test))
    assert read_beir(folder) == EXPECTED


def _append(name: str, data: bytes) -> Callable[[Path], object]:
    def append(folder: Path) -> None:
        with (folder / name).open("ab") as stream:
            stream.write(data)

    return append


def _no_qrels(folder: Path) -> None:
    for file in (folder / "qrels").iterdir():
        file.unlink()


def _damaged(folder: Path) -> None:
    data = (folder / "corpus.jsonl").read_bytes()
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(data)[:-12])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (_append("corpus.jsonl", b"{no json\n"), r"a JSON object, got '\{no json' in .*corpus.jsonl:3"),
        (_append("corpus.jsonl", b"[1]\n"), r"a JSON object, got '\[1\]' in .*corpus.jsonl:3"),
        (_append("corpus.jsonl", b'{"_id": "c"}\n'), r'a string as "text", got .null. in .*corpus.jsonl:3'),
        (
            _append("corpus.jsonl", b'{"_id": 7, "text": "x"}\n'),
            r'a string as "_id", got .7. in .*corpus.jsonl:3',
        ),
        (
            _append("corpus.jsonl", b'{"_id": "", "text": "x"}\n'),
            r"an id, got an empty one in .*corpus.jsonl:3",
        ),
        (_append("corpus.jsonl", b'{"_id": "a", "text": "x"}\n'), r"once, got 'a' again in .*corpus.jsonl:3"),
        (_append("corpus.jsonl", b"\xff\xfe\n"), r"UTF-8, got other bytes in .*corpus.jsonl:3"),
        (
            _append("queries.jsonl", b'{"_id": "4", "text": " "}\n'),
            r"query '4', got none in .*queries.jsonl:4",
        ),
        (
            _append("queries.jsonl", b'{"_id": "1", "text": "x"}\n'),
            r"once, got '1' again in .*queries.jsonl:4",
        ),
        (_append("qrels/train.tsv", b"9\ta\t1\n"), r"a query of queries.jsonl, got '9' in .*train.tsv:6"),
        (_append("qrels/train.tsv", b"1\tz\t1\n"), r"a document of corpus.jsonl, got 'z' in .*train.tsv:6"),
        (_append("qrels/train.tsv", b"1\ta\n"), r"between tabs, got .* in .*train.tsv:6"),
        (_append("qrels/train.tsv", b"1\ta\tyes\n"), r"between tabs, got .* in .*train.tsv:6"),
        (_append("qrels/train.tsv", b"1\ta\tnan\n"), r"between tabs, got .* in .*train.tsv:6"),
        (
            _append("qrels/test.tsv", b"1\ta\t1\n"),
            r"unique query ids of tiny, in and between its splits, got '1'",
        ),
        (_no_qrels, r"a score above 0 in .*qrels, got none: add train.tsv"),
        (
            lambda folder: (folder / "corpus.jsonl").unlink(),
            r"corpus.jsonl or corpus.jsonl.gz in .*got neither",
        ),
        (_damaged, r"a whole gzip file, got a damaged one in .*corpus.jsonl.gz"),
    ],
)
def test_a_fault_is_one_line_with_its_place(folder: Path, break_it: Callable[[Path], object], message: str) -> None:
    """Each fault is reported with file and line."""
    break_it(folder)
    with pytest.raises(GenirError, match=message) as refusal:
        read_beir(folder)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A path without a folder gets its own message."""
    with pytest.raises(GenirError, match=r"expected a BEIR folder, got .*absent, which is no folder"):
        read_beir(tmp_path / "absent")


ids = st.text(st.characters(exclude_characters="\t\n\r\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=6)
texts = st.text(max_size=20)
filled = texts.filter(lambda text: bool(text.strip()))


@st.composite
def corpora(draw: st.DrawFn) -> Corpus:
    """Any corpus that a folder can hold."""
    names = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    documents = tuple(Document(name, draw(texts), draw(texts)) for name in names)
    relevant = st.lists(st.sampled_from(names), min_size=1, unique=True).map(tuple)
    queries = [
        Query(name, draw(filled), draw(relevant), draw(texts))
        for name in draw(st.lists(ids, min_size=1, max_size=5, unique=True))
    ]
    low, high = sorted(draw(st.tuples(*[st.integers(0, len(queries))] * 2)))
    return Corpus("x", documents, tuple(queries[:low]), tuple(queries[low:high]), tuple(queries[high:]))


@settings(max_examples=150, deadline=None)
@given(corpora())
def test_what_is_written_is_what_is_read(corpus: Corpus) -> None:
    """Documents, queries, kinds, order and splits survive the round trip exactly."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "new" / "corpus"
        write_beir(corpus, folder)
        again = read_beir(folder)
        assert again == corpus
        assert again.fingerprint == corpus.fingerprint
        assert [path.name for path in folder.parent.iterdir()] == ["corpus"]


def test_a_folder_with_files_is_never_overwritten(folder: Path) -> None:
    """Writing refuses a folder that holds something, and leaves it as it was."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(GenirError, match=r"expected a new or empty folder to write to, got .*tiny"):
        write_beir(EXPECTED, folder)
    assert sorted(folder.rglob("*")) == before


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure on the last step removes the partial folder."""

    def refuse(source: object, target: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_beir(EXPECTED, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (Corpus("x", EXPECTED.documents, (), (), ()), "expected queries in x to write qrels from, got none"),
        (Corpus("x", EXPECTED.documents, (Query("q\t1", "t", ("a",)),), (), ()), r"can hold, got 'q\\t1'"),
        (
            Corpus("x", EXPECTED.documents, (Query("\ud800", "t", ("a",)),), (), ()),
            r"can hold, got '\\ud800'",
        ),
    ],
)
def test_what_no_folder_can_hold_is_refused(corpus: Corpus, message: str, tmp_path: Path) -> None:
    """Neither a corpus without queries nor an id with a tab is written."""
    with pytest.raises(GenirError, match=message):
        write_beir(corpus, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_real_questions_are_read() -> None:
    """The folder in GENIR_REALQ has 10,000 documents and 13,265 queries, every one of them judged."""
    place = os.environ.get("GENIR_REALQ")
    if not place:
        pytest.skip("GENIR_REALQ names no folder with realq_wiki")
    corpus = read_beir(place)
    assert len(corpus.documents) == 10_000
    assert sum(1 for _ in corpus.queries) == 13_265
    assert corpus.notes["queries_without_relevant_document"] == 0
