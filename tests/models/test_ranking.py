"""Ranks and first rows against sorting in float64, at the borders of blocks and with ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from genir.models import ranking
from genir.models.dsi import Protocol, load_dsi
from genir.models.ranking import gold_ranks, ranks, top
from tests.models import tiny


def oracle(logits: np.ndarray, rows: np.ndarray) -> list[int]:
    """Place of the row in a stable descending sort that puts it before whatever it ties with."""
    places = []
    for values, row in zip(logits, rows, strict=True):
        order = np.lexsort((np.arange(len(values)) != row, -values))
        places.append(int(np.flatnonzero(order == row)[0]) + 1)
    return places


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), vocabulary=st.integers(1, 23), block=st.integers(1, 12), spread=st.integers(1, 4))
def test_ranks_are_those_of_a_sort(seed: int, vocabulary: int, block: int, spread: int) -> None:
    """Small integers are exact in any order of summation, and they tie."""
    rng = np.random.default_rng(seed)
    states = rng.integers(-spread, spread + 1, (5, 3)).astype(np.float64)
    matrix = rng.integers(-spread, spread + 1, (vocabulary, 3)).astype(np.float64)
    rows = rng.integers(0, vocabulary, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK", block)
        found = ranks(*map(torch.from_numpy, (states, matrix, rows)))
        k = int(rng.integers(1, vocabulary + 3))
        candidates = rng.permutation(vocabulary)[: int(rng.integers(1, vocabulary + 1))]
        first, values = top(*map(torch.from_numpy, (states, matrix, candidates)), k)
    logits = states @ matrix.T
    assert found.tolist() == oracle(logits, rows)
    for row, (best, scores) in enumerate(zip(first, values, strict=True)):
        expected = sorted(range(len(candidates)), key=lambda c: (-logits[row, candidates[c]], c))[:k]
        assert best.tolist() == [candidates[c] for c in expected]
        assert scores.tolist() == [logits[row, candidates[c]] for c in expected]


@pytest.mark.parametrize("vocabulary", [1, 8_191, 8_192, 8_193, 16_385])
def test_ranks_at_the_borders_of_real_blocks(vocabulary: int) -> None:
    rng = np.random.default_rng(3)
    matrix, states = rng.standard_normal((vocabulary, 8)), rng.standard_normal((6, 8))
    rows = np.array([0, vocabulary - 1, 8_191, 8_192, 16_383, vocabulary // 2]) % vocabulary
    found = ranks(*(torch.from_numpy(part) for part in (states, matrix, rows)))
    assert found.tolist() == oracle(states @ matrix.T, rows)
    first, _ = top(torch.from_numpy(states), torch.from_numpy(matrix), torch.arange(vocabulary), 3)
    assert first.tolist() == np.argsort(-(states @ matrix.T), axis=1, kind="stable")[:, :3].tolist()


def test_nan_ranks_last() -> None:
    states = torch.tensor([[1.0, 0.0], [float("nan"), 0.0]])
    assert ranks(states, torch.eye(2).repeat(3, 1), torch.tensor([0, 0])).tolist() == [1, 6]


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that an operation returned."""

    size = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = function(*args, **(kwargs or {}))
        self.size = max([self.size, *(x.numel() for x in torch.utils._pytree.tree_leaves(found) if torch.is_tensor(x))])
        return found


def test_no_tensor_holds_queries_times_vocabulary() -> None:
    matrix, states = torch.randn(40_000, 4), torch.randn(50, 4)
    for work, most in (
        (lambda: ranks(states, matrix, torch.arange(50)), ranking.BLOCK * 50),
        (lambda: top(states, matrix, torch.arange(40_000), 10), (ranking.BLOCK + 10) * 50),
    ):
        with Largest() as seen:
            work()
        assert seen.size == max(most, matrix.numel())
        assert seen.size < 40_000 * 50


@pytest.mark.parametrize("protocol", Protocol)
def test_gold_ranks_follow_each_text_through_its_batch(
    tmp_path_factory: pytest.TempPathFactory, protocol: Protocol
) -> None:
    dsi = load_dsi(tiny.write_base(tmp_path_factory.mktemp("dsi"), ["a", "b", "c"]))
    texts = ["w1 w2 w3", "w4", "w5 w6", "w7", "w8 w9 w10 w11"]
    gold = ["a", "c", "b", "a", "c"]
    length = 7 if protocol is Protocol.AS_PUBLISHED else 0
    expected = []
    for text, docid in zip(texts, gold, strict=True):
        values = dsi.logits(dsi.pad(dsi.tokenize([text]), protocol, length))[0].double()
        expected.append(int((values > values[dsi.row_of[docid]]).sum()) + 1)
    assert gold_ranks(dsi, texts, gold, protocol, length, batch_size=2).tolist() == expected
    assert gold_ranks(dsi, [], [], protocol).tolist() == []
