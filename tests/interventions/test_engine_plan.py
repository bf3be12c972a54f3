"""When rows begin: nothing before the first patch is computed twice, nothing that is replaced is computed."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from genir.interventions.circuit import table3
from genir.interventions.engine_plan import runs, schedule, step
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, from_model, mean, noop, zero
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Site, published_stages, sites


@given(st.sets(st.integers(0, 30)))
def test_runs_hold_each_place_once_and_are_apart(places):
    found = runs(sorted(places))
    assert [i for run in found for i in range(run.start, run.stop)] == sorted(places)
    assert all(after.start > before.stop for before, after in itertools.pairwise(found))


def test_rows_begin_at_the_first_replaced_component():
    plans = [zero([Site(MLP, 2)]), noop(), mean([Site(CROSS, 2), Site(MLP, 3)]), zero([Site(ATTENTION, 1, 0)])]
    plan = schedule(plans, 4)
    assert plan.unpatched == (1,)
    assert plan.narrow == ()
    assert [(slot.number, slot.begin) for slot in plan.wide] == [(3, (1, 0)), (2, (2, 1)), (0, (2, 2))]


def test_without_cross_attention_one_row_serves_all_queries():
    vector, each = torch.zeros(4), torch.zeros(5, 4)
    plans = [
        zero(sites(CROSS, range(2))),
        mean(sites(CROSS, range(4))),
        zero(sites(CROSS, range(3))) | from_model([Site(MLP, 1)]),
        Intervention("vector", {Site(CROSS, 0): vector, Site(ATTENTION, 0): ZERO}),
        Intervention("each", {Site(CROSS, 0): each}),
        from_model([Site(CROSS, 0)]),
        zero([Site(CROSS, 0, 0), Site(CROSS, 0, 1)]),
    ]
    plan = schedule(plans, 4)
    assert {slot.number: slot.end for slot in plan.narrow} == {0: 2, 1: 4, 2: 1, 3: 1}
    begin = {slot.number: slot.begin for slot in plan.wide}
    assert begin == {0: (2, -1), 1: (4, -1), 2: (1, -1), 3: (1, -1), 4: (0, 1), 5: (0, 1), 6: (0, 1)}
    assert [slot.begin for slot in plan.wide] == sorted(begin.values())


def test_a_step_computes_what_is_not_replaced():
    plans = [zero(sites(MLP, range(3))), mean([Site(MLP, 1), Site(CROSS, 2, 1)]), zero([Site(MLP, 2)])]
    slots = schedule(plans, 3).wide
    assert [(slot.number, slot.begin) for slot in slots] == [(0, (0, 2)), (1, (1, 2)), (2, (2, 2))]
    now = step(slots, 1, ATTENTION)
    assert (now.computed, now.forked, now.edits) == ((slice(0, 1),), slice(0, 0), ())
    now = step(slots, 1, MLP)
    assert now.computed == ()
    assert now.forked == slice(1, 2)
    assert now.edits == ((0, Site(MLP, 1), ZERO), (1, Site(MLP, 1), MEAN))
    now = step(slots, 2, CROSS)
    assert now.computed == (slice(0, 2),)
    assert now.cuts == ((1, [1]),)
    assert now.edits == ((1, Site(CROSS, 2, 1), MEAN),)
    now = step(slots, 2, MLP)
    assert now.computed == (slice(1, 2),)
    assert now.forked == slice(2, 3)


def test_a_patched_head_is_forked_before_its_component_is_computed():
    slots = schedule([zero([Site(CROSS, 1, 0)])], 3).wide
    now = step(slots, 1, CROSS)
    assert (now.forked, now.computed, now.cuts) == (slice(0, 1), (slice(0, 1),), ((0, [0]),))


@given(layers=st.integers(3, 30))
def test_table_3_computes_each_row_once_per_component_from_its_beginning(layers):
    stages = published_stages(layers)
    plans = list(table3(stages, (ZERO, MEAN, OTHER)).values())
    plan = schedule(plans, layers)
    assert [slot.begin for slot in plan.wide] == sorted(slot.begin for slot in plan.wide)
    computed = 0
    for layer in range(layers):
        for component in Component:
            now = step(plan.wide, layer, component)
            places = [i for run in now.computed for i in range(run.start, run.stop)]
            assert len(set(places)) == len(places)
            replaced = [place for place, site, _ in now.edits if site.head is None]
            assert not set(places) & set(replaced)
            computed += len(places)
            assert len(now.computed) <= 5  # neighbours stand side by side
    by_hand = 0
    for cell, intervention in table3(stages, (ZERO, MEAN, OTHER)).items():
        blind = cell.component is CROSS and cell.stage.value == "I" and cell.kind is not OTHER
        first = stages.I.stop if blind else min(site.layer for site in intervention.edits)
        by_hand += sum(
            (layer, list(Component).index(component))
            > (first, list(Component).index(cell.component) if not blind else -1)
            and Site(component, layer) not in intervention.edits
            for layer in range(first, layers)
            for component in Component
        )
    assert computed == by_hand
