"""``python -m genir train``: a bar while it trains, then the metrics and the folder."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers.utils import logging

from genir.cli.named import corpus_of
from genir.corpora.records import Corpus
from genir.models.catalogue import entry, members
from genir.models.obtain import base_of, device_of, fetch, obtain_trained
from genir.models.training import Progress

PLAIN_INTERVAL = 20.0  # seconds between two lines where nobody looks at a terminal


class Bar:
    """A progress bar that appears with the first step, at the step where a resumed run goes on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: tqdm | None = None

    def __call__(self, progress: Progress) -> None:
        """Show a step."""
        if self._bar is None:
            interval = 0.5 if sys.stderr.isatty() else PLAIN_INTERVAL
            first = progress.step - 1
            self._bar = tqdm(total=progress.steps, initial=first, desc=self._name, unit="step", mininterval=interval)
        self._bar.set_postfix_str(f"loss {progress.loss:.3f}, {progress.rate:.0f} examples/s", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the last state on the terminal."""
        if self._bar is not None:
            self._bar.close()


def train(model: str, corpus_name: str | None, cache: Path, device: str, base: str | None = None) -> int:
    """Train ``model``, or load it from the cache; the metrics and the folder go to stdout, the bar to stderr.

    It starts from ``base``, a folder or hub id, or from the base that the catalogue names. The name of a group trains its members one after the other.
    """
    logging.disable_progress_bar()
    where, names = device_of(device), members(model)
    corpus = corpus_of(names[0], corpus_name)
    began = time.monotonic()
    for name in names:
        _train_one(name, corpus, cache, where, fetch(base) if base else base_of(name, cache))
    if _first_process():
        print(f"{model}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    _leave()
    return 0


def _train_one(model: str, corpus: Corpus, cache: Path, where: torch.device, base: Path) -> None:
    recipe = entry(model).recipe_for(corpus)
    first_process = _first_process()
    if first_process:
        print(
            f"{model}: {len(corpus.documents):,} documents, {len(corpus.train):,} training queries, "
            f"{recipe.steps:,} steps of {recipe.batch_size} on {where.type}",
            file=sys.stderr,
        )
    bar = Bar(model)
    try:
        folder = obtain_trained(recipe, corpus, cache, where, bar, base)
    finally:
        bar.close()
    if first_process:
        print((folder / "metrics.json").read_text())
        print(folder)


def _first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _leave() -> None:
    """Close the group of processes that ``accelerate launch`` may have started."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
