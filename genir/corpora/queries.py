"""Machine-made queries of a page: deterministic, and the same in every corpus that holds the page.

Five kinds: ``title`` (a question that names the page), ``rewrite`` (the defining first sentence as a question and as a
gloss), ``sentence`` (a sentence with the title masked), ``keywords`` (rare content words) and ``description`` (the short
Wikidata description, human text that is not in the article). Where a pattern does not apply, a page has no query of that
kind. ``late`` is one more sentence, from beyond the indexed tokens, whose words no other query of the page was drawn
from: ``splits`` trains on it or holds it out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from genir.corpora.sentences import (
    FUNCTION_WORDS,
    definition,
    mask_title,
    sentences,
    shorten,
    stem,
    title_stems,
    words,
)

TITLE, REWRITE, SENTENCE, KEYWORDS, DESCRIPTION, LATE = "title", "rewrite", "sentence", "keywords", "description", "late"
KINDS = (TITLE, REWRITE, SENTENCE, KEYWORDS, DESCRIPTION, LATE)
LONGEST = 18  # words of a query: with 32 tokens per input, longer ones would be cut unseen
INDEXED = 32  # tokens of a document that are indexed; a word is at least one token, so word 32 is never among them


class Page(NamedTuple):
    """One page of the collection, as its source gives it."""

    id: str
    title: str
    text: str
    description: str
    topic: str


class MadeQuery(NamedTuple):
    """A query made from a page; ``number`` counts those of its kind from 1."""

    kind: str
    number: int
    text: str


def document_frequencies(pages: Iterable[Page]) -> Counter[str]:
    """In how many pages each stem occurs, over the whole collection, so that keywords do not depend on a subset."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({stem(word) for word in words(f"{page.title} {page.text}")})
    return counts


def page_queries(page: Page, frequencies: Counter[str], sentence_count: int = 3, keyword_sets: int = 2) -> tuple[MadeQuery, ...]:
    """All queries of one page, no text twice; choices are drawn from a generator seeded by the page's id."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(page.id.encode()).digest()[:8], "big"))
    parts = sentences(page.text)
    late = _late_index(page, parts)
    body = [part for index, part in enumerate(parts) if index != late]
    pronoun, possessive = _pronouns(page)

    def masked(part: str) -> str:
        return shorten(mask_title(part, page.title, pronoun, possessive), LONGEST)

    # First, so that a gloss which happens to equal the description yields to it and not the other way round.
    candidates = [(DESCRIPTION, page.description), (TITLE, _title_question(page, body[0], rng))]
    candidates += [(REWRITE, text) for text in _rewrites(page, body[0])]
    chosen = [masked(part) for part in (body[1:] or body)]
    order = sorted(rng.permutation(len(chosen))[:sentence_count])
    candidates += [(SENTENCE, chosen[index]) for index in order if _speaks(chosen[index])]
    candidates += [(KEYWORDS, text) for text in _keywords(page, body, frequencies, rng, keyword_sets)]
    if late is not None:
        candidates += [(LATE, masked(parts[late]))]
    return tuple(_numbered(candidates))


def _numbered(candidates: list[tuple[str, str]]) -> Iterable[MadeQuery]:
    seen: set[str] = set()
    numbers: Counter[str] = Counter()
    for kind, text in candidates:
        if text and text.casefold() not in seen:
            seen.add(text.casefold())
            numbers[kind] += 1
            yield MadeQuery(kind, numbers[kind], text)


def _late_index(page: Page, parts: tuple[str, ...]) -> int | None:
    """The last sentence that starts beyond the indexed tokens of "title: text" and says enough; None where none does."""
    start = len(page.title.split())
    found = None
    for index, part in enumerate(parts):
        if index >= 1 and start >= INDEXED and _speaks(mask_title(part, page.title, "it", "its")):
            found = index
        start += len(part.split())
    return found


def _speaks(text: str) -> bool:
    """Whether a masked sentence still says something: at least four content words."""
    return sum(word.casefold() not in FUNCTION_WORDS for word in words(text)) >= 4


def _is_person(page: Page) -> bool:
    pronouns = Counter(word.casefold() for word in words(page.text))
    personal = pronouns["he"] + pronouns["his"] + pronouns["she"] + pronouns["her"]
    born = re.search(r"\(.*\d{3,4}.*\)", page.description) is not None
    return page.topic == "People" and (personal > 0 or born)


def _pronouns(page: Page) -> tuple[str, str]:
    if not _is_person(page):
        return "it", "its"
    counts = Counter(word.casefold() for word in words(page.text))
    return ("she", "her") if counts["she"] + counts["her"] > counts["he"] + counts["his"] else ("he", "his")


def _title_question(page: Page, first: str, rng: np.random.Generator) -> str:
    plain = " ".join(page.title.replace("(", " ").replace(")", " ").split())
    # The article's own wording carries the article and the case: "what is a lighthouse", "what is the factorial".
    named = re.search(rf"(?:^|, )((?:an?|the) )?({re.escape(page.title)})\b", first, re.IGNORECASE)
    if named and named[1]:
        plain = named[1].lower() + named[2]
    found = definition(first)
    verb = found.verb if found and (named or found.verb in {"is", "was"}) else "is"
    if _is_person(page):
        return f"who {verb if verb in {'is', 'was'} else 'is'} {plain}"
    asks = ["what", "where"] if page.topic == "Geography" else ["what"]
    return f"{asks[int(rng.integers(len(asks)))]} {verb} {plain}"


def _rewrites(page: Page, first: str) -> list[str]:
    found = definition(first)
    if found is None or len(words(found.predicate)) < 3:
        return []
    predicate = shorten(found.predicate, LONGEST - 2)
    asked = "who" if _is_person(page) else "what"
    rewrites = [f"{asked} {found.verb} {predicate}"]
    gloss = re.match(r"(?:an?|the|any|one of the) (.+)", predicate)
    if gloss and len(words(gloss[1])) >= 3:
        rewrites.append(gloss[1][0].upper() + gloss[1][1:])
    return rewrites


def _keywords(
    page: Page, body: list[str], frequencies: Counter[str], rng: np.random.Generator, sets: int, size: int = 4
) -> list[str]:
    """``sets`` disjoint sets of ``size`` content words, drawn from the rarest, in the order of the text."""
    masked = title_stems(page.title)
    position: dict[str, int] = {}
    spelling: dict[str, str] = {}
    for word in words(" ".join(body)):
        key = stem(word)
        if word.casefold() in FUNCTION_WORDS or len(word) < 3 or word.isdigit() or key in masked or key in position:
            continue
        position[key] = len(position)
        spelling[key] = word
    # A word that no other page has (a name's spelling) is seldom what a user types: take those seen elsewhere first.
    rare = sorted(position, key=lambda key: (frequencies[key] < 2, frequencies[key], position[key]))[: 2 * sets * size]
    drawn = [rare[index] for index in rng.permutation(len(rare))]
    texts = []
    for number in range(sets):
        chosen = sorted(drawn[number * size : (number + 1) * size], key=position.__getitem__)
        if len(chosen) == size:
            texts.append(" ".join(spelling[key] for key in chosen))
    return texts
