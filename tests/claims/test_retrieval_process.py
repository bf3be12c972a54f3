"""Every claim of paper 1 that the suite is to hold has a test, and no other has slipped in."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

CLAIMS = Path(__file__).parents[2] / "claims" / "retrieval_process"
EXPECTED = """
0-possible 0-table4
3-ranks
4-comparable 4-removed 4-pretrained
5-stages 5-ratio-I 5-ratio-II 5-ratio-III 5-cosine-III 5-erase
5.1-noop 5.1-attention 5.1-cross-I 5.1-cross-II 5.1-cross-III 5.1-mlp-I 5.1-priming 5.1-mlp-III 5.1-single
5.1-t5-attention 5.1-t5-mlp-early 5.1-t5-mlp-III 5.1-t5-cross 5.1-random 5.1-reduced
5.2-gradual 5.2-cross-flat 5.2-separate 5.2-mlp-only 5.2-cross-only
5.3-mlp-III 5.3-cross-II 5.3-heads
5.4-words-10 5.4-words-100 5.4-words-1000 5.4-expansion
6-last-layer 6-words-down 6-agnostic
7-efficiency 7-selective 7-generality
"""


def modules() -> list[ModuleType]:
    return [
        importlib.import_module(f"claims.retrieval_process.{path.stem}") for path in sorted(CLAIMS.glob("test_*.py"))
    ]


def claims(module: ModuleType) -> list[tuple[str, str, str]]:
    """Id, place and sentence of each claim in a module, its parameters filled in."""
    found = []
    for test in vars(module).values():
        marks = {mark.name: mark for mark in getattr(test, "pytestmark", ())}
        if "claim" not in marks:
            continue
        name, values = marks["parametrize"].args if "parametrize" in marks else ("none", [None])
        for value in values:
            claim = marks["claim"].kwargs
            found.append((claim["id"].format(**{name: value}), claim["where"], test.__doc__.format(**{name: value})))
    return found


def test_the_list_of_claims_is_complete():
    ids = [id for module in modules() for id, _, _ in claims(module)]
    assert sorted(ids) == sorted(EXPECTED.split())


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_claims_stand_in_the_file_of_their_section(module):
    section = module.__name__.rpartition(".test_")[2]
    number = section.split("_")[0] + (f".{section.split('_')[1]}" if section.split("_")[1].isdigit() else "")
    assert {id.split("-")[0] for id, _, _ in claims(module)} == {number}


@pytest.mark.parametrize(("id", "where", "sentence"), [claim for module in modules() for claim in claims(module)])
def test_a_claim_is_one_sentence_with_a_place(id, where, sentence):
    assert sentence.endswith(".")
    assert "\n" not in sentence.strip()
    assert where.split()[0] in ("Table", "Fig.", "Section", "footnote", "control", "beyond"), where
