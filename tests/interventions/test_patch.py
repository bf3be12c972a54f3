"""What an intervention says: builders, unions, labels, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genir.errors import GenirError
from genir.interventions.patch import (
    MEAN,
    OTHER,
    ZERO,
    Intervention,
    Resample,
    check,
    from_model,
    mean,
    noop,
    resample,
    zero,
)
from genir.interventions.sites import ATTENTION, CROSS, MLP, Site, sites
from tests.interventions.tiny import tiny_t5


def test_builders_name_the_kind_for_every_site():
    places = sites(MLP, range(3))
    for build, kind in ((zero, ZERO), (mean, MEAN), (from_model, OTHER)):
        assert build(places).edits == dict.fromkeys(places, kind)
        assert build(places).label == f"MLP of layers 0-2 {kind}"
    assert noop().edits == {}


@pytest.mark.parametrize(
    ("places", "label"),
    [
        ((Site(CROSS, 4),), "cross-attention of layer 4 zero"),
        ((Site(CROSS, 4, 1),), "cross-attention of layer 4, head 1 zero"),
        ((Site(CROSS, 4, 1), Site(CROSS, 5, 1)), "cross-attention of layers 4-5, head 1 zero"),
        ((Site(CROSS, 4), Site(CROSS, 6)), "2 sites zero"),
        ((Site(CROSS, 4), Site(MLP, 5)), "2 sites zero"),
    ],
)
def test_a_label_says_which_sites(places, label):
    assert zero(places).label == label


def test_a_builder_reads_an_iterator_once():
    assert len(zero(Site(MLP, layer) for layer in range(4)).edits) == 4


def test_a_union_mixes_kinds_and_keeps_every_edit():
    both = zero(sites(ATTENTION, range(2))) | mean(sites(MLP, range(2)))
    assert both.edits == {
        Site(ATTENTION, 0): ZERO,
        Site(ATTENTION, 1): ZERO,
        Site(MLP, 0): MEAN,
        Site(MLP, 1): MEAN,
    }
    assert both.label == "attention of layers 0-1 zero + MLP of layers 0-1 mean"
    assert (noop() | both).label == both.label
    assert (noop() | noop()).label == "no-op"
    assert both.named("graph").label == "graph"


def test_a_union_of_equal_edits_is_allowed_and_of_different_ones_refused():
    vector = torch.zeros(4)
    site = Site(MLP, 1)
    assert (zero([site]) | zero([site])).edits == {site: ZERO}
    assert Intervention("a", {site: vector}) | Intervention("b", {site: vector})
    with pytest.raises(GenirError, match=r"expected one replacement for each site, .*MLP of layer 1"):
        zero([site]) | mean([site])
    with pytest.raises(GenirError, match="expected one replacement"):
        zero([site]) | Intervention("b", {site: vector})


def test_a_component_and_its_head_cannot_both_be_replaced():
    with pytest.raises(GenirError, match="expected a component or heads of it"):
        zero([Site(CROSS, 1), Site(CROSS, 1, 0)])
    with pytest.raises(GenirError, match="expected a component or heads of it"):
        zero([Site(CROSS, 1)]) | mean([Site(CROSS, 1, 0)])


@given(queries=st.integers(2, 60), seed=st.integers(0, 2**32))
def test_resampling_is_one_cycle_so_that_no_query_keeps_its_own(queries, seed):
    (replacement,) = resample([Site(MLP, 0)], np.random.default_rng(seed), queries).edits.values()
    assert isinstance(replacement, Resample)
    seen, at = [], 0
    for _ in range(queries):
        seen.append(at)
        at = replacement.order[at]
    assert sorted(seen) == list(range(queries))
    assert at == 0


def test_one_query_cannot_be_resampled(rng):
    with pytest.raises(GenirError, match="expected at least 2 queries"):
        resample([Site(MLP, 0)], rng, 1)


def test_a_model_in_training_is_refused_since_dropout_would_patch_it_too():
    with pytest.raises(GenirError, match="expected a model in evaluation mode, got one in training"):
        check([noop()], tiny_t5().train(), queries=1)


@pytest.mark.parametrize(
    ("intervention", "message"),
    [
        (
            zero([Site(MLP, 4)]),
            "expected a decoder layer from 0 to 3, got 4 in intervention 'MLP of layer 4 zero'",
        ),
        (zero([Site("FFN", 0)]), "expected one of attention, cross-attention, MLP, got 'FFN' in intervention"),
        (zero([Site(MLP, -1)]), "expected a decoder layer from 0 to 3, got -1"),
        (
            zero([Site(CROSS, 0, 2)]),
            "expected an attention head from 0 to 1, got the cross-attention of layer 0, head 2",
        ),
        (zero([Site(MLP, 0, 0)]), "expected an attention head"),
        (from_model([Site(MLP, 0)]), "expected a base model to take the MLP of layer 0 from"),
        (
            Intervention("r", {Site(MLP, 0): Resample((0, 1))}),
            "expected one of the 3 queries of the sweep for each query",
        ),
        (Intervention("r", {Site(MLP, 0): Resample((0, 1, 3))}), "expected one of the 3 queries"),
        (
            Intervention("v", {Site(MLP, 0): torch.zeros(15)}),
            r"expected a value of shape \(16,\) or \(3, 16\)",
        ),
        (Intervention("v", {Site(MLP, 0): torch.zeros(2, 16)}), r"for the MLP of layer 0, got \(2, 16\)"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_by_name(model, intervention, message):
    with pytest.raises(GenirError, match=message):
        check([noop(), intervention], model, queries=3)
