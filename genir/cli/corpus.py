"""``python -m genir corpus``: a BEIR folder of one of the paper's settings, from the original files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from genir.corpora.beir import read_beir, write_beir
from genir.corpora.generated import read_generated, with_generated
from genir.corpora.loaded import read_loaded
from genir.corpora.nq import read_nq
from genir.corpora.pages import Asked, page_corpus
from genir.corpora.records import Corpus
from genir.corpora.trivia import read_trivia
from genir.errors import GenirError

SETTINGS: Mapping[str, int | None] = {"nq10k": 10_000, "nq100k": 100_000, "nq320k": None, "triviaqa": None}
"""The paper's settings and how many pages each has: None stands for all that are asked for."""

LOADED = ("datasets:", "ir_datasets:")


def corpus(
    name: str,
    sources: Sequence[str],
    out: Path,
    evidence: Path | None,
    queries: Path | None,
    doc2query: str | None,
    each: int,
    device: str,
) -> int:
    """Write the setting ``name`` from ``sources`` into the new folder ``out``, and print what is in it.

    A source that is a BEIR folder is taken as it stands. With ``queries``, a file, or ``doc2query``, a model that writes
    ``each`` of them a document, generated queries join the training ones.
    """
    if name not in SETTINGS:
        raise GenirError(f"expected one of the settings {', '.join(SETTINGS)}, got {name!r}: check the spelling")
    if each < 1:
        raise GenirError(f"expected at least one query for each document, got --each {each}: give more")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GenirError(f"expected a new or empty folder to write to, got {out}: choose another with --out")
    found = _read(name, sources, evidence)
    if queries is not None:
        found = with_generated(found, read_generated(queries))
    if doc2query is not None:
        found = with_generated(found, _generated(found, doc2query, each, device))
    write_beir(found, out)
    print(json.dumps(dict(found.notes), indent=1))
    splits = {"training": found.train, "validation": found.validation, "test": found.test}
    counts = ", ".join(f"{len(part):,} {split}" for split, part in splits.items())
    print(f"{name}: {len(found.documents):,} documents; queries: {counts}")
    print(out)
    return 0


def _read(name: str, sources: Sequence[str], evidence: Path | None) -> Corpus:
    folders = [source for source in sources if Path(source).is_dir()]
    if folders and len(sources) > 1:
        raise GenirError(f"expected files, or one BEIR folder, got {folders[0]} among {len(sources)} sources: name one")
    if folders:
        return replace(read_beir(folders[0]), name=name)
    return page_corpus(name, chain.from_iterable(_asked(name, sources, evidence)), SETTINGS[name])


def _asked(name: str, sources: Sequence[str], evidence: Path | None) -> Iterator[Iterable[Asked]]:
    for source in sources:
        if source.startswith(LOADED):
            yield read_loaded(source)
        elif name == "triviaqa":
            yield read_trivia([Path(source)], evidence)
        else:
            yield read_nq([Path(source)])


def _generated(corpus: Corpus, model: str, each: int, device: str) -> dict[str, tuple[str, ...]]:
    from tqdm import tqdm  # type: ignore[import-untyped]
    from transformers.utils import logging

    from genir.models.doc2query import Progress, generate_queries
    from genir.models.obtain import device_of, fetch

    logging.disable_progress_bar()
    with tqdm(total=len(corpus.documents), desc="queries", unit="document", mininterval=1.0) as bar:

        def watch(progress: Progress) -> None:
            bar.update(progress.done - bar.n)

        return generate_queries(
            fetch(model), corpus.documents, each, np.random.default_rng(0), device_of(device), watch
        )
