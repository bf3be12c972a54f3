"""DSI: an encoder-decoder that maps a query to one atomic document id at its first decoder position (Section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from genir.errors import GenirError
from genir.models.families import layers_of, unembedding_of, vocabulary_of
from genir.models.forward import Inputs as Inputs  # for those who hold a DSI
from genir.models.forward import decoded, encode
from genir.models.seq2seq import load_model

DOCID_TOKEN = re.compile(r"@DOC_ID_(.+)@", re.DOTALL)
TOKENIZER_FILES = ("tokenizer.json", "spiece.model", "sentencepiece.bpe.model", "source.spm", "vocab.txt")
TRUNCATION = 32  # tokens of a query or a document that the paper keeps (Section 3)


class Protocol(StrEnum):
    """How queries are padded and masked: three ways are mixed in the published numbers (docs/protocol.md)."""

    MASKED = "masked"
    UNPADDED = "unpadded"
    AS_PUBLISHED = "as-published"

    @property
    def without_pads(self) -> Protocol:
        """The protocol where the published scripts, which attend pads elsewhere, have none: Table 3's T5 rows, Fig. 3-5, Table 5."""
        return Protocol.UNPADDED if self is Protocol.AS_PUBLISHED else self


def docid_token(docid: str) -> str:
    """The token that stands for a document, as in the checkpoints published with the paper."""
    return f"@DOC_ID_{docid}@"


@dataclass(frozen=True, eq=False)
class DSI:
    """A generative retrieval model under study: encoder-decoder, tokenizer and the vocabulary rows of its document ids.

    ``docids[i]`` is written by the unembedding row ``rows[i]``; ``rows`` has shape (documents,).
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    docids: tuple[str, ...]
    rows: NDArray[np.int64]
    max_length: int = TRUNCATION

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return len(layers_of(self.model))

    @property
    def vocabulary(self) -> int:
        """The number of rows that the unembedding ranks, words and document ids alike."""
        return vocabulary_of(self.model)

    def padded_to(self, protocol: Protocol) -> int:
        """The tokens that a query is padded to at least: the maximum length as published, none otherwise."""
        return self.max_length if protocol is Protocol.AS_PUBLISHED else 0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return torch.device(self.model.device)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Document id -> its row in the unembedding."""
        return dict(zip(self.docids, self.rows.tolist(), strict=True))

    def rows_of(self, docids: Sequence[str]) -> NDArray[np.int64]:
        """The unembedding rows of ``docids``, shape (len(docids),); GenirError names an id that the model lacks."""
        for docid in docids:
            if docid not in self.row_of:
                raise GenirError(
                    f"expected a document id that {self.name} was trained on, got {docid!r}: is it the model of this corpus?"
                )
        return np.array([self.row_of[docid] for docid in docids], dtype=np.int64)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with the end token, cut to ``max_length``; GenirError on an empty text."""
        if not texts:
            return []
        for number, text in enumerate(texts):
            if not text.strip():
                raise GenirError(f"expected a query with text, query {number} of {len(texts)} is empty: remove it")
        return list(self.tokenizer(list(texts), truncation=True, max_length=self.max_length).input_ids)

    def pad(self, tokens: Sequence[Sequence[int]], protocol: Protocol = Protocol.MASKED, length: int = 0) -> Inputs:
        """Token lists as one batch, padded to the longest of them or to ``length``; as published, pads are attended."""
        width = max(length, *(len(row) for row in tokens))
        ids = np.full((len(tokens), width), self.model.config.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, values in enumerate(tokens):
            ids[row, : len(values)] = values
            mask[row, : len(values)] = 1
        if protocol is Protocol.AS_PUBLISHED:
            mask[:] = 1
        return Inputs(torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device))

    def batches(
        self, texts: Sequence[str], protocol: Protocol = Protocol.MASKED, size: int = 256, length: int = 0
    ) -> Iterator[tuple[NDArray[np.int64], Inputs]]:
        """Batches of at most ``size`` texts of similar length, each with the positions of its texts in ``texts``.

        Unpadded batches hold texts of one length; as published, every batch is padded to ``length`` or to one token more than the
        longest text.
        """
        tokens = self.tokenize(texts)
        if not tokens:
            return
        lengths = np.array([len(row) for row in tokens])
        order = np.argsort(lengths, kind="stable")
        if protocol is Protocol.AS_PUBLISHED:
            length = length or int(lengths.max()) + 1
        cuts = np.flatnonzero(np.diff(lengths[order])) + 1 if protocol is Protocol.UNPADDED else np.array([], np.intp)
        for group in np.split(order, cuts):
            for start in range(0, len(group), size):
                chosen = group[start : start + size]
                yield chosen, self.pad([tokens[i] for i in chosen], protocol, length)

    @torch.inference_mode()
    def final_state(self, inputs: Inputs) -> Tensor:
        """What the unembedding reads where the document id is written, shape (queries, d): normed and scaled as the model does."""
        return decoded(self.model, encode(self.model, inputs), inputs.mask)[:, -1]

    @torch.inference_mode()
    def logits(self, inputs: Inputs) -> Tensor:
        """Logits where the document id is written, shape (queries, vocabulary)."""
        return self.final_state(inputs) @ unembedding_of(self.model).T


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer saved in ``folder``, no code run; GenirError where there is none that can be read."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES) and not _reads_bytes(folder):
        # transformers 5 would make up an empty one
        raise GenirError(
            f"expected {' or '.join(TOKENIZER_FILES[:2])} beside the model in {folder}, found none: save the tokenizer there"
        )
    if not (folder / "tokenizer.json").is_file() and find_spec("sentencepiece") is None:
        slow = next(
            (name for name in TOKENIZER_FILES if name.endswith((".model", ".spm")) and (folder / name).is_file()), None
        )
        if slow is not None:
            raise GenirError(
                f"expected the package sentencepiece to read {slow} in {folder}, it is not installed: "
                "pip install sentencepiece, or save a fast tokenizer there"
            )
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise whatever the broken file led to
        raise GenirError(
            f"expected a tokenizer beside the model in {folder}, got {type(error).__name__}: "
            "save it there with save_pretrained"
        ) from error


def _most_tokens(model: PreTrainedModel) -> int:
    """The longest query that the model has positions for, with room for the one pad of the published protocol; T5's have no end."""
    positions = getattr(getattr(model.config, "encoder", model.config), "max_position_embeddings", None)
    return int(positions) - 1 if positions else 1 << 30


