"""Prompts: where the needle lies, how long they are, and where the answer is found in them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.corpora.sentences import FUNCTION_WORDS
from genir.errors import GenirError
from genir.models.causal import CausalLM, causal_lm
from genir.readouts.needle import INSTRUCTION, cells, render, span_of
from genir.readouts.needle_bank import NEEDLES
from tests.heads.tiny_lms import random_model, words_tokenizer

PASSAGES = [f"Word{i} stands here. Many more words w{i} follow it now. So it ends." for i in range(60)]
ALL = " ".join([*PASSAGES, INSTRUCTION, "Question: Answer: user : assistant ."])
ALL += " ".join(" ".join(item) for item in NEEDLES)


@pytest.fixture(params=[True, False], ids=["chat", "plain"])
def lm(request) -> CausalLM:
    tiny = causal_lm("tiny", random_model("llama"), words_tokenizer(ALL, request.param))
    return CausalLM(**{**vars(tiny), "positions": 2000})


def content(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold())) - FUNCTION_WORDS


def test_answers_have_words_that_stand_in_no_other_needle_question_or_distractor():
    assert len(NEEDLES) >= 10
    for item in NEEDLES:
        assert item.sentence.count(item.answer) == item.distractor.count(item.distraction) == 1
        assert len(content(item.answer)) >= 4
        rest = [item.sentence.replace(item.answer, ""), item.question, item.distractor]
        rest += [part for other in NEEDLES if other is not item for part in other]
        assert not content(item.answer) & content(" ".join(rest)), item.name


def test_lengths_are_filled_and_never_exceeded(lm, rng):
    made = cells(lm, PASSAGES, rng, lengths=(120, 200), contexts=3)
    assert len(made) == len(NEEDLES) * 2 * 3
    for cell in made:
        assert cell.length - 20 <= len(cell.tokens) <= cell.length


def test_spans_hold_the_answer_and_the_distraction_and_nothing_else(lm, rng):
    for cell in cells(lm, PASSAGES, rng, lengths=(150,), contexts=2):
        decoy = NEEDLES[(cell.needle + 6) % 12]
        for span, text in ((cell.span, NEEDLES[cell.needle].answer), (cell.distraction, decoy.distraction)):
            words = lm.tokenizer.convert_ids_to_tokens(cell.tokens[span[0] : span[1]])
            assert words == re.findall(r"\w+|[^\w\s]", text)


def test_a_distractor_of_the_own_form_has_another_subject(lm, rng):
    for cell in cells(lm, PASSAGES, rng, lengths=(150,), depths=(0.5,), contexts=2, distract="own form"):
        words = lm.tokenizer.convert_ids_to_tokens(cell.tokens[slice(*cell.distraction)])
        assert words == re.findall(r"\w+|[^\w\s]", NEEDLES[cell.needle].distraction)


def test_depth_moves_the_needle_and_leaves_the_text_as_it_is(lm, rng):
    made = cells(lm, PASSAGES, rng, needles=NEEDLES[:1], lengths=(240,), depths=(0, 0.25, 0.5, 1), distract=None)
    starts = [cell.span[0] for cell in made]
    assert starts == sorted(starts)
    assert starts[0] < 40
    assert starts[-1] > 180
    sentence = len(words_tokenizer(ALL)(NEEDLES[0].sentence)["input_ids"])
    without = set()
    for cell in made:
        first = cell.span[0] - (sentence - (cell.span[1] - cell.span[0]) - 1)
        without.add(cell.tokens[:first] + cell.tokens[first + sentence :])
    assert len(without) == 1


def test_a_run_that_is_the_same_is_made_once(lm, rng):
    made = cells(lm, PASSAGES, rng, needles=NEEDLES[:2], lengths=(150,), depths=(0.3, 0.3), contexts=1)
    assert len(made) == 2


def test_the_same_generator_gives_the_same_cells(lm):
    once, again, other = (cells(lm, PASSAGES, np.random.default_rng(seed), lengths=(150,)) for seed in (3, 3, 4))
    assert once == again != other


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_a_span_is_the_smallest_run_of_tokens_that_holds_the_characters(widths, data):
    ends = np.cumsum(widths).tolist()
    offsets = list(zip([0, *ends[:-1]], ends, strict=True))
    start = data.draw(st.integers(0, ends[-1] - 1))
    end = data.draw(st.integers(start + 1, ends[-1]))
    first, last = span_of(offsets, start, end)
    assert offsets[first][0] <= start < offsets[first][1]
    assert offsets[last - 1][0] < end <= offsets[last - 1][1]


def test_a_span_that_is_not_there_is_none_and_one_that_is_split_is_an_error():
    offsets = [(0, 0), (0, 4), (5, 9)]
    assert span_of(offsets, 10, 12) is None
    assert span_of(offsets, 5, 9) == (2, 3)
    with pytest.raises(GenirError, match=r"characters 5 to 12\) in the context, only 5 to 9 are: the answer was split"):
        span_of(offsets, 5, 12)


def test_a_template_that_changes_the_text_makes_the_run_invalid_and_not_zero(rng):
    tokenizer = words_tokenizer(ALL + ALL.upper(), chat=True)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}"
    tiny = causal_lm("tiny", random_model("llama"), tokenizer)
    made = cells(CausalLM(**{**vars(tiny), "positions": 2000}), PASSAGES, rng, needles=NEEDLES[:1], lengths=(150,))
    assert {cell.span for cell in made} == {None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (20,)}, r"contexts of at least \d+ tokens, got 20: needle 'key' and its question would be cut"),
        ({"lengths": (5000,)}, "contexts of at most 2000 tokens, the positions of tiny, got 5000"),
        ({"lengths": (1900,)}, "give more passages"),
        ({"depths": (1.5,)}, "depths between 0 and 1, got 1.5"),
        ({"needles": ()}, "needles and passages, got 0 and 60"),
        ({"needles": (NEEDLES[0]._replace(answer="words w3 follow"),)}, "do not hold the answer of needle 'key'"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(lm, rng, changes, message):
    with pytest.raises(GenirError, match=message):
        cells(lm, PASSAGES, rng, **changes)


def test_a_model_without_tokenizer_cannot_take_texts(rng):
    with pytest.raises(GenirError, match="tokenizer with character offsets for tiny, got NoneType"):
        cells(causal_lm("tiny", random_model("llama")), PASSAGES, rng)


def test_prompts_follow_the_chat_template_where_there_is_one(lm):
    prompt = render(lm, "A text.", NEEDLES[0].question)
    ends = "assistant :" if lm.tokenizer.chat_template else "Answer:"
    assert prompt.endswith(ends)
    assert "A text." in prompt
