"""Means that leave the judged query out: by hand, and as a loop over queries would have it."""

from __future__ import annotations

import numpy as np
import torch

from genir.interventions.circuit import Cell, table3
from genir.interventions.patch import MEAN
from genir.interventions.sites import ATTENTION, CROSS, MLP, Site, Stage, every_site, published_stages
from genir.interventions.sweep import site_means, sweep
from genir.readouts.losses import Losses
from genir.readouts.patching import leave_one_out, others_label
from genir.readouts.writes import Writes, term, writes


def test_what_others_write_can_be_computed_by_hand():
    terms = torch.zeros(3, 1 + 9, 2)
    terms[:, term(Site(MLP, 0))] = torch.tensor([[1.0, 0.0], [2.0, 4.0], [6.0, 8.0]])
    plans = {plan.label: plan for plan in leave_one_out(Writes(terms), published_stages(3))}
    assert len(plans) == 9
    assert plans["Stage I MLP mean of others"].edits[Site(MLP, 0)].tolist() == [[4.0, 6.0], [3.5, 4.0], [1.5, 2.0]]
    alone = leave_one_out(Writes(terms[:1]), published_stages(3))
    assert all(not value.any() for plan in alone for value in plan.edits.values())


def test_ranks_are_those_of_a_loop_that_leaves_one_out(dsi, texts, rows):
    stages = published_stages(dsi.layers)
    plans = leave_one_out(writes(dsi, texts), stages)
    found = sweep(dsi, texts, rows, plans)
    cells = list(table3(stages, (MEAN,)).values())
    for number, text in enumerate(texts):
        means = site_means(dsi, texts[:number] + texts[number + 1 :], every_site(dsi.layers))
        alone = sweep(dsi, [text], rows[number : number + 1], cells, means=means)
        assert np.abs(found[:, number] - alone[:, 0]).max() <= 1  # two rows may tie within rounding
        assert (found[:, number] == alone[:, 0]).mean() > 0.8


def test_losses_are_asked_by_cell():
    stages = published_stages(3)
    ranks = {"no-op": np.array([1, 1, 1, 1])}
    ranks |= {others_label(cell): np.array([1, 2, 3, 1]) for cell in table3(stages, (MEAN,))}
    ranks[others_label(Cell(MEAN, CROSS, Stage.II))] = np.array([1, 1, 1, 9])
    lost = Losses(ranks, stages)
    assert lost.leave_one_out(ATTENTION, Stage.I).value == 0.5
    assert lost.leave_one_out(CROSS, Stage.II).value == 0.25
