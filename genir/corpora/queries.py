"""Machine-made queries of a page: deterministic, and the same in every corpus that holds the page.

Five kinds: ``title`` (a question that names the page), ``rewrite`` (the defining first sentence as a question
and as a gloss), ``sentence`` (a sentence with the title masked), ``keywords`` (rare content words) and
``description`` (the short Wikidata description, written by people and not for the article). Where a pattern
does not apply, a page has no query of that kind. A sixth, ``late``, is one more masked sentence, from beyond
the indexed tokens, which no other query of the page draws on: ``splits`` trains on it or holds it out.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from genir.corpora.masking import Title, mask_title, read_title, title_stems
from genir.corpora.sentences import EDGES, FUNCTION_WORDS, definition, sentences, shorten, stem, words

TITLE, REWRITE, SENTENCE, KEYWORDS = "title", "rewrite", "sentence", "keywords"
DESCRIPTION, LATE = "description", "late"
KINDS = (TITLE, REWRITE, SENTENCE, KEYWORDS, DESCRIPTION, LATE)
SET_SIZE = 4  # keywords of one query
LONGEST = 18  # words of a query: inputs have 32 tokens, and what is cut there is cut unseen
INDEXED = 32  # tokens of a document that are indexed; a word is one token or more, so word 32 is never among them
_LIFE = re.compile(r"\((?:born|died|c\.|[^()]*\d{3,4}\s*[\u2013-]\s*(?:c\.\s*)?\d{3,4}\))")
_NO_PERSON = re.compile(r"\b(?:Age|Civilization|Depression|Dynasty|Empire|Islam|Revolution|War)\b", re.I)
_GLOSS = re.compile(r"(?:an?|the|any|one of the) (.+)")


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
    """In how many of ``pages`` each stem occurs; over the whole collection, keywords depend on no subset."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts.update({stem(word) for word in words(f"{page.title} {page.text}")})
    return counts


def page_queries(
    page: Page, frequencies: Counter[str], sentence_count: int = 3, keyword_sets: int = 2
) -> tuple[MadeQuery, ...]:
    """All queries of one page, no text twice; the page's id seeds the generator that draws the choices.

    ``frequencies`` counts documents per stem over the collection (``document_frequencies``). At most
    ``sentence_count`` sentences and ``keyword_sets`` disjoint sets of keywords.
    """
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(page.id.encode()).digest()[:8], "big"))
    masked = _masked_title(page)
    parts = sentences(page.text)
    late = _late_index(page, parts, masked)
    body = [part for index, part in enumerate(parts) if index != late]

    # The description comes first: a gloss that happens to equal it yields, and not the other way round.
    candidates = [(DESCRIPTION, page.description), (TITLE, _title_question(page, body[0], rng))]
    candidates += [(REWRITE, text) for text in _rewrites(page, body[0])]
    candidates += [(SENTENCE, text) for text in _sentences(body, masked, rng, sentence_count)]
    candidates += [(KEYWORDS, text) for text in _keywords(page, body, frequencies, rng, keyword_sets)]
    if late is not None:
        candidates.append((LATE, shorten(mask_title(parts[late], masked), LONGEST)))
    return tuple(_numbered(candidates))


def _numbered(candidates: Iterable[tuple[str, str]]) -> Iterator[MadeQuery]:
    seen: set[str] = set()
    numbers: Counter[str] = Counter()
    for kind, text in candidates:
        if text and text.casefold() not in seen:
            seen.add(text.casefold())
            numbers[kind] += 1
            yield MadeQuery(kind, numbers[kind], text)


def _is_person(page: Page) -> bool:
    pronouns = Counter(word.casefold() for word in words(page.text))
    personal = pronouns["he"] + pronouns["his"] + pronouns["she"] + pronouns["her"]
    lived = _LIFE.search(page.description) is not None
    if page.topic == "Uncategorized":  # the package's topic of a tenth of the pages, some of them people
        return (personal >= 2 or lived) and not _NO_PERSON.search(page.title)
    return page.topic == "People"


def _masked_title(page: Page) -> Title:
    if not _is_person(page):
        return read_title(page.title)
    counts = Counter(word.casefold() for word in words(page.text))
    if counts["they"] + counts["their"] > counts["he"] + counts["his"] + counts["she"] + counts["her"]:
        return read_title(page.title, "they", "their")  # bands and brothers are people as well
    female = counts["she"] + counts["her"] > counts["he"] + counts["his"]
    return read_title(page.title, "she", "her") if female else read_title(page.title, "he", "his")


