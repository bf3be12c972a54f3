"""The learning curve of a model from its ``train.jsonl``: training loss, and what validation found along the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

from genir import strict_json
from genir.errors import GenirError
from genir.report.charts import Panel, Series

WINDOWS = 70  # points of the loss curve: each is the mean over as many steps as that takes
SHARES = {"hits@1": "Hits@1", "hits@10": "Hits@10", "mrr": "MRR"}


def curve(path: Path) -> tuple[Panel, ...]:
    """The panels of ``path``, a ``train.jsonl`` or the model folder that holds it: loss, and validation where there was one.

    A line is ``{"step", "loss"}``, after an evaluation also ``{"hits@1", "hits@10", "mrr"}``. Raises GenirError, with
    file and line, for a line that is none, and for a file that is missing or empty.
    """
    path = path / "train.jsonl" if path.is_dir() else path
    lines = list(_lines(path))
    if not lines:
        raise GenirError(f"expected a line a step in {path}, got none: train the model first")
    every = -(-len(lines) // WINDOWS)
    windows = [lines[start : start + every] for start in range(0, len(lines), every)]
    loss = Series("training", [fmean(line["loss"] for line in window) for window in windows])
    steps = [int(window[-1]["step"]) for window in windows]
    what = f"loss, mean of {every} steps" if every > 1 else "loss"
    panels = [Panel("curves", "curve-loss", "Training loss", "step", what, steps, (loss,))]
    found = [line for line in lines if "mrr" in line]
    if found:
        shares = tuple(Series(name, [100 * line[key] for line in found]) for key, name in SHARES.items())
        steps = [int(line["step"]) for line in found]
        panels.append(
            Panel("curves", "curve-validation", "Validation", "step", "on validation queries, %", steps, shares)
        )
    return tuple(panels)


def _lines(path: Path) -> Iterable[Mapping[str, float]]:
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")  # a line that is none is told by its number
    except OSError as error:
        raise GenirError(
            f"expected a learning curve at {path}, got {error.strerror}: name train.jsonl or its folder"
        ) from None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = strict_json.loads(line)
            wanted = ["step", "loss", *(SHARES if "mrr" in record else ())]
            yield {key: float(record[key]) for key in wanted}
        except (ValueError, TypeError, KeyError, OverflowError):
            raise GenirError(
                f"expected step and loss, got {line[:40]!r} in {path}:{number}: train the model again"
            ) from None
