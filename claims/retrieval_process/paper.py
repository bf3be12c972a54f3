"""What Reusch & Belinkov (SIGIR 2025) print, as data: the only place where its numbers stand.

Percentages are kept as printed; settings are the paper's data sets. Margins of claims stand in the claims themselves. Where a
figure could not be taken from the paper (the absolute values of Table 4), it is absent rather than guessed.
"""

from __future__ import annotations

from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Stage

PAPER = "retrieval_process"
NQ10K, NQ100K, NQ320K, TRIVIA, TRIVIA_QG = "NQ10k", "NQ100k", "NQ320k", "Trivia-QA", "Trivia-QA-QG"

# Table 1: Hits@1, R@5, Hits@10 on test queries, in percent.
TABLE_1: dict[str, tuple[float, float, float]] = {
    NQ10K: (40.4, 58.1, 63.9),
    NQ100K: (22.6, 42.8, 50.2),
    NQ320K: (20.0, 39.8, 48.0),
    TRIVIA: (60.4, 64.2, 82.2),
    TRIVIA_QG: (49.8, 51.7, 67.0),
}

# Table 2: the full decoder with the encoder of each removed-document model, on the ten documents that it never saw.
TABLE_2_MRR = {"RD I": 0.867, "RD II": 0.754, "RD III": 0.853, "RD IV": 0.820}
TABLE_2_HITS = {"RD I": 80, "RD II": 70, "RD III": 80, "RD IV": 80}  # percent, of ten documents each

# Section 4: mean rank of the document when the pre-trained encoder reads the query, NQ10k.
PRETRAINED_MEAN_RANK = 21.66

# Table 3: loss of rank 1 among correct queries, in percent as printed: (setting, component) -> Stage -> (NQ10k, NQ320k, Trivia-QA).
_TABLE_3 = """
zero attention   1.52  2.67 12.58 |  2.27  4.46 14.78 |  6.57 11.23 19.97
zero MLP        92.86 34.40 29.89 |  7.83 30.30 16.94 | 96.72 99.28 97.51
zero cross       4.29 15.86 15.29 | 21.72 50.62 64.20 | 39.65 41.89 60.02
mean attention   0.00  1.78 14.62 |  2.02  5.35 16.62 |  6.06 11.76 20.93
mean MLP         0.76  3.39 14.70 |  5.56 17.47 17.58 | 48.23 71.48 61.67
mean cross       4.55 16.04 18.14 | 20.45 53.30 54.44 | 42.93 50.80 71.43
T5   attention   5.30 10.16  5.54 |  5.56 11.05  6.65 |  7.32 13.37  9.78
T5   MLP         5.30 14.62 11.94 |  7.07 14.62  8.01 | 74.49 92.69 81.45
T5   cross       7.58 13.19  8.91 | 17.93 24.96 21.31 | 34.09 33.16 41.38
"""
TABLE_3_SETTINGS = (NQ10K, NQ320K, TRIVIA)
_COMPONENTS = {"attention": ATTENTION, "cross": CROSS, "MLP": MLP}

TABLE_3: dict[tuple[str, Component, Stage], dict[str, str]] = {
    (kind, _COMPONENTS[component], stage): dict(zip(TABLE_3_SETTINGS, cell.split(), strict=True))
    for line in _TABLE_3.strip().splitlines()
    for kind, component, cells in [line.split(maxsplit=2)]
    for stage, cell in zip(Stage, cells.split("|"), strict=True)
}

# Sample sizes that the percentages of Table 3 imply, and the cells that no count out of them gives; Trivia-QA's is unknown.
TABLE_3_QUERIES = {NQ10K: 396, NQ320K: 561}
TABLE_3_MISFITS = {NQ10K: ("92.86",), NQ320K: ("99.28",)}

# CHANCE in Section 3: a random order of the whole vocabulary, which is what ranks count. Against a random order of the documents
# alone "100 times chance" asks for more than 100 % of any corpus of fewer than 1,000 documents, and no model could meet it.

# Table 4: what the reduced graph keeps of Hits@1, R@5, Hits@10 on test queries, in percent.
TABLE_4: dict[str, tuple[int, int, int]] = {
    NQ10K: (94, 98, 97),
    NQ100K: (78, 82, 82),
    NQ320K: (82, 84, 88),
    TRIVIA: (82, 86, 91),
    TRIVIA_QG: (78, 80, 87),
}

# Table 5: docids among the 10, 100, 1,000 tokens that Stage II cross-attention heads promote most, in percent.
TABLE_5: dict[str, dict[int, float]] = {
    NQ10K: {10: 0.00, 100: 0.10, 1000: 2.30},
    NQ100K: {10: 0.00, 100: 0.01, 1000: 0.50},
    NQ320K: {10: 0.00, 100: 0.04, 1000: 0.57},
    TRIVIA: {10: 0.00, 100: 0.08, 1000: 8.58},
    TRIVIA_QG: {10: 0.02, 100: 0.16, 1000: 2.68},
}


def table_5(depth: int) -> dict[str, float]:
    """One column of Table 5 by data set, in percent as printed."""
    return {setting: shares[depth] for setting, shares in TABLE_5.items()}


def table_3(kind: str, component: Component, stage: Stage) -> dict[str, float]:
    """One cell of Table 3 by data set, in percent as printed."""
    return {setting: float(printed) for setting, printed in TABLE_3[kind, component, stage].items()}
