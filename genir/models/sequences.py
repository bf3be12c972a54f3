"""Document ids that are sequences of tokens (DSI's naive and semantic ids), and the trie that they form.

The paper has one token for a document; this goes beyond it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from genir.errors import GenirError
from genir.models.dsi import DSI, TRUNCATION, load_tokenizer
from genir.models.families import vocabulary_of
from genir.models.seq2seq import load_model

Code = tuple[int, ...]
"""The tokens of a document id, in the order in which they are written."""


@dataclass(frozen=True, eq=False)
class SequenceDSI:
    """A model that writes document ids token by token. ``reader`` tokenises queries; it has no documents of its own.

    ``codes`` holds the tokens of each document; none is the beginning of another, so that each ends where no other goes on.
    """

    reader: DSI
    codes: Mapping[str, Code]

    def __post_init__(self) -> None:
        owner: dict[Code, str] = {}
        for docid, code in self.codes.items():
            if not code:
                raise GenirError(f"expected tokens for the document {docid!r}, got none: write its id in tokens")
            if code in owner:
                raise GenirError(
                    f"expected document ids that differ, {owner[code]!r} and {docid!r} have the same tokens"
                )
            owner[code] = docid
        for code, docid in owner.items():
            longer = next((owner[code[:end]] for end in range(1, len(code)) if code[:end] in owner), None)
            if longer is not None:
                raise GenirError(
                    f"expected no document id to begin with another, {docid!r} begins with that of {longer!r}: "
                    "end each with the end token"
                )
        if not owner:
            raise GenirError("expected documents with their ids in tokens, got none: fill docids.json")

    @cached_property
    def children(self) -> Mapping[Code, Code]:
        """The trie: beginning of an id -> the tokens that may follow, ascending; a whole id has none."""
        found: dict[Code, set[int]] = {}
        for code in self.codes.values():
            for end in range(len(code)):
                found.setdefault(code[:end], set()).add(code[end])
        return {prefix: tuple(sorted(tokens)) for prefix, tokens in found.items()}

    @cached_property
    def owner(self) -> Mapping[Code, str]:
        """Tokens of a whole id -> the document."""
        return {code: docid for docid, code in self.codes.items()}

    @property
    def positions(self) -> int:
        """The number of tokens of the longest id: decoder positions 0 to one less write them."""
        return max(map(len, self.codes.values()))

    def codes_of(self, docids: Sequence[str]) -> list[Code]:
        """The tokens of ``docids``; GenirError names one that the model lacks."""
        for docid in docids:
            if docid not in self.codes:
                raise GenirError(f"expected a document of docids.json, got {docid!r}: is it the model of this corpus?")
        return [self.codes[docid] for docid in docids]


def load_sequences(
    folder: Path,
    docids: Path | None = None,
    name: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> SequenceDSI:
    """The model in ``folder`` with the document ids of ``docids``, by default docids.json beside it.

    The file maps a document to its tokens: strings of the tokenizer, ids, or one string that the tokenizer splits. GenirError
    for what cannot be read, a token that the tokenizer lacks, and ids of which one begins with another.
    """
    model = load_model(folder, dtype).to(device)
    tokenizer = load_tokenizer(folder)
    limit = tokenizer.model_max_length
    reader = DSI(
        name or folder.name, model, tokenizer, (), np.array([], np.int64), limit if limit < 512 else TRUNCATION
    )
    return SequenceDSI(reader, read_codes(docids or folder / "docids.json", tokenizer, vocabulary_of(model)))


def read_codes(path: Path, tokenizer: PreTrainedTokenizerFast, vocabulary: int) -> dict[str, Code]:
    """The tokens of each document from a docids.json."""
    try:
        listed = json.loads(path.read_bytes())
    except OSError as error:
        raise GenirError(f"expected document ids in {path}, got {error.strerror}: write docids.json there") from None
    except ValueError as error:
        raise GenirError(f"expected JSON in {path}, got {error}: write it again") from None
    if not isinstance(listed, dict):
        raise GenirError(f"expected an object of documents and their tokens in {path}, got {type(listed).__name__}")
    return {
        docid: _code(written, tokenizer, vocabulary, f"document {docid!r} in {path}")
        for docid, written in listed.items()
    }


def _code(written: Any, tokenizer: PreTrainedTokenizerFast, vocabulary: int, where: str) -> Code:
    if isinstance(written, str):
        return tuple(tokenizer(written, add_special_tokens=False).input_ids)
    if not isinstance(written, list) or not all(type(token) in (int, str) for token in written):
        raise GenirError(f"expected tokens or their ids for {where}, got {json.dumps(written)[:40]}: mend it")
    known = tokenizer.get_vocab()
    for token in written:
        if token not in known if isinstance(token, str) else not 0 <= token < vocabulary:
            raise GenirError(f"expected a token of the model for {where}, got {token!r}: is it of another tokenizer?")
    return tuple(known[token] if isinstance(token, str) else token for token in written)
