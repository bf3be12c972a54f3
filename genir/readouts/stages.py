"""Where the stages lie in a model that is not the paper's: Fig. 3's rule (docs/protocol.md, "Setting")."""

from __future__ import annotations

import numpy as np

from genir.interventions.sites import CROSS, MLP, Stages
from genir.readouts.residual import Residual

SPECIFIC = 0.5  # query-specific: more of an output's power differs between queries than is common to them


def detected_stages(residual: Residual) -> Stages | None:
    """The stages around the bridging stage; None where it leaves no layer before or none after it.

    The bridging stage is the longest run of layers in which cross-attention's share of the change is above its own mean over
    layers and above the MLP's, and its output is query-specific. Of runs of equal length the one with the larger share is taken.
    The MLP's share is not in the rule of Fig. 3: without it, the last layer of a decoder of 8 layers bridges, although its MLP
    writes most.
    """
    share = residual.ratio(CROSS).mean(0)
    leads = (share > share.mean()) & (share > residual.ratio(MLP).mean(0))
    bridging = leads & (residual.specific(CROSS) > SPECIFIC)
    run = max(_runs(bridging), key=lambda run: (len(run), share[run].sum()), default=None)
    if run is None or run.start == 0 or run.stop == len(share):
        return None
    return Stages(range(run.start), run, range(run.stop, len(share)))


def halves(queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Which queries stages are found on, and on which they are judged: every other one, so that both are alike."""
    numbers = np.arange(queries)
    return numbers[::2], numbers[1::2]


def _runs(inside: np.ndarray) -> list[range]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return [range(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
