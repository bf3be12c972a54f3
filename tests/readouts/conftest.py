"""Models and queries that the tests of readouts share."""

from __future__ import annotations

import numpy as np
import pytest

from tests.interventions.tiny import subject, tiny_t5


@pytest.fixture(scope="session", params=["relu", "gated-gelu"])
def dsi(request):
    """A random model of 4 + 4 layers whose last ten rows are documents, with plain and with gated MLPs."""
    return subject(tiny_t5(feed_forward_proj=request.param))


@pytest.fixture(scope="session")
def texts():
    rng = np.random.default_rng(7)
    return [" ".join(map(str, rng.integers(2, 40, rng.integers(1, 8)))) for _ in range(9)]


@pytest.fixture(scope="session")
def rows():
    return np.random.default_rng(8).integers(40, 50, 9)
