"""Document ids of several tokens: beams, patches at one position and at all, on a model by hand and against brute force."""

from __future__ import annotations

import copy
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from genir.corpora.records import Query
from genir.errors import GenirError
from genir.interventions.patch import Intervention, from_model, mean, noop, zero
from genir.interventions.positions import beam_search, position_means, sequence_ranks
from genir.interventions.reference import encode
from genir.interventions.sites import CROSS, MLP, Site, sites
from genir.models.families import prompt_of
from genir.models.sequences import SequenceDSI, load_sequences
from genir.readouts.sequences import correct_sequences, losses_by_position
from tests.interventions.sequences import HAND, HEARD, by_hand, log_probability, random_codes, sequence_dsi
from tests.interventions.tiny import tiny_t5
from tests.models import tiny
from tests.models.architectures import random_model

SILENT = zero([Site(CROSS, 1)])
QUERIES = ["3", "4"]


def ranked_by_hand(query: int, heard: tuple[bool, ...]) -> list[str]:
    return sorted(HAND, key=lambda docid: -log_probability(HAND[docid], query, heard))


@pytest.mark.parametrize("heard", list(product([True, False], repeat=2)))
def test_the_model_by_hand_ranks_as_computed_under_a_patch_at_any_position(heard: tuple[bool, ...]) -> None:
    model = by_hand()
    silent = [position for position, speaks in enumerate(heard) if not speaks]
    for text in QUERIES:
        expected = ranked_by_hand(int(text), heard)
        found = sequence_ranks(model, [text] * 5, list(HAND), [SILENT], silent, width=5)[0]
        assert [expected[rank - 1] for rank in found] == list(HAND)


def test_what_a_position_decides() -> None:
    """The first token is lost where the first position is silent, the second where the second is."""
    model = by_hand()
    for silent, answer in (([], "aa"), ([0], "ba"), ([1], "ab"), (None, "bb")):
        assert sequence_ranks(model, ["3"], [answer], [SILENT], silent)[0, 0] == 1


def test_scores_are_log_probabilities() -> None:
    model = by_hand()
    inputs = model.reader.pad(model.reader.tokenize(QUERIES))
    for text, best in zip(QUERIES, beam_search(model, encode(model.reader.model, inputs), inputs.mask, 5), strict=True):
        assert [model.owner[each.code] for each in best] == ranked_by_hand(int(text), (True, True))
        for each in best:
            assert each.score == pytest.approx(log_probability(each.code, int(text), (True, True)), abs=1e-6)


def test_losses_by_position_on_the_model_by_hand() -> None:
    model = by_hand()
    queries = [Query("q3", "3", ("aa",)), Query("q4", "4", ("bb",)), Query("wrong", "3", ("c",))]
    correct = correct_sequences(model, queries)
    assert (correct.docids, correct.asked) == (("aa", "bb"), 3)
    # the second query's answer is what the model says unasked as well
    assert {at: loss.value for at, loss in losses_by_position(model, correct, SILENT).items()} == {
        0: 0.5,
        1: 0.5,
        None: 0.5,
    }
    same = losses_by_position(model, correct, mean([Site(MLP, 0)]))  # it writes nothing, and so does its mean
    assert {loss.value for loss in same.values()} == {0.0}


def test_a_mean_over_both_queries_tells_them_apart_no_more() -> None:
    model = by_hand()
    site = Site(CROSS, 1)
    means = position_means(model, QUERIES, ["aa", "bb"], [site])
    for position in (0, 1):
        expected = torch.zeros(16, dtype=torch.float64)
        expected[10] = expected[11] = HEARD / 2
        torch.testing.assert_close(means[site][position], expected, atol=1e-6, rtol=0)  # T5 takes a norm in float32
    ranks = sequence_ranks(model, QUERIES, ["aa", "aa"], [mean([site])], means=means)
    assert ranks[0, 0] == ranks[0, 1]


def brute_force(model: SequenceDSI, text: str) -> dict[str, float]:
    """Log probability of every document for one query, by the model's own forward, one document at a time."""
    module, found = model.reader.model, {}
    ids = torch.tensor(model.reader.tokenize([text]))
    prompt = prompt_of(module)
    for docid, code in model.codes.items():
        start = torch.tensor([[*prompt, *code[:-1]]])
        with torch.inference_mode():
            logits = module(input_ids=ids, attention_mask=torch.ones_like(ids), decoder_input_ids=start).logits[0]
        after = logits[len(prompt) - 1 :].double().log_softmax(1)
        found[docid] = float(after[torch.arange(len(code)), torch.tensor(code)].sum())
    return found


@pytest.mark.parametrize("name", ["T5 v1.1, Flan-T5", "BART", "BART, <s> first", "UMT5"])
def test_a_wide_beam_is_brute_force(name: str, rng: np.random.Generator, texts: list[str]) -> None:
    module, texts = random_model(name).double(), texts[:5]
    model = sequence_dsi(module, random_codes(rng))
    docids = list(model.codes)
    gold = [docids[number] for number in rng.integers(0, len(docids), len(texts))]

    def by_force(one: SequenceDSI) -> list[int]:
        scores = [brute_force(one, text) for text in texts]
        return [1 + sum(score > each[mine] for score in each.values()) for each, mine in zip(scores, gold, strict=True)]

    assert sequence_ranks(model, texts, gold, [noop()], width=12, batch_size=4)[0].tolist() == by_force(model)
    if name == "BART, <s> first":
        return  # what writes <s> is not patched, what has lost its weights is silent there as well
    # a removed MLP is one whose last matrix and bias are zero
    without = copy.deepcopy(module)
    block = (
        without.decoder.block[1].layer[2].DenseReluDense.wo
        if "BART" not in name
        else without.model.decoder.layers[1].fc2
    )
    with torch.no_grad():
        for weight in block.parameters():
            weight.zero_()
    found = sequence_ranks(model, texts, gold, [zero([Site(MLP, 1)])], width=12)[0].tolist()
    assert found == by_force(sequence_dsi(without, model.codes))


