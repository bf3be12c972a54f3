"""Sentences of an encyclopaedia's introduction: splitting, the defining first sentence, and the title masked out of one."""

from __future__ import annotations

import re
from typing import NamedTuple

WORD = re.compile(r"[^\W_]+(?:['’.\-–][^\W_]+)*")
_BREAK = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[\"“(\[]?[A-Z0-9])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Za-z]|St|Dr|Mr|Mrs|Ms|Jr|Sr|Lt|Gen|Col|vs|No|Nos|ca|approx|cf|etc|lit|Prof|Mt|Ltd|Inc|Co|U\.S|U\.K|e\.g|i\.e|a\.k\.a|[ap]\.m))\.$"
)
_PARENTHESES = re.compile(r"\s*\([^()]*\)")
_DEFINITION = re.compile(r"(?P<subject>.{2,160}?) (?P<verb>is|was|are|were) (?P<predicate>.+)", re.DOTALL)
_RELATIVE = re.compile(r"\b(?:that|which|who|whose|whom|where|when|if|it|there|this)\b", re.IGNORECASE)

FUNCTION_WORDS = frozenset(
    "a about above after again against all also although am among an and another any are around as at be because been before "
    "being below between both but by can could did do does doing down during each either especially even ever few for from "
    "further had has have having he her here hers him his how however i if in including into is it its itself just less like "
    "made mainly many may me might more most mostly much must my neither no nor not now of off often on once one only onto or "
    "other others our out over own per rather same several shall she should since so some such than that the their theirs them "
    "themselves then there these they this those though through thus to too toward towards under until up upon us use used uses "
    "using usually very via was we well were what when where whether which while who whom whose why will with within without "
    "would yet you your first two three part called known commonly generally typically various different became become".split()
)
_AFTER_SUBJECT = frozenset(
    "is are was were has have had can could may might will would did does do became becomes become began begins in of and or to "
    "as by from for at on with also then often usually typically generally first later remains remained died served serves "
    "used uses made makes consists contains includes refers occurs into through during between after before than".split()
)
_OPENER = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|Additionally|In addition|Also|Today|For example|For instance|As such|"
    r"As a result|Similarly|Nevertheless|In fact|Consequently|Hence|Instead|Meanwhile|Later|Historically|Traditionally|"
    r"Generally|Typically|Usually|Often|Sometimes|Currently|Then),?\s+"
)
# A query leaves out the subject that it does not name: "It is the capital of Mali" is typed "the capital of Mali".
_LEADING_SUBJECT = re.compile(r"^(?:it|they|he|she|which|that)\s+(?:(?:is|was|are|were)\s+)?(?:also\s+)?", re.IGNORECASE)


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


def words(text: str) -> tuple[str, ...]:
    """The words of ``text``, letters and digits with inner hyphens, points and apostrophes."""
    return tuple(WORD.findall(text))


def definition(sentence: str) -> Definition | None:
    """What a defining sentence says its subject is, or None where the sentence does not have that form."""
    bare = _PARENTHESES.sub("", sentence)
    match = _DEFINITION.match(bare)
    if match is None or _RELATIVE.search(match["subject"]) or len(words(match["subject"])) > 18:
        return None
    return Definition(match["subject"], match["verb"], match["predicate"].strip().rstrip(".").strip())


def shorten(text: str, most: int) -> str:
    """``text`` cut to at most ``most`` words: at the last clause border in its second half, else before trailing function words."""
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    if len(ends) <= most:
        return text.strip(" ,;:–-")
    kept = text[: ends[most - 1]]
    borders = [m.start() for m in re.finditer(r"[,;:] | (?:which|that|who|whose|where|while|although|but|because) ", kept)]
    if borders and len(kept[: borders[-1]].split()) * 2 >= most:
        kept = kept[: borders[-1]]
    parts = kept.split()
    while parts and parts[-1].strip(",;:").casefold() in FUNCTION_WORDS:
        parts.pop()
    return " ".join(parts).strip(" ,;:–-")


def stem(word: str) -> str:
    """``word`` casefolded, without a possessive or plural ending: enough to see a title's word in a sentence."""
    folded = re.sub(r"['’]s?$", "", word.casefold())
    if len(folded) > 4 and folded.endswith("ies"):
        return folded[:-3] + "y"
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") and not folded.endswith("ss") else folded


def title_stems(title: str) -> frozenset[str]:
    """Stems of the content words of ``title``; of all its words where it has no content words."""
    every = words(title)
    content = [word for word in every if word.casefold() not in FUNCTION_WORDS]
    return frozenset(stem(word) for word in content or every)


def mask_title(sentence: str, title: str, pronoun: str, possessive: str) -> str:
    """``sentence`` without the words of ``title``: a run of them becomes a pronoun where it stands as a noun, else it goes.

    Parentheses go first (they hold spellings of the title), then an opening connective ("However, "), at last a pronoun
    that is the sentence's subject ("It is").
    """
    sentence = _OPENER.sub("", _PARENTHESES.sub("", sentence))
    stems = title_stems(title)
    inner = {word.casefold() for word in words(title)}
    pieces = re.findall(r"\S+", sentence)
    masked: list[str] = []
    index = 0
    while index < len(pieces):
        end = _run_end(pieces, index, stems, inner)
        if end == index:
            masked.append(pieces[index])
            index += 1
            continue
        article = bool(masked) and masked[-1].casefold() in {"a", "an", "the"}
        if article:
            masked.pop()
        previous = masked[-1] if masked else ""
        # After an adjective or a noun the run is half of a phrase ("the visual arts"), where no pronoun can stand.
        noun = article or not previous or previous[-1] in ",;:" or previous.casefold() in FUNCTION_WORDS
        last = pieces[end - 1]
        tail = re.search(r"[,;:.!?]*$", last)
        punctuation = tail.group() if tail else ""
        following = pieces[end].strip(",;:.").casefold() if end < len(pieces) else ""
        if noun and re.search(r"['’]s?\W*$", last):
            masked.append(possessive + punctuation)
        elif noun and (punctuation or not following or following in _AFTER_SUBJECT):
            masked.append(("they" if following in {"are", "were", "have"} else pronoun) + punctuation)
        elif punctuation and masked:
            masked[-1] = masked[-1].rstrip(",;:.!?") + punctuation
        index = end
    return _LEADING_SUBJECT.sub("", " ".join(masked)).rstrip(".").strip(" ,;:–-")


def _run_end(pieces: list[str], start: int, stems: frozenset[str], inner: set[str]) -> int:
    """End of the run of the title's words that begins at ``start``; ``start`` itself where none does."""
    end = start
    for index in range(start, len(pieces)):
        found = words(pieces[index])
        if not found:
            break
        if any(stem(word) in stems or any(stem(part) in stems for part in re.split(r"[-–]", word)) for word in found):
            end = index + 1
            if re.search(r"[,;:.!?]$", pieces[index]):
                break
        elif end == start or pieces[index].casefold() not in inner:
            break
    return end
