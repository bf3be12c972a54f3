"""Section 0: are the paper's printed numbers possible? No model is needed."""

from __future__ import annotations

from claims.retrieval_process.paper import PAPER, TABLE_3, TABLE_3_QUERIES
from fixtures.judging import claim
from genir.statistics import census, every, percent, possible, sample_sizes, untestable


@claim("0-possible", where="Table 3", paper=PAPER)
def test_percentages_are_counts_of_one_sample(judge):
    """Every percentage of Table 3 is k/n, for one n per model."""
    cells = {setting: [cell[setting] for cell in TABLE_3.values()] for setting in TABLE_3_QUERIES}
    best = {setting: sample_sizes(printed, range(50, 1_001))[0] for setting, printed in cells.items()}
    fits = {
        setting: census([bool(possible(cell, TABLE_3_QUERIES[setting])) for cell in printed])
        for setting, printed in cells.items()
    }
    judge(
        every(*(fit.above(percent(99)).labelled(setting) for setting, fit in fits.items())),
        records={
            f"impossible at {setting}, n = {found.n}": ", ".join(found.misfits) for setting, found in best.items()
        },
    )


@claim("0-table4", where="Table 4", paper=PAPER)
def test_relative_values_follow_from_absolute_ones(judge):
    """All 15 relative values of Table 4 are absolute / Table 1 within rounding."""
    judge(untestable("the absolute values of Table 4 are not in paper.py: copy them from the paper to decide"))
