"""Processor time, arithmetic and memory of a sweep. Processor time, since other work may share the machine."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from genir.models.products import linear


def seconds(run: Callable[[], Any], at_least: float = 2.0, rounds: int = 3) -> float:
    """The least processor time of a run, of ``rounds`` runs or as many as ``at_least`` seconds hold."""
    best, spent, done = math.inf, 0.0, 0
    while done < rounds or spent < at_least:
        start = time.process_time()
        run()
        took = time.process_time() - start
        best, spent, done = min(best, took), spent + took, done + 1
    return best


def multiplications(run: Callable[[], Any]) -> int:
    """Floating point operations of all matrix products of a run, two for each multiplication."""

    def pointwise(x: tuple[int, ...], weight: tuple[int, ...], *rest: Any, **named: Any) -> int:
        return 2 * math.prod(x) * weight[0]

    fast = {torch.ops.mkldnn._linear_pointwise: pointwise} if hasattr(torch.ops, "mkldnn") else {}
    with FlopCounterMode(display=False, custom_mapping=fast) as counter:
        run()
    return counter.get_total_flops()


SHAPES = [(400, 256, 1_024), (400, 512, 2_048), (1_024, 512, 512), (1_024, 1_024, 1_024)]


def peak() -> float:
    """Operations per second of the fastest matrix product of shapes like the sweep's: by mm, F.linear or the engine's.

    In bursts that last as long as a layer, so that other work on the machine slows them as it slows the sweep.
    """
    best = 0.0
    with torch.inference_mode():
        for rows, inner, columns in SHAPES:
            x, weight = torch.randn(rows, inner), torch.randn(columns, inner)
            across, work = weight.T.contiguous(), 2 * rows * inner * columns
            times = max(1, int(2e9 / work))
            for product in (
                lambda x=x, across=across: torch.mm(x, across),
                lambda x=x, weight=weight: torch.nn.functional.linear(x, weight),
                lambda x=x, weight=weight: linear(x, weight),
            ):
                took = seconds(lambda product=product: [product() for _ in range(times)], at_least=0.3)  # noqa: B023
                best = max(best, times * work / took)
    return best


def turns(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The least processor time of each way; they take turns, so that other work on the machine befalls them alike."""
    best = dict.fromkeys(ways, math.inf)
    for _ in range(rounds):
        for name, run in ways.items():
            best[name] = min(best[name], seconds(run, at_least=0, rounds=1))
    return best


def peak_megabytes(prepare: Callable[..., Callable[[], Any]], *args: Any) -> float:
    """Growth of a fresh process's largest resident size by the run that ``prepare(*args)`` returns (Linux)."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_grown, (prepare, args))


def _grown(prepare: Callable[..., Callable[[], Any]], args: tuple[Any, ...]) -> float:
    torch.set_num_threads(1)
    run = prepare(*args)
    # Building the model took more than the run may: the high-water mark starts again from here.
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    run()
    return (_resident("VmHWM") - before) / 1_024


def _resident(name: str) -> int:
    """Kilobytes that the process holds (VmRSS) or has held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