def _reads_bytes(folder: Path) -> bool:
    """Whether the tokenizer is ByT5's, which has no vocabulary to keep in a file."""
    path = folder / "tokenizer_config.json"
    return path.is_file() and b'"ByT5Tokenizer"' in path.read_bytes()


def load_dsi(
    folder: Path,
    name: str | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> DSI:
    """The DSI model saved in a Hugging Face folder whose tokenizer holds ``@DOC_ID_<id>@`` tokens.

    The format is that of the paper's checkpoints; the first docid is the length of the base tokenizer, not of its embedding.
    Raises GenirError for a folder without a tokenizer or document ids, or with more tokens than embedding rows.
    """
    model = load_model(folder, dtype).to(device)
    tokenizer = load_tokenizer(folder)
    found = sorted(
        (row, match[1]) for token, row in tokenizer.get_added_vocab().items() if (match := DOCID_TOKEN.fullmatch(token))
    )
    if not found:
        raise GenirError(
            f"expected docid tokens '@DOC_ID_<id>@' in the tokenizer of {folder}, found none: is it a DSI model?"
        )
    if found[-1][0] >= vocabulary_of(model):
        raise GenirError(
            f"expected an unembedding row for each docid of {folder}, got {vocabulary_of(model)} rows for token "
            f"{found[-1][0]}: tokenizer and weights are of different models"
        )
    docids = tuple(docid for _, docid in found)
    limit = tokenizer.model_max_length
    if not isinstance(limit, int | float) or not limit >= 1:
        raise GenirError(
            f"expected a number of tokens as model_max_length of the tokenizer in {folder}, got {limit!r}: mend it"
        )
    return DSI(
        name=name or folder.name,
        model=model,
        tokenizer=tokenizer,
        docids=docids,
        rows=np.array([row for row, _ in found], dtype=np.int64),
        max_length=min(int(limit) if limit < 512 else TRUNCATION, _most_tokens(model)),
    )
