"""Needle runs and questions in the synthetic language, in the form that real models' needle runs have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from genir.errors import GenirError
from genir.models.needle_language import Episode, Language, Task, episode
from genir.readouts.needle import Cell
from genir.readouts.needle_bank import Needle


class Questions(NamedTuple):
    """Prompts of one task and what they ask for, paired by position; the same facts in every task of one call."""

    cells: tuple[Cell, ...]
    needles: tuple[Needle, ...]


def synthetic_needles(
    language: Language, rng: np.random.Generator, *, count: int = 40, fillers: Sequence[int] = (32, 64, 96)
) -> Questions:
    """``count`` needle questions for each number of filler tokens, every one in a context of its own.

    A cell's ``length`` is that number and its ``depth`` where the needle fell; the distractor is a needle of another key.
    """
    drawn = [(filler, episode(language, filler, [Task.NEEDLE], rng)) for filler in fillers for _ in range(count)]
    return _questions(drawn)


def paired_questions(
    language: Language, rng: np.random.Generator, tasks: Sequence[Task], *, count: int = 40, filler: int = 96
) -> dict[Task, Questions]:
    """The same ``count`` contexts and facts asked for in each of ``tasks``, which are direct and chain of thought.

    The span of a direct question is the entity that it needs and does not say. Parametric and needle questions have no
    counterpart: GenirError.
    """
    if not set(tasks) <= {Task.DIRECT, Task.CHAIN}:
        raise GenirError(
            f"expected direct and chain-of-thought questions to pair, got {[task.value for task in tasks]}"
        )
    seeds = rng.integers(1 << 62, size=count)
    return {
        task: _questions([(filler, episode(language, filler, [task], np.random.default_rng(seed))) for seed in seeds])
        for task in tasks
    }


def parametric_questions(
    language: Language, rng: np.random.Generator, *, count: int = 40, filler: int = 96
) -> Questions:
    """Questions that the weights answer: their runs have no span, and masking retrieval heads should cost them nothing."""
    return _questions([(filler, episode(language, filler, [Task.PARAMETRIC], rng)) for _ in range(count)])


def _questions(drawn: Sequence[tuple[int, Episode]]) -> Questions:
    cells, needles = [], []
    for number, (filler, item) in enumerate(drawn):
        start, end = item.answers[0]
        source = item.sources[0]
        # The last thing an answer says is what was asked for: a chain may come before it, a full stop follows it.
        said = item.tokens[start : end - 1] if item.tasks[0] is Task.NEEDLE else item.tokens[end - 2 : end - 1]
        depth = 0.0 if source is None else source[0] / start
        cells.append(Cell(number, number, filler, depth, item.tokens[:start], source, item.others))
        text = " ".join(map(str, said))
        needles.append(Needle(f"{item.tasks[0]} {number}", text, "", text, "", ""))
    return Questions(tuple(cells), tuple(needles))
