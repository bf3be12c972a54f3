"""Released models: what training changed, as int8 rows beside the packaged base, small enough for a repository.

A matrix is kept as one int8 per entry and one float32 scale per row (the largest entry of a row is 127); vectors stay float32. The
embeddings and the word rows of the unembedding were frozen and come from the base. The model that is evaluated is the one that is
shipped: de-quantised.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from genir import strict_json
from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models.catalogue import CATALOGUE, RELEASED, entry
from genir.models.dsi import DSI
from genir.models.examples import untrained_dsi
from genir.models.obtain import base_of, fetch, obtain_trained
from genir.models.recipe import Recipe
from genir.models.store import MANIFEST, intact, obtain
from genir.models.t5 import load_t5

PART_BYTES = 15_000_000
FROZEN = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
DOCIDS = "docids"
SUMS = "SHA256SUMS"


def obtain_named(name: str, corpus: Corpus, cache: Path, device: torch.device, train: bool = False) -> Path:
    """The Hugging Face folder of a model: of the catalogue, as it was released or else trained, of a folder or of a hub id.

    With ``train`` a model that is released is trained all the same.
    """
    if name not in CATALOGUE:
        return fetch(name)
    released = RELEASED / name
    if train or not released.is_dir():
        return obtain_trained(entry(name).recipe_for(corpus), corpus, cache, device, base=base_of(name, cache))
    return obtain_released(released, corpus, base_of(name, cache), cache)


def made_by(name: str, folder: Path) -> Mapping[str, Any]:
    """What is on record of how the model in ``folder`` came about: recipe, libraries, digests of data and base; empty for a stranger's."""
    released, manifest = RELEASED / name / "recipe.json", folder / MANIFEST
    if released.is_file():
        return dict(json.loads(released.read_text()))
    content = json.loads(manifest.read_text())["content"] if intact(folder) else {}
    return dict(content) if "recipe" in content else {}


def export(dsi: DSI, recipe: Mapping[str, Any], base: Path, target: Path) -> None:
    """Write ``dsi`` into the new folder ``target`` in parts below 16 MB, with docids and recipe; ``seal`` it afterwards.

    GenirError if a tensor that should have been frozen differs from the base's.
    """
    state, start = dsi.model.state_dict(), load_t5(base).state_dict()
    words = int(dsi.rows[0])
    for name in FROZEN:
        if not torch.equal(state[name][:words], start[name][:words]):
            raise GenirError(
                f"expected {name} of {dsi.name} as in its base, it was trained: it cannot be left to the base"
            )
    changed = {name: value for name, value in state.items() if name not in FROZEN}
    changed[DOCIDS] = state["lm_head.weight"][torch.from_numpy(dsi.rows)]
    target.mkdir(parents=True)
    parts: list[dict[str, Tensor]] = [{}]
    for name, value in changed.items():
        pieces = quantised(name, value) if value.ndim == 2 else {name: value.float().contiguous()}
        if sum(t.nbytes for t in parts[-1].values()) + sum(t.nbytes for t in pieces.values()) > PART_BYTES:
            parts.append({})
        parts[-1] |= pieces
    for number, part in enumerate(parts, 1):
        save_file(part, target / f"changed-{number:02d}-of-{len(parts):02d}.safetensors")
    (target / "docids.json").write_text(json.dumps(dsi.docids, ensure_ascii=False, indent=0))
    (target / "recipe.json").write_text(json.dumps(dict(recipe), indent=1))


def seal(folder: Path) -> None:
    """Write the list of hashes, without which a release is not served; files that are added later break the seal."""
    (folder / SUMS).write_text(_sums(folder))


def sealed(folder: Path) -> None:
    """GenirError unless the files of a release are those that its list of hashes names."""
    try:
        whole = (folder / SUMS).read_bytes() == _sums(folder).encode()
    except OSError:  # a file is missing, or a folder lies among the files
        whole = False
    if not whole:
        raise GenirError(
            f"expected the files of the released {folder.name} as {SUMS} lists them, they differ: restore {folder}"
        )


def quantised(name: str, matrix: Tensor) -> dict[str, Tensor]:
    """A matrix (rows, columns) as ``name.int8`` and ``name.scale`` (rows,); a row of zeros has scale 0."""
    scale = matrix.float().abs().amax(1) / 127
    steps = (matrix.float() / scale.clamp(min=torch.finfo(torch.float32).tiny)[:, None]).round().clamp(-127, 127)
    return {f"{name}.int8": steps.to(torch.int8), f"{name}.scale": scale}


def dequantised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The float32 tensors, by their own names, of what ``quantised`` and plain vectors were stored as."""
    matrices = {
        name.removesuffix(".int8"): steps.float() * tensors[name.removesuffix("int8") + "scale"][:, None]
        for name, steps in tensors.items()
        if name.endswith(".int8")
    }
    return matrices | {name: value for name, value in tensors.items() if not name.endswith((".int8", ".scale"))}


def obtain_released(folder: Path, corpus: Corpus, base: Path, cache: Path) -> Path:
    """The Hugging Face folder of a released model: base and changes put together on first use, kept in the cache.

    GenirError where a file of the release is missing or altered, or where it is not a model of ``corpus``.
    """
    sealed(folder)
    docids = _docids(folder)
    if docids != tuple(document.id for document in corpus.documents):
        raise GenirError(
            f"expected the documents of {corpus.name} to be those of the released {folder.name}, they differ"
        )

    def build(target: Path, scratch: Path) -> None:
        dsi = put_together(folder, corpus, base)
        dsi.model.save_pretrained(target)
        dsi.tokenizer.save_pretrained(target)
        for name in ("metrics.json", "train.jsonl"):
            if (folder / name).exists():
                shutil.copy(folder / name, target / name)

    content = {"released": (folder / SUMS).read_text(), "base": base.name}
    return obtain(cache / "models", f"{folder.name}-released", content, build)


def _docids(folder: Path) -> tuple[str, ...]:
    try:
        docids = strict_json.loads((folder / "docids.json").read_bytes())
    except (OSError, ValueError):
        docids = None
    if not isinstance(docids, list) or not all(isinstance(docid, str) for docid in docids):
        raise GenirError(
            f"expected a list of document ids as docids.json of the released {folder.name}: restore {folder}"
        )
    return tuple(docids)


def put_together(folder: Path, corpus: Corpus, base: Path) -> DSI:
    """The model of a release: the base with the de-quantised changes."""
    recipe = Recipe(**json.loads((folder / "recipe.json").read_text())["recipe"])
    dsi = untrained_dsi(base, corpus, recipe)
    tensors: dict[str, Tensor] = {}
    for part in sorted(folder.glob("changed-*.safetensors")):
        tensors |= load_file(part)
    changed, state = dequantised(tensors), dsi.model.state_dict()
    with torch.no_grad():
        state["lm_head.weight"][torch.from_numpy(dsi.rows)] = changed.pop(DOCIDS)
        for name, value in changed.items():
            state[name].copy_(value)
    return dsi


def _sums(folder: Path) -> str:
    """The SHA-256 of each file but the list itself, as `sha256sum -c` reads it."""
    paths = sorted(path for path in folder.iterdir() if path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)
