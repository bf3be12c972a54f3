"""Siblings and selective recipes: what they leave out is a function of the corpus, what they train of a name."""

from __future__ import annotations

import dataclasses

import pytest

from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError
from genir.models.catalogue import CATALOGUE, GROUPS, entry, members
from genir.models.examples import examples
from genir.models.recipe import Recipe, SelectiveRecipe
from genir.models.siblings import REMOVED, SIBLINGS, removed_documents, sibling


def corpus(asked: int) -> Corpus:
    documents = tuple(Document(f"d{i}", f"title {i}", "text") for i in range(asked + 5))
    validation = tuple(Query(f"v{i}", f"question {i}", (f"d{i % asked}",)) for i in range(2 * asked))
    train = tuple(Query(f"t{i}", f"training question {i}", (f"d{i}",)) for i in range(asked + 5))
    return Corpus("made", documents, train, validation, (), {})


def test_siblings_lack_ten_different_documents_that_validation_asks_for():
    removed = removed_documents(corpus(50))
    assert [len(row) for row in removed] == [REMOVED] * SIBLINGS
    flat = [docid for row in removed for docid in row]
    assert len(set(flat)) == SIBLINGS * REMOVED
    assert set(flat) <= {f"d{i}" for i in range(50)}
    assert removed == removed_documents(corpus(50))
    assert removed != removed_documents(corpus(50), seed=1)


def test_too_few_documents_are_one_clear_error():
    with pytest.raises(GenirError, match="expected validation queries about 40 documents of made to remove, got 39"):
        removed_documents(corpus(39))


def test_a_sibling_is_the_same_recipe_without_documents_and_their_queries():
    recipe = Recipe("x", steps=3)
    made = corpus(40)
    second = sibling(recipe, made, 2)
    assert second == dataclasses.replace(recipe, without=removed_documents(made)[1])

    class Tokens:
        docids = tuple(document.id for document in made.documents)

        @staticmethod
        def tokenize(texts):
            return list(texts)

    seen = examples(Tokens, made, second.without)
    gone = {f"title {docid[1:]}: text" for docid in second.without}
    gone |= {f"training question {docid[1:]}" for docid in second.without}
    assert len(gone) == 20
    assert not gone & set(seen.tokens)
    assert len(seen.tokens) == 45 + 45 - 20


def test_a_selective_recipe_trains_docids_and_chosen_sublayers():
    recipe = SelectiveRecipe("x", steps=1, cross_layers=(2, 10), mlp_layers=(3,))
    assert recipe.learns("docids")
    assert recipe.learns("model.decoder.block.2.layer.1.EncDecAttention.q.weight")
    assert recipe.learns("model.decoder.block.10.layer.1.layer_norm.weight")
    assert recipe.learns("model.decoder.block.3.layer.2.DenseReluDense.wo.weight")
    for frozen in (
        "model.decoder.block.2.layer.2.DenseReluDense.wo.weight",
        "model.decoder.block.1.layer.1.EncDecAttention.q.weight",
        "model.decoder.block.2.layer.0.SelfAttention.q.weight",
        "model.encoder.block.2.layer.1.DenseReluDense.wo.weight",
        "model.decoder.final_layer_norm.weight",
    ):
        assert not recipe.learns(frozen)
        assert Recipe("x", steps=1).learns(frozen)


def test_new_recipes_leave_the_keys_of_old_ones_alone():
    assert set(dataclasses.asdict(Recipe("x", steps=1))) == {
        "name", "steps", "batch_size", "learning_rate", "docid_learning_rate", "warmup", "indexing_ratio", "max_length",
        "docid_std", "dropout", "precision", "seed", "threads", "evaluate_every", "without",
    }  # fmt: skip


def test_relatives_of_vital600_differ_from_it_in_what_they_leave_out_only():
    whole = entry("vital600").recipe
    made = corpus(60)
    for number, name in enumerate(members("vital600-rd"), start=1):
        assert entry(name).recipe_for(made) == dataclasses.replace(
            whole, name=name, without=removed_documents(made)[number - 1]
        )
    selective = dataclasses.asdict(entry("vital600-selective").recipe_for(made))
    assert {k: v for k, v in selective.items() if k in dataclasses.asdict(whole)} == dataclasses.asdict(
        dataclasses.replace(whole, name="vital600-selective")
    )
    assert whole == entry("vital600").recipe_for(made)


def test_names_stand_for_models():
    assert members("vital600") == ("vital600",)
    assert all(member in CATALOGUE for group in GROUPS.values() for member in group)
    with pytest.raises(GenirError, match=r"expected one of vital600, .*vital600-rd, got 'vital'"):
        members("vital")
