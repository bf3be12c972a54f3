"""How long decoders take, measured side by side in one run (Section 7)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.interventions.reference import decode, encode
from genir.models.dsi import DSI

WARM_UP = 2


def decode_seconds(models: Sequence[DSI], texts: Sequence[str], repeats: int = 21) -> NDArray[np.float64]:
    """Seconds that each model's decoder takes for one batch of ``texts``, (repeats, models), up to what the unembedding reads.

    All read the encoder output of the first model, which is not timed; they take turns, so that what else the machine does
    befalls them alike. On a CPU it is the processor time of this process.
    """
    inputs = models[0].pad(models[0].tokenize(texts))
    encoded = encode(models[0].model, inputs)
    found = np.array([[_seconds(model, encoded, inputs.mask) for model in models] for _ in range(WARM_UP + repeats)])
    return found[WARM_UP:]


def _seconds(dsi: DSI, encoded: Tensor, mask: Tensor) -> float:
    cuda = dsi.device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    began = clock()
    decode(dsi.model, encoded, mask)
    if cuda:
        torch.cuda.synchronize(dsi.device)
    return clock() - began
