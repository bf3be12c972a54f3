"""Splitting, defining and shortening sentences, on sentences that were read by eye."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.corpora.sentences import Definition, definition, sentences, shorten, stem, words

prose = st.text(st.sampled_from("aB1 .,;()!?\"'\u2013\n"), max_size=60)


def test_a_full_stop_after_an_initial_or_an_abbreviation_ends_no_sentence() -> None:
    """J. S. Bach, c. 1700, Inc. and U.S. stay inside; quotation marks stay with their sentence."""
    text = (
        'J. S. Bach lived c. 1700 in St. Gallen. He said "Never." Then Apple Inc. Bought the U.S. Navy! Why? 3 reasons.'
    )
    assert sentences(text) == (
        "J. S. Bach lived c. 1700 in St. Gallen.",
        'He said "Never."',
        "Then Apple Inc. Bought the U.S. Navy!",
        "Why?",
        "3 reasons.",
    )
    assert sentences("  ") == ()


@given(prose)
def test_splitting_loses_no_character_but_space(text: str) -> None:
    """The sentences, put together, are the text."""
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_words_keep_what_stands_inside_them() -> None:
    """Hyphens, decimal points and apostrophes belong to a word; marks around it do not."""
    assert words("(Rock-and-roll's 2.5 km\u00b2, caf\u00e9!)") == [
        "Rock-and-roll's",
        "2.5",
        "km\u00b2",
        "caf\u00e9",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("accordion", "Accordions"),
        ("theory", "Theories"),
        ("virus", "viruses"),
        ("case", "cases"),
        ("Davis", "Davis's"),
        ("boss", "boss"),
        ("bone", "bone\u2019s"),
    ],
)
def test_singular_and_plural_share_a_stem(one: str, other: str) -> None:
    """A title's word is found whether or not the sentence has it in the plural or the genitive."""
    assert stem(one) == stem(other)


def test_different_words_keep_different_stems() -> None:
    """Short words and words in -ss, -us, -is keep their s."""
    assert len({stem(word) for word in ("gas", "ga", "bus", "class", "clas", "basis", "basi")}) == 7


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A cat (Felis catus) is a small animal.", Definition("A cat", "is", "a small animal")),
        ("Hats, or caps, were worn.", Definition("Hats, or caps,", "were", "worn")),
        ("There is a house.", None),
        ("The man who was king died.", None),
        ("Cats sleep.", None),
        ("This is a house.", None),
    ],
)
def test_a_definition_is_subject_verb_and_predicate(sentence: str, expected: Definition | None) -> None:
    """Parentheses and the full stop go; a relative clause or "there" before the verb is no definition."""
    assert definition(sentence) == expected


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("one two three", 3, "one two three"),
        ("a river in Mali, and more.", 9, "a river in Mali, and more."),
        ("a river in Mali, once much longer than now", 6, "a river in Mali"),
        ("a river which flows through Mali to the sea", 8, "a river which flows through Mali"),
        ("a very long river of the north", 6, "a very long river"),
        ("well, a river flows there now", 5, "well, a river flows"),
    ],
    ids=["short", "exact", "clause border", "function words", "of the", "border too early"],
)
def test_shortening_cuts_where_a_reader_would(text: str, most: int, expected: str) -> None:
    """At the last clause border of the second half, else by words, without trailing function words."""
    assert shorten(text, most) == expected


@given(prose, st.integers(1, 12))
def test_a_shortened_text_is_a_piece_of_the_text(text: str, most: int) -> None:
    """Never more words than asked for, and no word that was not there."""
    short = shorten(text, most)
    assert len(short.split()) <= most
    assert " ".join(short.split()) in " ".join(text.split())
