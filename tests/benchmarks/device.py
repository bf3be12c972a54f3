"""Table 3 at T5-large's shape on a device, at several numbers of documents and precisions, as a table in Markdown.

On a machine with a CUDA device, all of it: python -m tests.benchmarks.device --out docs/speed-device.md
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from genir.interventions.circuit import table3
from genir.interventions.engine_sweep import ranks_by_engine
from genir.interventions.patch import MEAN, ZERO
from genir.interventions.sites import published_stages
from genir.models.dsi import Inputs
from tests.benchmarks.measure import multiplications
from tests.benchmarks.record import processor
from tests.benchmarks.subjects import Subject, queries, random_model

WORDS = 32_100
SHAPES = {
    "t5-large": {
        "d_model": 1_024,
        "d_kv": 64,
        "num_heads": 16,
        "d_ff": 4_096,
        "num_layers": 24,
        "num_decoder_layers": 24,
    },
    "tiny": {"d_model": 16, "d_kv": 4, "num_heads": 2, "d_ff": 24, "num_layers": 2, "num_decoder_layers": 4},
}


class Row(NamedTuple):
    """One sweep: documents, precision, seconds, operations, the device's measured peak (operations a second), bytes at most."""

    documents: int
    dtype: torch.dtype
    seconds: float
    operations: int
    peak: float
    memory: int


def fastest(run: Callable[[], Any], device: torch.device, rounds: int) -> float:
    """The least time of ``rounds`` runs after one to warm up; on a CPU processor time."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    times = []
    for _ in range(rounds + 1):
        begin = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - begin)
    return min(times[1:])


def device_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large square product."""
    width, times = (8_192, 20) if device.type == "cuda" else (512, 5)
    x, y = (torch.randn(width, width, device=device, dtype=dtype) for _ in range(2))
    return times * 2 * width**3 / fastest(lambda: [x @ y for _ in range(times)], device, 3)


def subject(shape: str, documents: int, count: int, device: torch.device, dtype: torch.dtype) -> Subject:
    """A model of random weights, queries of lengths as of questions, and the interventions of zeros and means."""
    rng = np.random.default_rng(0)
    model = random_model(0, WORDS + documents, **SHAPES[shape]).to(device, dtype)
    inputs = queries(np.clip(rng.poisson(11, count), 4, 32), WORDS, rng)
    plans = list(table3(published_stages(model.config.num_decoder_layers), (ZERO, MEAN)).values())
    return Subject(model, None, inputs, rng.integers(WORDS, WORDS + documents, count), plans)


def measure(shape: str, documents: int, count: int, device: torch.device, dtype: torch.dtype, rounds: int) -> Row:
    """Time one sweep, and count what it multiplies."""
    given = subject(shape, documents, count, device, dtype)
    batches = [(chosen, Inputs(*(each.to(device) for each in inputs))) for chosen, inputs in given.batches]

    def run() -> np.ndarray:
        return ranks_by_engine(given.model, batches, given.gold, given.interventions)

    operations = multiplications(run)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    took = fastest(run, device, rounds)
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Row(documents, dtype, took, operations, device_peak(device, dtype), memory)


def markdown(rows: Sequence[Row], shape: str, count: int, device: torch.device) -> str:
    """The page, with date and device."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{processor()}, one thread"
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        f"# Table 3 at the shape of {shape}",
        "",
        f"18 interventions on {count} queries, random weights, encoder included. {name}, {today}, PyTorch {torch.__version__}.",
        "The limit is the time that the multiplications take at the speed of a large square product on the same device.",
        "",
        "| documents | precision | seconds | TFLOP | TFLOP/s | measured peak | times the limit | memory at most |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        limit = row.operations / row.peak
        memory = f"{row.memory / 2**30:.1f} GiB" if row.memory else "not measured"
        lines.append(
            f"| {row.documents:,} | {str(row.dtype).removeprefix('torch.')} | {row.seconds:.3f} | {row.operations / 1e12:.3f} "
            f"| {row.operations / row.seconds / 1e12:.2f} | {row.peak / 1e12:.2f} | {row.seconds / limit:.2f} | {memory} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> str:
    """Measure what the command line asks for, print the page, and write it where ``--out`` says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", type=torch.device)
    parser.add_argument("--shape", default="t5-large", choices=SHAPES)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000, 320_000])
    parser.add_argument(
        "--dtype", nargs="+", default=["bfloat16", "float32"], choices=["bfloat16", "float32", "float64"]
    )
    parser.add_argument("--queries", type=int, default=561)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    if given.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("expected a CUDA device, there is none: --device cpu")
    rows = [
        measure(given.shape, documents, given.queries, given.device, getattr(torch, dtype), given.rounds)
        for documents in given.documents
        for dtype in given.dtype
    ]
    page = markdown(rows, given.shape, given.queries, given.device)
    if given.out:
        given.out.write_text(page)
    return page


if __name__ == "__main__":
    print(main())
