"""``python -m genir train needle-lm``: the small language models of the second paper, each with its continuation."""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]

from genir.models.needle_lm import NeedleRecipe
from genir.models.needle_training import Progress, obtain_needle_lm
from genir.models.obtain import device_of

SEEDS = (0, 1, 2)


def train_needle_lms(cache: Path, device: str) -> int:
    """Train one model a seed and continue each on longer texts; the folders go to stdout, the bar to stderr."""
    for seed in SEEDS:
        recipe = NeedleRecipe(seed)
        for continued in (False, True):
            with tqdm(desc=f"needle-lm-{seed}{'-long' if continued else ''}", unit="step", mininterval=1.0) as bar:

                def watch(progress: Progress, bar: tqdm = bar) -> None:
                    bar.set_postfix_str(
                        f"texts of {progress.filler}, loss {progress.loss:.3f}, at most {progress.seconds_left:.0f} s left",
                        refresh=False,
                    )
                    bar.update()

                folder = obtain_needle_lm(
                    recipe, cache, continued=continued, watch=watch, device=str(device_of(device))
                )
            print((folder / "metrics.json").read_text(), file=sys.stderr)
            print(folder)
    return 0
