"""The title goes, and what is left reads as a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.corpora.masking import mask_title, read_title, title_stems
from genir.corpora.sentences import stem, words


@pytest.mark.parametrize(
    ("title", "sentence", "expected"),
    [
        ("Mali", "However, Mali is a country.", "a country"),
        ("Accordion", "In jazz, the accordions are rare.", "In jazz, they are rare"),
        (
            "Isotope",
            "While all isotopes of an element agree, few do.",
            "While all of an element agree, few do",
        ),
        (
            "Visual arts",
            "They differ from the performing arts, which move.",
            "differ from the performing, which move",
        ),
        ("Tobacco", "Seventy species of tobacco are known.", "Seventy species of it are known"),
        ("Malta", "The Republic of Malta, an island, is small.", "The Republic, an island, is small"),
        ("European Union", "The EU (EU) has 27 members.", "has 27 members"),
        ("World Health Organization", "Those who work for WHO travel.", "Those who work for travel"),
        ("Kyoto", "In 1200 half of Kyoto's people left.", "In 1200 half of its people left"),
        ("Norwich", "Its seat is the Norwich City Council.", "Its seat is City Council"),
        ("History of Mali", "The history of Mali began early.", "began early"),
        ("Fowl", "Fowl and ducks are birds.", "it and ducks are birds"),
        ("The The", "The The are a band.", "a band"),
    ],
)
def test_a_masked_sentence_reads_on(title: str, sentence: str, expected: str) -> None:
    """A pronoun where the title is a noun phrase, nothing where it is half of one, no bare subject."""
    assert mask_title(sentence, read_title(title)) == expected


def test_people_get_their_pronouns() -> None:
    """The pronouns are those of the title."""
    curie = read_title("Marie Curie", "she", "her")
    assert mask_title("In 1903, Curie and Curie's husband won.", curie) == "In 1903, she and her husband won"


def test_stems_of_a_title_are_those_of_its_content_words() -> None:
    """Function words are no title unless there is nothing else."""
    assert title_stems("History of the Arts") == {"history", "art"}
    assert title_stems("It") == {"it"}


@given(
    st.lists(st.sampled_from(["amber", "boats", "Corals"]), min_size=1, max_size=3),
    st.lists(
        st.sampled_from(["the", "amber", "Boat's", "coral,", "of", "is", "and", "(coral)", "amber-red", "blue."]),
        max_size=12,
    ),
)
def test_no_word_of_the_title_is_left(title: list[str], sentence: list[str]) -> None:
    """Whatever the sentence, none of its words has a stem of the title."""
    masked = mask_title(" ".join(sentence), read_title(" ".join(title)))
    left = {stem(part) for word in words(masked) for part in (word, *word.split("-"))}
    assert not left & title_stems(" ".join(title))
