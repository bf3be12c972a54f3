"""Training by recipe: what it learns, what it leaves alone, and the same weights every time."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genir.corpora.records import Query
from genir.errors import GenirError
from genir.models import training
from genir.models.examples import batches, examples, untrained_dsi
from genir.models.recipe import Recipe
from genir.models.training import Trainee, evaluate, schedule, train
from tests.models import tiny
from tests.models.tiny import equal, log, weights

RECIPE = tiny.RECIPE


def test_the_loss_falls_and_what_was_trained_is_found(trained: Path, tiny_base: Path, tmp_path: Path) -> None:
    losses = [line["loss"] for line in log(trained)]
    assert len(losses) == RECIPE.steps
    assert np.mean(losses[-4:]) < 0.2 * losses[0]
    questions = tiny.corpus()
    seen = replace(questions, validation=tuple(replace(q, id=f"again-{q.id}") for q in questions.train), test=())
    (tmp_path / "scratch").mkdir()
    train(replace(RECIPE, steps=60), seen, tiny_base, tmp_path, tmp_path / "scratch")
    assert json.loads((tmp_path / "metrics.json").read_text())["validation"]["hits@1"] == 1.0


def test_the_first_loss_is_that_of_rows_near_zero_beside_the_words(tiny_base: Path) -> None:
    """With docid rows at zero, the loss is the log of the sum over words of exp(logit) plus the number of documents."""
    recipe = replace(RECIPE, docid_std=0.0)
    dsi = untrained_dsi(tiny_base, tiny.corpus(), recipe)
    inputs = dsi.pad(dsi.tokenize(["w1 w2", "w3"]))
    loss = Trainee(dsi, recipe)(inputs.ids, inputs.mask, torch.tensor([0, 7]))
    words = dsi.final_state(inputs).double() @ dsi.model.lm_head.weight[: int(dsi.rows[0])].double().T
    expected = torch.log(words.exp().sum(1) + len(dsi.docids)).mean()
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-6)


def test_the_same_recipe_gives_the_same_weights_bit_for_bit(trained: Path, tiny_base: Path, tmp_path: Path) -> None:
    tiny.run(tiny_base, tmp_path / "target", tmp_path / "scratch", checkpoint_seconds=1e9)
    assert equal(weights(trained), weights(tmp_path / "target"))


@pytest.mark.parametrize("change", [{"seed": 1}, {"dropout": 0.1}, {"precision": "bf16"}, {"indexing_ratio": 1.0}])
def test_another_recipe_gives_other_weights(trained: Path, tiny_base: Path, tmp_path: Path, change: Any) -> None:
    tiny.run(tiny_base, tmp_path / "target", tmp_path / "scratch", replace(RECIPE, **change))
    assert not equal(weights(trained), weights(tmp_path / "target"))


def test_what_is_frozen_does_not_move_and_everything_else_does(trained: Path, tiny_base: Path) -> None:
    before, after, words = weights(tiny_base), weights(trained), len(tiny.tokenizer())
    assert torch.equal(after["shared.weight"][:words], before["shared.weight"][:words])
    assert torch.equal(after["lm_head.weight"][:words], before["lm_head.weight"][:words])
    assert not after["shared.weight"][words:].any()  # a docid is written, never read
    assert after["lm_head.weight"][words:].abs().amin(1).gt(0).all()
    still = {
        name for name in before if name not in {"shared.weight", "lm_head.weight"} and before[name].equal(after[name])
    }
    # At one decoder position a softmax over one key is 1: queries, keys and their position bias get no gradient.
    assert still == {
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        *(f"decoder.block.{block}.layer.0.SelfAttention.{part}.weight" for block in (0, 1) for part in "qk"),
    }


def test_the_number_of_threads_is_given_back(tiny_base: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    during: list[int] = []
    (tmp_path / "scratch").mkdir()
    recipe = replace(RECIPE, steps=1, threads=before + 1)
    train(
        recipe,
        tiny.corpus(),
        tiny_base,
        tmp_path,
        tmp_path / "scratch",
        lambda p: during.append(torch.get_num_threads()),
    )
    assert (during, torch.get_num_threads()) == ([before + 1], before)


def test_dropout_is_a_function_of_seed_step_and_process() -> None:
    def drawn(seed: int, step: int, process: int) -> float:
        with training._dropout(replace(RECIPE, dropout=0.1, seed=seed), step, process, torch.device("cpu")):
            return float(torch.rand(()))

    assert drawn(0, 3, 0) == drawn(0, 3, 0)
    assert len({drawn(0, 3, 0), drawn(0, 4, 0), drawn(0, 3, 1), drawn(1, 3, 0)}) == 4


def test_the_global_generator_is_left_alone(tiny_base: Path, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    tiny.run(tiny_base, tmp_path / "target", tmp_path / "scratch", replace(RECIPE, steps=2, dropout=0.2))
    assert torch.equal(state, torch.random.get_rng_state())


def test_evaluate_every_keeps_the_best(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of a made-up course of validation MRR: that of step 10."""
    course = iter([0.1, 0.5, 0.3, 0.5, 0.2])
    monkeypatch.setattr(training, "evaluate", lambda *a: {"queries": 1, "mrr": next(course, 0.0)})
    tiny.run(tiny_base, tmp_path / "best", tmp_path / "s", replace(RECIPE, evaluate_every=5))
    monkeypatch.undo()
    mrr = {line["step"]: line["mrr"] for line in log(tmp_path / "best") if "mrr" in line}
    assert mrr == {5: 0.1, 10: 0.5, 15: 0.3, 20: 0.5, 24: 0.2}

    kept = weights(tmp_path / "best")

    def compare(trainee: Trainee, dsi: Any, queries: Any) -> dict[str, float]:
        trainee.publish()
        state = {name: value.clone() for name, value in dsi.model.state_dict().items()}
        same.append(all(torch.equal(state[name], kept[name]) for name in kept))
        return {"queries": 1, "mrr": 0.0}

    same: list[bool] = []
    monkeypatch.setattr(training, "evaluate", compare)
    tiny.run(tiny_base, tmp_path / "again", tmp_path / "t", replace(RECIPE, evaluate_every=5))
    assert same[:5] == [False, True, False, False, False]


