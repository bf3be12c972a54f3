"""Queries generated for documents by a sequence-to-sequence model of the doc2query kind (Nogueira & Lin, 2019).

Any such model of Hugging Face serves, by hub id (``doc2query/all-t5-base-v1``, ``castorini/doc2query-t5-base-msmarco``) or
folder: it reads a document and writes a query. Queries are sampled from the ten likeliest tokens, as doc2query-T5 does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from genir.corpora.records import Document
from genir.errors import GenirError

LIKELIEST = 10
QUERY_TOKENS = 64
DOCUMENT_TOKENS = 384
BATCH = 16  # documents at a time


class Progress(NamedTuple):
    """Documents done, and documents in all."""

    done: int
    documents: int


@torch.inference_mode()
def generate_queries(
    folder: Path,
    documents: Sequence[Document],
    each: int,
    rng: np.random.Generator,
    device: torch.device = torch.device("cpu"),  # noqa: B008
    watch: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, tuple[str, ...]]:
    """Document id -> ``each`` sampled queries; ``rng`` seeds the sampling, batch by batch, and no global state moves.

    Raises GenirError where ``folder`` holds no sequence-to-sequence model with a tokenizer that can be read without
    running its code or unpickling its weights.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise GenirError(f"expected a doc2query model (sequence to sequence) in {folder}, got: {reason}") from None
    model = model.eval().to(device)
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(documents), BATCH):
        chosen = documents[start : start + BATCH]
        inputs = tokenizer(
            [document.indexed for document in chosen],
            truncation=True,
            max_length=DOCUMENT_TOKENS,
            padding=True,
            return_tensors="pt",
        ).to(device)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(int(rng.integers(1 << 62)))
            written = model.generate(
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                do_sample=True,
                top_k=LIKELIEST,
                max_new_tokens=QUERY_TOKENS,
                num_return_sequences=each,
            )
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        for number, document in enumerate(chosen):
            found[document.id] = tuple(texts[number * each : (number + 1) * each])
        watch(Progress(len(found), len(documents)))
    return found
