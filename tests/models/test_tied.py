"""A tied base (T5 1.0) is trainable: its words keep their rows, docids get their own, and the head's input stays scaled."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from genir.models import obtain as obtaining
from genir.models.dsi import load_dsi
from genir.models.examples import untrained_dsi
from genir.models.store import obtain
from genir.models.t5 import load_t5
from tests.models import tiny


@pytest.fixture(scope="module")
def tied_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows near one, as T5 1.0 has them: small ones would hide a scale that is missing."""
    return tiny.write_base(
        tmp_path_factory.mktemp("tied") / "base",
        tie_word_embeddings=True,
        feed_forward_proj="relu",
        tokenizer_class="T5",
    )


def test_an_untrained_model_gives_words_the_logits_of_its_base(tied_base: Path) -> None:
    base, dsi = load_t5(tied_base), untrained_dsi(tied_base, tiny.corpus(), tiny.RECIPE)
    assert base.config.tie_word_embeddings
    assert not dsi.model.config.tie_word_embeddings
    assert dsi.model.config.scale_decoder_outputs
    assert dsi.model.lm_head.weight is not dsi.model.shared.weight
    inputs, words = dsi.pad(dsi.tokenize(["w1 w2", "w3"])), int(dsi.rows[0])
    with torch.inference_mode():
        expected = base(
            input_ids=inputs.ids, attention_mask=inputs.mask, decoder_input_ids=torch.zeros(2, 1, dtype=torch.long)
        ).logits[:, 0, :words]
    torch.testing.assert_close(dsi.logits(inputs)[:, :words], expected, rtol=1e-5, atol=1e-5)
    assert not dsi.logits(inputs)[:, words:].any()


def test_a_tied_base_is_trained_saved_and_loaded(tied_base: Path, tmp_path: Path) -> None:
    recipe = replace(tiny.RECIPE, steps=60, learning_rate=1e-2, docid_learning_rate=0.2)
    tiny.run(tied_base, tmp_path / "target", tmp_path / "scratch", recipe, checkpoint_seconds=1e9)
    before, after = (
        load_file(tied_base / "model.safetensors")["shared.weight"],
        load_file(tmp_path / "target" / "model.safetensors"),
    )
    words = len(tiny.tokenizer())
    for name in ("shared.weight", "lm_head.weight"):
        assert torch.equal(after[name][:words], before[:words])
    assert not after["shared.weight"][words:].any()
    assert after["lm_head.weight"][words:].abs().amin(1).gt(0).all()
    settings = json.loads((tmp_path / "target" / "config.json").read_text())
    assert (settings["tie_word_embeddings"], settings["scale_decoder_outputs"]) == (False, True)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "target" / "train.jsonl").read_text().splitlines()]
    assert np.mean(losses[-4:]) < 0.2 * losses[0]

    dsi, asked = load_dsi(tmp_path / "target"), tiny.corpus().train
    found = dsi.logits(dsi.pad(dsi.tokenize([query.text for query in asked]))).argmax(1).numpy()
    assert (found == dsi.rows_of([query.relevant[0] for query in asked])).mean() == 1.0


def test_a_base_is_known_by_what_its_files_hold(tied_base: Path, tiny_base: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in tied_base.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert obtaining._identity(copy) == obtaining._identity(tied_base) != obtaining._identity(tiny_base)
    kept = obtain(
        tmp_path, "kept", {"what": "a base"}, lambda target, scratch: shutil.copytree(copy, target, dirs_exist_ok=True)
    )
    assert obtaining._identity(kept) == kept.name  # which has a digest in it, checked when it was served