def test_metrics_are_those_of_the_saved_model(trained: Path) -> None:
    from genir.models.dsi import load_dsi
    from genir.models.ranking import gold_ranks

    dsi, questions = load_dsi(trained), tiny.corpus()
    metrics = json.loads((trained / "metrics.json").read_text())
    for split in ("validation", "test"):
        queries = getattr(questions, split)
        ranks = gold_ranks(dsi, [q.text for q in queries], [q.relevant[0] for q in queries])
        assert metrics[split] == {
            "queries": len(ranks),
            "hits@1": round(sum(ranks == 1) / len(ranks), 5),
            "hits@10": round(sum(ranks <= 10) / len(ranks), 5),
            "mrr": round(sum(1 / ranks) / len(ranks), 5),
        }


def test_a_query_counts_by_its_best_relevant_document(tiny_base: Path) -> None:
    """Rows made by hand: document d2 is first for every query, d5 second."""
    dsi = untrained_dsi(tiny_base, tiny.corpus(), RECIPE)
    trainee = Trainee(dsi, RECIPE)
    state = dsi.final_state(dsi.pad(dsi.tokenize(["w1"])))[0]
    with torch.no_grad():
        trainee.docids.zero_()
        trainee.docids[2], trainee.docids[5] = 100 * state, 90 * state
    queries = [Query("a", "w1", ("d5", "d2")), Query("b", "w1", ("d5",))]
    assert evaluate(trainee, dsi, queries) == {"queries": 2, "hits@1": 0.5, "hits@10": 1.0, "mrr": 0.75}


def test_documents_left_out_are_never_trained_and_never_asked_for(tiny_base: Path, tmp_path: Path) -> None:
    without = ("d2", "d5")
    recipe = replace(RECIPE, without=without, steps=40, evaluate_every=20)
    tiny.run(tiny_base, tmp_path / "target", tmp_path / "scratch", recipe)
    dsi = untrained_dsi(tiny_base, tiny.corpus(), recipe)
    data = examples(dsi, tiny.corpus(), without)
    assert set(range(10)) - set(data.labels.tolist()) == {2, 5}
    seen = np.unique(data.labels[np.concatenate(list(islice(batches(data, recipe), 40)))])
    assert set(seen.tolist()) == {0, 1, 3, 4, 6, 7, 8, 9}
    assert json.loads((tmp_path / "target" / "metrics.json").read_text())["validation"]["queries"] == 8
    assert [line["queries"] for line in log(tmp_path / "target") if "queries" in line] == [8, 8]
    # The rows of those documents only ever lost to the others: they moved as one, along what is common to all queries.
    rows = weights(tmp_path / "target")["lm_head.weight"][int(dsi.rows[0]) :]
    start = Trainee(dsi, recipe).docids.detach()
    moved = rows - start
    assert torch.cosine_similarity(moved[2], moved[5], dim=0) > 0.95


def test_without_held_out_queries_there_is_nothing_to_measure(tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    plain = tiny.corpus(held_out=False)
    train(replace(RECIPE, steps=1), plain, tiny_base, tmp_path, tmp_path / "s")
    assert json.loads((tmp_path / "metrics.json").read_text()) == {}
    with pytest.raises(
        GenirError, match=r"^expected validation queries in tiny to choose the best weights of tiny by, got"
    ):
        train(replace(RECIPE, evaluate_every=1), plain, tiny_base, tmp_path, tmp_path / "s")


def test_a_loss_that_is_not_finite_stops_the_run(tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(
        GenirError, match=r"^expected a finite loss, got (nan|inf) at step \d+ of tiny: lower the learning r"
    ):
        train(replace(RECIPE, docid_learning_rate=1e38, warmup=1), tiny.corpus(), tiny_base, tmp_path, tmp_path / "s")


def test_the_learning_rate_rises_to_one_and_falls_to_zero() -> None:
    recipe = Recipe("x", steps=10, warmup=4)
    assert [schedule(step, recipe) for step in range(10)] == [0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert schedule(0, Recipe("x", steps=4, warmup=0)) == 1
    assert [schedule(step, Recipe("x", steps=2, warmup=4)) for step in range(2)] == [0.25, 0.5]


def test_a_key_is_a_function_of_all_that_the_weights_depend_on() -> None:
    base = Recipe("x", steps=1)
    questions = tiny.corpus()
    changes = dict(vars(base)) | {
        "name": "y",
        "steps": 2,
        "batch_size": 1,
        "learning_rate": 0.1,
        "docid_learning_rate": 0.1,
        "warmup": 1,
        "indexing_ratio": 2.0,
        "max_length": 8,
        "docid_std": 1.0,
        "dropout": 0.1,
        "precision": "bf16",
        "seed": 1,
        "threads": 2,
        "evaluate_every": 1,
        "without": ("d1",),
    }
    keys = {replace(base, **{name: value}).key(questions, "b") for name, value in changes.items()}
    keys |= {base.key(questions, "b"), base.key(questions, "other"), base.key(tiny.corpus(9), "b")}
    assert len(keys) == len(changes) + 3
    assert base.key(replace(questions, name="renamed"), "b") == base.key(questions, "b")
