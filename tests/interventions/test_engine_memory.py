"""Blocks are chosen from the memory at hand, and halved where it runs out all the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from genir.errors import GenirError
from genir.interventions import engine_memory, engine_sweep
from genir.interventions.circuit import table3
from genir.interventions.engine_memory import bytes_per_query, memory_at_hand, queries_at_a_time, workspace
from genir.interventions.engine_sweep import ranks_by_engine
from genir.interventions.patch import mean, noop
from genir.interventions.sites import MLP, Site, published_stages
from genir.models.dsi import Inputs
from tests.interventions.tiny import random_inputs, tiny_t5

GIGABYTE = 1 << 30
FAILURES = [
    RuntimeError("[enforce fail at alloc_cpu.cpp:126] DefaultCPUAllocator: can't allocate memory: you tried 1 byte"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    MemoryError(),
]


@pytest.fixture
def eight_queries(rng):
    """A model, eight queries in one batch, their documents, and two interventions."""
    batches = [(np.arange(8), random_inputs(rng, 8, 5))]
    return tiny_t5(7), batches, rng.integers(0, 50, 8), [mean([Site(MLP, 0)]), noop()]


def tight(monkeypatch, room, failure):
    """Let the allocator fail for blocks of more than ``room`` queries; the sizes that were tried."""
    original, sizes = engine_sweep.block_ranks, []

    def allocate(weights, block, *rest):
        sizes.append(sum(len(chosen) for chosen, _ in block))
        if sizes[-1] > room:
            raise failure
        return original(weights, block, *rest)

    monkeypatch.setattr(engine_sweep, "block_ranks", allocate)
    return sizes


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_blocks_are_halved_when_memory_runs_out_and_the_answer_stays(eight_queries, monkeypatch, failure):
    whole = ranks_by_engine(*eight_queries)
    sizes = tight(monkeypatch, 3, failure)
    seen = []
    found = ranks_by_engine(*eight_queries, progress=lambda done, of: seen.append((done, of)))
    assert (found == whole).all()
    assert sizes == [8, 4, 2, 2, 2, 2]
    assert seen[-1] == (8, 8)


def test_a_query_that_does_not_fit_is_a_clear_error(eight_queries, monkeypatch):
    sizes = tight(monkeypatch, 0, FAILURES[0])
    with pytest.raises(GenirError, match="expected memory for one query under 2 interventions, it ran out"):
        ranks_by_engine(*eight_queries)
    assert sizes == [8, 4, 2, 1]


def test_an_allocation_that_fails_within_a_layer_is_survived(eight_queries, monkeypatch):
    """The failure comes from where tensors are made, not from the sweep's own function."""
    from genir.interventions import engine_encoder

    whole = ranks_by_engine(*eight_queries)
    original, left = engine_encoder.attend, [2]

    def attend(*args):
        if left[0]:
            left[0] -= 1
            raise FAILURES[0]
        return original(*args)

    monkeypatch.setattr(engine_encoder, "attend", attend)
    assert (ranks_by_engine(*eight_queries) == whole).all()
    assert not left[0]


def test_other_errors_are_not_taken_for_a_lack_of_memory(eight_queries, monkeypatch):
    tight(monkeypatch, 0, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        ranks_by_engine(*eight_queries)


@pytest.fixture(scope="module")
def large():
    """A T5-large with 32,100 words and 100,000 documents, without its numbers."""
    shape = {"d_model": 1_024, "d_kv": 64, "num_heads": 16, "d_ff": 4_096, "num_layers": 24, "num_decoder_layers": 24}
    with torch.device("meta"):
        return T5ForConditionalGeneration(T5Config(vocab_size=132_100, decoder_start_token_id=0, **shape))


def test_t5_large_with_its_base_and_561_queries_fits_24_gigabytes(large):
    """Two models, Table 3 and 64 tokens for each query: what a share of the rest allows is enough for all in one block."""
    weights = 2 * 4 * sum(weight.numel() for weight in large.parameters())
    cells = len(table3(published_stages(24)))
    inputs = [Inputs(torch.ones(561, 64), torch.ones(561, 64))]
    memory = int((24 * GIGABYTE - weights) * engine_memory.SHARE)
    size = queries_at_a_time(large, inputs, cells, memory)
    assert workspace(large) < GIGABYTE
    assert size >= 561
    assert workspace(large) + 561 * bytes_per_query(large, 64, cells) <= memory


@pytest.mark.parametrize("memory", [2 * GIGABYTE, 3 * GIGABYTE, 5 * GIGABYTE])
def test_a_block_fills_its_memory_and_no_more(large, memory):
    inputs = [Inputs(torch.ones(3, 20), torch.ones(3, 20)), Inputs(torch.ones(3, 64), torch.ones(3, 64))]
    size = queries_at_a_time(large, inputs, 27, memory)
    taken = workspace(large) + size * bytes_per_query(large, 64, 27)
    assert taken <= memory < taken + bytes_per_query(large, 64, 27)


def test_too_little_memory_means_one_query_at_a_time(large):
    inputs = [Inputs(torch.ones(3, 20), torch.ones(3, 20))]
    assert queries_at_a_time(large, inputs, 27, 1) == 1


def test_a_query_counts_at_least_what_the_engine_keeps_of_it(large):
    """Its rows before and after the final norm, keys and values, and the encoder's output, in single precision."""
    kept = 4 * (2 * 27 * 1_024 + 2 * 16 * 64 * 64 + 64 * 1_024)
    assert kept <= bytes_per_query(large, 64, 27) <= 10 * kept


def test_memory_at_hand_is_what_the_system_says():
    assert 1 << 20 < memory_at_hand(torch.device("cpu")) < 1 << 50


@pytest.mark.parametrize(("most", "expected"), [("max", None), ("5000000", 4_000_000), ("500000", 0)])
def test_a_control_group_may_allow_less(tmp_path, monkeypatch, most, expected):
    (tmp_path / "memory.max").write_text(most + "\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(engine_memory, "CGROUP", tmp_path)
    found = memory_at_hand(torch.device("cpu"))
    assert found > 1 << 20 if expected is None else found == expected
