"""Questions about Fig. 4 and Fig. 5: each picks the right numbers and averages them in the right order."""

from __future__ import annotations

import numpy as np
import pytest

from genir.interventions.sites import ATTENTION, CROSS, MLP, Site, Stage, published_stages
from genir.readouts.figure4 import Figure4
from genir.readouts.figure5 import Figure5
from genir.readouts.lens import Alone, Lens
from genir.readouts.reading import Shares
from genir.readouts.reading_heads import TopSources
from genir.readouts.writes import term

STAGES = published_stages(4)  # 0 | 1-2 | 3


@pytest.fixture
def figure4():
    falling, flat = np.array([40, 30, 20, 1]), np.array([5, 9, 9, 5])
    relevant = np.stack([np.stack([falling, flat, flat, falling])] * 5)
    zeros = np.zeros((5, 4, 4))
    docids_mean, words_mean, words_median = zeros.copy(), zeros.copy(), zeros.copy()
    docids_mean[:, 0, 0], words_mean[:, 0, 0], words_median[:, 0, 0] = 80, 30, 100
    docids_mean[0, 0, 0], words_mean[0, 0, 0] = 10, 60  # the other way round, as far apart
    top = np.zeros((5, 4, 4), int)
    top[:, 0, 3], top[:, 0, 2] = [100, 99, 98, 97, 96], 7
    lens = Lens(relevant, docids_mean, zeros, words_mean, words_median, top)
    alone = Alone(np.array([1, 1, 9, 10, 11]), np.array([1, 2, 2, 2, 2]), np.array([101] * 4 + [1]), np.full(5, 100))
    return Figure4(lens, alone, STAGES, vocabulary=200)


def test_trends_follow_the_curve_of_their_source(figure4):
    assert figure4.trend("stream").value == -1
    assert figure4.trend(MLP).value == -1
    assert figure4.trend(CROSS).value == 0
    assert figure4.trend(ATTENTION, over="queries").value == 0
    assert figure4.first().value == 1
    assert figure4.first(0).value == 0


def test_separation_is_a_share_of_the_vocabulary_whichever_way(figure4):
    assert figure4.separation().value == pytest.approx(50 / 200)
    assert figure4.separation("median").value == pytest.approx((4 * 20 + 90) / 5 / 200)
    assert figure4.docids_in_top().value == pytest.approx(0.98)
    assert figure4.docids_in_top(-2).value == pytest.approx(0.07)


def test_component_only_shares(figure4):
    assert figure4.within(MLP, 1).count == 2
    assert figure4.within(MLP, 10).count == 4
    assert figure4.within(MLP, 1, start=True).count == 1
    assert figure4.within(CROSS, 1).count == 1
    assert figure4.beyond(CROSS, 100).count == 4
    assert figure4.beyond(CROSS, 100, start=True).count == 0


def test_curves_are_means_by_layer(figure4):
    curves = figure4.curves()
    assert [*curves] == ["stream", "attention", "cross-attention", "MLP"]
    assert curves["MLP"]["relevant"] == [40, 30, 20, 1]
    assert curves["stream"]["docids_mean"][0] == pytest.approx((4 * 80 + 10) / 5)


@pytest.fixture
def figure5():
    rng = np.random.default_rng(0)
    neurons = rng.dirichlet(np.ones(13), (6, 1)).astype(np.float32)  # one layer in Stage III
    scores = rng.dirichlet(np.ones(13), (6, 2)).astype(np.float32)  # two in Stage II
    heads = np.zeros((6, 1, 4, 2), bool)
    heads[:, 0, 0, 0] = True  # for every query
    heads[2, 0, 1] = True  # both heads of layer 1 for one query
    heads[:, 0, 3] = True  # the last layer does not count
    return Figure5(
        Shares(neurons, neurons * 0, -neurons), Shares(scores, scores * 0, -scores), TopSources(heads, heads), STAGES
    )


def test_buckets_sum_sources_and_average_layers_and_queries(figure5):
    early = figure5.bucket(CROSS, Stage.II)
    places = [term(Site(CROSS, 1)), term(Site(CROSS, 2))]
    neurons, scores = figure5.neurons.positive, figure5.scores.positive
    assert figure5.mlp_reads(early).value == pytest.approx(neurons[..., places].sum(2).mean(), abs=1e-6)
    assert figure5.mlp_reads(early, "signed").value == pytest.approx(-neurons[..., places].sum(2).mean(), abs=1e-6)
    assert figure5.mlp_reads([Site(CROSS, 3)], layer=3).value == pytest.approx(
        neurons[:, 0, term(Site(CROSS, 3))].mean(), abs=1e-6
    )
    assert figure5.cross_reads(early).value == pytest.approx(scores[..., places].sum(2).mean(), abs=1e-6)
    assert figure5.cross_reads(early, "published").value == 0


def test_figure5_draws_ten_sources_that_add_up(figure5):
    drawn = figure5.shares()
    assert drawn["sources"][:3] == ["attention I", "attention II", "attention III"]
    assert drawn["sources"][-1] == "start token"
    for name in ("mlp_III", "cross_II"):
        assert len(drawn[name]["positive"]) == len(drawn["sources"])
        assert sum(drawn[name]["positive"]) == pytest.approx(1, abs=1e-4)
        assert sum(drawn[name]["signed"]) == pytest.approx(-1, abs=1e-4)


def test_heads_outside_the_last_layer_that_are_reached(figure5):
    assert figure5.reached().count == 3  # of 3 layers x 2 heads
    assert figure5.reached().n == 6
    assert figure5.always("heads").count == 1
