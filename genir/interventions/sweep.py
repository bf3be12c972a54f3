"""Many interventions on many queries: the rank of each query's document under each intervention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from genir.errors import GenirError
from genir.interventions.engine_sweep import means_by_engine, ranks_by_engine
from genir.interventions.patch import MEAN, OTHER, Intervention, Resample, check, mean
from genir.interventions.reference import capture, decode, encode
from genir.interventions.sites import Site
from genir.interventions.values import Accumulator, Clean, sites_with, value_of
from genir.models.dsi import DSI, Inputs, Protocol
from genir.models.families import Ability, lacking, prompt_of, unembedding_of
from genir.models.ranking import ranks

Batches = Sequence[tuple[NDArray[np.int64], Inputs]]
Progress = Callable[[int, int], None]
"""Called with the queries done and the queries there are."""


def sweep(
    dsi: DSI,
    texts: Sequence[str],
    gold_rows: NDArray[np.int64],
    interventions: Sequence[Intervention],
    *,
    base: PreTrainedModel | None = None,
    protocol: Protocol = Protocol.MASKED,
    length: int = 0,
    means: Mapping[Site, Tensor] | None = None,
    method: Literal["engine", "reference"] = "engine",
    batch_size: int = 256,
    progress: Progress = lambda done, of: None,
) -> NDArray[np.int64]:
    """Rank of each query's document under each intervention, shape (interventions, queries).

    ``gold_rows[i]`` is the unembedding row of query ``i``'s document (``dsi.rows_of``). A rank is one more
    than the number of vocabulary rows, words and documents alike, with a strictly larger logit. ``MEAN`` is
    the mean over these queries, or ``means`` from another set (``site_means``; Table 4 takes validation's).
    Families without the fast engine go by hooks, whatever ``method`` says. Raises GenirError for sites or
    values that do not fit the model, and for rows outside its vocabulary.
    """
    rows = np.asarray(gold_rows)
    if rows.shape != (len(texts),):
        raise GenirError(f"expected one document row for each of {len(texts)} queries, got shape {rows.shape}")
    if len(rows) and not (rows.min() >= 0 and rows.max() < dsi.vocabulary):
        raise GenirError(f"expected document rows from 0 to {dsi.vocabulary - 1}, got {rows.min()} to {rows.max()}")
    check(interventions, dsi.model, len(texts), base, means)
    if not len(texts) or not interventions:
        return np.empty((len(interventions), len(texts)), dtype=np.int64)
    batches = list(dsi.batches(texts, protocol, batch_size, length))
    run = ranks_by_engine if method == "engine" and _by_engine(dsi.model, base) else ranks_by_hooks
    return run(dsi.model, batches, rows, interventions, base, means, progress)


def _by_engine(model: PreTrainedModel, base: PreTrainedModel | None) -> bool:
    """Whether the engine computes what these models do: T5s that answer after the start token alone."""
    found = [one for one in (model, base) if one is not None]
    return all(lacking(one, Ability.ENGINE) is None and len(prompt_of(one)) == 1 for one in found)


@torch.no_grad()
def ranks_by_hooks(
    model: PreTrainedModel,
    batches: Batches,
    gold_rows: NDArray[np.int64],
    interventions: Sequence[Intervention],
    base: PreTrainedModel | None = None,
    means: Mapping[Site, Tensor] | None = None,
    progress: Progress = lambda done, of: None,
) -> NDArray[np.int64]:
    """The sweep by forward hooks, one intervention at a time: slow and obvious.

    ``batches`` are pairs of positions in ``gold_rows`` and tokenised inputs. A first pass takes the means, if
    any are needed.
    """
    rows = torch.from_numpy(gold_rows).to(model.device)
    unembedding, clean = unembedding_of(model), clean_outputs(model, batches, interventions, means)
    from_base = sites_with(interventions, OTHER)
    found = np.zeros((len(interventions), len(gold_rows)), dtype=np.int64)
    done = 0
    for chosen, inputs in batches:
        encoded = encode(model, inputs)
        other = {}
        if base is not None and from_base:
            other = capture(base, encode(base, inputs), inputs.mask, from_base)
        nothing = encoded.new_zeros(())
        mine = rows[torch.from_numpy(chosen).to(rows.device)]
        for number, intervention in enumerate(interventions):
            values = {
                site: nothing if value is None else value
                for site, replacement in intervention.edits.items()
                for value in [value_of(site, replacement, chosen, clean, other, encoded)]
            }
            state = decode(model, encoded, inputs.mask, values)
            found[number, chosen] = ranks(state, unembedding, mine).cpu().numpy()
        done += len(chosen)
        progress(done, len(gold_rows))
    return found


@torch.no_grad()
def clean_outputs(
    model: PreTrainedModel,
    batches: Batches,
    interventions: Sequence[Intervention],
    means: Mapping[Site, Tensor] | None,
) -> Clean:
    """The unpatched outputs that the interventions refer to; given ``means`` replace their own."""
    mean_of = sites_with(interventions, MEAN) if means is None else ()
    queries = sum(len(chosen) for chosen, _ in batches)
    kept = Accumulator(queries, mean_of, sites_with(interventions, Resample), means)
    wanted = tuple(dict.fromkeys((*kept.mean_of, *kept.all_of)))
    for chosen, inputs in batches if wanted else ():
        kept.add(chosen, capture(model, encode(model, inputs), inputs.mask, wanted))
    return kept.clean()


def site_means(
    dsi: DSI,
    texts: Sequence[str],
    places: Iterable[Site],
    *,
    protocol: Protocol = Protocol.MASKED,
    length: int = 0,
    batch_size: int = 256,
) -> dict[Site, Tensor]:
    """The mean output (d,) of each site over ``texts``, in double precision, for sweeps."""
    if not len(texts):
        raise GenirError("expected queries to take means over, got none")
    wanted = tuple(dict.fromkeys(places))
    check([mean(wanted)], dsi.model, len(texts))
    batches = list(dsi.batches(texts, protocol, batch_size, length))
    if _by_engine(dsi.model, None):
        return means_by_engine(dsi.model, batches, wanted)
    return dict(clean_outputs(dsi.model, batches, [mean(wanted)], None).means)
