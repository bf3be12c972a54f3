"""The models that the tests of patching share."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import T5ForConditionalGeneration

from genir.models.dsi import DSI
from tests.interventions.tiny import subject, tiny_t5


@pytest.fixture(scope="session")
def model() -> T5ForConditionalGeneration:
    return tiny_t5()


@pytest.fixture(scope="session")
def base() -> T5ForConditionalGeneration:
    return tiny_t5(seed=1)


@pytest.fixture(scope="session")
def dsi(model: T5ForConditionalGeneration) -> DSI:
    return subject(model)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def texts(rng: np.random.Generator) -> list[str]:
    return [" ".join(map(str, rng.integers(2, 40, rng.integers(1, 8)))) for _ in range(9)]


@pytest.fixture
def gold(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(40, 50, 9)
