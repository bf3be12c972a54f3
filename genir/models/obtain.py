"""Model folders by name: de-quantised, trained or fetched on first use, and kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models import base
from genir.models.catalogue import entry
from genir.models.recipe import Recipe
from genir.models.store import digest, file_digest, intact, obtain, telling
from genir.models.training import Progress, train

PATTERNS = ["*.safetensors", "*.json", "*.model", "*.jinja"]
REVISION = re.compile(r"[\w.][\w./-]*")


def device_of(choice: str) -> torch.device:
    """The device that ``choice`` (auto, cpu, cuda) stands for; GenirError for CUDA where there is none."""
    if choice == "cuda" and not torch.cuda.is_available():
        raise GenirError(f"expected a CUDA device, torch {torch.__version__} finds none: use --device cpu")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")


def suited(recipe: Recipe, device: torch.device) -> Recipe:
    """``recipe`` in the fastest precision that keeps float32 master weights: bf16 where the device multiplies it natively."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported()
    return replace(recipe, precision="bf16" if native else "fp32")


def obtain_base(cache: Path) -> Path:
    """The folder of the packaged pre-trained T5, de-quantised on first use."""
    return obtain(cache / "models", base.NAME, base.FILES, lambda target, scratch: base.write_base(target))


def base_of(name: str, cache: Path) -> Path:
    """The folder of the pre-trained T5 that a model of the catalogue starts from: its own, fetched if need be, or the packaged one."""
    own = entry(name).base
    return obtain_base(cache) if own is None else fetch(own)


def obtain_trained(
    recipe: Recipe,
    corpus: Corpus,
    cache: Path,
    device: torch.device,
    watch: Callable[[Progress], None] = lambda progress: None,
    base: Path | None = None,
) -> Path:
    """The folder of the model that ``recipe`` trains on ``corpus``, trained on first use and resumed if it was stopped.

    It starts from the T5 in the folder ``base``, by default the packaged one.
    While it trains, ``progress.json`` beside its scratch folder says how far it is, and ``watch`` is told of every step.
    Under ``accelerate launch`` every process calls this with the same arguments and returns the same folder.
    """
    start, recipe = base or obtain_base(cache), suited(recipe, device)
    identity = start.name if base is None else _identity(base)

    def build(target: Path, scratch: Path) -> None:
        _tell("train", scratch)
        tell = telling(scratch)

        def report(progress: Progress) -> None:
            watch(progress)
            tell({"what": f"training {recipe.name}", **progress._asdict(), "rate_unit": "examples/s"})

        train(recipe, corpus, start, target, scratch, report, device)

    if _processes() > 1:
        from accelerate import PartialState

        if not PartialState(cpu=device.type == "cpu").is_main_process:
            # The first process alone holds the lock and writes; the others train when it says so.
            what, path = _told()
            if what == "train":
                train(recipe, corpus, start, path, path, device=device)
                what, path = _told()
            return path
    folder = obtain(cache / "models", recipe.name, recipe.content(corpus, identity), build)
    _tell("done", folder)
    return folder


def cached(recipe: Recipe, corpus: Corpus, cache: Path, device: torch.device) -> Path | None:
    """The folder that ``obtain_trained`` would serve at once, or None where it would have to train."""
    start, recipe = obtain_base(cache), suited(recipe, device)
    folder = cache / "models" / f"{recipe.name}-{recipe.key(corpus, start.name)}"
    return folder if intact(folder) else None


def fetch(model: str) -> Path:
    """The folder ``model``, or a snapshot of the hub's ``owner/name``: safetensors, configuration and tokenizer, no code, no pickle.

    ``owner/name@REVISION`` is the snapshot of a commit, a tag or a branch; a commit's full hash names the same bytes for ever.
    """
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, pinned, revision = model.partition("@")
    if pinned and not REVISION.fullmatch(revision):
        raise GenirError(f"expected a hub id owner/name@REVISION, got {model!r}: name a commit, a tag or a branch")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GenirError(f"expected a model folder or a hub id within reach, got {model!r}: {reason}") from None


def _identity(base: Path) -> str:
    """What a pre-trained model is known by: the name of a folder of the store, which has a digest in it, or a digest of its files."""
    if intact(base):  # a manifest alone says nothing of the weights beside it
        return base.name
    files = sorted([*base.glob("*.safetensors"), *base.glob("*.json"), *base.glob("*.model")])
    return digest({path.name: file_digest(path) for path in files})


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _tell(what: str, path: Path) -> None:
    """Send a word and a path from the first process to the others, if there are any."""
    if _processes() > 1:
        _broadcast([what, str(path)])


def _told() -> tuple[str, Path]:
    what, path = _broadcast([None, None])
    return what, Path(path)


def _broadcast(message: list[Any]) -> list[Any]:
    from accelerate.utils import broadcast_object_list

    broadcast_object_list(message, from_process=0)
    return message
