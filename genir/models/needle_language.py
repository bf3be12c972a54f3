"""A synthetic language in which a small model can learn to retrieve, to know, and to reason over both.

Text is filler from a Markov chain, interrupted by statements of a key: ``IS k v v .`` (a needle of two words) or
``IS k e .`` (an entity). What an entity has is never stated in a context: ``e HAS a`` is the same in all texts, so that it is
learnt into the weights. Keys, needles and entities are made of the same words. Questions follow the text:

- needle: ``ASK k`` -> ``v v .`` needs the context alone;
- parametric: ``KNOW e HAS`` -> ``a .`` needs the weights alone;
- direct: ``ASK k HAS`` -> ``a .`` needs both in one step: the entity from the context, what it has from the weights;
- chain of thought: ``THINK k`` -> ``e HAS a .`` answers the same question and writes the first hop down.

A key stands right before what it is the key of, in statement and question alike, so that one mechanism serves the first word and
the rest, needles and entities. In trials of 500 steps each, learning stalled where another token stood between them (a search two
tokens back), and where keys or entities were words of their own (a second search, a second copy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError

PAD, BOS, STOP, IS, HAS, ASK, THINK, KNOW = range(8)
FIRST_WORD = 8


class Task(StrEnum):
    """What a question asks for."""

    NEEDLE = "needle"
    PARAMETRIC = "parametric"
    DIRECT = "direct"
    CHAIN = "chain of thought"


class Episode(NamedTuple):
    """A context with its questions: ``tokens``, and the half-open spans of what is to be answered, one per question.

    ``tasks`` says what each question is; ``sources`` where its fact stands in the context, as the span of the needle's words or
    of the entity, None for parametric ones. ``others`` is the span of a needle that was not asked for, None without one.
    """

    tokens: tuple[int, ...]
    tasks: tuple[Task, ...]
    answers: tuple[tuple[int, int], ...]
    sources: tuple[tuple[int, int] | None, ...]
    others: tuple[int, int] | None


@dataclass(frozen=True)
class Language:
    """Sizes of the word classes, and the facts and the filler's grammar that ``seed`` draws."""

    seed: int = 0
    values: int = 24
    attributes: int = 8
    fillers: int = 32
    words: int = 2
    successors: int = 4

    @property
    def size(self) -> int:
        """Tokens in all, the special ones included."""
        return FIRST_WORD + self.values + self.attributes + self.fillers

    def _class(self, number: int) -> int:
        sizes = (self.values, self.attributes, self.fillers)
        return FIRST_WORD + sum(sizes[:number])

    @property
    def first_value(self) -> int:
        """Token of the first of the words that keys, needles and entities are made of."""
        return self._class(0)

    @property
    def first_attribute(self) -> int:
        """Token of the first of the attributes."""
        return self._class(1)

    @property
    def first_filler(self) -> int:
        """Token of the first of the fillers."""
        return self._class(2)

    @cached_property
    def facts(self) -> NDArray[np.int64]:
        """What each word has when it is an entity: attribute tokens, (values,), as evenly spread as they divide."""
        spread = np.arange(self.values) % self.attributes
        return self.first_attribute + np.random.default_rng([self.seed, 1]).permutation(spread)

    @cached_property
    def grammar(self) -> NDArray[np.int64]:
        """The fillers that can follow each filler, most frequent first: (fillers, successors)."""
        rng = np.random.default_rng([self.seed, 2])
        return np.stack([rng.permutation(self.fillers)[: self.successors] for _ in range(self.fillers)])

    def filler(self, count: int, rng: np.random.Generator) -> list[int]:
        """``count`` filler tokens from the chain; a successor of rank r has weight 1 / (r + 1)."""
        weights = 1 / np.arange(1, self.successors + 1)
        choices = rng.choice(self.successors, size=count, p=weights / weights.sum())
        at = int(rng.integers(self.fillers))
        tokens = []
        for choice in choices:
            tokens.append(self.first_filler + at)
            at = int(self.grammar[at, choice])
        return tokens


