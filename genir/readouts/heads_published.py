"""Score files that the authors of the retrieval-head paper published, read as they are and as they should be.

A file holds, for each head under the key "layer-head", the scores of all runs in one order. The code that wrote them moved
the needle of some models to no other depth, so that many runs are copies of one another; runs in which the needle was not found
are runs of zeros. Nothing of that repository is copied here: the files come from a user's folder.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genir import strict_json
from genir.errors import GenirError
from genir.readouts.heads import THRESHOLD

_KEY = re.compile(r"([0-9]{1,6})-([0-9]{1,6})")


class Published(NamedTuple):
    """One model's scores: ``means`` (layers, heads) as the authors average them, over all runs of the file.

    ``runs`` (distinct runs, layers, heads) keeps each run once, in the order of first appearance; ``total`` is the number of runs
    in the file. Where heads have lists of different lengths, ``runs`` holds what all of them have.
    """

    name: str
    means: NDArray[np.float64]
    runs: NDArray[np.float64]
    total: int

    @property
    def share(self) -> float:
        """Share of heads whose mean is at least 0.1, all of them counted."""
        return float((self.means >= THRESHOLD).mean())

    @property
    def zero_share(self) -> float:
        """Share of heads that never scored."""
        return float((self.means == 0).mean())

    @property
    def always_on(self) -> int:
        """Heads that scored in every distinct run in which any head scored."""
        found = self.runs[self.runs.any(axis=(1, 2))]
        return int((found > 0).all(axis=0).sum()) if len(found) else 0


def read_published(file: Path) -> Published:
    """Read one score file (JSON); keys may come in any order and lists may have different lengths.

    Raises GenirError for a file that is not such an object, a head that occurs twice, a missing head and a head without runs.
    """
    try:
        pairs = strict_json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise GenirError(f"expected a JSON file of head scores, could not read {file}: {error}") from None
    scores: dict[tuple[int, int], NDArray[np.float64]] = {}
    for key, values in pairs.items() if isinstance(pairs, dict) else [("", None)]:
        head = _KEY.fullmatch(key)
        if head is None or not isinstance(values, list) or not all(map(_is_score, values)):
            raise GenirError(f'expected "layer-head": [scores] in {file}, got {key!r}')
        at = int(head[1]), int(head[2])
        if at in scores:
            raise GenirError(f"expected each head once in {file}, got {key} twice")
        if not values:
            raise GenirError(f"expected scores of every head in {file}, got none for {key}")
        scores[at] = np.array(values, dtype=np.float64)
    if not scores:
        raise GenirError(f"expected heads in {file}, got none")
    layers, heads = (1 + max(head[axis] for head in scores) for axis in (0, 1))
    for layer in range(layers):
        for number in range(heads):
            if (layer, number) not in scores:
                raise GenirError(f"expected {layers} x {heads} heads in {file}, head {layer}-{number} is missing")
    means = np.array([[scores[layer, number].mean() for number in range(heads)] for layer in range(layers)])
    shortest = min(map(len, scores.values()))
    table = np.array([[scores[layer, number][:shortest] for number in range(heads)] for layer in range(layers)])
    runs = np.moveaxis(table, -1, 0)
    _, first = np.unique(runs.reshape(shortest, -1), axis=0, return_index=True)
    return Published(file.stem, means, runs[np.sort(first)], max(map(len, scores.values())))


def _is_score(value: object) -> bool:
    # above 1 where an answer repeats a word of the needle
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def lineage(models: Sequence[Published]) -> NDArray[np.float64]:
    """Pearson correlation of the heads' means between models, (models, models); nan where two models differ in size."""
    table = np.full((len(models), len(models)), np.nan)
    for i, one in enumerate(models):
        for j, other in enumerate(models):
            if one.means.shape == other.means.shape and one.means.std() > 0 and other.means.std() > 0:
                table[i, j] = np.corrcoef(one.means.ravel(), other.means.ravel())[0, 1]
    return table
