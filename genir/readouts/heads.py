"""Retrieval heads (Wu et al. 2024, arXiv 2404.15574, Section 2): which attention heads copy the answer from the context.

The score of a head in one run: at each decoding step the head's attention row of the query that predicts the token; a hit when
its largest key lies inside the answer's span and the token there is the token generated; score = share of the span's positions
that are hit. The authors' code counts steps, so that a position hit twice counts twice and scores exceed 1: ``published``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.models.causal_attention import Head
from genir.models.decoding import Decoded, Progress, decode
from genir.readouts.needle import Cell, Span
from genir.readouts.needle_bank import NEEDLES, Needle

THRESHOLD = 0.1  # of a retrieval head (Section 2)
LEAST_RECALL = 0.5  # of a run that counts
LEAST_RUNS = 20


class Hits(NamedTuple):
    """Of one run, per (layer, head): span positions hit, steps that hit, steps that look into the span, copied or not."""

    positions: NDArray[np.int16]
    steps: NDArray[np.int16]
    looks: NDArray[np.int16]


class Runs(NamedTuple):
    """Needle runs, one row per run; arrays of heads are (runs, layers, heads).

    ``span`` is the answer's length in tokens, 0 where it was not found (the run is invalid); ``recall`` the share of the
    answer's words that the model said, ``exact`` whether it said the answer word for word; ``hits``, ``hit_steps`` and
    ``looks`` as in ``Hits``; ``distracted`` the share of the distractor's answer that was copied.
    """

    needle: NDArray[np.int64]
    context: NDArray[np.int64]
    length: NDArray[np.int64]
    depth: NDArray[np.float64]
    span: NDArray[np.int64]
    recall: NDArray[np.float64]
    exact: NDArray[np.bool_]
    steps: NDArray[np.int64]
    hits: NDArray[np.int16]
    hit_steps: NDArray[np.int16]
    looks: NDArray[np.int16]
    distracted: NDArray[np.float64]
    said: tuple[str, ...]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """The runs that count: the span was found and more than half of the answer's words were said."""
        return (self.span > 0) & (self.recall > LEAST_RECALL)


def detect(
    lm: CausalLM,
    cells: Sequence[Cell],
    needles: Sequence[Needle] = NEEDLES,
    *,
    steps: int = 50,
    batch: int = 8,
    progress: Progress | None = None,
) -> Runs:
    """Run every cell greedily and record what each head did; ``needles`` is the bank that the cells were made from."""
    if not cells:
        raise GenirError("expected needle cells, got none")
    decoded = decode(lm, [cell.tokens for cell in cells], steps=steps, batch=batch, progress=progress)[0]
    said = tuple(spoken(lm, run) for run in decoded)
    hits = [hits_of(run, cell.tokens, cell.span) for run, cell in zip(decoded, cells, strict=True)]
    distracted = [
        hits_of(run, cell.tokens, cell.distraction).positions / max(1, _length(cell.distraction))
        for run, cell in zip(decoded, cells, strict=True)
    ]
    told = [(needles[cell.needle], text) for cell, text in zip(cells, said, strict=True)]
    return Runs(
        needle=np.array([cell.needle for cell in cells]),
        context=np.array([cell.context for cell in cells]),
        length=np.array([cell.length for cell in cells]),
        depth=np.array([cell.depth for cell in cells], dtype=np.float64),
        span=np.array([_length(cell.span) for cell in cells]),
        recall=np.array([answer_recall(text, item.answer, item.question) for item, text in told]),
        exact=np.array([says(text, item.answer) for item, text in told]),
        steps=np.array([len(run.tokens) for run in decoded]),
        hits=np.stack([hit.positions for hit in hits]),
        hit_steps=np.stack([hit.steps for hit in hits]),
        looks=np.stack([hit.looks for hit in hits]),
        distracted=np.stack(distracted),
        said=said,
    )


