"""What a training run leaves behind so that a killed one goes on: tensors without pickle, and a log with a line a step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from genir.models.sharding import gathered, shared_like
from genir.models.store import write_whole

CHECKPOINT, BEST, LOG = "checkpoint.safetensors", "best.safetensors", "train.jsonl"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")
COUNT = torch.zeros(())  # the shape of a step count


class Reached(NamedTuple):
    """Where a run stands: steps done, and the best validation MRR so far (-1 before the first evaluation)."""

    step: int = 0
    best: float = -1.0


def save_checkpoint(
    scratch: Path,
    parameters: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    reached: Reached,
    writes: bool = True,
) -> None:
    """Write parameters and AdamW's moments to ``scratch``; a reader sees the old or the new checkpoint, never a part.

    Of several processes one ``writes``; where they share the parameters, the others have to call this as well.
    """
    moments = {
        f"optimizer.{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in parameters.items()
        for moment in MOMENTS
    }
    notes = {"step": str(reached.step), "best": repr(reached.best)}
    tensors = gathered({**parameters, **moments}, keep=writes)
    if writes:
        save_tensors(scratch / CHECKPOINT, tensors, notes)


def load_checkpoint(scratch: Path, parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer) -> Reached:
    """Continue from the checkpoint in ``scratch``; from the start where there is none, or none that can be read.

    Nothing is changed before the whole checkpoint is read.
    """
    try:
        with safe_open(scratch / CHECKPOINT, "pt") as file:
            notes = file.metadata()
            values = {name: _like(file.get_tensor(name), parameter) for name, parameter in parameters.items()}
            moments = {
                name: {
                    moment: _like(file.get_tensor(f"optimizer.{moment}.{name}"), like)
                    for moment, like in zip(MOMENTS, (parameter, parameter, COUNT), strict=True)
                }
                for name, parameter in parameters.items()
            }
            reached = Reached(int(notes["step"]), float(notes["best"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return Reached()
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(shared_like(values[name], parameter))
            # A fused AdamW counts steps on the parameter's device, where torch's own load_state_dict puts them as well.
            optimizer.state[parameter] = {
                moment: value.to(parameter.device) if moment == "step" else shared_like(value, parameter)
                for moment, value in moments[name].items()
            }
    return reached


def save_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Write tensors to a safetensors file that appears whole or not at all."""
    temporary = path.with_suffix(".part")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary, dict(notes))
    os.replace(temporary, path)


@torch.no_grad()
def load_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Overwrite ``tensors`` with those of the same names in a safetensors file."""
    with safe_open(path, "pt") as file:
        for name, tensor in tensors.items():
            tensor.copy_(shared_like(file.get_tensor(name), tensor))


def tidy(scratch: Path) -> None:
    """Remove what a writer that was killed left half done: as large as a checkpoint, and one more at every kill."""
    for path in scratch.iterdir():
        if path.name not in (CHECKPOINT, BEST, LOG):
            path.unlink()


class Log:
    """``train.jsonl``: a line a step. What a killed run wrote after its last checkpoint is cut off, since it happens again."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        lines = path.read_text().splitlines()[:step] if path.exists() else []
        write_whole(path, "".join(line + "\n" for line in lines))

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line."""
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


def _like(value: Tensor, other: Tensor) -> Tensor:
    if value.shape != other.shape:  # a fused AdamW would read beyond the end
        raise ValueError(f"expected a tensor of shape {tuple(other.shape)}, got {tuple(value.shape)}")
    return value