def _late_index(page: Page, parts: Sequence[str], masked: Title) -> int | None:
    """The last sentence that starts beyond the indexed tokens of "title: text" and says enough, if any."""
    start = len(page.title.split())
    found = None
    for index, part in enumerate(parts):
        if index >= 1 and start >= INDEXED and _speaks(shorten(mask_title(part, masked), LONGEST)):
            found = index
        start += len(part.split())
    return found


def _speaks(text: str) -> bool:
    """Whether a masked sentence still says something: at least four content words."""
    return sum(word.casefold() not in FUNCTION_WORDS for word in words(text)) >= 4


def _title_question(page: Page, first: str, rng: np.random.Generator) -> str:
    plain = " ".join(page.title.replace("(", " ").replace(")", " ").split())
    opening = first.casefold()
    at = opening.find(page.title.casefold())
    found = definition(first)
    verb = found.verb if found and (at >= 0 or found.verb in {"is", "was"}) else "is"
    if _is_person(page):
        return f"who {verb} {plain}"
    # The article's own wording gives article and case: "what is a lighthouse", "where is the Uruguay River".
    before = first[: max(at, 0)].split()
    article = f"{before[-1].lower()} " if before and before[-1].lower() in {"a", "an", "the"} else ""
    lowered = plain[0].lower() + plain[1:]
    common = f" {page.title[0].lower()}{page.title[1:].partition(' (')[0]}" in f" {page.text}"
    asks = ["what", "where"] if page.topic == "Geography" else ["what"]
    return f"{asks[int(rng.integers(len(asks)))]} {verb} {article}{lowered if common else plain}"


def _rewrites(page: Page, first: str) -> list[str]:
    found = definition(first)
    if found is None or len(words(found.predicate)) < 3:
        return []
    predicate = shorten(found.predicate, LONGEST - 2)
    rewrites = [f"{'who' if _is_person(page) else 'what'} {found.verb} {predicate}"]
    gloss = _GLOSS.match(predicate)
    if gloss and len(words(gloss[1])) >= 3:
        rewrites.append(gloss[1][0].upper() + gloss[1][1:])
    return rewrites


def _sentences(body: Sequence[str], masked: Title, rng: np.random.Generator, most: int) -> list[str]:
    """Up to ``most`` masked sentences, in the order of the text; of the first, what no rewrite uses."""
    found = definition(body[0])
    first = body[0]
    if found is not None:
        rest = found.predicate[len(shorten(found.predicate, LONGEST - 2)) :].strip(EDGES)
        first = re.sub(r"^(?:and|or) ", "", rest)
    texts = [shorten(mask_title(part, masked), LONGEST) for part in (first, *body[1:])]
    speaking = [text for text in texts if _speaks(text)]
    return [speaking[index] for index in sorted(rng.permutation(len(speaking))[:most])]


def _keywords(
    page: Page, body: Sequence[str], frequencies: Counter[str], rng: np.random.Generator, sets: int
) -> list[str]:
    """``sets`` disjoint sets of ``SET_SIZE`` rare content words, in the order of the text."""
    masked = title_stems(page.title)
    position: dict[str, int] = {}
    spelling: dict[str, str] = {}
    for word in words(" ".join(body)):
        key = stem(word)
        if word.casefold() in FUNCTION_WORDS or len(word) < 3 or not word[0].isalpha() or key in masked:
            continue
        if key not in position:
            position[key] = len(position)
            spelling[key] = word
    # A word that no other page has (a name's spelling) is seldom what a user types: it comes last.
    ranked = sorted(position, key=lambda key: (frequencies[key] < 2, frequencies[key], position[key]))
    rare = ranked[: 2 * sets * SET_SIZE]
    drawn = [rare[index] for index in rng.permutation(len(rare))]
    texts = []
    for number in range(sets):
        chosen = sorted(drawn[number * SET_SIZE : (number + 1) * SET_SIZE], key=position.__getitem__)
        if len(chosen) == SET_SIZE:
            texts.append(" ".join(spelling[key] for key in chosen))
    return texts
