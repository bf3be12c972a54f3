"""Corpora from hostile files: refused in a line, or read as another reader would read them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.corpora.beir import read_beir, write_beir
from genir.corpora.generated import read_generated, with_generated
from genir.corpora.nq import read_nq
from genir.corpora.pages import CHARACTERS, Asked, page_corpus
from genir.corpora.records import Corpus
from genir.corpora.trivia import read_trivia
from tests.fuzz.hostile import ROUND, changed, damaged, files, texts, tried, zipped

DOCUMENTS = [{"_id": "a", "title": "Ant", "text": "An insect."}, {"_id": "b", "text": "Two \u05d0 <b>bees</b>."}]
QUERIES = [{"_id": "1", "text": "ants", "metadata": {"kind": "title"}}, {"_id": "2", "text": "bees"}]
HEADER = "query-id\tcorpus-id\tscore\n"
QRELS = f"{HEADER}1\ta\t1\n2\tb\t1\n1\tb\t0\n"
GENERATED = [{"_id": "a", "queries": ["what is an ant", "ants?"]}, {"_id": "b", "queries": ["bees"]}]
NQ = {
    "question_text": "what is an ant",
    "document_url": "https://en.wikipedia.org//w/index.php?title=Ant&amp;oldid=1",
    "document_text": "Ant - Wikipedia <H1> Ant </H1> <P> An insect . </P>",
}
NQ_FULL = {
    "question_text": "what is a bee",
    "document_title": "Bee",
    "document_url": "https://en.wikipedia.org/wiki/Bee",
    "document_tokens": [{"token": "<P>", "html_token": True}, {"token": "Flies", "html_token": False}],
}
TRIVIA = {
    "Data": [{"Question": "Which?", "QuestionId": "tc_1", "EntityPages": [{"Filename": "a.txt", "Title": "A page"}]}]
}


def lines_of(records: list[object]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def hostile_lines(records: list[object]) -> st.SearchStrategy[bytes]:
    """The lines of ``records`` damaged as bytes, or with one of them changed as JSON, in lines of any ending."""
    ends = st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n"])
    one = st.sampled_from(range(len(records)))
    written = [json.dumps(record).encode() for record in records]
    exchanged = one.flatmap(
        lambda i: st.tuples(changed(records[i]), ends).map(
            lambda new: new[1].join([*written[:i], new[0], *written[i + 1 :], b""])
        )
    )
    return files(lines_of(records), exchanged)


qrels = st.lists(
    st.tuples(st.one_of(st.just("1"), texts), st.sampled_from(["a", "b", "c"]), st.one_of(st.just("1"), texts)),
    max_size=4,
)
QREL_FILES = files(
    QRELS.encode(), qrels.map(lambda rows: "".join("\t".join(row) + "\n" for row in rows).encode("utf-8", "replace"))
)
BEIR = {
    "corpus.jsonl": hostile_lines(DOCUMENTS),
    "queries.jsonl": hostile_lines(QUERIES),
    "qrels/train.tsv": QREL_FILES,
}


def plain(data: bytes, name: str) -> list[str]:
    """The lines of a file as Python's own tools read them; only whole files get this far."""
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8-sig")
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", BEIR)
def test_a_beir_folder(tmp_path_factory: pytest.TempPathFactory, name: str, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("beir")
    (folder / "qrels").mkdir()
    whole = {"corpus.jsonl": lines_of(DOCUMENTS), "queries.jsonl": lines_of(QUERIES), "qrels/train.tsv": QRELS.encode()}
    for other, data in whole.items():
        if other != name:
            (folder / other).write_bytes(data)

    @ROUND
    @given(zipped(BEIR[name]) if suffix else BEIR[name])
    def hold(data: bytes) -> None:
        (folder / (name + suffix)).write_bytes(data)
        corpus = tried(lambda: read_beir(folder, "any"))
        if corpus is None:
            return
        found = plain(data, name + suffix)
        if name == "corpus.jsonl":
            assert [document.id for document in corpus.documents] == [json.loads(line)["_id"] for line in found]
            assert [document.text for document in corpus.documents] == [json.loads(line)["text"] for line in found]
        elif name == "queries.jsonl":
            asked = {json.loads(line)["_id"]: json.loads(line)["text"] for line in found}
            assert len(asked) == len(found)
            assert all(query.text == asked[query.id] for query in corpus.train)
        else:
            judged = {tuple(line.split("\t")) for line in found} - {tuple(HEADER.strip().split("\t"))}
            positive = {
                (query, document) for query, document, score in judged if query in ("1", "2") and float(score) > 0
            }
            assert {(query.id, document) for query in corpus.train for document in query.relevant} == positive
        survives(corpus, tmp_path_factory.mktemp("written"))

    hold()


def survives(corpus: Corpus, folder: Path) -> None:
    """What was accepted is written and read again as it was, where its ids fit a line of qrels."""

    ids = [*(document.id for document in corpus.documents), *(query.id for query in corpus.queries)]
    if not any(letter in id for id in ids for letter in "\t\n\r") and not any(id.startswith("\ufeff") for id in ids):
        write_beir(corpus, folder)
        assert read_beir(folder) == corpus
    assert len(corpus.fingerprint) == 64


@pytest.mark.parametrize("name", ["made.jsonl", "made.jsonl.gz", "made.tsv", "made.tsv.gz"])
def test_generated_queries(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("made")
    rows = st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), texts), max_size=4)
    tabbed = rows.map(lambda rows: "".join(f"{docid}\t{query}\n" for docid, query in rows).encode("utf-8", "replace"))
    content = hostile_lines(GENERATED) if "jsonl" in name else files(b"a\twhat is an ant\nb\tbees\n", tabbed)
    (folder / "corpus.jsonl").write_bytes(lines_of(DOCUMENTS))
    (folder / "queries.jsonl").write_bytes(lines_of(QUERIES))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "train.tsv").write_text(QRELS)
    corpus = read_beir(folder)

    @ROUND
    @given(zipped(content) if name.endswith(".gz") else content)
    def hold(data: bytes) -> None:
        (folder / name).write_bytes(data)
        generated = tried(lambda: read_generated(folder / name))
        if generated is None:
            return
        found = plain(data, name)
        if "jsonl" in name:
            assert sum(map(len, generated.values())) == sum(len(json.loads(line)["queries"]) for line in found)
        else:
            assert {(docid, query) for docid in generated for query in generated[docid]} == {
                tuple(line.split("\t")) for line in found
            }
        grown = tried(lambda: with_generated(corpus, generated))
        assert grown is None or {query.relevant[0] for query in grown.train if query.kind == "generated"} == {"a", "b"}

    hold()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_of_natural_questions(tmp_path_factory: pytest.TempPathFactory, suffix: str) -> None:
    file = tmp_path_factory.mktemp("nq") / f"nq.jsonl{suffix}"

    @ROUND
    @given(zipped(hostile_lines([NQ, NQ_FULL])) if suffix else hostile_lines([NQ, NQ_FULL]))
    def hold(data: bytes) -> None:
        file.write_bytes(data)
        asked = tried(lambda: list(read_nq([file])))
        if asked is not None:
            assert [one.question for one in asked] == [
                json.loads(line)["question_text"] for line in plain(data, file.name)
            ]
            is_a_corpus(asked)

    hold()


