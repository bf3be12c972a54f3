"""TriviaQA as its archive unpacks: qa/*.json and evidence/wikipedia/*.txt, by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genir.corpora.pages import CHARACTERS, page_corpus
from genir.corpora.trivia import read_trivia
from genir.errors import GenirError


def entry(number: int, *pages: str) -> dict[str, Any]:
    return {
        "Answer": {"Aliases": ["Sunset Blvd"], "NormalizedAliases": ["sunset blvd"], "Type": "WikipediaEntity", "Value": "x"},
        "EntityPages": [{"DocSource": "TagMe", "Filename": f"{page}.txt", "Title": page.replace("_", " ")} for page in pages],
        "Question": f"Which film is number {number}?",
        "QuestionId": f"tc_{number}",
        "QuestionSource": "http://www.triviacountry.com/",
        "SearchResults": [{"DisplayUrl": "a.b", "Filename": "0/0_1.txt", "Rank": 0, "Title": "T", "Url": "http://a.b"}],
    }  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "qa").mkdir()
    (tmp_path / "evidence" / "wikipedia").mkdir(parents=True)
    for page in ("Sunset_Boulevard", "Andrew_Lloyd_Webber"):
        (tmp_path / "evidence" / "wikipedia" / f"{page}.txt").write_text(
            f"{page} is a page.\n\n" + "More of it. " * 300
        )
    data = {"Data": [entry(1, "Sunset_Boulevard", "Andrew_Lloyd_Webber"), entry(2, "Sunset_Boulevard", "Lost")]}
    path = tmp_path / "qa" / "wikipedia-train.json"
    path.write_text(json.dumps({**data, "Domain": "Wikipedia", "VerifiedEval": False, "Version": 1.0}, indent=4))
    return path


def test_every_entity_page_with_a_text_is_relevant(archive: Path) -> None:
    found = page_corpus("triviaqa", read_trivia([archive]), held_out=0)
    assert [(d.id, d.title) for d in found.documents] == [("0", "Sunset Boulevard"), ("1", "Andrew Lloyd Webber")]
    assert found.documents[0].text.startswith("Sunset_Boulevard is a page. More of it.")
    assert all(CHARACTERS - 2 <= len(document.text) <= CHARACTERS for document in found.documents)
    assert [(q.text, q.relevant) for q in found.train] == [
        ("Which film is number 1?", ("0", "1")),
        ("Which film is number 2?", ("0",)),
    ]


def test_pages_may_lie_elsewhere(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "evidence").rename(tmp_path / "other")
    with pytest.raises(
        GenirError, match=r"^expected TriviaQA's pages in .*evidence/wikipedia, got no such folder: name i"
    ):
        list(read_trivia([archive]))
    assert len(list(read_trivia([archive], tmp_path / "other" / "wikipedia"))) == 2
    with pytest.raises(
        GenirError, match=r"^expected the pages of .*train.json in .*qa, got none of them: name their fol"
    ):
        list(read_trivia([archive], tmp_path / "qa"))


def data(change: Callable[[list[Any]], object]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        whole = json.loads(path.read_text())
        change(whole["Data"])
        path.write_text(json.dumps(whole))

    return rewrite


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_text('{"Data": [\n1,\n}'), r"expected JSON, got .* in .*train.json:3: fetch the file again"),
        (lambda path: path.write_bytes(b'{"\xff": 1}'), "expected UTF-8, got other bytes in .*train.json: fetch the fi"),
        (lambda path: path.unlink(), "expected a file, got .*train.json, which is none: check the path"),
        (lambda path: path.write_text("[]"), 'expected a list "Data" in .*train.json, got NoneType: is it a file of Triv'),
        (data(lambda d: d.insert(1, 7)), "expected an object as .*train.json, question 1, got int: fetch the file again"),
        (data(lambda d: d[1].pop("Question")), r'expected a string as "Question", got .null. in .*question 1 \(tc_2\): me'),
        (data(lambda d: d[1].pop("EntityPages")), r'expected a list of objects as "EntityPages" in .*question 1 \(tc_2\)'),
        (data(lambda d: d[0]["EntityPages"][0].pop("Title")), r'expected a string as "Title", .* question 0 \(tc_1\): mend'),
        (
            data(lambda d: d[0]["EntityPages"][0].update(Filename="../../qa/wikipedia-train.json")),
            r"expected a file inside .*wikipedia, got '\.\./\.\./qa/wik.* in .*question 0 \(tc_1\): mend it",
        ),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named(archive: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(archive)
    with pytest.raises(GenirError, match=f"^{message}") as told:
        list(read_trivia([archive]))
    assert "\n" not in str(told.value)
