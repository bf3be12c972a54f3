"""Needle in a haystack: prompts with one needle in a context of a given length at a given depth, and where its answer stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.readouts.needle_bank import NEEDLES, Needle

Span = tuple[int, int]
"""First token and the token after the last."""

Distract = Literal["another form", "own form"]
"""Whose form a distractor has."""

INSTRUCTION = "Read the text, then answer the question with the words of the text."
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


class Cell(NamedTuple):
    """One prompt: needle ``needle`` of the bank in context ``context``, of ``length`` tokens asked for, at ``depth`` in [0, 1].

    ``span`` and ``distraction`` are the tokens of the needle's answer and of what the distractor would answer, None where the tokens do not
    show them: such a run is invalid, it does not score zero.
    """

    needle: int
    context: int
    length: int
    depth: float
    tokens: tuple[int, ...]
    span: Span | None
    distraction: Span | None


class Questions(NamedTuple):
    """Prompts with the bank of needles that they were made from: a cell's ``needle`` is a place in it."""

    cells: tuple[Cell, ...]
    needles: tuple[Needle, ...]

    def of_length(self, *lengths: int) -> Questions:
        """Those whose context has one of these lengths."""
        return self._replace(cells=tuple(cell for cell in self.cells if cell.length in lengths))

    def where(self) -> dict[str, NDArray[Any]]:
        """Needle, depth and length of each cell, (cells,)."""
        return {name: np.array([getattr(cell, name) for cell in self.cells]) for name in ("needle", "depth", "length")}


