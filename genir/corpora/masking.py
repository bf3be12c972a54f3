"""The title masked out of a sentence, so that the sentence can be asked for without naming its page."""

from __future__ import annotations

import re
from typing import NamedTuple

from genir.corpora.sentences import (
    APOSTROPHES,
    DASH,
    EDGES,
    FUNCTION_WORDS,
    stem,
    without_parentheses,
    words,
)

_OPENER = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|Additionally|In addition|Also|Today|For example"
    r"|For instance|As such|As a result|Similarly|Nevertheless|In fact|Consequently|Hence|Instead|Meanwhile"
    r"|Later|Historically|Traditionally|Generally|Typically|Usually|Often|Sometimes|Currently|Then),?\s+"
)
# A query leaves out the subject that it does not name: of "It is the capital of Mali", "the capital of Mali".
_UNNAMED_SUBJECT = re.compile(
    r"^(?:it|they|he|she|which|that)\s+(?!(?:and|or|of|in)\b)(?:(?:is|was|are|were)\s+)?(?:also\s+)?",
    re.IGNORECASE,
)
_PUNCTUATION = re.compile(r"[,;:.!?]*$")
_POSSESSIVE = re.compile(rf"[{APOSTROPHES}]s?\W*$")
_HYPHEN = re.compile(rf"[-{DASH}]")
_PLURAL_VERBS = frozenset({"are", "were", "have"})
_ARTICLES = frozenset({"a", "an", "the"})
# After these a noun follows that the pronoun cannot replace: "all isotopes" is not "all it".
_DETERMINERS_TEXT = """
all each every any some no other more most many its their his her these those this that several both such
few own
"""
_DETERMINERS = frozenset(_DETERMINERS_TEXT.split())
_PREPOSITIONS_TEXT = """
of in by to for from with on at as into between about through than
"""
_PREPOSITIONS = frozenset(_PREPOSITIONS_TEXT.split())
_AFTER_NOUN_TEXT = """
is are was were has have had can could may might will would did does do became becomes become began begins
in of and or to as by from for at on with also then often usually typically generally first later remains
remained died served serves used uses made makes consists contains includes refers occurs into through
during between after before than
"""
_AFTER_NOUN = frozenset(_AFTER_NOUN_TEXT.split())


class Title(NamedTuple):
    """What of a title is looked for in a sentence (acronyms in capitals only), and what replaces it."""

    stems: frozenset[str]
    words: frozenset[str]
    acronyms: frozenset[str]
    pronoun: str
    possessive: str


def title_stems(title: str) -> frozenset[str]:
    """Stems of the content words of ``title``; of all its words where it has no content words."""
    every = words(title)
    content = [word for word in every if word.casefold() not in FUNCTION_WORDS]
    return frozenset(stem(word) for word in content or every)


def read_title(text: str, pronoun: str = "it", possessive: str = "its") -> Title:
    """The title ``text``, made ready for ``mask_title``."""
    every = words(without_parentheses(text))
    content = [word for word in every if word.casefold() not in FUNCTION_WORDS]
    acronyms = {"".join(word[0].upper() for word in part) for part in (every, content) if len(part) > 1}
    return Title(
        title_stems(text),
        frozenset(word.casefold() for word in words(text)),
        frozenset(acronyms),
        pronoun,
        possessive,
    )


def mask_title(sentence: str, title: Title) -> str:
    """``sentence`` without the words of ``title``.

    A run of them becomes a pronoun where it stands as a noun, and goes without trace elsewhere. Parentheses
    go first (they hold spellings of the title), then an opening connective ("However, "), at last a pronoun
    that is the sentence's subject ("It is").
    """
    pieces = _OPENER.sub("", without_parentheses(sentence)).split()
    named = [_names(piece, title) for piece in pieces]
    masked: list[str] = []
    index = 0
    while index < len(pieces):
        if not named[index]:
            masked.append(pieces[index])
            index += 1
            continue
        end = _run_end(pieces, named, index, title)
        article = bool(masked) and masked[-1].casefold() in _ARTICLES
        if article:
            masked.pop()
        following = pieces[end].strip(",;:.").casefold() if end < len(pieces) else ""
        _replace(masked, pieces[end - 1], following, article, title)
        index = end
    return _UNNAMED_SUBJECT.sub("", " ".join(masked)).rstrip(".").strip(EDGES)


def _replace(masked: list[str], last: str, following: str, article: bool, title: Title) -> None:
    """Append to ``masked`` what stands for a run of the title that ends in the piece ``last``."""
    previous = masked[-1].casefold() if masked else ""
    # After an adjective or a noun the run is half of a phrase ("the visual arts"), no place for a pronoun.
    free = not previous or previous[-1] in ",;:"
    noun = article or free or (previous in FUNCTION_WORDS and previous not in _DETERMINERS)
    match = _PUNCTUATION.search(last)
    punctuation = match.group() if match else ""
    if previous == "of" and len(masked) > 1 and masked[-2][0].isupper():
        # "the Republic of Malta" is a name too: "the Republic" is what remains of it.
        masked.pop()
        masked[-1] += punctuation
    elif noun and _POSSESSIVE.search(last):
        masked.append(title.possessive + punctuation)
    elif noun and (punctuation or not following or following in _AFTER_NOUN):
        subject = "they" if following in _PLURAL_VERBS and previous not in _PREPOSITIONS else title.pronoun
        masked.append(subject + punctuation)
    elif punctuation and masked:
        masked[-1] = masked[-1].rstrip(",;:.!?") + punctuation


def _names(piece: str, title: Title) -> bool:
    """Whether a word of ``piece``, or part of a hyphenated one, is the title's content word or acronym."""
    for word in words(piece):
        if stem(word) in title.stems or word in title.acronyms:
            return True
        if any(stem(part) in title.stems for part in _HYPHEN.split(word)):
            return True
    return False


def _run_end(pieces: list[str], named: list[bool], start: int, title: Title) -> int:
    """End of the title's run from ``start``: its function words belong to it where a content word follows."""
    end = start + 1
    for index in range(start, len(pieces)):
        if named[index]:
            end = index + 1
        elif pieces[index].casefold() not in title.words:
            break
        if pieces[index][-1] in ",;:.!?":
            break
    return end
