"""Needle runs and questions in the synthetic language, in the form that real models' needle runs have.

A needle here is a set of facts, drawn from its number; a context is filler, drawn from its own. So a needle can stand in several
contexts, at several depths and lengths, as in a real haystack. Lengths are numbers of filler tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genir.models.needle_language import BOS, Episode, Language, Task, episode
from genir.readouts.heads_design import Design
from genir.readouts.needle import Cell, Questions
from genir.readouts.needle_bank import Needle

COUNT = 24
"""Needles of each part."""
SYNTHETIC = Design(
    lengths=(16, 32, 64), steps=3, masked_steps=3, batch=108, masked_batch=240, doses=(1, 2, 4, 8), needles=()
)
STEPS = {"direct": 1, "chain": 3}
"""Tokens that an answer takes up to what was asked for."""
PARTS = ("detection", "crossed", "control", "hops", "plain")


def detection(language: Language, design: Design) -> Questions:
    """Every needle at every length and depth, each in a context of its own."""
    where = [(n, n, length, depth) for n in range(COUNT) for length in design.lengths for depth in design.depths]
    return _needles(language, design, "detection", where)


def crossed(language: Language, design: Design) -> Questions:
    """Other needles, each in the same ``design.crossed`` contexts at ``design.crossed_depths``."""
    contexts, length = range(design.crossed), design.lengths[0]
    where = [
        (n, context, length, depth) for n in range(COUNT) for context in contexts for depth in design.crossed_depths
    ]
    return _needles(language, design, "crossed", where)


def control(language: Language, design: Design) -> Questions:
    """Other needles again, each once: what random sets of heads are compared on."""
    where = [(n, n, design.lengths[0], design.control_depth) for n in range(COUNT)]
    return _needles(language, design, "control", where)


def hops(language: Language, design: Design, count: int = 96) -> dict[str, Questions]:
    """The same facts of the same contexts asked for in two ways, "direct" and "chain" of thought; paired by position.

    The span of a direct question is the entity that it needs and does not say.
    """

    def asked(task: Task) -> Questions:
        drawn = [episode(language, design.lengths[0], [task], _rng(design, "hops", number)) for number in range(count)]
        cells = [
            _cell(item, number, number, design.lengths[0], item.sources[0][0] / item.answers[0][0])  # type: ignore[index]
            for number, item in enumerate(drawn)
        ]
        # The last word of an answer is what was asked for: a chain may come before it, a full stop follows it.
        needles = [_needle(item, item.answers[0][1] - 2) for item in drawn]
        return Questions(tuple(cells), tuple(needles))

    return {"direct": asked(Task.DIRECT), "chain": asked(Task.CHAIN)}


def plain_texts(language: Language, design: Design, count: int, length: int = 64) -> list[list[int]]:
    """Filler without a statement, as token ids."""
    return [[BOS, *language.filler(length, _rng(design, "plain", number))] for number in range(count)]


def _needles(language: Language, design: Design, part: str, where: Sequence[tuple[int, int, int, float]]) -> Questions:
    cells, needles = [], {}
    for number, context, length, depth in where:
        item = episode(
            language,
            length,
            [Task.NEEDLE],
            _rng(design, part, number),
            depth=depth,
            text=_rng(design, part, COUNT + context),
        )
        cells.append(_cell(item, number, context, length, depth))
        needles[number] = _needle(item, item.answers[0][0])
    return Questions(tuple(cells), tuple(needles[number] for number in sorted(needles)))


def _cell(item: Episode, number: int, context: int, length: int, depth: float) -> Cell:
    return Cell(number, context, length, depth, item.tokens[: item.answers[0][0]], item.sources[0], item.others)


def _needle(item: Episode, first: int) -> Needle:
    text = " ".join(map(str, item.tokens[first : item.answers[0][1] - 1]))
    return Needle("synthetic", text, "", text, "", "")


def _rng(design: Design, part: str, *number: int) -> np.random.Generator:
    return np.random.default_rng([design.seed, PARTS.index(part), *number])
