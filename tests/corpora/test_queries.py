"""Machine-made queries of made-up pages, worked out by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from genir.corpora.queries import INDEXED, LONGEST, MadeQuery, Page, document_frequencies, page_queries

LIGHTHOUSE = Page(
    "lighthouse",
    "Lighthouse",
    "A lighthouse is a tower that guides ships at night and in fog. "
    "Lighthouses mark dangerous coastlines and harbours. "
    "Their lamps burned whale oil until kerosene replaced that fuel around 1850. "
    "Today automatic beacons need neither keepers nor stairs.",
    "Structure designed to emit light",
    "Technology",
)
ADA = Page(
    "ada",
    "Ada Byron",
    "Ada Byron was an English mathematician. She wrote about engines.",
    "English writer (1815\u20131852)",
    "People",
)


def by_kind(page: Page, frequencies: Counter[str] | None = None) -> dict[str, list[str]]:
    """The texts of a page's queries per kind."""
    made = page_queries(page, frequencies or document_frequencies([page]))
    return {kind: [query.text for query in made if query.kind == kind] for kind in dict.fromkeys(q.kind for q in made)}


def test_each_kind_is_what_it_says() -> None:
    """All six kinds of one page; only the keywords are drawn."""
    kinds = by_kind(LIGHTHOUSE)
    keywords = kinds.pop("keywords")
    assert kinds == {
        "description": ["Structure designed to emit light"],
        "title": ["what is a lighthouse"],
        "rewrite": [
            "what is a tower that guides ships at night and in fog",
            "Tower that guides ships at night and in fog",
        ],
        "sentence": [
            "mark dangerous coastlines and harbours",
            "Their lamps burned whale oil until kerosene replaced that fuel around 1850",
        ],
        "late": ["automatic beacons need neither keepers nor stairs"],
    }
    assert [len(text.split()) for text in keywords] == [4, 4]


def test_people_are_asked_for_with_who() -> None:
    """Topic and pronoun make a person; a short second sentence gives no query."""
    kinds = by_kind(ADA)
    assert kinds["title"] == ["who was Ada Byron"]
    assert kinds["rewrite"] == ["who was an English mathematician"]
    assert "late" not in kinds
    assert "sentence" not in kinds


def test_a_person_may_stand_outside_the_topic_people() -> None:
    """The source leaves some people uncategorised: a lifetime in the description tells them from wars."""
    assert by_kind(ADA._replace(topic="Uncategorized"))["title"] == ["who was Ada Byron"]
    war = ADA._replace(title="Second War", text="Second War was a conflict.", topic="Uncategorized")
    assert by_kind(war)["title"] == ["what was Second War"]


def test_a_gloss_that_equals_the_description_yields_to_it() -> None:
    """The held-out text is never dropped in favour of a trained one."""
    page = LIGHTHOUSE._replace(description="tower that GUIDES ships at night and in fog")
    kinds = by_kind(page)
    assert kinds["description"] == ["tower that GUIDES ships at night and in fog"]
    assert kinds["rewrite"] == ["what is a tower that guides ships at night and in fog"]


def test_the_late_sentence_starts_beyond_the_indexed_tokens() -> None:
    """With one word fewer before it, it starts at word 31 and is an ordinary sentence."""
    before, _, late = LIGHTHOUSE.text.rpartition("Today")
    assert len(before.split()) + 1 == INDEXED
    earlier = LIGHTHOUSE._replace(text=f"{before.replace('whale ', '')}Today{late}")
    assert "late" not in by_kind(earlier)
    assert "automatic beacons need neither keepers nor stairs" in by_kind(earlier)["sentence"]


def test_no_other_query_draws_on_the_late_sentence() -> None:
    """Its words stay out of the keywords, over many pages' generators."""
    for number in range(50):
        kinds = by_kind(LIGHTHOUSE._replace(id=str(number)))
        drawn = " ".join(kinds["keywords"] + kinds["sentence"] + kinds["rewrite"]).split()
        assert not {"automatic", "beacons", "keepers", "stairs"} & set(drawn)


def test_keywords_are_disjoint_rare_content_words_in_the_order_of_the_text() -> None:
    """Of 20 content words the 16 rarest can be drawn; a word of no other page is the last in line."""
    names = [f"w{chr(97 + index)}x" for index in range(20)]
    page = Page("p", "Title", f"{' '.join(names)}.", "", "Arts")
    frequencies = Counter({name: 2 + index for index, name in enumerate(names)})
    frequencies[names[0]] = 1
    seen: set[str] = set()
    for number in range(60):
        first, second = (text.split() for text in by_kind(page._replace(id=str(number)), frequencies)["keywords"])
        assert len({*first, *second}) == 8
        assert [*first] == sorted(first, key=names.index)
        seen |= {*first, *second}
    assert seen == set(names[1:17])


def test_queries_do_not_depend_on_the_order_of_asking() -> None:
    """The page's id alone seeds the draw, and the global state is not touched."""
    frequencies = document_frequencies([LIGHTHOUSE, ADA])
    state = np.random.get_state()[1].tolist()
    first = page_queries(LIGHTHOUSE, frequencies)
    page_queries(ADA, frequencies)
    assert page_queries(LIGHTHOUSE, frequencies) == first
    assert np.random.get_state()[1].tolist() == state
    assert page_queries(LIGHTHOUSE._replace(id="other"), frequencies) != first


def test_document_frequencies_count_documents() -> None:
    """A stem counts once per page, title included."""
    pages = [Page("1", "Cat", "Cats like cats.", "", ""), Page("2", "Dog", "A cat and a dog.", "", "")]
    assert document_frequencies(pages) == {"cat": 2, "lik": 1, "dog": 1, "a": 1, "and": 1}


@pytest.mark.parametrize("text", ["X.", "No verb here", "It is."])
def test_a_page_without_patterns_has_a_title_question_all_the_same(text: str) -> None:
    """Where no pattern applies there is no query of that kind."""
    made = page_queries(Page("x", "Xyz (thing)", text, "", "Arts"), Counter())
    assert made == (MadeQuery("title", 1, "what is Xyz thing"),)


def test_no_query_is_longer_than_a_user_types() -> None:
    """A hundred words of a sentence are cut to LONGEST."""
    text = f"A lighthouse is a {' '.join(f'word{i}' for i in range(100))}."
    assert max(len(t.split()) for kind, ts in by_kind(LIGHTHOUSE._replace(text=text)).items() for t in ts) <= LONGEST
