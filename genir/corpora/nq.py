"""Natural Questions (Kwiatkowski et al., 2019), from its own files: JSON lines, an example a line, streamed.

The simplified training file (v1.0-simplified_simplified-nq-train.jsonl.gz, 4.4 GB, 307,373 examples) has

- ``question_text``: what was typed into the search engine, lower case, no question mark;
- ``document_text``: the page as tokens between spaces, HTML tags among them, starting with "<title> - Wikipedia";
- ``document_url``: the page's address, "...index.php?title=Email_marketing&amp;oldid=814071202", the one place where
  the page's title stands;
- ``example_id``, ``long_answer_candidates``, ``annotations``: not read. An example that no annotator could answer
  counts as well: the search engine had put its page first.

The full files (v1.0/train, v1.0/dev, and nq-dev-all.jsonl.gz, which is of this form in the simplified release too)
have ``document_title``, and ``document_tokens`` in place of ``document_text``: ``{"token", "html_token", "start_byte",
"end_byte"}``. Both forms may stand in one file.

The text of a page is its words without tags, and without the heading that every page starts with (its title, twice,
and "Jump to: navigation, search"), which would be half of the 32 tokens that a model reads. Tables stay.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from genir.corpora.lines import Line, excerpt, records, string
from genir.corpora.pages import CHARACTERS, Asked, WikiPage, title_key
from genir.errors import GenirError

_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")
_LONG_REFERENCE = re.compile(
    r"&#[0-9]{9,};?"
)  # no character; beyond 4,300 digits Python would not even read the number
_HEADING = re.compile(r"^(.{1,250}?) - Wikipedia\s*")
_JUMP = re.compile(r"^(?:Jump to (?:: )?(?:navigation|search)\s*(?:, search\s*)?)+", re.IGNORECASE)
_HEAD = 8 * CHARACTERS  # characters of raw text that surely hold 1,000 of words, with all their tags


def read_nq(files: Iterable[Path]) -> Iterator[Asked]:
    """The questions of the files, each with its page; one example is held at a time.

    Raises GenirError, with file and line, for a line that is no JSON object, that lacks a field and whose address
    names no page.
    """
    for file in files:
        for line, record in records(file):
            question = string(line, record, "question_text")
            title = string(line, record, "document_title", "") or _title(line, string(line, record, "document_url"))
            yield Asked(question, (WikiPage(title, page_text(_raw(line, record))),))


def page_text(raw: str) -> str:
    """The words of a page: no tags, no heading, single spaces, ``CHARACTERS`` of them at most."""
    text = " ".join(html.unescape(_LONG_REFERENCE.sub(" ", _TAG.sub(" ", raw))).split())
    if heading := _HEADING.match(text):
        text = text[heading.end() :].removeprefix(heading[1]).lstrip()
    return _JUMP.sub("", text)[:CHARACTERS].strip()


def words_of(tokens: Iterable[Mapping[str, Any]]) -> str:
    """The text of the full format: its first tokens that are no HTML."""
    plain = (str(token.get("token", "")) for token in tokens if not token.get("html_token"))
    return " ".join(islice(plain, CHARACTERS))


def _raw(line: Line, record: dict[str, Any]) -> str:
    tokens = record.get("document_tokens")
    if isinstance(tokens, list) and all(isinstance(token, dict) for token in tokens):
        return words_of(tokens)
    return string(line, record, "document_text")[:_HEAD]


def _title(line: Line, url: str) -> str:
    """The page's title in its address: "title=..." of index.php, or what follows "/wiki/"."""
    try:
        parts = urlsplit(html.unescape(url))
        named = parse_qs(parts.query).get("title") or [unquote(parts.path.partition("/wiki/")[2])]
    except ValueError:  # of an address that is none
        named = [""]
    if not title_key(named[0]):
        raise GenirError(f"expected a title in the address of a page, got {excerpt(url)} in {line}: mend the line")
    return named[0]
