"""The paper's sets of sites, counted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.interventions.circuit import (
    Cell,
    keep,
    kept_sites,
    random_graphs,
    random_sets,
    reduced_graph,
    single_layers,
    table3,
)
from genir.interventions.patch import MEAN, OTHER, ZERO
from genir.interventions.sites import (
    ATTENTION,
    CROSS,
    MLP,
    Site,
    Stage,
    Stages,
    every_site,
    head_sites,
    published_stages,
    sites,
)

PAPER = published_stages(24)


def test_published_stages_are_those_of_section_5():
    assert Stages(range(7), range(7, 18), range(18, 24)) == PAPER
    assert PAPER[Stage.II] == range(7, 18)


@given(layers=st.integers(3, 60))
def test_stages_cover_the_decoder_and_none_is_empty(layers):
    stages = published_stages(layers)
    assert [layer for part in stages for layer in part] == list(range(layers))
    assert all(len(part) for part in stages)


def test_two_layers_have_no_three_stages():
    with pytest.raises(GenirError, match="expected a decoder of at least 3 layers"):
        published_stages(2)


def test_table_3_has_27_cells_that_cover_each_component_of_each_layer_once_per_kind():
    cells = table3(PAPER)
    assert len(cells) == 27
    assert str(next(iter(cells))) == "Stage I attention zero"
    assert all(intervention.label == str(cell) for cell, intervention in cells.items())
    for kind in (ZERO, MEAN, OTHER):
        found = Counter(site for cell, plan in cells.items() if cell.kind is kind for site in plan.edits)
        assert found == Counter(every_site(24))
    assert cells[Cell(MEAN, MLP, Stage.III)].edits == dict.fromkeys(sites(MLP, range(18, 24)), MEAN)


def test_single_layers_are_every_site_once():
    plans = single_layers(5)
    assert list(plans) == list(every_site(5))
    assert all(plan.edits == {site: MEAN} for site, plan in plans.items())


def test_the_reduced_graph_keeps_23_of_72_components():
    plan = reduced_graph(PAPER)
    kept = set(every_site(24)) - plan.edits.keys()
    assert kept == set(kept_sites(PAPER))
    assert Counter(site.component for site in kept) == {CROSS: 17, MLP: 6}
    assert all(plan.edits[Site(ATTENTION, layer)] is ZERO for layer in range(24))
    assert all(plan.edits[Site(CROSS, layer)] is ZERO for layer in range(7))
    assert all(plan.edits[Site(MLP, layer)] is MEAN for layer in range(18))
    assert plan.label == "reduced graph"


def test_random_graphs_keep_as_many_and_replace_the_rest_alike(rng):
    graphs = random_graphs(PAPER, rng, draws=5)
    kept = [frozenset(set(every_site(24)) - graph.edits.keys()) for graph in graphs]
    assert {len(places) for places in kept} == {23}
    assert len(set(kept)) == 5
    for graph in graphs:
        assert all(kind is (MEAN if site.component is MLP else ZERO) for site, kind in graph.edits.items())


def test_keeping_everything_replaces_nothing():
    assert keep(every_site(3), 3, "all").edits == {}


def test_random_sets_have_their_size_and_come_from_the_generator_alone(rng):
    among = every_site(6)
    drawn = random_sets(among, 5, rng, draws=200)
    assert all(len(set(places)) == 5 for places in drawn)
    counts = Counter(site for places in drawn for site in places)
    assert set(counts) == set(among)
    assert max(counts.values()) < 2.5 * min(counts.values())  # 200 * 5 / 18 = 56 each
    assert drawn[0] != drawn[1]
    with pytest.raises(GenirError, match="expected a set of 0 to 18 sites, got 19"):
        random_sets(among, 19, rng)


def test_head_sites_name_every_attention_head_once():
    assert len(set(head_sites(4, 3))) == 4 * 2 * 3
    assert all(site.component is not MLP for site in head_sites(4, 3))
