"""The sweep by hooks: ranks, means and batches, held against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions.patch import MEAN, Intervention, Resample, from_model, mean, noop, resample, zero
from genir.interventions.reference import capture, decode, encode
from genir.interventions.sites import ATTENTION, CROSS, MLP, Site, every_site, sites
from genir.interventions.sweep import site_means, sweep
from genir.models.dsi import Protocol


def one_batch(dsi, texts):
    """All queries in one masked batch, in the order of ``texts``."""
    return dsi.pad(dsi.tokenize(texts))


def rank_by_sorting(dsi, state, gold):
    logits = (state.double() @ dsi.model.lm_head.weight.double().T).detach().numpy()
    order = np.argsort(-logits, axis=1, kind="stable")
    return np.argmax(order == gold[:, None], axis=1) + 1


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_ranks_are_those_of_the_patched_logits_whatever_the_batches(dsi, texts, gold, batch_size):
    places = sites(MLP, range(1, 3))
    found = sweep(dsi, texts, gold, [noop(), zero(places)], method="reference", batch_size=batch_size)
    inputs = one_batch(dsi, texts)
    encoded = encode(dsi.model, inputs)
    nothing = torch.zeros(16)
    assert (found[0] == rank_by_sorting(dsi, decode(dsi.model, encoded, inputs.mask), gold)).all()
    patched = decode(dsi.model, encoded, inputs.mask, dict.fromkeys(places, nothing))
    assert (found[1] == rank_by_sorting(dsi, patched, gold)).all()
    assert found.dtype == np.int64
    assert found.min() >= 1


@pytest.mark.parametrize("batch_size", [2, 256])
def test_a_mean_is_taken_over_all_queries_of_the_sweep(dsi, texts, gold, batch_size):
    places = (*sites(MLP, range(2)), Site(CROSS, 2, 1))
    found = sweep(dsi, texts, gold, [mean(places)], method="reference", batch_size=batch_size)
    inputs = one_batch(dsi, texts)
    encoded = encode(dsi.model, inputs)
    values = {site: value.mean(0) for site, value in capture(dsi.model, encoded, inputs.mask, places).items()}
    assert (found[0] == rank_by_sorting(dsi, decode(dsi.model, encoded, inputs.mask, values), gold)).all()
    given = site_means(dsi, texts, places, batch_size=batch_size)
    for site in places:
        torch.testing.assert_close(given[site].float(), values[site], atol=1e-5, rtol=1e-5)


def test_means_may_come_from_other_queries(dsi, texts, gold):
    place = [Site(CROSS, 1)]
    given = site_means(dsi, texts[:4], place)
    found = sweep(dsi, texts[4:], gold[4:], [mean(place)], means=given, method="reference")
    same = Intervention("v", {place[0]: given[place[0]]})
    assert (found == sweep(dsi, texts[4:], gold[4:], [same], method="reference")).all()
    own = sweep(dsi, texts[4:], gold[4:], [mean(place)], method="reference")
    assert (found != own).any()
    with pytest.raises(GenirError, match=r"expected a mean for every site .* the MLP of layer 0 has none"):
        sweep(dsi, texts, gold, [mean([Site(MLP, 0)])], means=given, method="reference")


@pytest.mark.parametrize("batch_size", [2, 256])
def test_resampling_gives_each_query_the_output_of_another(dsi, texts, gold, rng, batch_size):
    place = Site(MLP, 2)
    shuffled = resample([place], rng, 9)
    inputs = one_batch(dsi, texts)
    own = capture(dsi.model, encode(dsi.model, inputs), inputs.mask, [place])[place]
    rolled = Intervention("v", {place: own[list(shuffled.edits[place].order)]})
    kept = Intervention("k", {place: Resample(tuple(range(9)))})
    found = sweep(dsi, texts, gold, [shuffled, rolled, kept, noop()], method="reference", batch_size=batch_size)
    assert (found[0] == found[1]).all()
    assert (found[2] == found[3]).all()
    assert (found[0] != found[3]).any()


def test_the_base_model_runs_alone_on_the_same_query(dsi, base, texts, gold):
    """All outputs of the base, on the base's start embedding, are the base itself (up to its final norm)."""
    places = every_site(4)
    found = sweep(dsi, texts, gold, [from_model(places)], base=base, method="reference")
    inputs = one_batch(dsi, texts)
    own = capture(base, encode(base, inputs), inputs.mask, places)
    stream = dsi.model.shared.weight[0] + sum(own.values())
    state = dsi.model.decoder.final_layer_norm(stream).detach() * 16**-0.5
    assert (found[0] == rank_by_sorting(dsi, state, gold)).all()
    itself = sweep(dsi, texts, gold, [from_model(places), noop()], base=dsi.model, method="reference")
    assert (itself[0] == itself[1]).all()


def test_masked_and_unpadded_protocols_agree(dsi, texts, gold):
    plan = [noop(), zero(sites(CROSS, range(4))), mean(sites(MLP, range(2)))]
    masked = sweep(dsi, texts, gold, plan, method="reference")
    assert (masked == sweep(dsi, texts, gold, plan, protocol=Protocol.UNPADDED, method="reference")).all()
    published = sweep(dsi, texts, gold, plan, protocol=Protocol.AS_PUBLISHED, length=20, method="reference")
    assert (masked[0] != published[0]).any()  # pads are attended


def test_without_cross_attention_all_queries_look_alike(dsi, texts):
    same = np.full(9, 45)
    found = sweep(dsi, texts, same, [zero(sites(CROSS, range(4)))], method="reference")
    assert len(set(found[0].tolist())) == 1


def test_progress_counts_queries_up_to_all(dsi, texts, gold):
    seen = []
    sweep(
        dsi,
        texts,
        gold,
        [noop()],
        method="reference",
        batch_size=4,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(4, 9), (8, 9), (9, 9)]


def test_nothing_to_do_is_an_empty_answer(dsi, texts, gold):
    assert sweep(dsi, [], gold[:0], [noop()]).shape == (1, 0)
    assert sweep(dsi, texts, gold, []).shape == (0, 9)


def test_what_does_not_fit_is_refused(dsi, texts, gold):
    with pytest.raises(GenirError, match="expected one document row for each of 9 queries, got shape"):
        sweep(dsi, texts, gold[:3], [noop()])
    with pytest.raises(GenirError, match="expected document rows from 0 to 49, got 40 to 50"):
        sweep(dsi, texts, np.where(gold == gold.max(), 50, np.maximum(gold, 40) * 0 + 40), [noop()])
    with pytest.raises(GenirError, match="expected a base model"):
        sweep(dsi, texts, gold, [from_model([Site(ATTENTION, 0)])])
    with pytest.raises(GenirError, match="expected queries to take means over, got none"):
        site_means(dsi, [], [Site(MLP, 0)])
    with pytest.raises(GenirError, match="expected a decoder layer from 0 to 3, got 9"):
        site_means(dsi, texts, [Site(MLP, 9)])
    assert MEAN in mean([Site(MLP, 0)]).edits.values()
