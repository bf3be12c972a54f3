"""A conjunction is supported by all of its parts and contradicted by any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.statistics import Verdict, every, proportion, untestable

SUPPORTED, CONTRADICTED, UNDECIDED = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.UNDECIDED


def answer(count, margin=0.5, n=100):
    return proportion(np.arange(n) < count).below(margin)


def answers():
    return st.builds(answer, st.integers(0, 100), st.sampled_from([0.1, 0.5, 0.9]))


@given(st.lists(answers(), min_size=1, max_size=6))
def test_the_laws_of_conjunction(parts):
    whole = every(*parts)
    verdicts = [part.verdict for part in parts]
    assert (whole.verdict is SUPPORTED) == all(v is SUPPORTED for v in verdicts)
    assert (whole.verdict is CONTRADICTED) == any(v is CONTRADICTED for v in verdicts)
    assert whole.verdict is every(*reversed(parts)).verdict
    assert whole.verdict is every(*parts, *parts).verdict
    assert whole.p_value == max(part.p_value for part in parts)
    assert whole.deciding is not None
    assert whole.deciding.verdict is whole.verdict
    assert whole.deciding.clearance == min(part.clearance for part in parts)


@given(st.lists(answers(), min_size=1, max_size=3), st.lists(answers(), min_size=1, max_size=3))
def test_conjunction_is_associative(left, right):
    nested, flat = every(every(*left), every(*right)), every(*left, *right)
    assert nested.verdict is flat.verdict
    assert nested.parts == flat.parts
    assert nested.message == flat.message


def test_the_deciding_part_is_nearest_to_its_margin_and_not_the_largest():
    near, far = answer(38, margin=0.5), answer(60, margin=0.9)
    assert every(far, near).deciding is near
    assert every(far, near).verdict is SUPPORTED


def test_the_deciding_part_of_a_contradiction_is_furthest_beyond():
    beyond, further = answer(70), answer(95)
    assert every(beyond, further, answer(1)).deciding is further


def test_message_names_the_deciding_part_and_counts_the_rest():
    whole = every(answer(3).labelled("I"), answer(45).labelled("II"), answer(2).labelled("III"))
    assert whole.message.startswith("II: 45.00 % [35.61, 54.76] (45/100) may or may not be below 50 %: undecided")
    assert whole.message.endswith("(deciding of 3 parts: 2 supported, 1 undecided)")
    assert every(answer(3)).message == answer(3).message


def test_a_conjunction_of_nothing_is_refused():
    with pytest.raises(GenirError, match=r"^expected at least one answer, got none; without evidence"):
        every()


def test_untestable_has_a_reason_and_nothing_else():
    judgement = untestable("no base model: pass --base")
    assert judgement.verdict is Verdict.UNTESTABLE
    assert judgement.message == "untestable: no base model: pass --base"
    assert (judgement.parts, judgement.deciding, judgement.p_value) == ((), None, None)
    with pytest.raises(GenirError, match=r"^expected the reason why the claim cannot be tested, got an empty"):
        untestable(" ")


def test_a_missing_part_leaves_only_contradiction_possible():
    missing = untestable("no base model")
    assert every(answer(3), missing).verdict is Verdict.UNTESTABLE
    assert every(answer(50), missing).message == "untestable: no base model"
    assert every(answer(90), missing).verdict is CONTRADICTED
    assert every(answer(90), missing).message == answer(90).message
