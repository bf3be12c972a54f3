"""What a run of the benchmarks measured, as a table and a plot; nothing is written that was not measured in it."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers

HEAD = """# Speed of patching

The Table 3 sweep: 18 interventions (3 components x 3 stages x zero, mean) on 64 masked queries of up to 16 tokens, the rank of one
document for each. T: width 128, 2 + 6 layers; A: width 256, 6 + 12; C: width 512, 6 + 12; 8,000 words and 2,000 documents, random
weights. Times are processor times of one thread, the least of several rounds. Each way was first checked to return the engine's ranks.
nnsight, pyvene and TransformerLens 3 and 4 run in an environment each (`make bench-peers`), since both TransformerLens exclude one
another; genir hands them model and queries as a folder, right between two measurements of the engine.
"""


@dataclass
class Record:
    """Seconds of the engine by size, ratios to it by way and size, and single facts: what, measured, bar."""

    engine: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)

    def slower(self, way: str, size: str, ratio: float) -> None:
        """A way takes ``ratio`` times as long as the engine."""
        self.ratios.setdefault(way, {})[size] = ratio

    def fact(self, what: str, measured: str, bar: str = "") -> None:
        """One figure with its unit, and what was asked of it."""
        self.facts.append((what, measured, bar))


def markdown(record: Record) -> str:
    """The page ``docs/speed.md``."""
    sizes = sorted(record.engine, key="TAC".index)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        HEAD,
        f"Measured on {today}, one thread of {processor()}; PyTorch {torch.__version__}, transformers {transformers.__version__}.",
        "",
        "![Time of each way, relative to the engine](speed.svg)",
        "",
        f"| way, times the engine | {' | '.join(sizes)} |",
        f"| --- |{' ---: |' * len(sizes)}",
        f"| engine | {' | '.join(f'{record.engine[size] * 1e3:.0f} ms' for size in sizes)} |",
    ]
    for way, by_size in ordered(record.ratios):
        cells = [f"{by_size[size]:.1f}" if size in by_size else "not run" for size in sizes]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    lines += ["", "| measured | figure | bar |", "| --- | --- | --- |"]
    lines += [f"| {what} | {measured} | {bar} |" for what, measured, bar in record.facts]
    return "\n".join(lines) + "\n"


def plot(record: Record, path: Path) -> None:
    """Ratios to the engine on a logarithmic axis, a row for each way, a mark for each size."""
    from matplotlib.figure import Figure

    ways = ordered(record.ratios)[::-1]
    figure = Figure(figsize=(8, 0.8 + 0.4 * len(ways)), layout="constrained")
    axes = figure.subplots()
    for size, mark in zip("TAC", "o^s", strict=True):
        places = [(by_size[size], row) for row, (_, by_size) in enumerate(ways) if size in by_size]
        if places:
            axes.plot(*zip(*places, strict=True), mark, label=size)
    axes.set_yticks(range(len(ways)), [way for way, _ in ways])
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("time of a Table 3 sweep, times the engine's")
    axes.legend(title="size")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def ordered(ratios: Mapping[str, Mapping[str, float]]) -> list[tuple[str, Mapping[str, float]]]:
    """Ways from the fastest to the slowest."""
    return sorted(ratios.items(), key=lambda item: sum(item[1].values()) / len(item[1]))


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
