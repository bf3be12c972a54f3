"""Encoders that lack documents: the right queries, by the right model, with the right encoder."""

from __future__ import annotations

import numpy as np
import pytest

from genir.corpora.records import Query
from genir.interventions.encoder_swap import Swap
from genir.models.ranking import gold_ranks
from genir.readouts.correct import Correct
from genir.readouts.siblings import Comparison, compare_sibling, pretrained_ranks, table2
from tests.interventions.tiny import subject, tiny_t5


@pytest.fixture(scope="module")
def other():
    return subject(tiny_t5(seed=1))


@pytest.fixture(scope="module")
def host():
    return subject(tiny_t5())


@pytest.fixture
def queries(texts):
    return [Query(f"q{i}", text, (f"d{40 + i % 3}",)) for i, text in enumerate(texts)]


def test_queries_are_told_apart_by_their_document(host, other, queries):
    found = compare_sibling(host, other, queries, ["d41", "d49"])
    about = [query for query in queries if query.relevant == ("d41",)]
    rest = [query for query in queries if query.relevant != ("d41",)]

    def ranks(model, chosen):
        return gold_ranks(model, [q.text for q in chosen], [q.relevant[0] for q in chosen]).tolist()

    assert found.whole.tolist() == ranks(host, rest)
    assert found.sibling.tolist() == ranks(other, rest)
    assert found.removed.tolist() == ranks(host, about)
    assert len(found.swapped) == len(found.residual) == len(about) == 3


def test_a_model_with_its_own_encoder_is_itself(host, queries):
    found = compare_sibling(host, host, queries, ["d40"])
    assert (found.swapped == found.removed).all()
    assert (found.residual == found.removed).all()
    assert (found.whole == found.sibling).all()


def test_the_pre_trained_encoder_is_swapped_in_and_a_random_one_beside_it(host, other, queries):
    docids = tuple(query.relevant[0] for query in queries)
    correct = Correct(tuple(queries), docids, len(queries))
    found = pretrained_ranks(host, other.model, correct)
    assert set(found) == {Swap.WHOLE, Swap.RESIDUAL, "random encoder"}
    own = gold_ranks(host, correct.texts, docids)
    same = pretrained_ranks(host, host.model, correct)
    assert (same[Swap.WHOLE] == own).all()
    assert any((found[name] != own).any() for name in found)
    assert (found["random encoder"] == same["random encoder"]).all()  # drawn from the host's own encoder and a seed
    assert all(isinstance(ranks, np.ndarray) and ranks.shape == own.shape for ranks in found.values())


def test_table_2_counts_what_the_whole_model_finds() -> None:
    ranks = {"whole": [1], "sibling": [1], "removed": [1, 1, 4, 1], "swapped": [1, 2, 1, 1], "residual": [4, 1, 1, 2]}
    one = Comparison(**{name: np.array(values) for name, values in ranks.items()})
    nothing = one._replace(removed=np.array([2, 2, 2, 2]))
    found = table2({"RD I": one, "RD II": nothing})
    assert list(found) == ["RD I"]  # the second's documents were lost before any encoder was swapped
    assert {name: estimate.value for name, estimate in found["RD I"].items()} == pytest.approx(
        {
            "Hits@1": 2 / 3,
            "MRR": (1 + 1 / 2 + 1) / 3,
            "Hits@1, last residual state": 1 / 3,
            "MRR, last residual state": (1 / 4 + 1 + 1 / 2) / 3,
        }
    )
