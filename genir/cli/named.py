"""What the names on the command line stand for."""

from __future__ import annotations

from pathlib import Path

from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models import catalogue
from genir.models.catalogue import CATALOGUE, HUB_ID


def corpus_of(model: str, corpus: str | None) -> Corpus:
    """The corpus called ``corpus`` or kept in a BEIR folder; the model's own where none is named.

    Raises GenirError for a model that is none, and for one that has no corpus of its own.
    """
    if model not in CATALOGUE and not Path(model).is_dir() and not HUB_ID.fullmatch(model):
        raise GenirError(
            f"expected one of the models {', '.join(CATALOGUE)}, a model folder or a hub id OWNER/NAME, got {model!r}: "
            "check the spelling"
        )
    return catalogue.corpus_of(model, corpus)
