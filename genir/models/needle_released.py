"""The released small LMs of the needle language: one folder a model, with its recipe, its curve and its metrics."""

from __future__ import annotations

import json
from pathlib import Path

from genir.models.needle_language import Language
from genir.models.needle_lm import LANGUAGE, NeedleRecipe, load_needle_lm
from genir.models.needle_training import obtain_needle_lm
from genir.models.released import RELEASED, sealed

__all__ = ["language_of", "load_needle_lm", "needle_folder"]


def needle_folder(name: str, cache: Path, *, train: bool = False, device: str = "cpu") -> Path:
    """The folder of ``needle-lm-SEED`` or ``needle-lm-SEED-long``: as released, unless there is no release or ``train`` is set."""
    folder = RELEASED / name
    if folder.is_dir() and not train:
        sealed(folder)
        return folder
    seed, _, kind = name.removeprefix("needle-lm-").partition("-")
    return obtain_needle_lm(NeedleRecipe(int(seed)), cache, continued=kind == "long", device=device)


def language_of(folder: Path) -> Language | None:
    """The language of a small LM; None for a folder that is not one of ours."""
    path = folder / LANGUAGE
    return Language(**json.loads(path.read_text())) if path.is_file() else None
