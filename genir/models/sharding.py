"""Training in shards (FSDP2 of torch): each process keeps a part of every parameter, of its gradient and of its moments.

Asked for by accelerate's configuration, ``distributed_type: FSDP``; torch does the rest, so that it is the same on GPUs and,
where it is tested, on CPUs. Blocks of encoder and decoder are gathered one after the other, the rest of the model at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import T5ForConditionalGeneration


def sharding_wanted(processes: int) -> bool:
    """Whether ``accelerate launch`` was configured for FSDP, and there is more than one process to share with."""
    return processes > 1 and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def shard(module: nn.Module, model: T5ForConditionalGeneration, processes: int, device: torch.device) -> None:
    """Share the parameters of ``module``, which holds ``model``, among the processes; they become DTensors."""
    mesh = init_device_mesh(device.type, (processes,))
    for block in (*model.encoder.block, *model.decoder.block):
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)


@contextmanager
def whole(module: nn.Module) -> Iterator[None]:
    """Hold all parameters of ``module`` whole, to evaluate and to save; every process has to enter, nothing else is shared.

    What is written to a parameter that was shared is lost afterwards. Where nothing is shared, nothing happens.
    """
    parts = [part for part in module.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.unshard()
        part.set_reshard_after_forward(False, recurse=False)
    try:
        yield
    finally:
        for part in parts:
            part.set_reshard_after_forward(part is not module, recurse=False)
            part.reshard()


def gathered(tensors: Mapping[str, Tensor], keep: bool) -> dict[str, Tensor]:
    """Whole copies of ``tensors`` on the CPU, one after the other, or nothing where this process does not ``keep`` them."""
    found = {}
    for name, tensor in tensors.items():
        value = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if keep:
            found[name] = value.detach().cpu().contiguous()
    return found


def shared_like(value: Tensor, other: Tensor) -> Tensor:
    """``value`` on the device of ``other``, and shared among the processes as it is."""
    value = value.to(other.device)
    return distribute_tensor(value, other.device_mesh, other.placements) if isinstance(other, DTensor) else value
