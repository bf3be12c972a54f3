"""A small run, made by hand: a ledger of two papers on three models, and exhibits as the claims leave them.

Losses are those of Table 3 where a model stands for the paper's; everything else is smooth and invented.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from genir.report.ledger import Ledger, write
from genir.report.record import Record, evidence, figure
from genir.statistics import every, mean, percent, proportion, untestable

HOSTILE = "<script>alert('title')</script> & \"quotes\""
MODEL, HUB, LM = "vital600", "AnReu/DSI-large-NQ10k", "smollm2-135m"
PUBLISHED = {  # three rows of the paper's Table 3: NQ10k, NQ320k, Trivia-QA by stage
    ("zero", "MLP"): (("92.86", "34.40", "29.89"), ("7.83", "30.30", "16.94"), ("96.72", "99.28", "97.51")),
    ("mean", "MLP"): (("0.76", "3.39", "14.70"), ("5.56", "17.47", "17.58"), ("48.23", "71.48", "61.67")),
    ("mean", "attention"): (("0.00", "1.78", "14.62"), ("2.02", "5.35", "16.62"), ("6.06", "11.76", "20.93")),
}
SETTINGS = ("NQ10k", "NQ320k", "Trivia-QA")
LOST = {("zero", "MLP"): (210, 40, 268), ("mean", "MLP"): (2, 22, 130), ("mean", "attention"): (0, 6, 17)}
N = 280
SENTENCES = {
    "5.1-mlp-I": "MLPs in Stage I can be replaced by mean activations: under 5 % of correct queries leave rank 1.",
    "5.1-mlp-III": f"MLPs in Stage III lose above 40 % by mean, for a title such as {HOSTILE}.",
}


def share(count: int, n: int = N) -> Any:
    return proportion(np.arange(n) < count)


def record(id: str, answer: Any, model: str = MODEL, **more: Any) -> Record:
    fields = {
        "paper": "retrieval_process",
        "where": "Table 3",
        "sentence": SENTENCES.get(id, f"The sentence of {id}."),
        "corpus": "-" if model == "-" else model,
        "scale": "-" if model == "-" else "600 documents",
        "seconds": 1.25,
    }
    return Record(id=id, model=model, **(fields | evidence(answer) | more))


def ledger() -> Ledger:
    nq = {"NQ10k": 0.76, "NQ320k": 3.39, "Trivia-QA": 14.7}
    controls = {"noop": figure(share(0)), "random": figure(share(9)), "chance": figure(0.0166)}
    parts = every(
        *(share(c).below(percent(25)).labelled(name) for name, c in (("zero I", 4), ("mean III", 17), ("zero III", 60)))
    )
    records = [
        record("0-possible", share(26, 27).above(percent(90)), "-", where="Table 3", sentence="Every percentage is k/n."),
        record("0-table4", untestable("the absolute values of Table 4 are not there"), "-", where="Table 4"),
        record("3-ranks", share(170, 210).above(percent(30)), where="Table 1", printed={"NQ10k": 63.9, "NQ320k": 48.0}),
        record("5.1-attention", parts, printed={"NQ10k": 6.57, "NQ320k": 11.23, "Trivia-QA": 19.97}, controls=controls),
        record(
            "5.1-mlp-I", share(2).below(percent(5)), printed=nq, controls=controls,
        ),
        record("5.1-mlp-I", share(16).below(percent(5)), printed=nq, judged=False, reading="as published"),
        record("5.1-mlp-I", share(1, 396).below(percent(5)), HUB, printed=nq, scale="10,000 documents"),
        record(
            "5.1-mlp-III", share(75).above(percent(40)), printed={"NQ10k": 48.23, "Trivia-QA": 61.67},
            known="MLP mean in III loses 26.79 %",
        ),
        record("5.1-mlp-III", share(112).above(percent(40)), HUB, scale="10,000 documents"),
        record("5.1-priming", share(210).exceeds(share(150), by=percent(10)), printed={"NQ10k": 92.86}),
        record("5.2-gradual", mean(np.linspace(-1, -0.7, 60), np.random.default_rng(0)).below(-0.8), where="Fig. 4"),
        record(
            "h-sparse", share(12, 270).below(percent(5)), LM, paper="retrieval_heads", where="Section 3",
            corpus="needles", scale="270 heads", printed={"Llama-2-7B-80k": 3.22}, sentence="Few heads retrieve.",
        ),
        record("h-causal", share(24, 40).above(percent(30)), LM, paper="retrieval_heads", where="Section 4", scale="270 heads"),
    ]  # fmt: skip
    return Ledger.of(records, {"protocol": "masked", "stages": "published", "alpha": 0.05})


def exhibits() -> dict[tuple[str, str], Any]:
    """Payloads by model and name; the hub model has none, and Table 4 and Figure 5 are missing for the other."""
    layers, rng = 8, np.random.default_rng(1)
    stage_names = ("I", "II", "III")
    cells = [
        {"kind": kind, "component": component, "stage": stage} | figure(share(count)) | {"unit": "%"}
        for (kind, component), counts in LOST.items()
        for stage, count in zip(stage_names, counts, strict=True)
    ]
    printed = [
        {"kind": kind, "component": component, "stage": stage, "printed": dict(zip(SETTINGS, figures, strict=True))}
        for (kind, component), row in PUBLISHED.items()
        for stage, figures in zip(stage_names, row, strict=True)
    ]

    def curve(start: float, end: float) -> dict[str, list[float]]:
        centre = np.linspace(start, end, layers) + rng.normal(0, 0.02, layers)
        return {"mean": centre.tolist(), "low": (centre - 0.04).tolist(), "high": (centre + 0.04).tolist()}

    def ranks(*ends: float) -> list[float]:
        return np.geomspace(*ends, layers + 1).tolist()

    lens = {
        "relevant": ranks(9000, 1), "docids_mean": ranks(15000, 300), "docids_median": ranks(14000, 250),
        "words_mean": ranks(16000, 17000), "words_median": ranks(16000, 17500),
    }  # fmt: skip
    components = ("attention", "cross-attention", "MLP")
    figure3 = {
        "layers": layers,
        "stages": [[0, 2], [2, 6], [6, 8]],
        "ratio": dict(zip(components, (curve(0.3, 0.1), curve(0.4, 0.8), curve(0.9, 0.7)), strict=True)),
        "cosine_input": dict(zip(components, (curve(0.2, -0.2), curve(0.1, -0.3), curve(0.5, -0.6)), strict=True)),
        "cosine_output": dict(zip(components, (curve(0.4, 0.0), curve(0.3, -0.1), curve(0.8, 0.2)), strict=True)),
    }
    sources = [f"{component} {stage}" for component in components for stage in stage_names]
    readings = np.sort(rng.dirichlet(np.ones(9)))[::-1].tolist()
    return {
        ("-", "table3"): {"cells": printed},
        ("-", "environment"): {"torch": "2.13.0", "machine": {"cores": 2}},
        (MODEL, "table3"): {"cells": cells, "noop": figure(share(0))},
        (MODEL, "table1"): {
            "model": {"Hits@1": figure(share(84, 210)), "Hits@10": figure(share(170, 210)), "MRR": 0.534},
            "BM25, same tokens": {"Hits@1": figure(share(90, 210)), "Hits@10": figure(share(150, 210)), "MRR": 0.511},
        },
        (MODEL, "table5"): {"10": {"per head": 0.0, "chance": 0.018}, "100": {"per head": 0.012, "chance": 0.018}},
        (MODEL, "table6"): [
            {"query": f"who wrote {HOSTILE}", "layer": 5, "head": 2, "words": ["author", "novel", "<b>book</b>"]},
            {"query": "capital of France", "layer": 4, "head": 0, "words": [["Paris", 3.1], ["city", 2.2]]},
        ],
        (MODEL, "figure3"): figure3,
        (MODEL, "figure4"): {"layers": layers, "stream": lens, "MLP": lens},
        (MODEL, "figure5"): {"sources": sources, "mlp_III": readings, "cross_II": readings[::-1]},
        (MODEL, "recipe"): {"base": "flan-t5-small", "steps": 250, "learning rate": 0.001},
        (LM, "heads_map"): {
            "kind": "matrix", "title": "Retrieval score of each head", "x": "head", "y": "layer",
            "values": rng.beta(0.2, 4, (30, 9)).round(3).tolist(),
            "x_labels": list(range(9)), "y_labels": list(range(30)),
        },
        (LM, "heads_ladder"): {
            "kind": "curves", "title": "Recall when the top k heads are masked", "x": "heads masked", "y": "recall",
            "values": {"retrieval heads": [0.98, 0.9, 0.7, 0.51], "random heads": [0.98, 0.97, 0.92, 0.84]},
            "x_labels": [0, 2, 5, 10],
        },
        (LM, "heads_recall"): {
            "kind": "matrix", "title": "Recall by length and depth", "x": "length", "y": "depth",
            "values": [[1.0, 0.9, 0.8], [0.9, None, 0.7]], "x_labels": [300, 700, 1500], "y_labels": ["0 %", "100 %"],
        },
        (LM, "heads_recall_masked"): {
            "kind": "matrix", "title": "Recall by length and depth, retrieval heads masked", "x": "length", "y": "depth",
            "values": [[0.5, 0.4], [0.6, 0.3]], "x_labels": [300, 700], "y_labels": ["0 %", "100 %"],
        },
        (LM, "heads_histogram"): {
            "kind": "bars", "title": "Heads by score", "x": "score", "y": "heads", "values": [154, 80, 24, 12],
            "x_labels": ["0", "0-0.05", "0.05-0.1", ">= 0.1"],
        },
    }  # fmt: skip


def write_run(folder: Path) -> Path:
    """The ledger and the exhibits in ``folder``."""
    write(ledger(), folder)
    for (model, name), payload in exhibits().items():
        path = folder / "exhibits" / model / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(payload), encoding="utf-8")
    return folder
