"""The format of the published checkpoints: read as it lies on the hub, and held against T5 by hand."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from genir.errors import GenirError
from genir.interventions.patch import from_model, mean, noop, zero
from genir.interventions.sites import CROSS, MLP, sites
from genir.interventions.sweep import sweep
from genir.models.dsi import DSI, load_dsi
from genir.models.seq2seq import load_model
from genir.readouts.correct import given_correct
from tests.models import published, t5_by_hand, tiny

DOCIDS = tuple(str(17 * number - 200) for number in range(40))  # as in NQ, some negative
TEXTS = ["w5 w6", "w7 w30000 w31996", "w1", "w100 w200 w300 w400 w500 w600", "w9 w8 w7 w6 w5"]

Weights = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Weights, Weights]:
    """DSI folder, base folder, and the weights of both."""
    root = tmp_path_factory.mktemp("hub")
    base = published.write_base(root / "t5-large")
    return (
        root / "DSI-large-NQ10k",
        root / "t5-large",
        published.write_dsi(root / "DSI-large-NQ10k", DOCIDS, base),
        base,
    )


@pytest.fixture(scope="module")
def dsi(folders: tuple[Path, ...]) -> DSI:
    return load_dsi(folders[0], dtype=torch.float64)


def test_documents_follow_the_32100_text_tokens_and_take_the_unused_rows_first(dsi: DSI, folders: tuple) -> None:
    assert dsi.docids == DOCIDS
    assert dsi.rows.tolist() == list(range(32_100, 32_140))
    assert (dsi.vocabulary, dsi.layers, dsi.max_length) == (32_140, 4, 32)
    unused = torch.from_numpy(folders[3]["shared.weight"][32_100:32_128]).double()
    assert len(unused) == 28
    assert torch.equal(dsi.model.lm_head.weight[dsi.rows[:28]], unused)
    assert dsi.model.lm_head.weight is dsi.model.shared.weight or torch.equal(
        dsi.model.lm_head.weight, dsi.model.shared.weight
    )
    assert dsi.model.config.scale_decoder_outputs


def test_text_tokens_keep_their_places(dsi: DSI) -> None:
    assert dsi.tokenize(["w0 w31996 nonsense"]) == [[3, 31_999, 2, 1]]
    assert dsi.tokenizer.convert_tokens_to_ids(["<extra_id_99>", "<extra_id_0>"]) == [32_000, 32_099]
    assert dsi.tokenizer.convert_ids_to_tokens([32_100, 32_139]) == [f"@DOC_ID_{DOCIDS[0]}@", f"@DOC_ID_{DOCIDS[-1]}@"]


def wide(weights: Weights) -> Weights:
    return {name: value.astype(np.float64) for name, value in weights.items()}


def test_logits_are_those_by_hand(dsi: DSI, folders: tuple) -> None:
    weights = wide(folders[2])
    logits = dsi.logits(dsi.pad(dsi.tokenize(TEXTS))).numpy()
    for row, ids in zip(logits, dsi.tokenize(TEXTS), strict=True):
        np.testing.assert_allclose(
            row,
            t5_by_hand.decode(weights, t5_by_hand.encode(weights, ids))[0],
            rtol=0,
            atol=1e-5,  # T5 takes its softmax in single precision
        )


@pytest.mark.parametrize("method", ["engine", "reference"])
def test_patched_ranks_are_those_by_hand(dsi: DSI, folders: tuple, method: str) -> None:
    weights, base = wide(folders[2]), wide(folders[3])
    rng = np.random.default_rng(0)
    gold = rng.choice(dsi.rows, len(TEXTS))
    tokens = dsi.tokenize(TEXTS)
    encoded = [t5_by_hand.encode(weights, ids) for ids in tokens]
    own = [t5_by_hand.decode(weights, states)[1] for states in encoded]
    others = [t5_by_hand.decode(base, t5_by_hand.encode(base, ids))[1] for ids in tokens]
    early, bridge = sites(MLP, [0, 1]), sites(CROSS, [1, 2])
    plans = {
        noop(): [{} for _ in TEXTS],
        zero(early): [{(str(MLP), layer): np.zeros(8) for layer in (0, 1)} for _ in TEXTS],
        mean(early): [
            {(str(MLP), layer): np.mean([seen[str(MLP), layer] for seen in own], axis=0) for layer in (0, 1)}
            for _ in TEXTS
        ],
        from_model(bridge): [{(str(CROSS), layer): seen[str(CROSS), layer] for layer in (1, 2)} for seen in others],
    }
    found = sweep(dsi, TEXTS, gold, list(plans), base=load_model(folders[1], torch.float64), method=method)
    for ranks, patches in zip(found, plans.values(), strict=True):
        logits = [t5_by_hand.decode(weights, states, patch)[0] for states, patch in zip(encoded, patches, strict=True)]
        assert ranks.tolist() == [1 + int((row > row[own]).sum()) for row, own in zip(logits, gold, strict=True)]
    assert len({tuple(ranks) for ranks in found}) == len(plans)


def test_the_slow_tokenizer_alone_says_what_it_needs(folders: tuple, tmp_path: Path) -> None:
    for path in folders[0].iterdir():
        if path.name != "tokenizer.json":
            (tmp_path / path.name).symlink_to(path)
    if find_spec("sentencepiece") is None:
        with pytest.raises(
            GenirError, match=r"^expected the package sentencepiece to read spiece.model in .*: pip inst"
        ):
            load_dsi(tmp_path)
    else:
        assert load_dsi(tmp_path).tokenize(TEXTS) == load_dsi(folders[0]).tokenize(TEXTS)
        assert load_dsi(tmp_path).docids == DOCIDS


def test_a_base_is_no_dsi(folders: tuple) -> None:
    with pytest.raises(GenirError, match=r"^expected docid tokens '@DOC_ID_<id>@' in the tokenizer of "):
        load_dsi(folders[1])


QUERIES = tiny.corpus().validation


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DSI:
    return load_dsi(tiny.write_base(tmp_path_factory.mktemp("dsi") / "small", [f"d{number}" for number in range(10)]))


def test_correct_queries_are_those_of_the_file_in_its_order(small: DSI, tmp_path: Path) -> None:
    listed = [["@DOC_ID_d3@", QUERIES[3].id], ["d1", QUERIES[1].id]]
    (tmp_path / "correct_valid.json").write_text(json.dumps(listed))
    found = given_correct(tmp_path / "correct_valid.json", small, QUERIES)
    assert found.queries == (QUERIES[3], QUERIES[1])
    assert found.docids == ("d3", "d1")
    assert found.asked == len(QUERIES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a list of correct queries in .*, got No such file or directory: check the path"),
        ("[[", "expected JSON in .*correct.json, got .*: write the list again"),
        ("\xff", "expected JSON in .*correct.json, got "),
        ("[]", r"expected a list of \[document, query id\] in .*, got \[\]: write some"),
        ('{"a": 1}', r"expected a list of \[document, query id\] in .*, got {\"a\": 1}: write some"),
        ('[["d1"]]', r"expected \[document, query id\] as entry 1 of .*, got \[\"d1\"\]: mend it"),
        ('[["d1", ["v1"]]]', r"expected \[document, query id\] as entry 1"),
        ('[["d1", true]]', r"expected \[document, query id\] as entry 1"),
        ('[["d1", "nope"]]', "expected the id of a validation query as entry 1 of .*, got 'nope': is it of this corpus"),
        (f'[["d1", "{QUERIES[1].id}"], ["d2", "{QUERIES[1].id}"]]', "expected every query of .* once, got 'v1' again as entry 2"),
        (f'[["d99", "{QUERIES[1].id}"]]', "expected a document id that small was trained on, got 'd99'"),
    ],
)  # fmt: skip
def test_a_wrong_list_of_correct_queries_is_one_line(
    small: DSI, tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "correct.json").write_text(content, encoding="latin-1")
    with pytest.raises(GenirError, match=f"^{message}") as told:
        given_correct(tmp_path / "correct.json", small, QUERIES)
    assert "\n" not in str(told.value)
