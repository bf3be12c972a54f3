"""Patching on every architecture: the invariants, sweeps by hooks, and the table of support that comes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions import reference
from genir.interventions import sweep as sweeping
from genir.interventions.fold import fold_reduced
from genir.interventions.patch import from_model, mean, noop, resample, zero
from genir.interventions.reference import capture, decode, encode
from genir.interventions.sites import CROSS, MLP, Site, published_stages, sites
from genir.interventions.sweep import site_means, sweep
from genir.models.families import Ability, family_of, lacking, unembedding_of
from genir.models.seq2seq import load_model
from genir.readouts.lens import lens
from tests.interventions import support
from tests.interventions.invariants import broken, gaps
from tests.interventions.tiny import subject, tiny_t5
from tests.models.architectures import ARCHITECTURES, LAYERS, random_model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_invariants_hold(name):
    assert broken(gaps(random_model(name))) == {}


@pytest.mark.parametrize("name", ["BART", "T5 v1.0"])
def test_a_wrong_site_breaks_them(name, monkeypatch):
    model = random_model(name)
    family = family_of(model)
    wrong = replace(family, added=(family.added[0], family.added[0], family.added[2]))
    monkeypatch.setattr(reference, "family_of", lambda _: wrong)
    assert "parts add up" in broken(gaps(model))


@pytest.mark.parametrize(
    "name", [name for name in ARCHITECTURES if name not in ("T5 v1.1, Flan-T5", "ByT5", "Pegasus", "LongT5, local")]
)
def test_sweeps_rank_as_one_query_after_the_other(name, texts, gold, tmp_path):
    """Each query alone, no padding, values put in by hand, ranks counted: the sweep in its batches says the same."""
    for seed in (0, 1):
        random_model(name, seed).save_pretrained(tmp_path / str(seed))
    model, base = (load_model(tmp_path / str(seed), torch.float64) for seed in (0, 1))
    dsi = subject(model)
    early, late = sites(MLP, [0, 1]), [Site(CROSS, LAYERS - 1), Site(CROSS, 1, 1)]
    swapped = resample([Site(MLP, 1)], np.random.default_rng(0), len(texts))
    plans = [noop(), zero(late), mean(early), from_model(early), swapped]
    alone = [dsi.pad([tokens]) for tokens in dsi.tokenize(texts)]
    places = (*early, *late)
    own = [capture(model, encode(model, one), one.mask, places) for one in alone]
    others = [capture(base, encode(base, one), one.mask, places) for one in alone]
    means = {site: torch.stack([seen[site] for seen in own]).mean(0) for site in places}
    order = next(iter(swapped.edits.values())).order
    expected = []
    for values_of in (
        lambda i: {},
        lambda i: {site: torch.zeros_like(own[i][site]) for site in late},
        lambda i: {site: means[site] for site in early},
        lambda i: {site: others[i][site] for site in early},
        lambda i: {Site(MLP, 1): own[order[i]][Site(MLP, 1)]},
    ):
        logits = [
            decode(model, encode(model, one), one.mask, values_of(i))[0] @ unembedding_of(model).T
            for i, one in enumerate(alone)
        ]
        expected.append([1 + int((row > row[mine]).sum()) for row, mine in zip(logits, gold, strict=True)])
    assert sweep(dsi, texts, gold, plans, base=base, batch_size=4).tolist() == expected
    assert len({tuple(ranks) for ranks in expected}) > 2
    for site, value in site_means(dsi, texts, early, batch_size=4).items():
        torch.testing.assert_close(value, means[site][0], atol=1e-6, rtol=1e-5)  # T5 takes softmax in float32


def test_only_t5_goes_by_the_engine(monkeypatch, texts, gold):
    def fail(*_):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(sweeping, "ranks_by_engine", fail)
    for name in ("UMT5", "BART", "LongT5, local"):
        sweep(subject(random_model(name)), texts, gold, [noop()])
    for name in ("T5 v1.0", "T5 v1.1, Flan-T5"):
        with pytest.raises(AssertionError, match="the engine was asked"):
            sweep(subject(random_model(name)), texts, gold, [noop()])


def test_a_t5_that_is_made_to_write_a_token_first_goes_by_hooks(texts, gold):
    model = tiny_t5()
    first = sweep(subject(model), texts, gold, [noop()])
    model.generation_config.forced_bos_token_id = 5
    second = sweep(subject(model), texts, gold, [noop()])
    assert second.tolist() == sweep(subject(model), texts, gold, [noop()], method="reference").tolist()
    assert second.tolist() != first.tolist()


def test_what_a_family_lacks_is_one_line_by_name(texts):
    dsi = subject(random_model("BART"))
    assert lacking(dsi.model, Ability.LENS) == (
        "the logit lens is not for BART: it normalises the stream after every addition, so that outputs do not add up to it"
    )
    with pytest.raises(GenirError, match=r"^expected a model with a final norm for the logit lens, tiny has none"):
        lens(dsi, torch.zeros(1, 16))
    with pytest.raises(
        GenirError, match=r"^expected a T5 to fold, got tiny: folding the reduced graph is not for BART"
    ):
        fold_reduced(dsi, published_stages(LAYERS), {})


def test_the_table_of_support_is_current():
    assert support.FILE.read_text(encoding="utf-8") == support.table(), "run: python -m tests.interventions.support"
