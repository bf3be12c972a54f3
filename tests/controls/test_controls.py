"""The suite can fail: on models for which a finding is false by construction it is not supported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from genir.models.dsi import DSI

NEEDS_RETRIEVAL = "3-ranks"
NEEDS_NOTHING = {"5.1-noop"}  # about the instrument: doing nothing changes nothing on any model


def shuffled(dsi: DSI) -> None:
    """Every document answers to another document's id."""
    order = np.roll(np.random.default_rng(0).permutation(len(dsi.rows)), 1)
    cycle = np.empty_like(order)
    cycle[order] = np.roll(order, 1)
    weight = dsi.model.lm_head.weight
    weight[torch.from_numpy(dsi.rows)] = weight[torch.from_numpy(dsi.rows[cycle])].clone()


def untrained(dsi: DSI) -> None:
    """Weights of the right shapes that have learned nothing."""
    generator = torch.Generator().manual_seed(0)
    for parameter in dsi.model.parameters():
        parameter.normal_(0, 0.05, generator=generator)


def test_a_folder_saved_elsewhere_is_asked_every_claim(
    saved: Callable[..., Path], ask: Callable[..., dict[str, str]]
) -> None:
    verdicts = ask(saved("mine"), "-n", "4")
    assert verdicts[NEEDS_RETRIEVAL] == "supported"
    assert verdicts["5.1-noop"] == "supported"
    assert verdicts["5.1-t5-cross"] == "untestable"  # no --base was given


@pytest.mark.parametrize("change", [shuffled, untrained])
def test_no_retrieval_claim_is_supported_where_there_is_no_retrieval(
    change: Callable[[DSI], None], saved: Callable[..., Path], ask: Callable[..., dict[str, str]]
) -> None:
    verdicts = ask(saved(change.__name__, change))
    assert verdicts[NEEDS_RETRIEVAL] != "supported"
    assert {id for id, verdict in verdicts.items() if verdict == "supported"} <= NEEDS_NOTHING
