"""The DSI model a user holds: document ids by token, three ways of padding, and a folder that loads anywhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BartConfig, BartForConditionalGeneration

from genir.corpora.records import Corpus, Document, Query
from genir.errors import GenirError
from genir.models.dsi import DSI, Protocol, load_dsi
from genir.models.examples import untrained_dsi
from genir.models.ranking import gold_ranks
from tests.models import tiny
from tests.models.architectures import BART_SHAPE

TEXTS = ["w3 w4 w5", "w9", "w1 w2 w3 w4 w5 w6", "w7 w8 w9", "w20 w30"]
ODD = ("plain", "with space", "Ünï-çødé", "a@b", "@DOC_ID_", "tab\tand\nline", "文書", "x" * 90, "0")


@pytest.fixture(scope="module")
def dsi(tmp_path_factory: pytest.TempPathFactory) -> DSI:
    """A model with docid rows that were drawn, not trained."""
    return load_dsi(tiny.write_base(tmp_path_factory.mktemp("dsi") / "tiny-dsi", ["d2", "d0", "d1"]))


def rows(inputs: torch.Tensor) -> list[list[int]]:
    return inputs.tolist()


def test_document_ids_are_found_by_their_tokens(dsi: DSI) -> None:
    words = len(tiny.tokenizer())
    assert dsi.docids == ("d2", "d0", "d1")
    assert dsi.rows.tolist() == [words, words + 1, words + 2]
    assert dsi.row_of == {"d2": words, "d0": words + 1, "d1": words + 2}
    assert dsi.rows_of(["d1", "d2", "d1"]).tolist() == [words + 2, words, words + 2]
    assert (dsi.name, dsi.layers, dsi.vocabulary, dsi.max_length) == ("tiny-dsi", 2, words + 3 + tiny.UNUSED, 32)


def test_any_document_id_comes_back_from_a_saved_folder(tiny_base: Path, tmp_path: Path) -> None:
    documents = tuple(Document(id, "t", "w1") for id in ODD)
    built = untrained_dsi(tiny_base, Corpus("odd", documents, (Query("q", "w1", ("0",)),), (), ()), tiny.RECIPE)
    built.model.save_pretrained(tmp_path)
    built.tokenizer.save_pretrained(tmp_path)
    loaded = load_dsi(tmp_path)
    assert loaded.docids == built.docids == ODD
    assert loaded.rows.tolist() == built.rows.tolist() == [63 + number for number in range(len(ODD))]
    assert loaded.max_length == 12  # the recipe's, kept with the tokenizer


def test_the_first_document_id_follows_the_tokenizer_not_the_embedding(tiny_base: Path) -> None:
    """As in the published checkpoints: T5's unused rows become docids; what was in them is gone."""
    before = load_file(tiny_base / "model.safetensors")["shared.weight"]
    for documents in (3, tiny.UNUSED, 9):
        built = untrained_dsi(tiny_base, tiny.corpus(documents), tiny.RECIPE)
        assert built.vocabulary == len(tiny.tokenizer()) + documents
        assert torch.equal(built.model.shared.weight[:63], before[:63])
        assert not built.model.shared.weight[63:].any()
        assert not built.model.lm_head.weight[63:].any()
        assert built.model.encoder.embed_tokens.weight is built.model.shared.weight


def test_tokens_are_cut_and_end_with_the_end_token(dsi: DSI) -> None:
    assert dsi.tokenize(["w0 w1", "w2"]) == [[3, 4, 1], [5, 1]]
    long = dsi.tokenize([" ".join(["w0"] * 100)])[0]
    assert long == [3] * 31 + [1]
    assert dsi.tokenize([]) == []


