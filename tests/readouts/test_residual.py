"""Shares of change and angles: by hand on three vectors, by loops on a random model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions.reference import trace
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Site, Stage, Stages, published_stages, sites
from genir.models.dsi import Protocol
from genir.readouts.figure3 import Figure3
from genir.readouts.residual import residual
from genir.readouts.stages import detected_stages, halves
from genir.readouts.writes import Writes, term, writes


def by_hand(*rows):
    """What three layers write for the queries ``rows``, in the plane."""
    return Writes(torch.tensor(rows, dtype=torch.float32))


EMBEDDING, QUIET = [3.0, 4.0], [0.0, 0.0]


def test_ratios_and_angles_of_one_layer_can_be_computed_by_hand():
    # the stream enters as (3, 4); attention (0, 0), cross-attention (0, -4), MLP (4, 4): it leaves as (7, 4)
    found = residual(by_hand([EMBEDDING, QUIET, [0.0, -4.0], [4.0, 4.0]]))
    assert found.layers == 1
    assert found.ratio(CROSS)[0, 0] == pytest.approx(4 / 4)  # the change is (4, 0)
    assert found.ratio(MLP)[0, 0] == pytest.approx(np.sqrt(32) / 4)
    assert found.ratio(ATTENTION)[0, 0] == 0
    assert found.cosine_input(CROSS)[0, 0] == pytest.approx(-16 / (4 * 5))
    assert found.cosine_output(CROSS)[0, 0] == pytest.approx(-16 / (4 * np.sqrt(65)))
    assert found.cosine_input(ATTENTION)[0, 0] == 0  # nothing written, no direction
    assert found.between([Site(CROSS, 0)], [Site(MLP, 0)])[0] == pytest.approx(-16 / (4 * np.sqrt(32)))


def test_query_specific_power_is_variance_over_mean_square():
    # cross-attention writes (1, 2) and (1, -2): mean (1, 0), variance 4, so 4 of 5 parts differ between queries
    found = residual(by_hand([EMBEDDING, QUIET, [1.0, 2.0], [1.0, 1.0]], [EMBEDDING, QUIET, [1.0, -2.0], [1.0, 1.0]]))
    assert found.specific(CROSS).tolist() == [pytest.approx(0.8)]
    assert found.specific(MLP).tolist() == [0]
    figure = Figure3(found, Stages(range(1), range(1, 2), range(2, 3)))
    assert figure.spread([Site(CROSS, 0)]).value == pytest.approx(4 / 1)
    assert figure.spread([Site(CROSS, 0), Site(MLP, 0)]).value == pytest.approx(4 / (1 + 2))
    assert figure.silent([Site(ATTENTION, 0)])
    assert not figure.silent([Site(ATTENTION, 0), Site(CROSS, 0)])
    with pytest.raises(GenirError, match="expected outputs at attention of layer 0, got zeros for every query"):
        figure.spread([Site(ATTENTION, 0)])


def test_what_is_written_adds_up_to_the_stream(dsi, texts):
    written = writes(dsi, texts, batch_size=4)
    seen = trace(dsi.model, dsi.pad(dsi.tokenize(texts)))
    torch.testing.assert_close(written.stream.transpose(0, 1), seen.stream, atol=2e-5, rtol=1e-4)
    for component in Component:
        torch.testing.assert_close(written.of(component).transpose(0, 1), seen.outputs[component], atol=2e-5, rtol=1e-4)
    before = seen.stream[2] + seen.outputs[ATTENTION][2]
    torch.testing.assert_close(written.read_by(Site(CROSS, 2)), before, atol=2e-5, rtol=1e-4)
    total = seen.outputs[MLP][1] + seen.outputs[CROSS][3]
    torch.testing.assert_close(written.total([Site(MLP, 1), Site(CROSS, 3)]), total, atol=2e-5, rtol=1e-4)


def test_masked_and_unpadded_passes_write_the_same(dsi, texts):
    torch.testing.assert_close(
        writes(dsi, texts).terms, writes(dsi, texts, Protocol.UNPADDED).terms, atol=5e-5, rtol=1e-4
    )


def test_a_plain_loop_over_queries_and_layers_agrees(dsi, texts):
    written = writes(dsi, texts)
    found = residual(written)
    terms = written.terms.double().numpy()
    for query in range(len(texts)):
        stream = terms[query, 0].copy()
        for layer in range(dsi.layers):
            outputs = terms[query, 1 + 3 * layer : 4 + 3 * layer]
            after = stream + outputs.sum(0)
            for component, output in zip(Component, outputs, strict=True):
                size = np.linalg.norm(output)
                for value, expected in (
                    (found.ratio(component), size / np.linalg.norm(after - stream)),
                    (found.cosine_input(component), output @ stream / size / np.linalg.norm(stream)),
                    (found.cosine_output(component), output @ after / size / np.linalg.norm(after)),
                ):
                    assert value[query, layer] == pytest.approx(expected, abs=1e-9)
            stream = after
    early, late = sites(MLP, [0, 1]), sites(CROSS, [2, 3])
    one, two = (terms[:, [term(site) for site in places]].sum(1) for places in (early, late))
    expected = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    np.testing.assert_allclose(found.between(early, late), expected, atol=1e-9)


def shares(*cross_ratio, specific=True):
    """Two queries whose cross-attention writes the given share of each layer's change, towards or across the mean."""
    rows = []
    for sign in (1, -1):
        row = [[1.0, 0.0, 0.0]]
        for share in cross_ratio:
            rest = (1 - share**2) ** 0.5
            row += [[0.0] * 3, [0.0, sign * share if specific else share, 0.0], [rest, 0.0, 0.0]]
        rows.append(row)
    return residual(by_hand(*rows))


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ((0.1, 0.9, 0.8, 0.1), range(1, 3)),
        ((0.1, 0.9, 0.1, 0.8, 0.9, 0.1), range(3, 5)),  # the longest run
        ((0.1, 0.8, 0.1, 0.9, 0.1), range(3, 4)),  # of equal runs the one with the larger share
        ((0.1, 0.1, 0.1, 0.9, 0.9, 0.6), range(3, 5)),  # above the mean in the last layer, where the MLP writes more
        ((0.9, 0.9, 0.1, 0.1), None),  # no layer before
        ((0.1, 0.1, 0.9, 0.9), None),  # no layer after
        ((0.5, 0.5, 0.5), None),  # nothing above the mean
    ],
)
def test_the_bridging_stage_is_the_longest_run_above_the_mean(ratios, expected):
    stages = detected_stages(shares(*ratios))
    assert (stages.II if stages else None) == expected
    if stages:
        assert [*stages.I, *stages.II, *stages.III] == list(range(len(ratios)))


