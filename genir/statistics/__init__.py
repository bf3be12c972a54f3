"""From per-query outcomes to verdicts: estimate -> answer -> judgement.

``proportion``, ``minus``, ``mean``, ``trend``, ... make an ``Estimate``; ``below``, ``above``, ``within``,
``exceeds`` ask it a question; ``every`` joins the answers to a claim. Queries are the unit, samplers take a
Generator, torch is not imported. A new estimator is a function that returns an ``Estimate`` with its
outcomes, its interval and, where it has an exact test, its ``evidence``; it needs a coverage test in
``tests/statistics``.
"""

from genir.statistics.answer import Answer
from genir.statistics.census import census
from genir.statistics.difference import difference
from genir.statistics.equivalence import tost, unchanged
from genir.statistics.estimate import Estimate, Evidence, percent
from genir.statistics.judgement import Judgement, every, untestable
from genir.statistics.multiplicity import holm
from genir.statistics.permutation import monte_carlo_p, permutation_p
from genir.statistics.printed import SampleSize, consistent_ratio, possible, sample_sizes
from genir.statistics.proportions import mcnemar_exact, minus, paired_difference, proportion
from genir.statistics.resampling import bootstrap, mean, median, ratio_of_means, trend
from genir.statistics.verdict import Verdict

__all__ = [
    "Answer",
    "Estimate",
    "Evidence",
    "Judgement",
    "SampleSize",
    "Verdict",
    "bootstrap",
    "census",
    "consistent_ratio",
    "difference",
    "every",
    "holm",
    "mcnemar_exact",
    "mean",
    "median",
    "minus",
    "monte_carlo_p",
    "paired_difference",
    "percent",
    "permutation_p",
    "possible",
    "proportion",
    "ratio_of_means",
    "sample_sizes",
    "tost",
    "trend",
    "unchanged",
    "untestable",
]
