"""The models that genir can train by name; light to import, because the command line asks it for names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from genir.corpora.records import Corpus
from genir.corpora.vital import vital
from genir.errors import GenirError
from genir.models.recipe import Recipe


class Entry(NamedTuple):
    """A named model: where its documents and queries come from, and how it is trained."""

    corpus: Callable[[], Corpus]
    recipe: Recipe


CATALOGUE: Mapping[str, Entry] = {
    "vital600": Entry(lambda: vital(600), Recipe("vital600", steps=240)),
    "vital10k": Entry(vital, Recipe("vital10k", steps=4_200, batch_size=96, warmup=200, evaluate_every=600)),
}


def entry(name: str) -> Entry:
    """The catalogue's entry for ``name``; GenirError lists what there is."""
    if name not in CATALOGUE:
        raise GenirError(
            f"expected one of the models {', '.join(CATALOGUE)}, got {name!r}: check the spelling"
        )
    return CATALOGUE[name]
