"""Natural Questions in its two original forms, as hand-made lines of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genir.corpora.nq import page_text, read_nq
from genir.corpora.pages import CHARACTERS, Asked, WikiPage
from genir.errors import GenirError

TEXT = (
    "Email marketing - Wikipedia <H1> Email marketing </H1> Jump to : navigation , search <Table> <Tr> <Td> A &amp; B "
    "</Td> </Tr> </Table> <P> Email marketing is the act of sending a < 5 message . </P>"
)
WORDS = "A & B Email marketing is the act of sending a < 5 message ."
SIMPLIFIED: dict[str, Any] = {
    "annotations": [
        {
            "yes_no_answer": "NONE",
            "long_answer": {"start_token": 14, "candidate_index": 0, "end_token": 22},
            "short_answers": [],
            "annotation_id": 593165450220027640,
        }
    ],
    "document_text": TEXT,
    "long_answer_candidates": [{"start_token": 14, "top_level": True, "end_token": 22}],
    "question_text": "which is the most common use of opt-in e-mail marketing",
    "example_id": 5655493461695504401,
    "document_url": "https://en.wikipedia.org//w/index.php?title=Email_marketing&amp;oldid=814071202",
}
TRADE_WINDS = "Trade winds - Wikipedia <H1> Trade winds </H1> Jump to : navigation , search The trade winds ."
FULL: dict[str, Any] = {
    "document_html": "<!DOCTYPE html>",
    "document_title": "Trade winds",
    "document_url": "https://en.wikipedia.org//w/index.php?title=Trade_winds&amp;oldid=817251427",
    "document_tokens": [
        {"token": token, "html_token": token.startswith("<"), "start_byte": 0, "end_byte": 1}
        for token in TRADE_WINDS.split(" ")
    ],
    "question_text": "what purpose did seasonal monsoon winds have on trade",
    "question_tokens": ["what"],
    "example_id": 4549465242785278785,
    "annotations": [],
    "long_answer_candidates": [],
}


def write(path: Path, *records: object) -> Path:
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_the_simplified_form_is_read_from_its_text_and_address(tmp_path: Path) -> None:
    for name in ("train.jsonl", "train.jsonl.gz"):
        assert list(read_nq([write(tmp_path / name, SIMPLIFIED)])) == [
            Asked(SIMPLIFIED["question_text"], (WikiPage("Email_marketing", WORDS),))
        ]


def test_the_full_form_is_read_from_its_tokens_and_title(tmp_path: Path) -> None:
    both = write(tmp_path / "dev.jsonl", FULL, SIMPLIFIED)
    first, second = read_nq([both])
    assert first == Asked(FULL["question_text"], (WikiPage("Trade winds", "The trade winds ."),))
    assert second.pages[0].title == "Email_marketing"


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://en.wikipedia.org//w/index.php?title=Rock_%26_Roll_(EP)&amp;oldid=1", "Rock_&_Roll_(EP)"),
        ("https://en.wikipedia.org//w/index.php?title=Rock_%26_Roll_(EP)&oldid=1", "Rock_&_Roll_(EP)"),
        ("https://en.wikipedia.org/wiki/S%C3%A3o_Paulo", "São_Paulo"),
        ("https://en.wikipedia.org/wiki/AC/DC", "AC/DC"),
    ],
)
def test_a_title_is_found_in_its_address(tmp_path: Path, url: str, title: str) -> None:
    [found] = read_nq([write(tmp_path / "f.jsonl", SIMPLIFIED | {"document_url": url})])
    assert found.pages[0].title == title


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("Rome ( film ) - Wikipedia <H1> Rome ( film ) </H1> Jump to navigation Jump to search Rome is", "Rome is"),
        ("No heading at all", "No heading at all"),
        ("1 < 2 and <Ul> <Li> x </Li> </Ul> y > z", "1 < 2 and x y > z"),
        ('<Td colspan="2"> x </Td>', "x"),
        ("", ""),
    ],
)
def test_words_of_a_page_have_no_tags_and_no_heading(raw: str, words: str) -> None:
    assert page_text(raw) == words


def test_a_page_is_cut_to_1000_characters(tmp_path: Path) -> None:
    """However many tags stand before the words."""
    long = "<P> word </P> " * 3_000
    [found] = read_nq([write(tmp_path / "f.jsonl", SIMPLIFIED | {"document_text": long})])
    text = found.pages[0].text
    assert text == ("word " * 200).strip()
    assert CHARACTERS - 5 < len(text) <= CHARACTERS


def test_one_example_is_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is parsed when its question is asked for, not before."""
    parsed = 0
    load = json.loads

    def count(text: str, **hooks: Any) -> Any:
        nonlocal parsed
        parsed += 1
        return load(text, **hooks)

    monkeypatch.setattr(json, "loads", count)
    stream: Iterator[Asked] = read_nq([write(tmp_path / "f.jsonl", SIMPLIFIED, FULL, SIMPLIFIED)])
    for number in (1, 2, 3):
        next(stream)
        assert parsed == number


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"expected a JSON object, got '\{' in .*f.jsonl:2: mend the line"),
        ("[1]", r"expected a JSON object, got '\[1\]' in .*f.jsonl:2"),
        (json.dumps({**SIMPLIFIED, "question_text": None}), 'expected a string as "question_text", got .null. in .*:2: m'),
        (json.dumps({**SIMPLIFIED, "document_url": 5}), 'expected a string as "document_url", got .5. in .*f.jsonl:2'),
        (json.dumps({**SIMPLIFIED, "document_text": [1]}), 'expected a string as "document_text", got .* in .*f.jsonl:2'),
        (json.dumps({**SIMPLIFIED, "document_url": "https://en.wikipedia.org/"}), "expected a title in the address .*:2"),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "f.jsonl").write_text(json.dumps(SIMPLIFIED) + "\n" + line + "\n")
    with pytest.raises(GenirError, match=f"^{message}"):
        list(read_nq([tmp_path / "f.jsonl"]))


def test_a_damaged_archive_and_a_missing_file_are_one_line(tmp_path: Path) -> None:
    whole = write(tmp_path / "f.jsonl.gz", *[SIMPLIFIED] * 50).read_bytes()
    (tmp_path / "f.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        GenirError, match=r"^expected a whole gzip file, got a damaged one in .*f.jsonl.gz: fetch it ag"
    ):
        list(read_nq([tmp_path / "f.jsonl.gz"]))
    with pytest.raises(GenirError, match=r"^expected a file, got .*nope.jsonl, which is none: check the path$"):
        list(read_nq([tmp_path / "nope.jsonl"]))