def cells(
    lm: CausalLM,
    passages: Sequence[str],
    rng: np.random.Generator,
    *,
    needles: Sequence[Needle] = NEEDLES,
    lengths: Sequence[int] = (300, 700, 1500),
    depths: Sequence[float] = (0.1, 0.5, 1.0),
    contexts: int | None = None,
    distract: Distract | None = "another form",
) -> list[Cell]:
    """Every needle at every length and depth, in haystacks made of ``passages`` in an order that ``rng`` draws.

    A context is one order of the passages; needle i lies in context i modulo ``contexts`` (as many as needles unless said
    otherwise), and at every length and depth of it in the same text, so that their common beginnings need computing once.
    Depth 0 is before the first sentence and 1 after the last; needles lie between sentences. The distractor stands at a
    depth that stays the same and is that of another needle, or of the needle's own form, which is harder: a small model often
    answers with it. Cells whose tokens equal those of an earlier cell are dropped: the published code moved some needles to no
    other place, and counted the same run many times.
    Raises GenirError when the tokenizer gives no character offsets, when a length is too small for a needle or larger than
    the model or the passages can fill, and when a passage holds an answer.
    """
    tokenizer = lm.tokenizer
    if tokenizer is None or not tokenizer.is_fast:
        raise GenirError(f"expected a tokenizer with character offsets for {lm.name}, got {type(tokenizer).__name__}")
    if not needles or not passages:
        raise GenirError(f"expected needles and passages, got {len(needles)} and {len(passages)}")
    for depth in depths:
        if not 0 <= depth <= 1:
            raise GenirError(f"expected depths between 0 and 1, got {depth}")
    text = " ".join(passages).casefold()
    for item in needles:
        if item.answer.casefold() in text or item.distraction.casefold() in text:
            raise GenirError(
                f"expected passages that do not hold the answer of needle {item.name!r}, one does: leave it out"
            )
    contexts = len(needles) if contexts is None else contexts
    orders = [rng.permutation(len(passages)) for _ in range(contexts)]
    made: dict[tuple[int, ...], Cell] = {}
    for number, item in enumerate(needles):
        other = item if distract == "own form" else needles[(number + len(needles) // 2) % len(needles)]
        decoy = other if distract else None
        context = number % contexts
        for length in lengths:
            sentences, counts = _haystack(lm, passages, orders[context], length, item, decoy)
            for depth in depths:
                cell = _cell(lm, number, item, context, length, depth, sentences, counts, decoy)
                made.setdefault(cell.tokens, cell)
    return list(made.values())


def span_of(offsets: Sequence[tuple[int, int]], start: int, end: int) -> Span | None:
    """The tokens that hold the characters from ``start`` to ``end``; None where no token does.

    ``offsets`` are (first character, character after the last) per token, (0, 0) for tokens that stand for no text.
    Raises GenirError when only a part of the characters is in the tokens: the answer was split by truncation.
    """
    inside = [i for i, (a, b) in enumerate(offsets) if a < end and b > start]
    if not inside:
        return None
    first, last = offsets[inside[0]], offsets[inside[-1]]
    if first[0] > start or last[1] < end:
        raise GenirError(
            f"expected the whole answer (characters {start} to {end}) in the context, only {first[0]} to {last[1]} are: "
            "the answer was split by truncation, ask for a longer context"
        )
    return inside[0], inside[-1] + 1


def render(lm: CausalLM, context: str, question: str) -> str:
    """The prompt as one string: by the tokenizer's chat template where it has one, else as a text to continue."""
    return prompted(lm, f"{INSTRUCTION}\n\n{context}\n\nQuestion: {question}")


def prompted(lm: CausalLM, asked: str) -> str:
    """What is asked as the tokenizer's chat template puts it, or as a text to continue."""
    if lm.tokenizer is not None and getattr(lm.tokenizer, "chat_template", None):
        message = [{"role": "user", "content": asked}]
        return str(lm.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True))
    return f"{asked}\nAnswer:"


def _haystack(
    lm: CausalLM, passages: Sequence[str], order: np.ndarray, length: int, item: Needle, decoy: Needle | None
) -> tuple[list[str], np.ndarray]:
    """Sentences that fill ``length`` tokens together with needle, distractor and question, and their running token counts."""
    if length > lm.positions:
        raise GenirError(
            f"expected contexts of at most {lm.positions} tokens, the positions of {lm.name}, got {length}"
        )
    frame = render(lm, f"{item.sentence} {decoy.distractor if decoy else ''}", item.question)
    room = length - _count(lm, frame)
    if room < 0:
        raise GenirError(
            f"expected contexts of at least {length - room} tokens, got {length}: needle {item.name!r} and its question would be cut"
        )
    sentences: list[str] = []
    counts: list[int] = []
    used = missed = 0
    for index in order:
        for sentence in _SENTENCE_END.split(passages[index].strip()):
            size = _count(lm, " " + sentence)
            if used + size <= room:
                sentences.append(sentence)
                counts.append(size)
                used += size
            else:
                missed += 1  # a shorter sentence may fit still
            if room - used < SLACK or missed > MISSES:
                return sentences, np.cumsum([0, *counts])
    raise GenirError(
        f"expected passages of at least {room} tokens for a context of {length}, got {used}: give more passages"
    )


def _count(lm: CausalLM, text: str) -> int:
    return len(lm.tokenizer(text, add_special_tokens=False)["input_ids"])  # type: ignore[misc]


def _cell(
    lm: CausalLM,
    number: int,
    item: Needle,
    context: int,
    length: int,
    depth: float,
    sentences: Sequence[str],
    counts: np.ndarray,
    decoy: Needle | None,
) -> Cell:
    at = int(np.abs(counts - depth * counts[-1]).argmin())
    parts = [*sentences[:at], item.sentence, *sentences[at:]]
    if decoy is not None:
        place = int(np.abs(counts - DECOY_DEPTH * counts[-1]).argmin())
        parts.insert(place + (place >= at), decoy.distractor)
    prompt = render(lm, " ".join(parts), item.question)
    chat = bool(getattr(lm.tokenizer, "chat_template", None))
    encoded = lm.tokenizer(prompt, add_special_tokens=not chat, return_offsets_mapping=True)  # type: ignore[misc]
    offsets = encoded["offset_mapping"]
    return Cell(
        number,
        context,
        length,
        depth,
        tuple(encoded["input_ids"]),
        _locate(prompt, offsets, item.sentence, item.answer),
        _locate(prompt, offsets, decoy.distractor, decoy.distraction) if decoy is not None else None,
    )


SLACK, MISSES = 8, 20
DECOY_DEPTH = 0.75  # none of the default depths, and late, so that the beginnings of deeper cells stay the same


def _locate(prompt: str, offsets: Sequence[tuple[int, int]], sentence: str, answer: str) -> Span | None:
    """Tokens of ``answer`` within ``sentence`` within ``prompt``; None where a template has changed the text."""
    found = prompt.find(sentence)
    if found < 0:
        return None
    start = found + sentence.index(answer)
    return span_of(offsets, start, start + len(answer))
