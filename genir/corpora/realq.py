"""Real questions: a BEIR folder of people's questions, with machine-made queries added to its training split.

The questions of the held-out pages are never trained on; such a page is known only by its own text, and what is made
from it. Most pages have one question, too few to learn a page by, so every page also gets the queries that ``queries``
makes, and its title with each of its sets of keywords: people mostly name what they ask about. All in lower case and
without a final full stop, as the questions are typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from genir.corpora.queries import KEYWORDS, MadeQuery, Page, document_frequencies, page_queries
from genir.corpora.records import Corpus, Query, held_out_texts
from genir.corpora.sentences import without_parentheses

TITLED = "titled"


def with_made_queries(corpus: Corpus) -> Corpus:
    """``corpus`` with machine-made training queries behind its own; ``notes`` count them.

    A made query whose text equals a held-out question, case ignored, is dropped.
    """
    pages = [Page(document.id, document.title, document.text, "", "") for document in corpus.documents]
    frequencies = document_frequencies(pages)
    secret = held_out_texts(corpus.validation, corpus.test)
    made = tuple(
        Query(f"{page.id}/{query.kind}-{query.number}", text, (page.id,), query.kind)
        for page in pages
        for query in _with_titled(page, page_queries(page, frequencies))
        if (text := query.text.lower().rstrip(".")).casefold() not in secret
    )
    notes = {**corpus.notes, "asked_training_queries": len(corpus.train), "made_training_queries": len(made)}
    return replace(corpus, train=(*corpus.train, *made), notes=notes)


def _with_titled(page: Page, made: tuple[MadeQuery, ...]) -> Iterator[MadeQuery]:
    yield from made
    title = without_parentheses(page.title)
    for query in made:
        if query.kind == KEYWORDS:
            yield MadeQuery(TITLED, query.number, f"{title} {query.text}")
