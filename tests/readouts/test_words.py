"""Promoted tokens: docids counted by sorting every head's logits, words by hand in a small embedding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.interventions.reference import trace
from genir.interventions.sites import CROSS, Site
from genir.models.dsi import Protocol
from genir.readouts.expansion import Expansion, expansion, gap
from genir.readouts.lens import logits_of
from genir.readouts.table5 import Table5
from genir.readouts.words import Words, docids_in_top, head_outputs, promoted_words, spelled, top_words
from genir.readouts.writes import writes
from tests.interventions.tiny import subject, tiny_t5


def sorted_rows(dsi, state, offset=False):
    """All vocabulary rows, best first, by the lens in double precision."""
    weight = dsi.model.decoder.final_layer_norm.weight.double()
    rows = dsi.model.lm_head.weight.double()
    if offset:
        words = np.setdiff1d(np.arange(len(rows)), dsi.rows)
        rows = rows.clone()
        rows[words] -= rows[words].mean(0)
        rows[dsi.rows] -= rows[dsi.rows].mean(0)
    return torch.argsort(rows @ (state.double() * weight), descending=True).tolist()


@pytest.fixture
def few(monkeypatch):
    """Depths of Table 5 that fit into a vocabulary of fifty."""
    monkeypatch.setattr("genir.readouts.words.DEPTHS", (3, 8, 20))
    return (3, 8, 20)


def test_heads_add_up_to_the_component(dsi, texts):
    places = [Site(CROSS, layer, head) for layer in (1, 3) for head in range(2)]
    whole = trace(dsi.model, dsi.pad(dsi.tokenize(texts))).outputs[CROSS]
    for chosen, outputs in head_outputs(dsi, texts, places, batch_size=4):
        torch.testing.assert_close(outputs[:, :2].sum(1), whole[1, chosen], atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(outputs[:, 2:].sum(1), whole[3, chosen], atol=2e-5, rtol=1e-4)


def test_counts_words_and_ranks_agree_with_sorting_every_head(dsi, texts, rows, few):
    found = promoted_words(dsi, texts, rows, [1, 2], Protocol.UNPADDED)
    assert [array.shape for array in found] == [(9, 2, 2, 3), (9, 2, 2, 3), (9, 2, 3), (9, 2, 2, 10), (9, 2, 2)]
    places = [Site(CROSS, layer, head) for layer in (1, 2) for head in range(2)]
    documents = set(dsi.rows.tolist())
    for chosen, outputs in head_outputs(dsi, texts, places):
        for row, query in enumerate(chosen):
            for place, state in enumerate(outputs[row]):
                order = sorted_rows(dsi, state)
                cell = query, place // 2, place % 2
                assert found.docids[cell].tolist() == [len(documents & set(order[:k])) for k in few]
                words = [token for token in order if token not in documents]
                assert found.promoted[cell].tolist() == words[:10]
                assert found.relevant[cell] == order.index(rows[query]) + 1
                shifted = sorted_rows(dsi, state, offset=True)
                assert found.shifted[cell].tolist() == [len(documents & set(shifted[:k])) for k in few]
            for layer in range(2):
                order = sorted_rows(dsi, outputs[row, 2 * layer : 2 * layer + 2].sum(0))
                assert found.summed[query, layer].tolist() == [len(documents & set(order[:k])) for k in few]


def test_a_head_that_writes_one_docid_promotes_it_first(few):
    dsi = subject(tiny_t5())
    with torch.no_grad():
        dsi.model.decoder.final_layer_norm.weight.fill_(1)
        dsi.model.lm_head.weight.copy_(torch.eye(50, 16))
        dsi.model.lm_head.weight[40:] = -torch.eye(16)[0]
        dsi.model.lm_head.weight[45] = 3 * torch.eye(16)[0]
    logits = logits_of(dsi, torch.eye(16)[:1])
    assert docids_in_top(dsi, logits)[0][0, 0] == 1
    assert top_words(dsi, logits)[0, 0] == 0  # the word of the same direction
    assert 45 not in top_words(dsi, logits)


def test_words_are_spelled_without_the_tokenizer_s_mark():
    class Pieces:
        @staticmethod
        def convert_ids_to_tokens(rows):
            return [{1: "▁bank", 2: "s", 3: "▁"}.get(row) for row in rows]

    dsi = subject(tiny_t5())
    object.__setattr__(dsi, "tokenizer", Pieces)
    assert spelled(dsi, [1, 2, 3, 4]) == ["bank", "s", "▁", "<row 4>"]  # a row beyond the tokenizer


# six words in the plane; 4 and 5 make the mean of the embedding zero
PLANE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [2.0, 2.0], [-2.0, -2.0]])


def one_head(*words):
    return np.array(words, dtype=np.int32).reshape(len(words), 1, 1, -1)


def test_similarity_of_two_queries_by_hand():
    found = expansion(PLANE, one_head([0, 0], [1, 3]), [[0], [0, 1]])
    half = 2**-0.5
    np.testing.assert_allclose(found.similarity, [[1, half], [0, 0]], atol=1e-6)  # 1 and 3 cancel
    np.testing.assert_allclose(found.unseen, [[0, 0], [-half * 0, -half]], atol=1e-6)
    np.testing.assert_allclose(gap(found.similarity), [1 - half, 0], atol=1e-6)
    np.testing.assert_allclose(found.heads.ravel(), [1 - half, 0], atol=1e-6)


def test_a_common_direction_of_all_words_makes_nothing_similar():
    moved = expansion(PLANE + torch.tensor([100.0, 50.0]), one_head([0, 1], [2, 2]), [[1], [3, 2]])
    plain = expansion(PLANE, one_head([0, 1], [2, 2]), [[1], [3, 2]])
    for one, other in zip(moved, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_plain_loop_over_pairs_agrees():
    rng = np.random.default_rng(3)
    embedding = torch.from_numpy(rng.normal(size=(30, 8)))
    promoted = rng.integers(0, 30, (4, 2, 3, 5)).astype(np.int32)
    queries = [rng.integers(0, 30, size).tolist() for size in (1, 4, 2, 3)]
    found = expansion(embedding, promoted, queries)
    rows = embedding.numpy() - embedding.numpy().mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def cosine(one, other):
        one, other = sum(rows[t] for t in one), sum(rows[t] for t in other)
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    for i in range(4):
        for j in range(4):
            assert found.similarity[i, j] == pytest.approx(cosine(promoted[i].ravel(), queries[j]), abs=1e-5)
            kept = [token for token in promoted[i].ravel() if token not in queries[i]]
            assert found.unseen[i, j] == pytest.approx(cosine(kept, queries[j]), abs=1e-5)
        for layer, head in np.ndindex(2, 3):
            similar = [cosine(promoted[i, layer, head], query) for query in queries]
            expected = similar[i] - np.mean([value for j, value in enumerate(similar) if j != i])
            assert found.heads[i, layer, head] == pytest.approx(expected, abs=1e-5)


def test_table5_averages_over_layers_and_heads():
    docids = np.zeros((2, 2, 3, 3), np.int32)
    docids[0, 0, 0] = [6, 60, 600]
    summed = np.zeros((2, 2, 3), np.int32)
    summed[:, 1] = [10, 100, 1000]
    similarity = np.eye(2, dtype=np.float32)
    relevant = np.full((2, 2, 3), 7)
    relevant[1, 0, 2] = 1
    words = Words(docids, docids * 0, summed, np.zeros((2, 2, 3, 10), np.int32), relevant)
    heads = np.zeros((2, 2, 3), np.float32)
    heads[1, 1, 2] = 1
    table = Table5(words, Expansion(similarity, similarity * 0, heads), chance=0.02)
    for depth in (10, 100, 1000):
        assert table.docids(depth).value == pytest.approx(0.6 / 6 / 2)
        assert table.docids(depth, "class offset removed").value == 0
        assert table.docids(depth, "summed").value == pytest.approx(0.5)
        assert table.docids(depth, "as published").value == 0  # the last layer is left out
    assert table.first().count == 1
    assert table.nearer().value == 1
    assert table.nearer(unseen=True).value == 0
    assert table.best_head(1) == (1, 2)


def test_the_permutation_test_sees_a_match_and_no_match():
    matched = np.eye(12, dtype=np.float32)
    table = Table5(None, Expansion(matched, np.zeros_like(matched), None), chance=0.1)
    assert table.permutation_p(permutations=99) == pytest.approx(0.01)
    assert table.permutation_p(unseen=True, permutations=99) == 1


def test_one_pass_and_heads_write_the_same(dsi, texts):
    written = writes(dsi, texts).of(CROSS)[:, 2]
    for chosen, outputs in head_outputs(dsi, texts, [Site(CROSS, 2, 0), Site(CROSS, 2, 1)]):
        torch.testing.assert_close(outputs.sum(1), written[chosen], atol=2e-5, rtol=1e-4)
