"""Training of the small LMs: what the loss is made of, that it falls, that the gate refuses, and that the result is what loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.models import needle_training
from genir.models.needle_language import STOP, Language, Task, episode, padded
from genir.models.needle_lm import NeedleRecipe, Rung, accuracy, answered, load_needle_lm, passes, untrained_model
from genir.models.needle_released import language_of
from genir.models.needle_training import losses, obtain_needle_lm, train_needle_lm

LANGUAGE = Language(values=16, attributes=2, fillers=8, words=2)
TINY = NeedleRecipe(
    seed=3, language=LANGUAGE, layers=1, heads=2, head_size=8, hidden=16, intermediate=16, positions=256,
    ladder=(Rung(2, 6, batch=4), Rung(4, 6, batch=4)), continued=(Rung(12, 4, batch=4),), every=3, warmup=2,
)  # fmt: skip


def test_the_recipe_has_heads_enough_for_a_share_of_five_percent():
    recipe = NeedleRecipe(seed=0)
    assert recipe.layers * recipe.heads >= 100
    assert recipe.continued[-1].filler >= 3 * recipe.ladder[-1].filler
    assert recipe.content() != NeedleRecipe(seed=1).content()


def test_losses_are_the_means_of_the_next_tokens_negative_log_probability(rng):
    model = untrained_model(TINY).eval()
    batch = padded([episode(LANGUAGE, filler, [Task.NEEDLE, Task.CHAIN], rng) for filler in (2, 5)])
    with torch.no_grad():
        answers, text = losses(model, batch)
        logits = model(torch.from_numpy(batch.tokens)).logits.log_softmax(-1)
    sums = {1: [], 2: []}
    for row in range(2):
        for at in range(1, batch.tokens.shape[1]):
            kind = int(batch.kinds[row, at])
            if kind:
                sums[kind].append(-float(logits[row, at - 1, batch.tokens[row, at]]))
    assert answers.item() == pytest.approx(np.mean(sums[2]), abs=1e-5)
    assert text.item() == pytest.approx(np.mean(sums[1]), abs=1e-5)


def test_an_answer_is_right_when_it_begins_as_it_should(rng):
    item = episode(LANGUAGE, 2, [Task.NEEDLE], rng)
    start, end = item.answers[0]
    said = np.array(item.tokens[start:end])
    assert answered(said, item)
    assert answered(said[:-1], item)
    assert not answered(said[:-2], item)
    assert not answered(np.array([STOP]), item)


def train(recipe, folder, **options):
    scratch = folder.with_name(f"{folder.name}-scratch")
    scratch.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    train_needle_lm(recipe, folder, scratch, **options)
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_an_untrained_model_fails_the_gate_and_leaves_no_model(tmp_path):
    with pytest.raises(
        GenirError, match=r"needle LM of seed 3 that passes the gate needle 95%, .*: give it more steps"
    ):
        train(TINY, tmp_path / "a")
    assert not list((tmp_path / "a").iterdir())


@pytest.fixture
def open_gate(monkeypatch):
    monkeypatch.setattr(needle_training, "passes", bool)


def test_training_is_repeatable_and_what_is_shipped_is_what_loads(tmp_path, open_gate):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    curves = [train(TINY, tmp_path / name) for name in ("one", "two")]
    assert curves[0] == curves[1]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    train(TINY, tmp_path / "long", start=tmp_path / "one")
    one, two, long = (load_needle_lm(tmp_path / name) for name in ("one", "two", "long"))
    for name, weights in one.model.state_dict().items():
        assert torch.equal(weights, two.model.state_dict()[name])
        assert torch.equal(weights, weights.half().float())  # saved in half precision
    assert not torch.equal(one.model.lm_head.weight, long.model.lm_head.weight)
    assert one.name == "one"
    shares = accuracy(one, LANGUAGE, 4, np.random.default_rng(0), count=4)
    assert set(shares) == set(map(str, Task)) == set(json.loads((tmp_path / "one" / "metrics.json").read_text()))


def test_a_rung_is_left_when_answers_are_certain_and_at_its_last_step_otherwise(tmp_path, open_gate):
    for enough, steps in ((100.0, 3), (0.0, 6)):
        ladder = tuple(rung._replace(enough=enough) for rung in TINY.ladder)
        lines = train(replace(TINY, ladder=ladder), tmp_path / f"{steps}")
        assert [(line["rung"], line["step"]) for line in lines] == [(r, s) for r in (0, 1) for s in range(1, steps + 1)]


@pytest.mark.parametrize("stop", [2, 6, 9])
def test_a_killed_run_continues_and_ends_in_the_same_weights(tmp_path, open_gate, monkeypatch, stop):
    monkeypatch.setattr(needle_training, "CHECKPOINT_SECONDS", -1.0)
    whole = train(TINY, tmp_path / "whole")
    seen = 0

    def kill(progress):
        nonlocal seen
        seen += 1
        if seen > stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, tmp_path / "killed", report=kill)
    assert train(TINY, tmp_path / "killed") == whole
    one, two = (load_needle_lm(tmp_path / name).model.state_dict() for name in ("whole", "killed"))
    assert all(torch.equal(weights, two[name]) for name, weights in one.items())


def test_obtained_models_are_trained_once_and_continuations_start_from_them(tmp_path, open_gate):
    steps = []
    long = obtain_needle_lm(TINY, tmp_path, continued=True, watch=steps.append)
    assert [step.filler for step in steps] == [2] * 6 + [4] * 6 + [12] * 4
    assert steps[0].seconds_left > 0
    assert obtain_needle_lm(TINY, tmp_path, continued=True, watch=steps.append) == long
    assert obtain_needle_lm(TINY, tmp_path, watch=steps.append) != long
    assert len(steps) == 16


def test_the_loss_falls_on_what_can_be_learnt(tmp_path, open_gate):
    recipe = replace(TINY, ladder=(Rung(2, 120, batch=8),), every=200, learning_rate=1e-2)
    curve = [line["loss"] for line in train(recipe, tmp_path / "a")]
    assert np.mean(curve[-10:]) < np.mean(curve[:10]) - 0.5


def test_the_gate_asks_for_every_task():
    good = {task.value: 1.0 for task in Task}
    assert passes(good)
    for task in Task:
        assert not passes({**good, task.value: 0.5})


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(GenirError, match=r"found no config\.json: train one with make train MODEL=needle-lm"):
        load_needle_lm(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '{"nonsense": 1}', '{"words": 1, "words": 2}'])
def test_a_language_file_that_describes_none_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "language.json").write_text(text)
    with pytest.raises(GenirError, match=r"^expected a description of the small language in .*: fetch it again$"):
        language_of(tmp_path)
