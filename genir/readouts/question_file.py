"""Questions of a user's file, asked of a language model directly and by a chain of thought (Section 4.3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genir.errors import GenirError
from genir.models.causal import CausalLM
from genir.readouts.needle import Cell, Questions, prompted
from genir.readouts.needle_bank import Needle

FIELDS = ("question", "answer")
WAYS = {
    "direct": "Answer with a few words, without explanation.",
    "chain": "Think step by step: say first what follows from the text, then the answer.",
}
STEPS = {"direct": 24, "chain": 192}
"""Tokens that an answer may take."""


class Item(NamedTuple):
    """A question, its answer, and the text that it is about, empty where there is none."""

    question: str
    answer: str
    context: str


def read_questions(file: Path) -> tuple[Item, ...]:
    """Read ``{"question": ..., "answer": ..., "context": ...}`` a line; the context may be missing.

    Raises GenirError, with the line, for what is no such object, and for a file without questions.
    """
    items = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GenirError(f"expected a file of questions, could not read {file}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read = json.loads(line)
        except ValueError:
            read = None
        if not isinstance(read, dict) or not all(
            isinstance(read.get(name), str) and read[name].strip() for name in FIELDS
        ):
            raise GenirError(
                f'expected {{"question": text, "answer": text}} in line {number} of {file}, got {line[:60]!r}: mend it'
            )
        items.append(Item(read["question"], read["answer"], str(read.get("context", ""))))
    if not items:
        raise GenirError(f"expected questions in {file}, got none: write one a line")
    return tuple(items)


def asked_both_ways(lm: CausalLM, items: Sequence[Item]) -> dict[str, Questions]:
    """The questions by way to ask, paired by position. GenirError for a model without tokenizer."""
    tokenizer = lm.tokenizer
    if tokenizer is None:
        raise GenirError(f"expected a tokenizer to ask {lm.name} in words, got none: name another model")
    chat = bool(getattr(tokenizer, "chat_template", None))
    needles = tuple(Needle("file", item.context, item.question, item.answer, "", "") for item in items)
    made = {}
    for way, instruction in WAYS.items():
        cells = []
        for number, item in enumerate(items):
            text = "\n\n".join(filter(None, (item.context, f"Question: {item.question}", instruction)))
            tokens = tuple(tokenizer(prompted(lm, text), add_special_tokens=not chat)["input_ids"])
            cells.append(Cell(number, number, len(tokens), 0.0, tokens, None, None))
        made[way] = Questions(tuple(cells), needles)
    return made