def test_files_of_triviaqa(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("trivia")
    (folder / "secret.txt").write_text("secret")
    evidence = folder / "evidence"
    evidence.mkdir()
    (evidence / "a.txt").write_bytes("A page \u05d0\x00.\n\n".encode() + b"\xff")
    names = st.sampled_from(["../secret.txt", "a.txt\x00", "x" * 400, "/etc/passwd", "", ".", "a.txt/", "\ud800"])
    named = names.map(
        lambda name: json.dumps(
            {"Data": [TRIVIA["Data"][0] | {"EntityPages": [{"Filename": name, "Title": "A"}]}]}
        ).encode()
    )

    @ROUND
    @given(st.one_of(files(json.dumps(TRIVIA).encode(), changed(TRIVIA)), named))
    def hold(data: bytes) -> None:
        (folder / "questions.json").write_bytes(data)
        asked = tried(lambda: list(read_trivia([folder / "questions.json"], evidence)))
        if asked is not None:
            assert [one.question for one in asked] == [
                entry["Question"] for entry in json.loads(data.decode("utf-8-sig"))["Data"]
            ]
            assert not any("secret" in page.text for one in asked for page in one.pages)
            is_a_corpus(asked)

    hold()


def is_a_corpus(asked: list[Asked]) -> None:
    corpus = tried(lambda: page_corpus("any", asked, held_out=1))
    if corpus is not None:
        assert all(len(document.text) <= CHARACTERS and document.text.strip() for document in corpus.documents)
        assert 0 < sum(1 for _ in corpus.queries) <= len(asked)


@ROUND
@given(damaged(gzip.compress(lines_of(DOCUMENTS), 1, mtime=0)))
def test_gzip_that_was_damaged_as_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.jsonl.gz"
    file.write_bytes(data)
    found = tried(lambda: read_generated(file))
    assert found is None or found == {}
