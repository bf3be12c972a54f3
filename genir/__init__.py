"""Findings about generative retrieval models and retrieval heads, as measurements under intervention.

`corpora` holds documents and queries, `models` what is trained or loaded, `interventions` what is replaced, `readouts` what is
measured, `statistics` what may be concluded, `report` what people see. Imports run in that order, never back.

In Python, `from genir import GenIR, mean, zero, MLP, Stage` is enough to patch a model (examples/tutorial.py). The names are imported
when they are first used, so that `import genir` waits for neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genir.errors import GenirError

if TYPE_CHECKING:
    from genir.api import GenIR
    from genir.interventions.plan import mean, pretrained, zero
    from genir.interventions.sites import ATTENTION, CROSS, MLP, Stage
    from genir.statistics.estimate import percent

_HOME = {
    "GenIR": "genir.api",
    "mean": "genir.interventions.plan",
    "pretrained": "genir.interventions.plan",
    "zero": "genir.interventions.plan",
    "ATTENTION": "genir.interventions.sites",
    "CROSS": "genir.interventions.sites",
    "MLP": "genir.interventions.sites",
    "Stage": "genir.interventions.sites",
    "percent": "genir.statistics.estimate",
}

__all__ = ["ATTENTION", "CROSS", "MLP", "GenIR", "GenirError", "Stage", "mean", "percent", "pretrained", "zero"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'genir' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
