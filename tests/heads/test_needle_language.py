"""The synthetic language: what is stated, what is asked, and that an answer can be found where it is said to stand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.models.needle_language import (
    ASK,
    BOS,
    HAS,
    IS,
    PAD,
    STOP,
    THINK,
    Language,
    Task,
    episode,
    padded,
    training_batch,
)
from genir.readouts.needle_synthetic import paired_questions, parametric_questions, synthetic_needles

LANGUAGE = Language()


@given(st.integers(0, 1 << 30), st.integers(0, 40), st.lists(st.sampled_from(list(Task)), min_size=1, max_size=6))
def test_answers_follow_from_the_context_and_the_facts(seed, filler, tasks):
    item = episode(LANGUAGE, filler, tasks, np.random.default_rng(seed))
    tokens = item.tokens
    assert tokens[0] == BOS
    assert item.tasks == tuple(tasks)
    for task, (start, end), source in zip(item.tasks, item.answers, item.sources, strict=True):
        words = 2 if task in (Task.NEEDLE, Task.CHAIN) else 3
        question, answer = tokens[start - words : start], tokens[start:end]
        assert answer[-1] == STOP
        if task is Task.PARAMETRIC:
            assert question[0::2] == (ASK, HAS)
            assert source is None
            assert answer[0] == LANGUAGE.facts[question[1] - LANGUAGE.first_entity]
            continue
        key = question[1]
        stated = tokens[source[0] : source[1]]
        assert tokens[source[0] - 2 : source[0]] == (IS, key)
        assert tokens[source[1]] == STOP
        assert tokens.count(key) == 2
        if task is Task.NEEDLE:
            assert question == (ASK, key)
            assert answer[:-1] == stated
            assert len(set(stated)) == LANGUAGE.words
        else:
            has = LANGUAGE.facts[stated[0] - LANGUAGE.first_entity]
            chain = (stated[0], HAS) if task is Task.CHAIN else ()
            assert question == ((THINK, key) if task is Task.CHAIN else (ASK, key, HAS))
            assert answer == (*chain, has, STOP)


@given(st.integers(0, 1 << 30), st.integers(0, 40))
def test_a_context_has_its_filler_and_two_statements_of_each_form(seed, filler):
    item = episode(LANGUAGE, filler, [Task.NEEDLE], np.random.default_rng(seed))
    context = np.array(item.tokens[: item.answers[0][0] - 2])
    assert (context >= LANGUAGE.first_filler).sum() == filler
    assert (context == IS).sum() == 4
    assert len(context) == 1 + filler + 2 * (3 + LANGUAGE.words) + 2 * 4
    start, end = item.others
    assert not set(item.tokens[start:end]) & set(item.tokens[slice(*item.sources[0])])
    assert all(LANGUAGE.first_value <= token < LANGUAGE.first_entity for token in item.tokens[start:end])


def test_filler_follows_its_grammar_and_facts_do_not_depend_on_the_text(rng):
    text = np.array(LANGUAGE.filler(500, rng)) - LANGUAGE.first_filler
    followers = [(LANGUAGE.grammar[a] == b).nonzero()[0] for a, b in pairwise(text)]
    assert all(len(rank) == 1 for rank in followers)
    assert np.mean(np.concatenate(followers) == 0) == pytest.approx(12 / 25, abs=0.08)  # 1 / (1 + 1/2 + 1/3 + 1/4)
    assert Language().facts.tolist() == LANGUAGE.facts.tolist()
    assert set(np.bincount(LANGUAGE.facts - LANGUAGE.first_attribute)) == {3}


def test_classes_of_words_follow_one_another_without_gap():
    firsts = [
        LANGUAGE.first_key,
        LANGUAGE.first_value,
        LANGUAGE.first_entity,
        LANGUAGE.first_attribute,
        LANGUAGE.first_filler,
    ]
    assert np.diff([*firsts, LANGUAGE.size]).tolist() == [32, 32, 24, 8, 48]


def test_batches_are_padded_and_marked(rng):
    drawn = [episode(LANGUAGE, filler, [Task.NEEDLE], rng) for filler in (3, 9)]
    batch = padded(drawn)
    assert batch.tokens.shape == (2, len(drawn[1].tokens))
    assert batch.tokens[0, len(drawn[0].tokens) :].tolist() == [PAD] * 6
    assert batch.kinds.sum(axis=1).tolist() == [len(item.tokens) + LANGUAGE.words + 1 for item in drawn]
    one, two = (training_batch(LANGUAGE, 8, 2, 4, np.random.default_rng(5)) for _ in range(2))
    assert one.tokens.tolist() == two.tokens.tolist()


def test_too_many_statements_are_refused(rng):
    with pytest.raises(GenirError, match="at most 3 statements in an episode of this language, got 4"):
        episode(Language(keys=3), 5, [Task.NEEDLE], rng)


def test_synthetic_needles_are_cells_whose_span_holds_the_answer(rng):
    made = synthetic_needles(LANGUAGE, rng, count=3, fillers=(8, 20))
    assert [cell.length for cell in made.cells] == [8] * 3 + [20] * 3
    for number, (cell, item) in enumerate(zip(made.cells, made.needles, strict=True)):
        assert cell.needle == number
        assert " ".join(map(str, cell.tokens[slice(*cell.span)])) == item.answer
        assert cell.tokens[-2] == ASK
        assert 0 < cell.depth < 1
        assert cell.distraction != cell.span


def test_pairs_ask_for_the_same_fact_of_the_same_context(rng):
    made = paired_questions(LANGUAGE, rng, [Task.DIRECT, Task.CHAIN], count=5)
    for direct, chain, one, two in zip(
        made[Task.DIRECT].cells,
        made[Task.CHAIN].cells,
        made[Task.DIRECT].needles,
        made[Task.CHAIN].needles,
        strict=True,
    ):
        assert one.answer == two.answer
        assert direct.tokens[:-3] == chain.tokens[:-2]
        assert direct.tokens[-2] == chain.tokens[-1]
        assert (direct.tokens[-3], direct.tokens[-1], chain.tokens[-2]) == (ASK, HAS, THINK)
    with pytest.raises(GenirError, match=r"chain-of-thought questions to pair, got \['needle'\]"):
        paired_questions(LANGUAGE, rng, [Task.NEEDLE])


def test_parametric_questions_have_no_span(rng):
    made = parametric_questions(LANGUAGE, rng, count=3)
    assert [cell.span for cell in made.cells] == [None] * 3
    for cell, item in zip(made.cells, made.needles, strict=True):
        assert item.answer == str(LANGUAGE.facts[cell.tokens[-2] - LANGUAGE.first_entity])
