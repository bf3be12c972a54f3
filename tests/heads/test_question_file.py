"""Questions of a user's file: read line by line, asked in both ways of the same text."""

from __future__ import annotations

import pytest

from genir.errors import GenirError
from genir.models.causal import causal_lm
from genir.readouts.question_file import WAYS, Item, asked_both_ways, read_questions
from tests.heads.tiny_lms import random_model, words_tokenizer

LINES = """{"question": "Who rules?", "answer": "Ada"}

{"question": "Where?", "answer": "Rome", "context": "Ada lives in Rome."}
"""


def test_questions_are_read_with_and_without_a_text(tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_text(LINES)
    assert read_questions(file) == (Item("Who rules?", "Ada", ""), Item("Where?", "Rome", "Ada lives in Rome."))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected questions in .*, got none"),
        (LINES + "no json", "in line 4 of .*, got 'no json'"),
        ('{"question": "Where?"}', "in line 1 of "),
        ('{"question": "Where?", "answer": " "}', "in line 1 of "),
        ("[1]", "in line 1 of "),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, message):
    file = tmp_path / "questions.jsonl"
    file.write_text(text)
    with pytest.raises(GenirError, match=message):
        read_questions(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GenirError, match="could not read"):
        read_questions(tmp_path / "none.jsonl")


@pytest.mark.parametrize("chat", [False, True])
def test_both_ways_ask_the_same_and_differ_in_the_instruction(chat):
    items = [Item("Where?", "Rome", "Ada lives in Rome."), Item("Who rules?", "Ada", "")]
    words = " ".join([*WAYS.values(), "Question: Answer:", *map(" ".join, items)])
    lm = causal_lm("tiny", random_model("llama"), words_tokenizer(words, chat=chat))
    made = asked_both_ways(lm, items)
    for way, instruction in WAYS.items():
        for number, (cell, item) in enumerate(zip(made[way].cells, items, strict=True)):
            said = lm.tokenizer.decode(cell.tokens).replace(" ", "")
            assert f"{item.context}Question:{item.question}{instruction}".replace(" ", "") in said
            assert ("assistant" in said) is chat
            assert made[way].needles[number].answer == item.answer
            assert cell.span is None


def test_a_model_without_words_cannot_be_asked():
    with pytest.raises(GenirError, match="expected a tokenizer to ask tiny in words, got none"):
        asked_both_ways(causal_lm("tiny", random_model("llama")), [])
