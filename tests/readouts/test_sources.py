"""What heads write from single tokens: it adds up to what they write, and its ranks are those of sorting."""

from __future__ import annotations

import numpy as np
import torch

from genir.interventions.reference import capture, encode
from genir.interventions.sites import CROSS, Site
from genir.readouts.sources import Sources, Writers, sources, written_from


def test_tokens_add_up_to_what_the_head_writes(dsi, texts):
    inputs = dsi.pad(dsi.tokenize(texts))
    places = [Site(CROSS, layer, head) for layer in range(4) for head in range(2)]
    whole = capture(dsi.model, encode(dsi.model, inputs), inputs.mask, places)
    for layer, (weights, written) in enumerate(written_from(dsi, inputs)):
        torch.testing.assert_close(weights.sum(-1), torch.ones(9, 2))
        assert not weights[(inputs.mask == 0)[:, None].expand_as(weights)].any()
        for head in range(2):
            torch.testing.assert_close(written[:, head].sum(1), whole[Site(CROSS, layer, head)], atol=2e-5, rtol=1e-4)


def test_ranks_are_those_of_sorting_what_the_most_attended_token_gives(dsi, texts, rows):
    found = sources(dsi, texts, rows, batch_size=4)
    gain, table = dsi.model.decoder.final_layer_norm.weight.double(), dsi.model.lm_head.weight.double()
    for query, text in enumerate(texts):
        for layer, (weights, written) in enumerate(written_from(dsi, dsi.pad(dsi.tokenize([text])))):
            for head in range(2):
                cell = query, layer, head
                at = int(weights[0, head].argmax())
                assert found.position[cell] == at
                logits = table[dsi.rows] @ (written[0, head, at].double() * gain)
                order = dsi.rows[np.argsort(-logits.detach().numpy())].tolist()
                assert found.rank[cell] == order.index(rows[query]) + 1
                assert found.other[cell] == order.index(np.roll(rows, 4)[query]) + 1


def test_the_head_that_leads_in_even_queries_is_judged_on_odd_ones():
    rank = np.full((8, 2, 3), 5, np.int32)
    rank[::2, 1, 2] = 1
    rank[1::2, 0, 1] = 1
    rank[1, 1, 2] = 1
    found = Writers(Sources(np.zeros_like(rank), np.full(rank.shape, 0.25, np.float32), rank, np.ones_like(rank)))
    assert found.leader == (1, 2)
    assert (found.score().count, found.score().n) == (1, 4)
    assert found.stranger().value == 1
    assert found.writers().value == 2 / 6
    assert found.weight().value == 0.25
