"""The models that genir can train by name: a corpus, a recipe, and how to obtain the folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from genir.corpora.records import Corpus
from genir.corpora.vital import vital
from genir.errors import GenirError
from genir.models import base
from genir.models.recipe import Recipe
from genir.models.store import obtain, write_whole
from genir.models.training import Progress, train


class Entry(NamedTuple):
    """A named model: where its documents and queries come from, and how it is trained."""

    corpus: Callable[[], Corpus]
    recipe: Recipe


CATALOGUE: Mapping[str, Entry] = {
    "vital600": Entry(lambda: vital(600), Recipe("vital600", steps=300)),
    "vital10k": Entry(vital, Recipe("vital10k", steps=4_200, batch_size=96, warmup=200, evaluate_every=600)),
}


def entry(name: str) -> Entry:
    """The catalogue's entry for ``name``; GenirError lists what there is."""
    if name not in CATALOGUE:
        raise GenirError(f"expected a model of {', '.join(CATALOGUE)}, a model folder or a hub id, got {name!r}")
    return CATALOGUE[name]


def precision(device: str) -> str:
    """The fastest precision that keeps float32 master weights: "bf16" where the machine multiplies it natively, else "fp32"."""
    if device != "cpu" and torch.cuda.is_available():
        return "bf16"
    return "bf16" if torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.cpu._is_avx512_bf16_supported() else "fp32"


def obtain_base(cache: Path) -> Path:
    """The folder of the packaged pre-trained T5, de-quantised on first use."""
    return obtain(cache / "models", "flan-t5-small", base.FILES, lambda target, scratch: base.write_base(target))


def obtain_trained(recipe: Recipe, corpus: Corpus, cache: Path, device: str = "auto") -> Path:
    """The folder of the model that ``recipe`` trains on ``corpus``, trained on first use.

    While it trains, ``progress.json`` in the cache's folder of partial models says how far it is.
    """
    start = obtain_base(cache)

    def build(target: Path, scratch: Path) -> None:
        told = 0.0

        def report(progress: Progress) -> None:
            nonlocal told
            if time.monotonic() - told < 1 and progress.step < progress.steps:
                return
            told = time.monotonic()
            line = {"what": f"training {recipe.name}", **progress._asdict(), "rate_unit": "examples/s"}
            write_whole(scratch.parent / "progress.json", json.dumps(line))

        train(recipe, corpus, start, target, scratch, report, device)

    return obtain(cache / "models", recipe.name, recipe.content(corpus, start.name), build)
