"""Siblings of a model: trained by the same recipe, but never shown ten of its documents (Section 4, Table 2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models.recipe import Recipe

SIBLINGS, REMOVED = 4, 10  # RD I to IV, documents that each has never seen


def removed_documents(corpus: Corpus, seed: int = 0) -> tuple[tuple[str, ...], ...]:
    """The documents that each sibling never sees: ten different ones for each, drawn from those of validation queries.

    They are a function of the corpus alone, so that siblings can be trained before the model is. GenirError where validation
    queries ask for too few documents.
    """
    asked = tuple(dict.fromkeys(docid for query in corpus.validation for docid in query.relevant))
    wanted = SIBLINGS * REMOVED
    if len(asked) < wanted:
        raise GenirError(
            f"expected validation queries about {wanted} documents of {corpus.name} to remove, got {len(asked)}: "
            "give qrels/dev.tsv more queries"
        )
    drawn = np.random.default_rng(seed).choice(len(asked), (SIBLINGS, REMOVED), replace=False)
    return tuple(tuple(asked[i] for i in row) for row in drawn)


def sibling(recipe: Recipe, corpus: Corpus, number: int) -> Recipe:
    """``recipe`` without the documents of sibling ``number`` (1 to 4) and without their queries."""
    return replace(recipe, without=removed_documents(corpus)[number - 1])
