"""The Python API: light to import, and the same numbers as what stands behind it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import genir
from genir import ATTENTION, CROSS, MLP, GenIR, GenirError, Stage, mean, percent, pretrained, zero
from genir.interventions.circuit import table3
from genir.interventions.patch import MEAN, ZERO, Intervention
from genir.interventions.sites import Site, published_stages, sites
from genir.readouts.effectiveness import effectiveness
from genir.readouts.losses import Losses
from genir.readouts.patching import patched_ranks
from genir.statistics.verdict import Verdict
from tests.models import tiny


def test_importing_genir_waits_for_nothing() -> None:
    code = "import sys, genir; sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_every_public_name_is_there() -> None:
    assert all(getattr(genir, name) is not None for name in genir.__all__)
    assert set(genir.__all__) <= set(dir(genir))
    with pytest.raises(AttributeError, match=r"^module 'genir' has no attribute 'median'$"):
        _ = genir.median


def test_a_plan_on_a_stage_is_a_cell_of_table_3() -> None:
    stages = published_stages(24)
    cells = table3(stages)
    made = [
        build(component, stage).on(24, stages)
        for build in (zero, mean, pretrained)
        for component in (ATTENTION, MLP, CROSS)
        for stage in Stage
    ]
    assert {one.label: dict(one.edits) for one in made} == {one.label: dict(one.edits) for one in cells.values()}


def test_a_plan_names_layers_and_heads() -> None:
    assert mean(MLP, 2).on(4, None).edits == {Site(MLP, 2): MEAN}
    assert mean(MLP, range(1, 3)).on(4, None).edits == dict.fromkeys(sites(MLP, [1, 2]), MEAN)
    assert zero(CROSS).on(3, None).edits == dict.fromkeys(sites(CROSS, range(3)), ZERO)
    assert zero(CROSS, 1, head=2).on(3, None).edits == {Site(CROSS, 1, 2): ZERO}
    both = (zero(ATTENTION) | mean(MLP, Stage.I)).on(3, published_stages(3))
    assert both.edits == dict.fromkeys(sites(ATTENTION, range(3)), ZERO) | {Site(MLP, 0): MEAN}
    assert both.label == "attention of layers 0-2 zero + Stage I MLP mean"


def test_a_plan_that_says_nothing_or_two_things_is_one_line() -> None:
    with pytest.raises(GenirError, match=r"^expected layers whose MLP to replace, got none: name some$"):
        mean(MLP, [])
    with pytest.raises(GenirError, match=r"^expected one replacement for each site"):
        (mean(MLP, 1) | zero(MLP, 1)).on(3, None)
    with pytest.raises(GenirError, match=r"^expected a decoder with stages for Stage I, got 2 layers: name layers$"):
        mean(MLP, Stage.I).on(2, None)


def test_losses_are_those_of_table_3(model: GenIR) -> None:
    correct = model.correct()
    assert 0 < len(correct.queries) <= correct.asked == 10
    table = Losses(patched_ranks(model.dsi, correct, model.stages), model.stages)
    for build, kind in ((mean, table.mean), (zero, table.zero)):
        for component in (ATTENTION, MLP, CROSS):
            for stage in Stage:
                found, expected = model.loss(correct, build(component, stage)), kind(component, stage)
                assert str(found) == str(expected)
                assert np.array_equal(found.values, expected.values)
    assert model.noop(correct).value == 0
    assert model.loss(correct, zero(MLP) | zero(CROSS)).value > 0.5


def test_an_intervention_of_ones_own_is_taken_as_it_is(model: GenIR) -> None:
    correct = model.correct(tiny.corpus().train[:12])
    own = Intervention("own", {Site(CROSS, 2, 0): ZERO})
    assert correct.asked == 12
    assert model.ranks(correct, own, zero(CROSS, 2, head=0)).tolist() == 2 * model.ranks(correct, own).tolist()


def test_a_loss_answers_a_question(model: GenIR) -> None:
    answer = model.loss(model.correct(), zero(CROSS)).below(percent(5))
    assert answer.verdict in set(Verdict)


def test_answers_are_the_run_of_an_evaluation(model: GenIR) -> None:
    queries = model.corpus.test
    run = effectiveness(model.dsi, queries, depth=4).run
    for mine, theirs in zip(model.answers([query.text for query in queries], k=4), run, strict=True):
        assert [docid for docid, _ in mine] == [docid for docid, _ in theirs]
        np.testing.assert_allclose([logit for _, logit in mine], [logit for _, logit in theirs], rtol=1e-5)


def test_the_base_is_asked_for_where_it_is_needed(model: GenIR, folder: Path) -> None:
    correct = model.correct()
    with pytest.raises(GenirError, match=r"^expected a base model to take the MLP of layer 0 from"):
        model.loss(correct, pretrained(MLP, Stage.I))
    own = GenIR(folder, tiny.corpus(), base=folder, device="cpu")
    assert own.loss(correct, pretrained(MLP, Stage.I) | pretrained(CROSS)).value == 0  # its own outputs


def test_the_protocol_is_the_models(folder: Path, model: GenIR) -> None:
    published = GenIR(folder, tiny.corpus(), protocol="as-published", device="cpu")
    texts = [query.text for query in model.corpus.test]
    gaps = [
        abs(mine[0][1] - theirs[0][1])
        for mine, theirs in zip(model.answers(texts), published.answers(texts), strict=True)
    ]
    assert min(gaps) > 1e-3  # pads are attended


def test_a_model_without_a_corpus_is_one_line(folder: Path) -> None:
    with pytest.raises(GenirError, match=r"^expected --corpus with the BEIR folder that .* was trained on, got none"):
        GenIR(folder)
