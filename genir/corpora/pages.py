"""A corpus out of questions that people asked of Wikipedia pages, drawn and split as the paper's settings are.

Pages are told apart by their title; where a title comes twice, with another text, the first text stands. As the paper
says: 1,000 pages give their questions to validation, 1,000 others to test, and a document is the first 1,000
characters of its page. Where it says nothing:

- a title is compared after Unicode normalisation, with underscores as spaces and case kept: two pages of Wikipedia may
  differ in case alone;
- the pages of a smaller setting are drawn at random from all pages, not taken from the top of the file, whose order
  may mean something; a page keeps its docid, its number in order of appearance, in every setting;
- a question of several pages is held out as soon as one of its pages is, so that no question that is trained on has a
  held-out page; between test and validation, test wins; pages of it that were not drawn are left out;
- of equal questions (case ignored) of the same split one query is made, relevant for the pages of all; a training
  question that equals a held-out one is dropped and counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from genir.corpora.records import Corpus, Document, Query, held_out_texts
from genir.errors import GenirError

CHARACTERS = 1_000  # of a page that the paper keeps; the 32 tokens are cut at training
HELD_OUT_PAGES = 1_000  # for validation, and as many for test


class WikiPage(NamedTuple):
    """A page as a source gives it; ``text`` need not be longer than ``CHARACTERS``."""

    title: str
    text: str


class Asked(NamedTuple):
    """A question, and the pages that answer it."""

    question: str
    pages: tuple[WikiPage, ...]


def page_corpus(
    name: str, asked: Iterable[Asked], pages: int | None = None, held_out: int = HELD_OUT_PAGES, seed: int = 0
) -> Corpus:
    """The corpus of ``pages`` of the pages that are asked for, or of all of them, with the questions of these.

    ``asked`` is read once; of each page only its title and its first characters are kept. Below five times
    ``held_out`` pages a fifth of them is validation and a fifth is test. ``seed`` draws the pages and which are
    held out. Raises GenirError where there are fewer pages than ``pages``, and where there is none.
    """
    kept: dict[str, WikiPage] = {}
    questions: list[tuple[str, tuple[str, ...]]] = []
    skipped = 0
    for question, found in asked:
        usable = {title_key(page.title): page for page in found if title_key(page.title) and _text(page)}
        if not question.strip() or not usable:
            skipped += 1
            continue
        for key, page in usable.items():
            if key not in kept:
                kept[key] = WikiPage(key, _text(page))
        questions.append((" ".join(question.split()), tuple(usable)))
    wanted = len(kept) if pages is None else pages
    if not kept or len(kept) < wanted:
        raise GenirError(
            f"expected {wanted or 'some'} pages with questions for {name}, got {len(kept)}: name all files with --from"
        )
    rng = np.random.default_rng([seed, 0])
    titles = list(kept)
    chosen = [titles[i] for i in sorted(rng.permutation(len(titles))[:wanted])]
    number = min(held_out, len(chosen) // 5)
    order = [chosen[i] for i in np.random.default_rng([seed, 1]).permutation(len(chosen))]
    docid = {title: str(i) for i, title in enumerate(titles)}
    splits = _split(questions, set(chosen), set(order[:number]), set(order[number : 2 * number]))
    train, validation, test = (_queries(part, split, docid) for split, part in splits.items())
    secret = held_out_texts(validation, test)
    seen = tuple(query for query in train if query.text.casefold() not in secret)
    notes: dict[str, int | str] = {
        "seed": seed,
        "pages_in_source": len(kept),
        "validation_pages": number,
        "test_pages": number,
        "questions_without_question_or_page": skipped,
        "train_queries_dropped_as_equal_to_held_out": len(train) - len(seen),
    }
    documents = tuple(Document(docid[title], title, kept[title].text) for title in chosen)
    return Corpus(name, documents, seen, validation, test, notes)


def title_key(title: str) -> str:
    """``title`` as pages are told apart by it."""
    return " ".join(unicodedata.normalize("NFC", title).replace("_", " ").split())


def _text(page: WikiPage) -> str:
    return " ".join(page.text[: 2 * CHARACTERS].split())[:CHARACTERS].strip()


def _split(
    questions: Iterable[tuple[str, tuple[str, ...]]], chosen: set[str], validation: set[str], test: set[str]
) -> dict[str, dict[str, tuple[str, dict[str, None]]]]:
    """Per split: the question with its case ignored -> as it was first asked, and the titles that answer it."""
    splits: dict[str, dict[str, tuple[str, dict[str, None]]]] = {"train": {}, "validation": {}, "test": {}}
    for question, found in questions:
        titles = [title for title in found if title in chosen]
        if titles:
            split = "test" if test & set(titles) else "validation" if validation & set(titles) else "train"
            splits[split].setdefault(question.casefold(), (question, {}))[1].update(dict.fromkeys(titles))
    return splits


def _queries(part: dict[str, tuple[str, dict[str, None]]], split: str, docid: dict[str, str]) -> tuple[Query, ...]:
    return tuple(
        Query(f"{split}-{number}", question, tuple(docid[title] for title in titles), "question")
        for number, (question, titles) in enumerate(part.values())
    )
