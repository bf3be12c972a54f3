"""The models that genir can train by name; light to import, because the command line asks it for names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

from genir.corpora.records import Corpus
from genir.corpora.vital import vital
from genir.errors import GenirError
from genir.models.recipe import Recipe, SelectiveRecipe
from genir.models.siblings import SIBLINGS, sibling


class Entry(NamedTuple):
    """A named model: where its documents and queries come from, and how it is trained.

    ``sibling`` numbers a model that is trained without ten documents (``siblings``); which ones, its corpus says.
    """

    corpus: Callable[[], Corpus]
    recipe: Recipe
    sibling: int | None = None

    def recipe_for(self, corpus: Corpus) -> Recipe:
        """The recipe on this corpus, with the documents that a sibling leaves out."""
        return self.recipe if self.sibling is None else sibling(self.recipe, corpus, self.sibling)


_VITAL600 = Recipe("vital600", steps=240)

CATALOGUE: Mapping[str, Entry] = {
    "vital600": Entry(lambda: vital(600), _VITAL600),
    "vital10k": Entry(vital, Recipe("vital10k", steps=4_200, batch_size=96, warmup=200, evaluate_every=600)),
    **{
        f"vital600-rd{number}": Entry(lambda: vital(600), replace(_VITAL600, name=f"vital600-rd{number}"), number)
        for number in range(1, SIBLINGS + 1)
    },
    # Stage III MLPs and cross-attention of Stages II and III: what the reduced graph of Table 4 keeps
    "vital600-selective": Entry(
        lambda: vital(600),
        SelectiveRecipe(
            **asdict(replace(_VITAL600, name="vital600-selective")), cross_layers=(2, 3, 4, 5, 6, 7), mlp_layers=(6, 7)
        ),
    ),
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "vital600-rd": tuple(f"vital600-rd{number}" for number in range(1, SIBLINGS + 1)),
}
"""Names that stand for several models, which are trained one after the other."""


def entry(name: str) -> Entry:
    """The catalogue's entry for ``name``; GenirError lists what there is."""
    if name not in CATALOGUE:
        raise GenirError(f"expected one of the models {', '.join(CATALOGUE)}, got {name!r}: check the spelling")
    return CATALOGUE[name]


def members(name: str) -> tuple[str, ...]:
    """The models that ``name`` stands for: those of a group, or itself; GenirError for a name that is none."""
    if name not in GROUPS and name not in CATALOGUE:
        raise GenirError(f"expected one of {', '.join([*CATALOGUE, *GROUPS])}, got {name!r}: check the spelling")
    return GROUPS.get(name, (name,))
