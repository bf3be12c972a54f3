"""The logit lens: the model's own logits at the end, ranks by full sorting in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genir.interventions.reference import trace
from genir.interventions.sites import Component
from genir.readouts.lens import Lens, Sorted, component_ranks, lens, lens_ranks, summary
from genir.readouts.writes import writes
from tests.interventions.tiny import subject, tiny_t5


@pytest.mark.parametrize("tied", [True, False])
def test_the_lens_on_the_last_stream_is_the_model(texts, tied):
    dsi = subject(tiny_t5(tie_word_embeddings=tied))  # a tied head scales its input, an untied one does not
    inputs = dsi.pad(dsi.tokenize(texts))
    torch.testing.assert_close(
        lens(dsi, writes(dsi, texts).stream[:, -1]), dsi.final_state(inputs), atol=1e-5, rtol=1e-4
    )


def ranks_by_sorting(dsi, state):
    """Rank of every vocabulary row for one state, by the formula of the lens in double precision."""
    weight = dsi.model.decoder.final_layer_norm.weight.double()
    normed = state.double() / (state.double().pow(2).mean() + dsi.model.config.layer_norm_epsilon).sqrt() * weight
    logits = (dsi.model.lm_head.weight.double() @ normed).detach().numpy()
    ranks = np.empty(len(logits), dtype=int)
    ranks[np.argsort(-logits)] = np.arange(1, len(logits) + 1)
    return ranks


def test_all_figures_agree_with_sorting_the_vocabulary(dsi, texts, rows):
    seen = trace(dsi.model, dsi.pad(dsi.tokenize(texts)))
    found = lens_ranks(dsi, writes(dsi, texts), rows)
    assert isinstance(found, Lens)
    documents = np.isin(np.arange(dsi.vocabulary), dsi.rows)
    sources = [seen.stream[1:], *(seen.outputs[part] for part in Component)]
    for number, source in enumerate(sources):
        for layer in range(dsi.layers):
            for query in range(len(texts)):
                ranks = ranks_by_sorting(dsi, source[layer, query])
                docids, words = ranks[documents], ranks[~documents]
                expected = (
                    ranks[rows[query]],
                    docids.mean(),
                    np.median(docids),
                    words.mean(),
                    np.median(words),
                    (docids <= 100).sum(),
                )
                assert [array[query, number, layer] for array in found] == pytest.approx(expected)


def test_blocks_do_not_matter(dsi, texts, rows, monkeypatch):
    whole = lens_ranks(dsi, writes(dsi, texts), rows)
    monkeypatch.setattr("genir.readouts.lens.BLOCK", 4)
    for one, other in zip(whole, lens_ranks(dsi, writes(dsi, texts), rows), strict=True):
        np.testing.assert_array_equal(one, other)


def test_three_documents_and_four_words_by_hand():
    # sorted: word 9, docid 8, word 5, docid 4, docid 3, word 2, word 1
    logits = Sorted(np.array([[3.0, 4.0, 8.0]]), np.array([[1.0, 2.0, 5.0, 9.0]]))
    assert logits.docid_ranks().tolist() == [[5, 4, 2]]
    mean, median, words_mean, words_median, in_top = (float(values[0]) for values in summary(logits))
    assert (mean, median) == (pytest.approx(11 / 3), 4)
    assert (words_mean, words_median) == (pytest.approx(17 / 4), (3 + 6) / 2)
    assert in_top == 3
    assert logits.docid_ranks(2.5).tolist() == [[4, 3, 1]]  # word 9 between 10.5 and 6.5, word 5 behind 5.5


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True),
    st.lists(st.integers(-50, 50).map(lambda x: x + 0.5), min_size=1, max_size=9, unique=True),
)
def test_ranks_of_sorted_parts_are_ranks_of_the_whole(docids, words):
    logits = np.array([*docids, *words])
    ranks = np.array([(logits > value).sum() + 1 for value in logits])
    mine, others = ranks[: len(docids)], ranks[len(docids) :]
    parts = Sorted(np.sort(np.array([docids], float)), np.sort(np.array([words], float)))
    assert sorted(parts.docid_ranks()[0]) == sorted(mine)
    assert [float(values[0]) for values in summary(parts)] == pytest.approx(
        [mine.mean(), np.median(mine), others.mean(), np.median(others), len(docids)]
    )


def test_component_only_logits_read_the_sum_of_outputs(dsi, texts, rows):
    seen = trace(dsi.model, dsi.pad(dsi.tokenize(texts)))
    found = component_ranks(dsi, writes(dsi, texts), rows)
    for component, alone, with_start in (
        (Component.MLP, found.mlp, found.mlp_with_start),
        (Component.CROSS, found.cross, found.cross_with_start),
    ):
        total = seen.outputs[component].sum(0)
        for query in range(len(texts)):
            assert alone[query] == ranks_by_sorting(dsi, total[query])[rows[query]]
            start = ranks_by_sorting(dsi, total[query] + seen.embedding[query])
            assert with_start[query] == start[rows[query]]