def test_what_is_the_same_for_every_query_bridges_nothing():
    assert detected_stages(shares(0.1, 0.9, 0.8, 0.1, specific=False)) is None


def test_halves_share_no_query_and_miss_none():
    first, second = halves(7)
    assert sorted([*first, *second]) == list(range(7))
    assert abs(len(first) - len(second)) == 1


def test_figure3_averages_over_layers_then_queries(dsi, texts):
    found = residual(writes(dsi, texts))
    figure = Figure3(found, published_stages(4))
    assert figure.ratio(CROSS, Stage.II).value == pytest.approx(found.ratio(CROSS)[:, [1, 2]].mean())
    assert figure.cosine(MLP, [0, 3], "output").value == pytest.approx(found.cosine_output(MLP)[:, [0, 3]].mean())
    curve = figure.curve("ratio", ATTENTION)
    np.testing.assert_allclose(curve["mean"], found.ratio(ATTENTION).mean(0))
    assert all(low <= value <= high for value, low, high in zip(*curve.values(), strict=True))
    stages, held_out = figure.detected()
    assert len(held_out.residual.gram) == 4
    assert stages is None or held_out.within(stages).stages is stages
    with pytest.raises(GenirError, match="expected layers to average the ratio of MLP over, got none"):
        figure.within(Stages(range(4), range(4, 4), range(4, 4))).ratio(MLP, Stage.II)
