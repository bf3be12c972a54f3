"""The paper's own tables beside the measured ones."""

from __future__ import annotations

import pytest

from claims.retrieval_process.paper import NQ10K, TABLE_1, TABLE_2_HITS, TABLE_2_MRR, TABLE_3, TABLE_4, TABLE_5

METRICS = ("Hits@1", "R@5", "Hits@10")


@pytest.fixture(scope="session", autouse=True)
def printed_tables(exhibit_printed):
    """Give the report what the paper prints, by setting."""
    for name, row, table in (("table1", "model", TABLE_1), ("table4", "reduced graph", TABLE_4)):
        by_metric = {
            metric: {"printed": {setting: str(values[column]) for setting, values in table.items()}}
            for column, metric in enumerate(METRICS)
        }
        exhibit_printed(name, {row: by_metric})
    siblings = {
        name: {"Hits@1": {"printed": {NQ10K: f"{hits}"}}, "MRR": {"printed": {NQ10K: f"{TABLE_2_MRR[name]}"}}}
        for name, hits in TABLE_2_HITS.items()
    }
    exhibit_printed("table2", siblings)
    cells = [
        {"kind": kind, "component": str(component), "stage": str(stage), "printed": printed}
        for (kind, component, stage), printed in TABLE_3.items()
    ]
    exhibit_printed("table3", {"cells": cells})
    depths = next(iter(TABLE_5.values()))
    columns = {
        str(depth): {"per head": {"printed": {setting: f"{shares[depth]:.2f}" for setting, shares in TABLE_5.items()}}}
        for depth in depths
    }
    exhibit_printed("table5", columns)
