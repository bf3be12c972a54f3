"""The sweep by TransformerLens, 3 or 4: one call on the whole batch for each intervention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from subject import Place, Subject


def hooked_sweep(
    subject: Subject, model: Any, name: Callable[[Place], str], inputs: dict[str, torch.Tensor]
) -> list[torch.Tensor]:
    """Ranks (queries,) under each plan; ``name`` gives a component's hook, ``inputs`` is the call of that version."""
    names = {name(place) for place in subject.places}
    _, cache = model.run_with_cache(**inputs, names_filter=lambda hook: hook in names)
    means = {place: cache[name(place)].mean(0) for place in subject.places}

    def put(value: torch.Tensor) -> object:
        return lambda output, hook: value.expand_as(output)

    found = []
    for plan in subject.plans:
        hooks = [(name(place), put(means[place] * (kind == "mean"))) for place, kind in plan.items()]
        found.append(subject.ranks(model.run_with_hooks(**inputs, fwd_hooks=hooks)[:, 0]))
    return found
