"""What the report draws: tables of losses and of effectiveness as plain numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fixtures.exhibits import keeper, losses_exhibit
from genir.interventions.sites import MLP, Stage, published_stages
from genir.readouts.losses import Losses
from genir.readouts.metrics import Ranked
from genir.readouts.patching import NOOP, section_5_1
from genir.readouts.table1 import table1


def test_table1_by_hand():
    # two queries: one document at 2 and one at 6; one document at 1
    found = table1(Ranked(np.array([2, 6, 1]), np.array([0, 0, 1])))
    assert {name: estimate.value for name, estimate in found.items()} == {
        "Hits@1": 0.5,
        "R@5": 0.75,
        "Hits@10": 1.0,
        "MRR": 0.75,
    }
    assert found["Hits@1"].count == 1


@pytest.mark.parametrize("with_base", [True, False])
def test_every_cell_of_table3_is_there_once(with_base):
    stages, rng = published_stages(4), np.random.default_rng(0)
    ranks = {plan.label: np.ones(8, int) for plan in section_5_1(stages, with_base, rng)}
    ranks["Stage III MLP mean"] = np.array([1, 2, 3, 4, 5, 6, 1, 1])
    lost = Losses(ranks, stages)
    found = json.loads(json.dumps(losses_exhibit(lost, with_base), allow_nan=False))
    assert len(found["cells"]) == (27 if with_base else 18)
    assert len({(cell["kind"], cell["component"], cell["stage"]) for cell in found["cells"]}) == len(found["cells"])
    chosen = [cell for cell in found["cells"] if cell["value"]]
    assert [(cell["kind"], cell["component"], cell["stage"], cell["count"], cell["n"]) for cell in chosen] == [
        ("mean", "MLP", "III", 5, 8)
    ]
    assert chosen[0]["value"] == lost.mean(MLP, Stage.III).value
    assert found["noop"]["count"] == 0
    assert NOOP in ranks


def test_an_exhibit_is_kept_whole_and_replaced(tmp_path):
    keep = keeper(tmp_path, "owner--model")
    keep("figure3", {"layers": 8})
    keep("figure3", {"layers": 24})
    assert json.loads((tmp_path / "exhibits" / "owner--model" / "figure3.json").read_text()) == {"layers": 24}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["figure3.json"]
    keep("figure3", {"values": (float("nan"), 1.0), "low": float("-inf")})  # null stands for what is not finite
    kept = json.loads((tmp_path / "exhibits" / "owner--model" / "figure3.json").read_text())
    assert kept == {"values": [None, 1.0], "low": None}
