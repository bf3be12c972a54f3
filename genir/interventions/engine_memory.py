"""How many queries the engine takes at a time: what a query needs, and what the machine has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import T5ForConditionalGeneration

from genir.interventions import engine_ranks
from genir.interventions.engine_encoder import TOKENS, padded
from genir.models.dsi import Inputs

ROWS = {"cpu": 1_280, "cuda": 32_768}
"""Rows of the stream at a time: on a CPU their activations stay in the third-level cache; fewer need more calls."""
SHARE = 0.25  # of the memory at hand that a sweep may take: four workers may sweep at once
UNKNOWN = 4 << 30  # bytes, where the system does not say
CGROUP = Path("/sys/fs/cgroup")


def queries_at_a_time(
    model: T5ForConditionalGeneration, inputs: Sequence[Inputs], interventions: int, memory: int | None
) -> int:
    """The size of a block: as many queries as ``memory`` bytes hold, by default a share of what is free; at least one."""
    if memory is None:
        memory = int(memory_at_hand(model.device) * SHARE)
    longest = max(each.ids.shape[1] for each in inputs)
    return max(1, (memory - workspace(model)) // bytes_per_query(model, longest, interventions))


def bytes_per_query(model: T5ForConditionalGeneration, length: int, interventions: int) -> int:
    """What a query of ``length`` tokens takes in a block: its rows, twice when they are ranked, and one layer's keys and values.

    The base model's are counted as well; so are unpatched outputs and the encoder's bias.
    """
    config = model.config
    rows = (2 * interventions + 16) * config.d_model
    encoder = 2 * padded(length) * (3 * config.d_model + 4 * config.num_heads * config.d_kv)
    bias = config.num_heads * length * padded(length)
    return int(_bytes(model) * (rows + encoder + bias))


def workspace(model: T5ForConditionalGeneration) -> int:
    """What a block takes whatever its size: the maps of self-attention, and activations of a piece or logits of ranks."""
    config, device = model.config, model.device.type if model.device.type in ROWS else "cpu"
    maps = config.num_decoder_layers * config.d_model**2
    activations = max(ROWS[device], TOKENS[device]) * (2 * config.d_ff + 4 * config.d_model)
    logits = engine_ranks.ROWS[device] * engine_ranks.VOCABULARY[device]
    return _bytes(model) * (2 * maps + max(activations, logits))


def memory_at_hand(device: torch.device) -> int:
    """Bytes that are free on a device; on a CPU no more than what the process's control group may still take."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return UNKNOWN
    free = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")]
    return min([*free, *_allowed()], default=UNKNOWN)


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocator gave up: CUDA's and Python's have types of their own, the CPU's only its words."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _allowed() -> list[int]:
    try:
        most, taken = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return []
    return [] if most == "max" else [max(0, int(most) - int(taken))]


def _bytes(model: T5ForConditionalGeneration) -> int:
    """Of a number in the stream, which is no narrower than single precision."""
    return 8 if model.dtype == torch.float64 else 4