def test_a_beam_of_one_is_greedy_and_misses_what_starts_badly(rng: np.random.Generator, texts: list[str]) -> None:
    model = sequence_dsi(tiny_t5(), random_codes(rng))
    inputs = model.reader.pad(model.reader.tokenize(texts))
    encoded = encode(model.reader.model, inputs)
    for query, (best,) in enumerate(beam_search(model, encoded, inputs.mask, 1)):
        code: tuple[int, ...] = ()
        while code not in model.owner:
            tokens = torch.tensor([[0, *code]])
            with torch.inference_mode():
                logits = model.reader.model(
                    input_ids=inputs.ids[[query]], attention_mask=inputs.mask[[query]], decoder_input_ids=tokens
                ).logits[0, -1]
            code = (*code, max(model.children[code], key=lambda token: float(logits[token])))
        assert best.code == code
    narrow = sequence_ranks(model, texts, [next(iter(model.codes))] * len(texts), [noop()], width=1)[0]
    assert set(narrow.tolist()) <= {1, 2}  # a document that the beam has lost stands behind it


def test_replacing_by_the_own_mean_of_one_query_changes_nothing(rng: np.random.Generator) -> None:
    model = sequence_dsi(tiny_t5().double(), random_codes(rng))
    texts, docids = ["7 3 12"], ["d5"]
    everywhere = mean([*sites(MLP, range(4)), *sites(CROSS, range(4))])
    length = len(model.codes["d5"])
    before = sequence_ranks(model, texts, docids, [noop()], width=12)
    assert sequence_ranks(model, texts, docids, [everywhere], [0], width=12).tolist() == before.tolist()
    with pytest.raises(GenirError, match=r"^expected positions that the queries' own ids reach, got 3: none has"):
        sequence_ranks(model, texts, docids, [everywhere], [3], width=12) if length < 4 else pytest.fail("a longer id")


@pytest.mark.parametrize(
    ("plan", "positions", "width", "message"),
    [
        (noop(), [2], 5, r"expected decoder positions from 0 to 1, got \[2\]"),
        (noop(), [-1], 5, r"expected decoder positions from 0 to 1, got \[-1\]"),
        (noop(), None, 0, "expected a beam of at least one hypothesis, got 0"),
        (zero([Site(MLP, 3)]), None, 5, "expected a decoder layer from 0 to 2, got 3"),
        (from_model([Site(MLP, 0)]), None, 5, "expected a base model"),
        (Intervention("v", {Site(MLP, 0): torch.zeros(16)}), None, 5, "expected zero or mean where ids are sequences, 'v' "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(
    plan: Intervention, positions: list[int] | None, width: int, message: str
) -> None:
    with pytest.raises(GenirError, match=f"^{message}"):
        sequence_ranks(by_hand(), ["3"], ["aa"], [plan], positions, width=width)


def test_a_document_without_an_id_is_one_line() -> None:
    with pytest.raises(GenirError, match=r"^expected a document of docids.json, got 'zz'"):
        sequence_ranks(by_hand(), ["3"], ["zz"], [noop()])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_base(tmp_path_factory.mktemp("sequences") / "naive")


def test_ids_may_be_tokens_numbers_or_text(saved: Path, tmp_path: Path) -> None:
    written = {"a": ["w1", "w2", "</s>"], "b": [4, 6, 1], "c": "w3 w4"}
    (tmp_path / "ids.json").write_text(json.dumps(written))
    model = load_sequences(saved, tmp_path / "ids.json")
    assert model.codes == {"a": (4, 5, 1), "b": (4, 6, 1), "c": (6, 7)}
    assert model.children == {(): (4, 6), (4,): (5, 6), (4, 5): (1,), (4, 6): (1,), (6,): (7,)}
    assert (model.positions, model.reader.name) == (3, "naive")
    assert sorted(sequence_ranks(model, ["w1 w2"] * 3, ["a", "b", "c"], [noop()])[0].tolist()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected document ids in .*, got No such file or directory: write docids.json there"),
        ("{", "expected JSON in .*ids.json, got"),
        ("[]", "expected an object of documents and their tokens in .*, got list"),
        ("{}", "expected documents with their ids in tokens, got none"),
        ('{"a": []}', "expected tokens for the document 'a', got none"),
        ('{"a": 3}', "expected tokens or their ids for document 'a' in .*, got 3: mend it"),
        ('{"a": [true]}', r"expected tokens or their ids for document 'a' in .*, got \[true\]"),
        ('{"a": ["nope"]}', "expected a token of the model for document 'a' in .*, got 'nope': is it of another"),
        ('{"a": [99]}', "expected a token of the model for document 'a' in .*, got 99"),
        ('{"a": [-1]}', "expected a token of the model for document 'a' in .*, got -1"),
        ('{"a": [4], "b": ["w1"]}', "expected document ids that differ, 'a' and 'b' have the same tokens"),
        ('{"a": [4], "b": [4, 5]}', "expected no document id to begin with another, 'b' begins with that of 'a': end each"),
    ],
)  # fmt: skip
def test_ids_that_are_none_are_one_line(saved: Path, tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "ids.json").write_text(content)
    with pytest.raises(GenirError, match=f"^{message}") as told:
        load_sequences(saved, tmp_path / "ids.json")
    assert "\n" not in str(told.value)
