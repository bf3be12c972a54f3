"""The engine over any number of queries: blocks chosen from the memory at hand, means over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import T5ForConditionalGeneration

from genir.errors import GenirError
from genir.interventions.engine import Batch, Stream, block_ranks
from genir.interventions.engine_memory import out_of_memory, queries_at_a_time
from genir.interventions.engine_plan import schedule
from genir.interventions.engine_weights import Weights, weights_of
from genir.interventions.patch import MEAN, OTHER, Intervention, Resample
from genir.interventions.sites import Site
from genir.interventions.values import Accumulator, Clean, sites_with
from genir.models.dsi import Inputs


@torch.inference_mode()
def ranks_by_engine(
    model: T5ForConditionalGeneration,
    batches: Sequence[Batch],
    gold_rows: NDArray[np.int64],
    interventions: Sequence[Intervention],
    base: T5ForConditionalGeneration | None = None,
    means: Mapping[Site, Tensor] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    memory: int | None = None,
) -> NDArray[np.int64]:
    """The sweep by the single-position engine; arguments and result as ``ranks_by_hooks``.

    ``memory`` is how many bytes a block of queries may take, by default a share of what is free. Where memory
    runs out all the same, blocks are halved; GenirError where one query does not fit.
    """
    queries = len(gold_rows)
    weights = weights_of(model)
    from_base = None if base is None or not sites_with(interventions, OTHER) else weights_of(base)
    plan = schedule(interventions, len(weights.decoder))
    gold = torch.from_numpy(gold_rows).to(model.device)
    size = min(queries, queries_at_a_time(model, [inputs for _, inputs in batches], len(plan.wide), memory))
    while True:
        try:
            parts = list(blocks(batches, size))
            clean = evidence(weights, parts, interventions, means)
            found = np.empty((len(interventions), queries), dtype=np.int64)
            done = 0
            for block in parts:
                mine = np.concatenate([chosen for chosen, _ in block])

                def report(share: float, done: int = done, here: int = len(mine)) -> None:
                    progress(done + int(share * here), queries)

                rows = gold[torch.from_numpy(mine).to(gold.device)]
                found[:, mine] = block_ranks(weights, block, rows, interventions, plan, clean, from_base, report)
                done += len(mine)
                progress(done, queries)
            return found
        except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise GenirError(
                    f"expected memory for one query under {len(interventions)} interventions, it ran out: sweep fewer at a time"
                ) from error
        size = (size + 1) // 2
        if model.device.type == "cuda":
            torch.cuda.empty_cache()


def evidence(
    weights: Weights,
    parts: Sequence[Sequence[Batch]],
    interventions: Sequence[Intervention],
    means: Mapping[Site, Tensor] | None,
) -> Clean | Accumulator:
    """Unpatched outputs that interventions refer to: one block takes them as it goes, several need a pass before."""
    queries = sum(len(chosen) for part in parts for chosen, _ in part)
    all_of = sites_with(interventions, Resample)
    kept = Accumulator(queries, sites_with(interventions, MEAN) if means is None else (), all_of, means)
    wanted = (*kept.mean_of, *kept.all_of)
    if not wanted or len(parts) == 1:
        return kept
    for part in parts:
        chosen = np.concatenate([positions for positions, _ in part])
        stream = Stream(weights, part)
        for _ in range(max(site.layer for site in wanted) + 1):
            kept.add(chosen, stream.advance(wanted))
    return kept.clean()


@torch.inference_mode()
def means_by_engine(
    model: T5ForConditionalGeneration, batches: Sequence[Batch], places: Sequence[Site]
) -> dict[Site, Tensor]:
    """The mean output (d,) of each site over all queries of ``batches``, in double precision."""
    weights = weights_of(model)
    kept = Accumulator(sum(len(chosen) for chosen, _ in batches), places, ())
    for batch in batches:
        stream = Stream(weights, [batch])
        for _ in range(max((site.layer + 1 for site in places), default=0)):
            kept.add(batch[0], stream.advance(places))
    return dict(kept.clean().means)


def blocks(batches: Sequence[Batch], size: int) -> Iterator[list[Batch]]:
    """Batches put together, and cut where necessary, into blocks of at most ``size`` queries."""
    block: list[Batch] = []
    room = size
    for chosen, inputs in batches:
        start = 0
        while start < len(chosen):
            stop = min(len(chosen), start + room)
            block.append((chosen[start:stop], Inputs(inputs.ids[start:stop], inputs.mask[start:stop])))
            room -= stop - start
            start = stop
            if not room:
                yield block
                block, room = [], size
    if block:
        yield block
