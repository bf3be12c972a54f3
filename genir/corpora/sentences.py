"""Sentences of an encyclopaedia: splitting, words and stems, the defining first sentence, shortening."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

APOSTROPHES, DASH = "'\u2019", "\u2013"
EDGES = f" ,;:{DASH}-"  # what no query begins or ends with
WORD = re.compile(rf"[^\W_]+(?:[{APOSTROPHES}.\-{DASH}][^\W_]+)*")
_BREAK = re.compile(r"(?<=[.!?])[\"\u201d\u2019')\]]*\s+(?=[\"\u201c(\[]?[A-Z0-9])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Za-z]|St|Dr|Mr|Mrs|Ms|Jr|Sr|Lt|Gen|Col|vs|No|Nos|ca|approx|cf|etc|lit|Prof|Mt|Ltd|Inc|Co|U\.S|U\.K"
    r"|e\.g|i\.e|a\.k\.a|[ap]\.m))\.$"
)
_PARENTHESES = re.compile(r"\s*\([^()]*\)")
_DEFINITION = re.compile(r"(?P<subject>.{2,160}?) (?P<verb>is|was|are|were) (?P<predicate>.+)", re.DOTALL)
_RELATIVE = re.compile(r"\b(?:that|which|who|whose|whom|where|when|if|it|there|this)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:] | (?:which|that|who|whose|where|while|although|but|because) ")

_FUNCTION_WORDS_TEXT = """
a about above after again against all also although am among an and another any are around as at be because
been before being below between both but by can could did do does doing down during each either especially
even ever few for from further had has have having he her here hers him his how however i if in including
into is it its itself just less like made mainly many may me might more most mostly much must my neither no
nor not now of off often on once one only onto or other others our out over own per rather same several
shall she should since so some such than that the their theirs them themselves then there these they this
those though through thus to too toward towards under until up upon us use used uses using usually very via
was we well were what when where whether which while who whom whose why will with within without would yet
you your first two three part called known commonly generally typically various different became become
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())


class Definition(NamedTuple):
    """A first sentence of the form "subject is/was/are/were predicate", without parentheses and full stop."""

    subject: str
    verb: str
    predicate: str


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of ``text`` in their order; a full stop after an initial or an abbreviation ends none."""
    parts: list[str] = []
    start = 0
    for border in _BREAK.finditer(text):
        if not _ABBREVIATED.search(text[start : border.start()]):
            parts.append(text[start : border.end()].strip())
            start = border.end()
    parts.append(text[start:].strip())
    return tuple(part for part in parts if part)


def words(text: str) -> list[str]:
    """The words of ``text``: letters and digits with inner hyphens, points and apostrophes."""
    return WORD.findall(text)


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """``word`` casefolded, without possessive, plural and final e: a key that singular and plural share."""
    folded = word.casefold()
    if len(folded) > 2 and folded[-2] in APOSTROPHES and folded[-1] == "s":
        folded = folded[:-2]
    if len(folded) > 4 and folded.endswith("ies"):
        return folded[:-3] + "y"
    if len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us", "is")):
        folded = folded[:-1]
    return folded[:-1] if len(folded) > 3 and folded.endswith("e") else folded


def without_parentheses(text: str) -> str:
    """``text`` without its parentheses: spellings, dates and units that nobody types."""
    return _PARENTHESES.sub("", text)


def definition(sentence: str) -> Definition | None:
    """What a defining sentence says its subject is, or None where the sentence does not have that form."""
    match = _DEFINITION.match(without_parentheses(sentence))
    if match is None or _RELATIVE.search(match["subject"]) or len(words(match["subject"])) > 18:
        return None
    return Definition(match["subject"], match["verb"], match["predicate"].strip().rstrip(".").strip())


def shorten(text: str, most: int) -> str:
    """``text`` cut to at most ``most`` words.

    The cut is at the last clause border of the second half where there is one; trailing function words go.
    """
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    if len(ends) <= most:
        return text.strip(EDGES)
    kept = text[: ends[most - 1]]
    borders = [match.start() for match in _CLAUSE.finditer(kept)]
    if borders and len(kept[: borders[-1]].split()) * 2 >= most:
        kept = kept[: borders[-1]]
    parts = kept.split()
    while parts and parts[-1].strip(EDGES).casefold() in FUNCTION_WORDS:
        parts.pop()
    return " ".join(parts).strip(EDGES)
