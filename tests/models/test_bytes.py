"""ByT5 reads bytes: its tokenizer has no vocabulary file, and documents follow its 384 tokens."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import ByT5Tokenizer

from genir.models.dsi import load_dsi
from genir.models.ranking import gold_ranks
from tests.models.architectures import trainable


def test_a_byt5_folder_loads(tmp_path: Path) -> None:
    words = ByT5Tokenizer()
    words.add_tokens(["@DOC_ID_ä b@", "@DOC_ID_7@"])
    torch.manual_seed(0)
    trainable("ByT5", len(words)).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert not (tmp_path / "tokenizer.json").exists()
    dsi = load_dsi(tmp_path)
    assert (dsi.docids, dsi.rows.tolist(), dsi.vocabulary) == (("ä b", "7"), [384, 385], 386)
    assert dsi.tokenize(["aé"]) == [[100, 198, 172, 1]]
    assert gold_ranks(dsi, ["which"], ["7"]).shape == (1,)
