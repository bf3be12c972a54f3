"""The released small LMs of the needle language: one folder a model, with its recipe, its curve and its metrics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from genir.errors import GenirError
from genir.models.catalogue import RELEASED
from genir.models.checkpoint import LOG
from genir.models.needle_language import Language
from genir.models.needle_lm import LANGUAGE, NeedleRecipe, load_needle_lm
from genir.models.needle_training import obtain_needle_lm
from genir.models.released import seal, sealed
from genir.strict_json import loads

__all__ = ["language_of", "load_needle_lm", "needle_folder", "release", "released"]


def needle_folder(name: str, cache: Path, *, train: bool = False, device: str = "cpu") -> Path:
    """The folder of ``needle-lm-SEED`` or ``needle-lm-SEED-long``: as released, unless there is no release or ``train`` is set."""
    folder = released(name)
    if folder.is_dir() and not train:
        sealed(folder)
        return folder
    seed, _, kind = name.removeprefix("needle-lm-").partition("-")
    return obtain_needle_lm(NeedleRecipe(int(seed)), cache, continued=kind == "long", device=device)


def released(name: str) -> Path:
    """Where the release of ``name`` is, or would be."""
    return RELEASED / name


def language_of(folder: Path) -> Language | None:
    """The language of a small LM; None for a folder that is not one of ours. GenirError for a file that describes none."""
    path = folder / LANGUAGE
    try:
        return Language(**loads(path.read_bytes())) if path.is_file() else None
    except (ValueError, TypeError) as error:
        raise GenirError(
            f"expected a description of the small language in {path}, got {error}: fetch it again"
        ) from None


def release(folder: Path, target: Path, card: str) -> None:
    """Copy the model in ``folder`` to the new folder ``target``, with its curve and ``card``, and seal it.

    Steps are counted through the rungs in the curve of a release. GenirError where ``target`` exists.
    """
    if target.exists():
        raise GenirError(f"expected no release of {target.name} yet, {target} exists: remove it to write another")
    target.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "metrics.json", LANGUAGE):
        shutil.copyfile(folder / name, target / name)
    lines = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    numbered = (json.dumps({**line, "step": step}) + "\n" for step, line in enumerate(lines, 1))
    (target / LOG).write_text("".join(numbered))
    (target / "README.md").write_text(card)
    seal(target)
