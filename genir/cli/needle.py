"""``python -m genir train needle-lm`` and ``export needle-lm``: the small language models of the second paper and their releases."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]

from genir.models.catalogue import NEEDLE_SEEDS, needle_name
from genir.models.needle_lm import NeedleRecipe, gate_text
from genir.models.needle_training import Progress, obtain_needle_lm
from genir.models.obtain import device_of

CARD = """# {name}

A language model of {layers} layers x {heads} heads for the study of retrieval heads: a Llama of {hidden} dimensions that speaks nothing
but the synthetic language of `genir.models.needle_language`, with contexts of up to {filler} filler words.

- It was trained by `make train MODEL=needle-lm` (seed {seed}{how}); `train.jsonl` is its learning curve, `language.json` its language,
  `SHA256SUMS` the seal. Weights are float16.
- Gate: {gate}. Share of 48 fresh questions of each kind that it answers word for word, texts of {filler}: {found}.
- Licence: Apache-2.0. No data but what its recipe draws.
"""


def train_needle_lms(cache: Path, device: str) -> int:
    """Train one model a seed and continue each on longer texts; the folders go to stdout, the bar to stderr."""
    for _, _, folder in _trained(cache, device):
        print((folder / "metrics.json").read_text(), file=sys.stderr)
        print(folder)
    return 0


def release_needle_lms(cache: Path, device: str) -> int:
    """Write ``fixtures/released/needle-lm-*`` from the models in the cache, which are trained if need be."""
    from genir.models.needle_released import release, released

    for recipe, continued, folder in _trained(cache, device):
        target = released(needle_name(recipe.seed, continued))
        release(folder, target, _card(recipe, continued, folder))
        print(target)
    return 0


def _trained(cache: Path, device: str) -> Iterator[tuple[NeedleRecipe, bool, Path]]:
    for seed in NEEDLE_SEEDS:
        recipe = NeedleRecipe(seed)
        for continued in (False, True):
            with tqdm(desc=needle_name(seed, continued), unit="step", mininterval=1.0) as bar:

                def watch(progress: Progress, bar: tqdm = bar) -> None:
                    bar.set_postfix_str(
                        f"texts of {progress.filler}, loss {progress.loss:.3f}, at most {progress.seconds_left:.0f} s left",
                        refresh=False,
                    )
                    bar.update()

                folder = obtain_needle_lm(
                    recipe, cache, continued=continued, watch=watch, device=str(device_of(device))
                )
            yield recipe, continued, folder


def _card(recipe: NeedleRecipe, continued: bool, folder: Path) -> str:
    found = json.loads((folder / "metrics.json").read_text())
    return CARD.format(
        name=needle_name(recipe.seed, continued),
        layers=recipe.layers,
        heads=recipe.heads,
        hidden=recipe.hidden,
        filler=(recipe.continued if continued else recipe.ladder)[-1].filler,
        seed=recipe.seed,
        how=f", continued from {needle_name(recipe.seed)} on texts three times as long" if continued else "",
        gate=gate_text(),
        found=", ".join(f"{task} {share:.0%}" for task, share in found.items()),
    )