def episode(
    language: Language,
    filler: int,
    tasks: Sequence[Task],
    rng: np.random.Generator,
    least: int = 2,
    *,
    depth: float | None = None,
    text: np.random.Generator | None = None,
) -> Episode:
    """One context of ``filler`` filler tokens and its statements, with a question for each of ``tasks`` after it.

    There are at least ``least`` statements of each form, so that a form alone does not give the answer, and none of the form that
    is not asked for where ``least`` is 1; each key is stated and asked for once. ``depth`` in [0, 1] is where the first question's statement stands, 1 after everything else; drawn unless
    given. ``text`` draws the filler, so that the same facts can be put into the same or another context.
    Raises GenirError when the language has too few words for that.
    """
    needles = max(least, sum(task is Task.NEEDLE for task in tasks) + (least > 1))
    hops = max(least if least > 1 else 0, sum(task in (Task.DIRECT, Task.CHAIN) for task in tasks))
    wanted = needles * (1 + language.words) + 2 * hops
    if wanted > language.values:
        raise GenirError(f"expected an episode of at most {language.values} words in this language, got {wanted}")
    drawn = language.first_value + rng.permutation(language.values)[:wanted]
    keys, entities, values = np.split(drawn, [needles + hops, needles + 2 * hops])
    said = [[IS, int(k), *row, STOP] for k, row in zip(keys, values.reshape(needles, -1).tolist(), strict=False)]
    said += [[IS, int(k), int(e), STOP] for k, e in zip(keys[needles:], entities, strict=True)]
    filling = language.filler(filler, rng if text is None else text)
    places = np.sort(rng.integers(0, filler + 1, len(said)))
    order = [(int(n), int(place)) for n, place in zip(rng.permutation(len(said)), places, strict=True)]
    if depth is not None:
        asked, where = 0 if tasks[0] is Task.NEEDLE else needles, round(depth * filler)
        order = [(number, place) for number, place in order if number != asked]
        order.insert(sum(place <= where for _, place in order), (asked, where))
    tokens, spans, at = [BOS], [(0, 0)] * len(said), 0
    for number, place in order:
        tokens += filling[at:place]
        at = place
        spans[number] = (len(tokens) + 2, len(tokens) + len(said[number]) - 1)
        tokens += said[number]
    tokens += filling[at:]
    answers: list[tuple[int, int]] = []
    sources: list[tuple[int, int] | None] = []
    needle, hop = 0, needles
    for task in tasks:
        source: tuple[int, int] | None = None
        if task is Task.NEEDLE:
            question, answer, source = [ASK, int(keys[needle])], said[needle][2:], spans[needle]
            needle += 1
        elif task is Task.PARAMETRIC:
            entity = int(rng.integers(language.values))
            question, answer = [KNOW, language.first_value + entity, HAS], [int(language.facts[entity]), STOP]
        else:
            key, entity, source = int(keys[hop]), int(entities[hop - needles]), spans[hop]
            answer = [int(language.facts[entity - language.first_value]), STOP]
            if task is Task.CHAIN:
                question, answer = [THINK, key], [entity, HAS, *answer]
            else:
                question = [ASK, key, HAS]
            hop += 1
        tokens += question
        answers.append((len(tokens), len(tokens) + len(answer)))
        sources.append(source)
        tokens += answer
    other = spans[needle] if needle < needles else None
    return Episode(tuple(map(int, tokens)), tuple(tasks), tuple(answers), tuple(sources), other)


class Batch(NamedTuple):
    """Episodes as arrays of one width: token ids, and whether a token is part of an answer (2), of other text (1) or a pad (0)."""

    tokens: NDArray[np.int64]
    kinds: NDArray[np.int8]


def training_batch(
    language: Language, filler: int, needles: int, size: int, rng: np.random.Generator, *, hops: int = 1
) -> Batch:
    """Episodes of half to all of ``filler`` filler tokens, with ``needles`` needle questions and ``hops`` of each other task.

    Questions of one context come in random order; many of them per context make for many answers per token computed. Without
    other tasks every needle is asked for.
    """
    tasks = [*[Task.NEEDLE] * needles, *[Task.PARAMETRIC, Task.DIRECT, Task.CHAIN] * hops]
    counts = rng.integers(filler // 2, filler + 1, size=size)
    least = 2 if hops else 1
    return padded(
        [episode(language, int(n), [tasks[i] for i in rng.permutation(len(tasks))], rng, least) for n in counts]
    )


def padded(drawn: Sequence[Episode]) -> Batch:
    """Episodes of any length as one batch, padded on the right."""
    width = max(len(item.tokens) for item in drawn)
    tokens = np.full((len(drawn), width), PAD, dtype=np.int64)
    kinds = np.zeros((len(drawn), width), dtype=np.int8)
    for row, item in enumerate(drawn):
        tokens[row, : len(item.tokens)] = item.tokens
        kinds[row, : len(item.tokens)] = 1
        for start, end in item.answers:
            kinds[row, start:end] = 2
    return Batch(tokens, kinds)
