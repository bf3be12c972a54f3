"""Queries from a doc2query model: here a T5 of random weights, whose queries are noise, but noise that comes again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.models import doc2query
from genir.models.doc2query import Progress, generate_queries
from tests.models import tiny

DOCUMENTS = tiny.corpus().documents


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches of eight and two, of queries of five tokens."""
    monkeypatch.setattr(doc2query, "BATCH", 8)
    monkeypatch.setattr(doc2query, "QUERY_TOKENS", 5)


def test_every_document_gets_its_queries_and_the_same_ones_again(tiny_base: Path) -> None:
    state, told = torch.random.get_rng_state(), []
    one = generate_queries(tiny_base, DOCUMENTS, 3, np.random.default_rng(0), watch=told.append)
    assert list(one) == [document.id for document in DOCUMENTS]
    assert {len(queries) for queries in one.values()} == {3}
    words = {word for queries in one.values() for query in queries for word in query.split()}
    assert len(words) > 10
    assert words <= {*tiny.WORDS, "<unk>"}
    assert told == [Progress(8, 10), Progress(10, 10)]
    assert torch.equal(state, torch.random.get_rng_state())
    assert generate_queries(tiny_base, DOCUMENTS, 3, np.random.default_rng(0)) == one
    assert generate_queries(tiny_base, DOCUMENTS, 3, np.random.default_rng(1)) != one


def test_what_is_no_such_model_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(GenirError, match=r"^expected a doc2query model \(sequence to sequence\) in /.*, got: ") as told:
        generate_queries(tmp_path, DOCUMENTS, 3, np.random.default_rng(0))
    assert "\n" not in str(told.value)
