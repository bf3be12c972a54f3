"""From an original file to a model of it, on the command line: corpus, then train on another base."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir import __main__ as cli
from genir.corpora.beir import read_beir
from genir.models import catalogue, doc2query
from genir.models import obtain as obtaining
from genir.models.catalogue import CATALOGUE, Entry
from tests.models import tiny

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def nq(tmp_path: Path) -> Path:
    """Ten pages with three questions each, in the simplified form."""
    lines = [
        {
            "question_text": f"w{3 * page + kind} w{page}",
            "document_text": f"Page {page} - Wikipedia <P> w{page} w{page + 20} </P>",
            "document_url": f"https://en.wikipedia.org//w/index.php?title=Page_{page}&amp;oldid=1",
        }
        for page in range(10)
        for kind in range(3)
    ]
    path = tmp_path / "nq.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_folder_from_an_original_file(run: Run, nq: Path, tmp_path: Path) -> None:
    code, out, _ = run("corpus", "nq320k", "--from", nq, "--out", tmp_path / "beir")
    assert code == 0
    assert out.splitlines()[-2:] == [
        "nq320k: 10 documents; queries: 18 training, 6 validation, 6 test",
        str(tmp_path / "beir"),
    ]
    found = read_beir(tmp_path / "beir")
    assert [document.title for document in found.documents] == [f"Page {page}" for page in range(10)]
    assert found.documents[3].text == "w3 w23"


def test_the_qg_variant_from_a_file_and_from_a_model(
    run: Run, nq: Path, tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an indexing stage, on another base than the packaged one."""
    monkeypatch.setattr(doc2query, "QUERY_TOKENS", 4)
    run("corpus", "nq320k", "--from", nq, "--out", tmp_path / "beir")
    (tmp_path / "made.tsv").write_text("".join(f"{page}\tw{page + 5} w{page}\n" for page in range(10)))
    again = ("corpus", "nq320k", "--from", tmp_path / "beir")
    code, out, _ = run(*again, "--queries", tmp_path / "made.tsv", "--out", tmp_path / "from-file")
    assert (code, "28 training, 6 validation" in out) == (0, True)
    code, out, _ = run(*again, "--doc2query", tiny_base, "--each", 2, "--out", tmp_path / "from-model")
    assert code == 0
    assert 28 <= len(read_beir(tmp_path / "from-model").train) <= 38

    def packaged(cache: Path) -> Path:
        raise AssertionError("the packaged base was asked for")

    monkeypatch.setattr(obtaining, "obtain_base", packaged)
    monkeypatch.setitem(catalogue.CATALOGUE, "qg", Entry(None, replace(tiny.RECIPE, name="qg", indexing_ratio=0.0)))
    code, out, err = run(
        "train", "qg", "--corpus", tmp_path / "beir", "--base", tiny_base, "--cache", tmp_path / "cache"
    )
    assert (code, out) == (2, "")
    assert re.match(
        r"expected a training query for each document, since qg indexes none, got none for 4, '\d' among them: generate",
        err.splitlines()[-1],
    )
    code, out, err = run(
        "train", "qg", "--corpus", tmp_path / "from-file", "--base", tiny_base, "--cache", tmp_path / "cache"
    )
    assert code == 0, err
    folder = Path(out.splitlines()[-1])
    content = json.loads((folder / "manifest.json").read_text())["content"]
    assert content["base"] == obtaining._identity(tiny_base)
    assert len((folder / "train.jsonl").read_text().splitlines()) == tiny.RECIPE.steps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope", "--from", "{nq}"), "expected one of the settings nq10k, nq100k, nq320k, triviaqa, got 'nope': check t"),
        (("nq10k", "--from", "{nq}"), "expected 10000 pages with questions for nq10k, got 10: name all files with --from"),
        (("nq320k", "--from", "/no/such"), "expected a file, got /no/such, which is none: check the path"),
        (("nq320k", "--from", "{nq}", "{folder}"), "expected files, or one BEIR folder, got .* among 2 sources: name one"),
        (("nq320k", "--from", "{nq}", "--each", "0"), "expected at least one query for each document, got --each 0: give"),
        (("nq320k", "--from", "{nq}", "--doc2query", "/no/such"), "expected a model folder or a hub id within reach, got"),
        (("triviaqa", "--from", "{nq}"), "expected TriviaQA's pages in .*wikipedia, got no such folder: name it with --ev"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line(run: Run, nq: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(
        "corpus", *(text.format(nq=nq, folder=tmp_path) for text in arguments), "--out", tmp_path / "beir"
    )
    assert (code, out) == (2, "")
    assert re.match(message, err.splitlines()[-1]), err
    assert not (tmp_path / "beir").exists()


def test_a_folder_with_files_in_it_is_refused_before_anything_is_read(run: Run, nq: Path, tmp_path: Path) -> None:
    code, _, err = run("corpus", "nq320k", "--from", "/no/such", "--out", tmp_path)
    assert (code, err.startswith(f"expected a new or empty folder to write to, got {tmp_path}")) == (2, True)


@given(st.sampled_from(["nq10k", "nq100k", "nq320k", "triviaqa", "triviaqa-qg"]))
def test_the_papers_settings_are_recipes_on_t5_large(name: str) -> None:
    found = CATALOGUE[name]
    assert (found.corpus, found.base, found.recipe.name) == (None, "google-t5/t5-large", name)
    assert (found.recipe.max_length, found.recipe.indexing_ratio) == (32, 0 if name.endswith("qg") else 32)
