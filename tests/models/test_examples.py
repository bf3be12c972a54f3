"""What a model is shown: examples of queries and documents, and the batches that a recipe makes of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError
from genir.models.examples import Examples, batches, examples, untrained_dsi
from genir.models.recipe import Recipe
from tests.models import tiny

RECIPE = tiny.RECIPE


def fake(queries: int, documents: int, rng: np.random.Generator) -> Examples:
    lengths = rng.integers(1, 30, queries + documents)
    return Examples([[7] * int(n) for n in lengths], np.zeros(queries + documents, np.int64), queries)


@pytest.mark.parametrize(
    ("queries", "documents", "ratio"), [(96, 10, 0.25), (100, 7, 1.0), (50, 20, 0.0), (1_000, 30, 0.1)]
)
def test_an_epoch_holds_every_query_once_and_its_share_of_documents(queries: int, documents: int, ratio: float) -> None:
    data = fake(queries, documents, np.random.default_rng(1))
    recipe = Recipe("x", steps=1, batch_size=8, indexing_ratio=ratio)
    wanted = round(ratio * queries)
    size = (queries + wanted) // 8
    stream = batches(data, recipe)
    shown = np.zeros(queries + documents, int)
    for _ in range(4):
        epoch = np.concatenate(list(islice(stream, size)))
        seen = np.bincount(epoch, minlength=queries + documents)
        assert seen[:queries].max() == 1  # none twice
        assert seen[:queries].sum() + seen[queries:].sum() == 8 * size  # at most the rest of a batch is dropped
        assert (queries + wanted) - 8 * size < 8
        shown += seen
    if ratio:
        each = shown[queries:]
        assert each.max() - each.min() <= 1 + 4 * 7  # documents take turns, but for the dropped ones


def test_batches_are_a_function_of_the_recipe_alone() -> None:
    data = fake(100, 10, np.random.default_rng(1))
    recipe = Recipe("x", steps=1, batch_size=8)
    one, two = (list(islice(batches(data, recipe), 40)) for _ in range(2))
    assert all(map(np.array_equal, one, two))
    other = list(islice(batches(data, replace(recipe, seed=1)), 40))
    assert not all(map(np.array_equal, one, other))
    alone = replace(recipe, indexing_ratio=0.0)  # a hundred queries fill twelve batches
    epochs = list(islice(batches(data, alone), 24))
    assert not any(map(np.array_equal, epochs[:12], epochs[12:]))


def test_a_batch_holds_texts_of_similar_length() -> None:
    data = fake(2_000, 10, np.random.default_rng(1))
    lengths = np.array([len(tokens) for tokens in data.tokens])
    spread = [np.ptp(lengths[batch]) for batch in islice(batches(data, Recipe("x", steps=1, batch_size=8)), 256)]
    assert np.mean(spread) < 2


def test_too_few_examples_are_one_line_and_no_endless_loop() -> None:
    data = fake(3, 2, np.random.default_rng(1))
    with pytest.raises(
        GenirError, match=r"^expected at least one batch of 48 examples, got 3 queries and 1 documents: low"
    ):
        next(batches(data, Recipe("x", steps=1)))


def test_what_cannot_be_left_out_is_one_line(tiny_base: Path) -> None:
    dsi = untrained_dsi(tiny_base, tiny.corpus(), RECIPE)
    with pytest.raises(GenirError, match=r"^expected documents of tiny to leave out, got 'nobody': check the recipe$"):
        examples(dsi, tiny.corpus(), ("d1", "nobody"))
    with pytest.raises(GenirError, match=r"^expected a document of tiny to train on, all are left out: keep some$"):
        examples(dsi, tiny.corpus(), dsi.docids)


def test_examples_are_queries_then_documents_one_for_each_relevant_document(tiny_base: Path) -> None:
    documents = (Document("a", "w1", "w2 w3"), Document("b", "", "w4"))
    small = Corpus("two", documents, (Query("q", "w5 w6", ("b", "a")), Query("r", "w7", ("a",))), (), ())
    dsi = untrained_dsi(tiny_base, small, RECIPE)
    data = examples(dsi, small)
    words = {f"w{number}": number + 3 for number in range(60)}
    assert data.labels.tolist() == [1, 0, 0, 0, 1]
    assert data.retrieval == 3
    assert data.tokens[0] == data.tokens[1] == [words["w5"], words["w6"], 1]
    assert data.tokens[4] == [words["w4"], 1]
    assert data.tokens[3][1:] == [words["w2"], words["w3"], 1]  # "w1:" is no word of this tokenizer
