"""What Wu et al. (2024, arXiv 2404.15574) print, and what their published score files say, as data.

Shares of heads are in percent, recomputed from the authors' score files at a score of 0.1; runs are (distinct, all) of a file. Margins
of claims stand in the claims themselves.

Readings that were fixed before any run: the leading, the always active and the sometimes active head are chosen on other runs than
those that they are judged on, since a maximum over hundreds of heads exceeds any margin by chance; "masking the retrieval heads"
masks all heads of score 0.1 and more, at most a tenth of the model's; "larger than in 39 random sets" asks for every one of them.
The share of heads that never copy takes heads as its unit: no resample of runs has fewer zeros than the runs themselves.
Chains of thought are judged by the difference between ways to answer of the difference between heads: the plain difference passes for
random heads as well. Heads of two models are compared place by place; the ceiling is what one half of a model's needles says of the other.
"""

from __future__ import annotations

PAPER = "retrieval_heads"

RETRIEVAL_SHARE: dict[str, float] = {
    "Llama-2-7B-80k": 3.22,
    "Llama-2-13B-64k": 2.06,
    "Mistral-7B": 4.20,
    "Mixtral-8x7B": 6.15,
    "Qwen1.5-14B": 3.81,
    "Qwen1.5-14B-Chat": 4.25,
    "Yi-6B-200K": 5.18,
}
ZERO_SHARE: dict[str, float] = {"fewest of the models": 49.0, "most of the models": 73.0}
ALWAYS_ON: dict[str, float] = {"Llama-2-7B-80k, heads": 12}
RUNS: dict[str, tuple[int, int]] = {
    "Mistral-7B": (74, 362),
    "Mixtral-8x7B": (78, 390),
    "Qwen1.5-14B": (112, 390),
    "Qwen1.5-14B-Chat": (62, 221),
    "Yi-6B-200K": (155, 567),
    "Llama-2-7B-80k": (580, 586),
}
# Mean needle recall in percent with 30 heads masked (Section 4.1); with the needle at the very end the first is 99.
MASKED_30: dict[str, float] = {"retrieval heads": 43.4, "random heads": 88.1}
MASKED_30_AT_END: dict[str, float] = {"retrieval heads, needle at the end": 99.0}
LINEAGE: dict[str, float] = {
    "Qwen1.5-14B, base and chat": 0.89,
    "Mistral and Mixtral": 0.96,
    "largest across families": 0.02,
}
