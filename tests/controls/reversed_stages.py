"""A pytest plugin: the stages of every model are named in reverse, so that the last layers are Stage I."""

from __future__ import annotations

import pytest

from genir.interventions.sites import Stages, published_stages


def reversed_stages(layers: int) -> Stages:
    """The stages at that depth with I and III exchanged."""
    stages = published_stages(layers)
    return Stages(stages.III, stages.II, stages.I)


def pytest_configure(config: pytest.Config) -> None:
    """Exchange them, once the plugins of the project are there."""
    from fixtures import models

    models.published_stages = reversed_stages  # type: ignore[attr-defined]
