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
    KNOW,
    PAD,
    STOP,
    THINK,
    Language,
    Task,
    episode,
    padded,
    training_batch,
)
from genir.readouts.needle_synthetic import COUNT, SYNTHETIC, control, crossed, detection, hops, plain_texts

LANGUAGE = Language()


@given(st.integers(0, 1 << 30), st.integers(0, 40), st.lists(st.sampled_from(list(Task)), min_size=1, max_size=4))
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
            assert question[0::2] == (KNOW, HAS)
            assert source is None
            assert answer[0] == LANGUAGE.facts[question[1] - LANGUAGE.first_value]
            continue
        key = question[1]
        stated = tokens[source[0] : source[1]]
        assert tokens[source[0] - 2 : source[0]] == (IS, key)
        assert tokens[source[1]] == STOP
        assert list(pairwise(tokens)).count((IS, key)) == 1
        if task is Task.NEEDLE:
            assert question == (ASK, key)
            assert answer[:-1] == stated
            assert len(set(stated)) == LANGUAGE.words
        else:
            has = LANGUAGE.facts[stated[0] - LANGUAGE.first_value]
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
    assert all(LANGUAGE.first_value <= token < LANGUAGE.first_attribute for token in item.tokens[start:end])


def test_texts_that_ask_for_needles_alone_state_nothing_else(rng):
    item = episode(LANGUAGE, 4, [Task.NEEDLE] * 3, rng, least=1)
    assert item.tokens.count(IS) == 3
    assert item.others is None
    made = training_batch(LANGUAGE, 4, 3, 5, rng, hops=0)
    assert ((made.tokens == IS).sum(axis=1) == 3).all()
    assert not np.isin(made.tokens, (HAS, THINK, KNOW)).any()


def test_filler_follows_its_grammar_and_facts_do_not_depend_on_the_text(rng):
    text = np.array(LANGUAGE.filler(500, rng)) - LANGUAGE.first_filler
    followers = [(LANGUAGE.grammar[a] == b).nonzero()[0] for a, b in pairwise(text)]
    assert all(len(rank) == 1 for rank in followers)
    assert np.mean(np.concatenate(followers) == 0) == pytest.approx(12 / 25, abs=0.08)  # 1 / (1 + 1/2 + 1/3 + 1/4)
    assert Language().facts.tolist() == LANGUAGE.facts.tolist()
    assert set(np.bincount(LANGUAGE.facts - LANGUAGE.first_attribute)) == {3}


def test_classes_of_words_follow_one_another_without_gap():
    firsts = [
        LANGUAGE.first_value,
        LANGUAGE.first_attribute,
        LANGUAGE.first_filler,
    ]
    assert np.diff([*firsts, LANGUAGE.size]).tolist() == [24, 8, 32]


def test_batches_are_padded_and_marked(rng):
    drawn = [episode(LANGUAGE, filler, [Task.NEEDLE], rng) for filler in (3, 9)]
    batch = padded(drawn)
    assert batch.tokens.shape == (2, len(drawn[1].tokens))
    assert batch.tokens[0, len(drawn[0].tokens) :].tolist() == [PAD] * 6
    assert batch.kinds.sum(axis=1).tolist() == [len(item.tokens) + LANGUAGE.words + 1 for item in drawn]
    one, two = (training_batch(LANGUAGE, 8, 2, 4, np.random.default_rng(5)) for _ in range(2))
    assert one.tokens.tolist() == two.tokens.tolist()


def test_too_many_statements_are_refused(rng):
    with pytest.raises(GenirError, match="at most 9 words in this language, got 10"):
        episode(Language(values=9), 5, [Task.NEEDLE], rng)


@given(st.integers(0, 1 << 30), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([Task.NEEDLE, Task.DIRECT]))
def test_the_statement_that_is_asked_for_stands_at_its_depth(seed, depth, task):
    item = episode(LANGUAGE, 20, [task], np.random.default_rng(seed), depth=depth)
    context = np.array(item.tokens[: item.answers[0][0] - (2 if task is Task.NEEDLE else 3)])
    before = (context[: item.sources[0][0]] >= LANGUAGE.first_filler).sum()
    assert before == 20 * depth
    if depth == 1:
        assert item.sources[0][1] == len(context) - 1


def test_the_same_facts_stand_in_other_filler(rng):
    one, two = (
        episode(LANGUAGE, 9, [Task.NEEDLE], np.random.default_rng(3), depth=0.5, text=np.random.default_rng(seed))
        for seed in (1, 2)
    )
    assert one.tokens != two.tokens
    assert one.tokens[slice(*one.answers[0])] == two.tokens[slice(*two.answers[0])]


@pytest.mark.parametrize("part", [detection, crossed, control])
def test_synthetic_needles_are_questions_whose_span_holds_the_answer(part):
    made = part(LANGUAGE, SYNTHETIC)
    assert len({cell.tokens for cell in made.cells}) == len(made.cells)
    assert {cell.needle for cell in made.cells} == set(range(len(made.needles)))
    for cell in made.cells:
        assert " ".join(map(str, cell.tokens[slice(*cell.span)])) == made.needles[cell.needle].answer
        assert cell.tokens[-2] == ASK
        assert cell.distraction != cell.span
        filler = (np.array(cell.tokens) >= LANGUAGE.first_filler).sum()
        assert filler == cell.length


def test_parts_have_needles_of_their_own_and_crossed_ones_stand_in_every_context():
    parts = [part(LANGUAGE, SYNTHETIC) for part in (detection, crossed, control)]
    texts = [{cell.tokens for cell in made.cells} for made in parts]
    assert len(set.union(*texts)) == sum(map(len, texts))
    where = {(cell.needle, cell.context, cell.depth) for cell in parts[1].cells}
    assert len(where) == len(parts[1].cells) == COUNT * SYNTHETIC.crossed * len(SYNTHETIC.crossed_depths)


def test_pairs_ask_for_the_same_fact_of_the_same_context():
    made = hops(LANGUAGE, SYNTHETIC, count=5)
    for direct, chain, one, two in zip(
        made["direct"].cells, made["chain"].cells, made["direct"].needles, made["chain"].needles, strict=True
    ):
        assert one.answer == two.answer
        assert direct.tokens[:-3] == chain.tokens[:-2]
        assert direct.tokens[-2] == chain.tokens[-1]
        assert (direct.tokens[-3], direct.tokens[-1], chain.tokens[-2]) == (ASK, HAS, THINK)
        entity = direct.tokens[direct.span[0]]
        assert one.answer == str(LANGUAGE.facts[entity - LANGUAGE.first_value])


def test_plain_texts_have_filler_only():
    for text in plain_texts(LANGUAGE, SYNTHETIC, 3):
        assert text[0] == BOS
        assert min(text[1:]) >= LANGUAGE.first_filler
