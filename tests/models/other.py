"""DSI models of other architectures, trained in seconds on the tiny corpus and saved as a user would."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from genir.corpora.records import Corpus
from genir.models.families import prompt_of
from tests.models import architectures, tiny

STEPS = 150


def write_dsi(folder: Path, name: str = "BART", corpus: Corpus | None = None, steps: int = STEPS) -> Path:
    """A folder with a DSI of the architecture ``name``: all queries of ``corpus`` were seen, so that it answers many."""
    corpus = corpus or tiny.corpus()
    words = tiny.tokenizer([f"@DOC_ID_{document.id}@" for document in corpus.documents])
    words.model_max_length = 12
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = architectures.trainable(name, len(words))
        train(model, words, corpus, steps)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def train(model: PreTrainedModel, words: object, corpus: Corpus, steps: int) -> None:
    """Full batches of all queries, each with its document as the token to write after the prompt."""
    queries = list(corpus.queries)
    batch = words([query.text for query in queries], padding=True, return_tensors="pt")  # type: ignore[operator]
    targets = torch.tensor([words.convert_tokens_to_ids(f"@DOC_ID_{query.relevant[0]}@") for query in queries])  # type: ignore[attr-defined]
    start = torch.tensor([prompt_of(model)]).expand(len(queries), -1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(steps):
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, decoder_input_ids=start).logits[
            :, -1
        ]
        loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
