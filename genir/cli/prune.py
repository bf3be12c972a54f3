"""``python -m genir prune``: the reduced graph of a model as a model of its own, smaller and faster (Table 4, Section 7)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from transformers.utils import logging

from genir.cli.named import corpus_of
from genir.errors import GenirError
from genir.interventions.fold import fold_reduced, replaced_mlps
from genir.interventions.sites import Stages, published_stages
from genir.interventions.sweep import site_means
from genir.models.dsi import DSI, load_dsi
from genir.models.obtain import device_of
from genir.models.ranking import gold_ranks
from genir.models.released import obtain_named
from genir.readouts.correct import correct_queries
from genir.readouts.metrics import Ranked, pairs
from genir.readouts.table1 import table1
from genir.readouts.timing import decode_seconds

TIMED = 64  # queries of the batch that is timed


def prune(model: str, corpus_name: str | None, cache: Path, device: str, out: Path) -> int:
    """Fold the reduced graph of ``model`` into the new folder ``out`` and print it beside the whole model.

    Means come from the correct validation queries; stages are the paper's, scaled to the model's depth. What is printed is
    measured on the folder as it was written. GenirError where ``out`` holds something, or where no query is correct.
    """
    logging.disable_progress_bar()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GenirError(f"expected a new or an empty folder to write to, {out} is neither: choose another with --out")
    where, corpus = device_of(device), corpus_of(model, corpus_name)
    dsi = load_dsi(obtain_named(model, corpus, cache, where), model, where)
    correct = correct_queries(dsi, corpus.validation)
    if not correct.queries:
        raise GenirError(
            f"expected {model} to answer validation queries, it puts no document at rank 1: train it first"
        )
    stages = published_stages(dsi.layers)
    small = fold_reduced(dsi, stages, site_means(dsi, correct.texts, replaced_mlps(stages)))
    small.model.save_pretrained(out)
    small.tokenizer.save_pretrained(out)
    models = {"whole": dsi, "reduced": load_dsi(out, device=where)}
    print(_described(stages))
    texts, docids, owner = pairs(corpus.test or corpus.validation)
    seconds = np.median(decode_seconds(list(models.values()), correct.texts[:TIMED]), axis=0)
    for (name, each), taken in zip(models.items(), seconds, strict=True):
        found = table1(Ranked(gold_ranks(each, texts, docids), owner))
        figures = ", ".join(f"{metric} {estimate}" for metric, estimate in found.items())
        print(f"{name:8} {_parameters(each) / 1e6:6.2f} M decoder parameters, {1000 * taken:7.2f} ms to decode")
        print(f"{'':8} {figures}")
    print(out)
    return 0


def _described(stages: Stages) -> str:
    kept = f"layers {stages.II.start} to {stages.III.stop - 1}"
    return f"kept: cross-attention of {kept}, MLPs of layers {stages.III.start} to {stages.III.stop - 1}"


def _parameters(dsi: DSI) -> int:
    return sum(parameter.numel() for parameter in dsi.model.decoder.block.parameters())