def test_a_query_is_cut_to_the_positions_of_the_model(tmp_path: Path) -> None:
    """BART has a row for each position, and none behind the last; T5 has distances, which do not end."""
    words = tiny.tokenizer(["@DOC_ID_d0@"])
    config = BartConfig(vocab_size=len(words), **{**BART_SHAPE, "max_position_embeddings": 16})
    BartForConditionalGeneration(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    dsi = load_dsi(tmp_path)
    long = " ".join(["w0"] * 100)
    assert (dsi.max_length, len(dsi.tokenize([long])[0])) == (15, 15)
    for protocol in Protocol:
        [(_, inputs)] = dsi.batches([long], protocol)
        assert torch.isfinite(dsi.logits(inputs)).all()


def test_an_empty_query_is_one_line(dsi: DSI) -> None:
    with pytest.raises(GenirError, match=r"^expected a query with text, query 1 of 2 is empty: remove it$"):
        dsi.tokenize(["w1", " \t"])


def test_an_unknown_document_is_one_line(dsi: DSI) -> None:
    with pytest.raises(
        GenirError, match=r"^expected a document id that tiny-dsi was trained on, got 'd9': is it the model"
    ):
        dsi.rows_of(["d1", "d9"])


def test_padding_under_each_protocol(dsi: DSI) -> None:
    tokens = [[5, 6, 1], [7, 1]]
    masked = dsi.pad(tokens)
    assert (rows(masked.ids), rows(masked.mask)) == ([[5, 6, 1], [7, 1, 0]], [[1, 1, 1], [1, 1, 0]])
    published = dsi.pad(tokens, Protocol.AS_PUBLISHED, 4)
    assert (rows(published.ids), rows(published.mask)) == ([[5, 6, 1, 0], [7, 1, 0, 0]], [[1] * 4] * 2)


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("size", [1, 2, 256])
def test_batches_hold_every_text_once(dsi: DSI, protocol: Protocol, size: int) -> None:
    tokens = dsi.tokenize(TEXTS)
    seen: list[int] = []
    for chosen, inputs in dsi.batches(TEXTS, protocol, size):
        assert len(chosen) <= size
        for number, ids, mask in zip(chosen.tolist(), rows(inputs.ids), rows(inputs.mask), strict=True):
            own = tokens[number]
            assert ids == own + [0] * (len(ids) - len(own))
            attended = len(ids) if protocol is Protocol.AS_PUBLISHED else len(own)
            assert mask == [1] * attended + [0] * (len(ids) - attended)
        if protocol is Protocol.UNPADDED:
            assert inputs.mask.all()
        if protocol is Protocol.AS_PUBLISHED:
            assert inputs.ids.shape[1] == 8  # the longest text has seven tokens
        seen += chosen.tolist()
    assert sorted(seen) == list(range(len(TEXTS)))
    assert not list(dsi.batches([], protocol, size))


def logits(dsi: DSI, protocol: Protocol, size: int = 256, length: int = 0) -> torch.Tensor:
    found = torch.empty(len(TEXTS), dsi.vocabulary)
    for chosen, inputs in dsi.batches(TEXTS, protocol, size, length):
        found[chosen] = dsi.logits(inputs)
    return found


def test_masked_logits_are_the_unpadded_ones_and_published_ones_are_not(dsi: DSI) -> None:
    unpadded = logits(dsi, Protocol.UNPADDED)
    torch.testing.assert_close(logits(dsi, Protocol.MASKED), unpadded, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits(dsi, Protocol.MASKED, size=2, length=11), unpadded, atol=1e-5, rtol=1e-5)
    published = logits(dsi, Protocol.AS_PUBLISHED)
    assert (published - unpadded).abs().amax(1).min() > 0.01
    assert (published - logits(dsi, Protocol.AS_PUBLISHED, length=11)).abs().amax(1).min() > 0.001


@pytest.mark.parametrize("tied", [False, True])
def test_logits_are_those_of_the_hugging_face_model(tmp_path: Path, tied: bool) -> None:
    dsi = load_dsi(tiny.write_base(tmp_path, ["d0"], tie_word_embeddings=tied))
    inputs = dsi.pad(dsi.tokenize(TEXTS))
    with torch.inference_mode():
        start = torch.zeros(len(TEXTS), 1, dtype=torch.long)
        theirs = dsi.model(input_ids=inputs.ids, attention_mask=inputs.mask, decoder_input_ids=start).logits[:, 0]
    torch.testing.assert_close(dsi.logits(inputs), theirs, atol=1e-5, rtol=1e-5)


def test_a_trained_folder_loads_elsewhere(tiny_base: Path, tmp_path: Path) -> None:
    tiny.run(tiny_base, tmp_path / "target", tmp_path / "scratch")
    queries = tiny.corpus().test
    texts, gold = [query.text for query in queries], [query.relevant[0] for query in queries]
    here = load_dsi(tmp_path / "target")
    ranks, values = gold_ranks(here, texts, gold), here.logits(here.pad(here.tokenize(texts)))
    shutil.copytree(tmp_path / "target", tmp_path / "elsewhere" / "model")
    shutil.rmtree(tmp_path / "target")
    there = load_dsi(tmp_path / "elsewhere" / "model", name="moved")
    assert there.name == "moved"
    assert there.docids == tuple(document.id for document in tiny.corpus().documents)
    assert np.array_equal(ranks, gold_ranks(there, texts, gold))
    assert torch.equal(values, there.logits(there.pad(there.tokenize(texts))))


def test_a_model_without_document_ids_is_one_line(tiny_base: Path) -> None:
    with pytest.raises(
        GenirError, match=r"^expected docid tokens '@DOC_ID_<id>@' in the tokenizer of .*, found none: is"
    ):
        load_dsi(tiny_base)


def test_more_tokens_than_rows_are_one_line(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d0", "d1"])
    tiny.tokenizer([f"@DOC_ID_d{number}@" for number in range(20)]).save_pretrained(folder)
    with pytest.raises(
        GenirError, match=r"^expected an unembedding row for each docid of .*, got 70 rows for token 82: tok"
    ):
        load_dsi(folder)


@pytest.mark.parametrize("damage", ["broken", "not JSON"])
def test_a_folder_whose_tokenizer_cannot_be_read_is_one_line(tmp_path: Path, damage: str) -> None:
    folder = tiny.write_base(tmp_path, ["d0"])
    for path in folder.glob("tokenizer*"):
        path.write_text("{}" if damage == "broken" else "{")
    with pytest.raises(
        GenirError, match=r"^expected a tokenizer beside the model in .*, got \w+: save it there with save_p"
    ):
        load_dsi(folder)


def test_a_folder_without_a_tokenizer_is_one_line(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d0"])
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        GenirError, match=r"^expected tokenizer.json or spiece.model beside the model in .*, found none: save"
    ):
        load_dsi(folder)


def test_a_pickled_model_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d0"])
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(GenirError, match=r"^expected safetensors weights in .*, found none"):
        load_dsi(folder)


def test_nan_weights_are_refused(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d0"])
    state = load_file(folder / "model.safetensors")
    state["lm_head.weight"][-1, 0] = float("nan")
    save_file(state, folder / "model.safetensors")
    with pytest.raises(
        GenirError, match=r"^expected finite weights, lm_head.weight in .* holds NaN or infinity: train or"
    ):
        load_dsi(folder)


def test_a_base_that_is_a_dsi_model_of_the_corpus_is_one_line(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d3"])
    with pytest.raises(
        GenirError, match=r"^expected a base without docids of tiny, .* has some already: start from the pre"
    ):
        untrained_dsi(folder, tiny.corpus(), tiny.RECIPE)


def test_a_tokenizer_with_a_short_limit_sets_the_length(tmp_path: Path) -> None:
    folder = tiny.write_base(tmp_path, ["d0"])
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": 5}))
    assert load_dsi(folder).tokenize(["w0 " * 9]) == [[3, 3, 3, 3, 1]]
