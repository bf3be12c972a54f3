"""The claims of paper 2 on evidence that was made up: where the findings are true they are supported, where they are false none is."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest

from claims.retrieval_heads.paper import RETRIEVAL_SHARE
from genir.readouts.heads import Runs
from genir.readouts.heads_causal import Masking
from genir.readouts.heads_found import Found
from genir.readouts.heads_hops import Hops
from genir.readouts.heads_kin import Kin
from genir.readouts.heads_lost import Lost, Masked
from genir.readouts.sources import Sources, Writers
from genir.statistics import Verdict, every

FOLDER = Path(__file__).parents[2] / "claims" / "retrieval_heads"
EXPECTED = (
    "h-universal h-sparse h-zero h-dynamic h-intrinsic h-causal h-random h-hallucination h-distance h-cot h-published "
    "h-genir"
)
LAYERS, HEADS, NEEDLES, SPAN = 10, 12, 12, 10
FAIR = 0.5  # loss of unrelated text, in nats


class Recorder:
    """A judge that keeps the verdict and what came with it."""

    def __call__(self, judged, *, controls=None, records=None, paper=None):
        self.judgement = every(judged) if not hasattr(judged, "parts") else judged
        self.controls, self.records = controls, records

    def also(self, judged, *, reading, **_):
        assert reading
        every(judged)


def claims_by_id() -> dict[str, object]:
    modules = [importlib.import_module(f"claims.retrieval_heads.{path.stem}") for path in FOLDER.glob("test_*.py")]
    functions = [value for module in modules for value in vars(module).values() if hasattr(value, "pytestmark")]
    return {function.pytestmark[0].kwargs["id"]: function for function in functions}


def runs(rates, context_of_weak=True, n=96) -> Runs:
    """``n`` runs; head (layer, head) copies the share ``rates`` of the answer, the weakest of them in one context only."""
    needle, context, depth = np.arange(n) % NEEDLES, np.arange(n) // NEEDLES % 2, np.arange(n) // (2 * NEEDLES) % 2
    hits = np.zeros((n, LAYERS, HEADS), dtype=np.int16)
    for (layer, head), rate in rates.items():
        hits[:, layer, head] = round(rate * SPAN)
    if context_of_weak and rates:
        weakest = min(rates, key=rates.__getitem__)
        hits[:, *weakest] = np.where(context == 1, 4, 0)
    return Runs(
        needle=needle, context=context, length=np.full(n, 300), depth=0.5 + depth / 2, span=np.full(n, SPAN),
        recall=np.ones(n), exact=np.ones(n, dtype=bool), steps=np.full(n, 12), hits=hits, hit_steps=hits, looks=hits,
        distracted=np.full(hits.shape, 0.02), said=("",) * n,
    )  # fmt: skip


def found(rates, untrained=0.0, **options) -> Found:
    main = runs(rates, **options)
    return Found(main, main, np.full((12, LAYERS, HEADS), untrained), 0.95)


def masked(top, random, sets) -> Masked:
    """Twelve needles at two depths; recall with the heads masked is ``top`` before the end and at it, and ``random``."""
    needle, depth = np.repeat(np.arange(NEEDLES), 2), np.tile([0.1, 1.0], NEEDLES)
    clean, dosed = np.ones(2 * NEEDLES), np.where(depth < 1, top[0], top[1])[None]
    draws = np.full((sets, 2 * NEEDLES), random)
    said = np.full((2 + sets, 2 * NEEDLES), "something else")
    heads = np.zeros((sets, 5, 2), dtype=int)
    masking = Masking(
        np.array([5]), clean, clean > 0, dosed, dosed == 1, 5, draws, draws == 1, heads, said
    )  # fmt: skip
    return Masked(masking, needle, depth)


def lost(top, random, text) -> Lost:
    control = masked(top, random, 39)
    return Lost(
        masked(top, random, 0), control, control, control, np.full(8, FAIR), np.full(8, FAIR * text), confidence=0.95
    )


def kin(kept, shared, spread=0.05) -> Kin:
    """A model, one that differs from it by noise (or in all heads), and a stranger with heads of its own (or the same)."""
    rng = np.random.default_rng(5)

    def noisy(rates):
        made = runs(rates, context_of_weak=False)
        noise = rng.random(made.hits.shape) < spread
        return made._replace(hits=np.where(noise, 3, made.hits))

    elsewhere = {(layer - 4, head + 2): rate for (layer, head), rate in STRONG.items()}
    return Kin(
        noisy(STRONG),
        noisy(STRONG if kept else elsewhere),
        {"stranger": noisy(STRONG if shared else elsewhere)},
        confidence=0.95,
    )


def two_hops(chain, direct, random_chain, random_direct) -> Hops:
    """Recall of eighty questions with retrieval heads masked and with random ones; a few answers flip."""
    rng = np.random.default_rng(6)

    def recall(masked, random):
        rates = np.array([1.0, masked, *[random] * 39])
        return (rng.random((41, 80)) < rates[:, None]).astype(float)

    return Hops(recall(direct, random_direct), recall(chain, random_chain), 0.95)


def writers(rate, other) -> Writers:
    rng = np.random.default_rng(7)
    rank, strange = (np.where(rng.random((400, 2, 3)) < share, 1, 9).astype(np.int32) for share in (0.01, other))
    rank[:, 1, 2] = np.where(rng.random(400) < rate, 1, 9)
    return Writers(Sources(np.zeros_like(rank), np.ones(rank.shape, np.float32), rank, strange))


STRONG = {(5, 3): 0.9, (6, 1): 0.6, (6, 2): 0.5, (7, 7): 0.2}
EVERYWHERE = {(layer, head): 0.1 + 0.1 * (head % 2) for layer in range(LAYERS) for head in range(HEADS)}
TRUE = {
    "found": found(STRONG),
    "lost_retrieval": lost((0.1, 0.6), 0.98, 1.02),
    "kin": kin(kept=True, shared=False),
    "two_hops": two_hops(0.1, 0.8, 0.95, 0.97),
    "writers": writers(0.5, 0.01),
}
FALSE = {
    "found": found(EVERYWHERE, untrained=0.2, context_of_weak=False),
    "lost_retrieval": lost((0.8, 0.7), 0.7, 1.5),
    "kin": kin(kept=False, shared=True),
    "two_hops": two_hops(0.5, 0.7, 0.5, 0.7),  # chains lose more, and as much with random heads
    "writers": writers(0.02, 0.01),
}


def verdict(id: str, world) -> Recorder:
    function, judge = claims_by_id()[id], Recorder()
    name = next(name for name in function.__code__.co_varnames if name in world)
    function(world[name], judge)
    return judge


def test_the_list_of_claims_is_complete():
    assert sorted(claims_by_id()) == sorted(EXPECTED.split())
    assert all(test.__doc__.strip().endswith(".") for test in claims_by_id().values())


DECIDED = [id for id in EXPECTED.split() if id != "h-published"]


@pytest.mark.parametrize("id", DECIDED)
def test_a_claim_is_supported_where_it_is_true(id):
    judge = verdict(id, TRUE)
    assert judge.judgement.verdict is Verdict.SUPPORTED, judge.judgement.message


@pytest.mark.parametrize("id", DECIDED)
def test_a_claim_is_not_supported_where_it_is_false(id):
    judge = verdict(id, FALSE)
    assert judge.judgement.verdict is not Verdict.SUPPORTED, judge.judgement.message


def test_a_continuation_that_keeps_the_heads_of_everyone_is_contradicted():
    judge = verdict("h-intrinsic", {"kin": kin(kept=True, shared=True)})
    assert judge.judgement.verdict is Verdict.CONTRADICTED
    assert judge.judgement.deciding.label == "stranger"


def test_a_head_that_writes_every_document_writes_none():
    judge = verdict("h-genir", {"writers": writers(0.5, 0.6)})
    assert judge.judgement.verdict is Verdict.CONTRADICTED


def test_masking_breaks_nothing_of_its_own_where_random_heads_break_as_much():
    judge = verdict("h-causal", {"lost_retrieval": lost((0.1, 0.1), 0.1, 1.0)})
    assert judge.judgement.verdict is Verdict.CONTRADICTED
    assert judge.controls["worst of them"] == pytest.approx(0.9)


def test_a_model_of_few_heads_is_untestable_for_sparsity():
    class Skipped(Exception):  # noqa: N818
        pass

    def judge(judged, **_):
        raise Skipped(judged.message)

    main = runs(STRONG)
    few = dataclasses.replace(TRUE["found"], runs=main._replace(hits=main.hits[:, :7, :9]))
    with pytest.raises(Skipped, match="the model has 63 heads, and 5 % of less than 100 is no number of heads"):
        claims_by_id()["h-sparse"](few, judge)


def test_printed_shares_are_counts_of_heads():
    assert RETRIEVAL_SHARE["Llama-2-7B-80k"] == round(100 * 33 / 1024, 2)