def hits_of(run: Decoded, prompt: Sequence[int], span: Span | None) -> Hits:
    """What the heads hit in ``span`` of ``prompt`` while the tokens of ``run`` were generated; zeros for no span."""
    if run.keys is None:
        raise GenirError("expected a run that was decoded with want_keys=True, got one without keys")
    layers, heads = run.keys.shape[1:]
    if span is None:
        none = np.zeros((layers, heads), dtype=np.int16)
        return Hits(none, none, none)
    first, last = span
    looks = (run.keys >= first) & (run.keys < last)
    there = np.array(prompt[first:last])[np.clip(run.keys - first, 0, last - first - 1)]
    copies = looks & (there == run.tokens[:, None, None])
    positions = np.zeros((last - first, layers, heads), dtype=bool)
    step, layer, head = np.nonzero(copies)
    positions[run.keys[step, layer, head] - first, layer, head] = True
    return Hits(*(hit.sum(axis=0).astype(np.int16) for hit in (positions, copies, looks)))


def run_scores(runs: Runs, *, published: bool = False) -> NDArray[np.float64]:
    """Retrieval scores of the runs that count, (counted runs, layers, heads): by positions, or by steps as published.

    The mean over runs is the head's score; per run, so that needles and contexts can be resampled.
    Raises GenirError when no run counts.
    """
    counted = runs.counted
    if not counted.any():
        raise GenirError(
            f"expected runs in which the model finds the needle, none of {len(counted)} did (mean recall "
            f"{runs.recall.mean():.2f}): use shorter contexts, or a model that answers questions"
        )
    hits = runs.hit_steps if published else runs.hits
    return hits[counted] / runs.span[counted, None, None]


def enough(runs: Runs, least: int = LEAST_RUNS) -> Runs:
    """``runs``, if at least ``least`` of them count and GenirError otherwise."""
    run_scores(runs)
    if (found := int(runs.counted.sum())) < least:
        raise GenirError(
            f"expected at least {least} runs in which the model finds the needle, got {found}: add needles or lengths"
        )
    return runs


def activity(runs: Runs) -> NDArray[np.bool_]:
    """Whether a head copied at least one token, per run that counts: its mean is the activation frequency (Section 3.2)."""
    return run_scores(runs) > 0


def look_rate(runs: Runs) -> NDArray[np.float64]:
    """Share of a run's steps at which the head looks into the answer, whatever is said: attention without the copy criterion."""
    run_scores(runs)
    counted = runs.counted
    return runs.looks[counted] / runs.steps[counted, None, None]


def distractor_scores(runs: Runs) -> NDArray[np.float64]:
    """The score on the distractor's span, per run that counts: what a head copies that was not asked for."""
    run_scores(runs)
    return runs.distracted[runs.counted]


def ranked(scores: NDArray[np.float64]) -> list[Head]:
    """All heads by falling score, (layers, heads) -> [(layer index, head)]; ties in the order of layers and heads."""
    order = np.argsort(-scores, axis=None, kind="stable")
    return [(int(i) // scores.shape[1], int(i) % scores.shape[1]) for i in order]


def retrieval_heads(scores: NDArray[np.float64], threshold: float = THRESHOLD) -> list[Head]:
    """The heads whose score is at least ``threshold``, strongest first."""
    return [head for head in ranked(scores) if scores[head] >= threshold]


def strongest(scores: NDArray[np.float64], k: int) -> tuple[Head, ...]:
    """The ``k`` heads of largest score; GenirError when there are fewer heads."""
    if not 0 < k <= scores.size:
        raise GenirError(f"expected to choose between 1 and {scores.size} heads, got {k}")
    return tuple(ranked(scores)[:k])


def spoken(lm: CausalLM, run: Decoded) -> str:
    """What was said, as text; token ids with spaces between for a model without tokenizer."""
    if lm.tokenizer is None:
        return " ".join(map(str, run.tokens))
    return str(lm.tokenizer.decode(run.tokens, skip_special_tokens=True))


def answer_recall(said: str, answer: str, question: str = "") -> float:
    """Share of the answer's words that were said, a word as often as it was (ROUGE-1 recall), in [0, 1].

    Words of the question do not count, since repeating the question is not retrieval.
    """
    wanted = Counter(_words(answer)) - Counter(_words(question))
    wanted = wanted or Counter(_words(answer))
    return (wanted & Counter(_words(said))).total() / wanted.total()


def says(said: str, answer: str) -> bool:
    """Whether the answer's words stand in what was said, one after the other."""
    return f" {' '.join(_words(answer))} " in f" {' '.join(_words(said))} "


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _length(span: Span | None) -> int:
    return 0 if span is None else span[1] - span[0]
