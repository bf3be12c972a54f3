"""What a DSI model is trained on: documents and queries as token lists, in batches that a resumed run repeats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models.dsi import DSI, docid_token, load_tokenizer
from genir.models.recipe import Recipe
from genir.models.t5 import build_t5, load_t5

POOL = 32  # batches whose examples are sorted by length together: short queries are not padded to long documents


class Examples(NamedTuple):
    """Tokens of each text and the index of its document; ``retrieval`` queries come first, then the documents."""

    tokens: list[list[int]]
    labels: NDArray[np.int64]
    retrieval: int


def untrained_dsi(base: Path, corpus: Corpus, recipe: Recipe) -> DSI:
    """The pre-trained T5 with a token and a zero unembedding row for each document of ``corpus``.

    Docids follow the words of the tokenizer, as in the published checkpoints, and overwrite T5's unused rows. The larger model is
    built anew from its parts, because resizing an untied T5 leaves one of its embeddings at the old size. A tied head (T5 1.0) is
    untied: its words keep the embedding's rows, docids have rows of their own, and what the head reads stays scaled as before.
    Raises GenirError for a base whose tokenizer holds docids already.
    """
    old = load_t5(base)
    tokenizer = load_tokenizer(base)
    words, docids = len(tokenizer), tuple(document.id for document in corpus.documents)
    if tokenizer.add_tokens([docid_token(docid) for docid in docids]) < len(docids):
        raise GenirError(
            f"expected a base without docids of {corpus.name}, {base} has some already: start from the pre-trained model"
        )
    tokenizer.model_max_length = recipe.max_length
    settings = old.config.to_dict() | {
        "vocab_size": words + len(docids),
        "dropout_rate": recipe.dropout,
        "tie_word_embeddings": False,
    }
    state = old.state_dict()
    shared = _grown(state["shared.weight"], words, len(docids))
    state |= {name: shared for name in state if "shared" in name or "embed_tokens" in name}
    state["lm_head.weight"] = _grown(state["lm_head.weight"], words, len(docids))
    with torch.device("meta"):
        model = build_t5(settings)
    model.load_state_dict(state, assign=True)
    model.set_input_embeddings(model.shared)
    rows = np.arange(words, words + len(docids), dtype=np.int64)
    return DSI(recipe.name, model, tokenizer, docids, rows, recipe.max_length)


def _grown(matrix: Tensor, words: int, docids: int) -> Tensor:
    """The rows of the words, and a zero row for each document."""
    return torch.cat([matrix[:words], matrix.new_zeros(docids, matrix.shape[1])])


def examples(dsi: DSI, corpus: Corpus, without: tuple[str, ...] = ()) -> Examples:
    """Training queries and documents; a document named in ``without`` is left out together with its queries.

    Raises GenirError where ``without`` names no document of the corpus, and where it names all of them.
    """
    index, removed = {docid: number for number, docid in enumerate(dsi.docids)}, set(without)
    if strangers := removed - index.keys():
        raise GenirError(f"expected documents of {corpus.name} to leave out, got {min(strangers)!r}: check the recipe")
    if removed >= index.keys():
        raise GenirError(f"expected a document of {corpus.name} to train on, all are left out: keep some")
    pairs = [(query.text, docid) for query in corpus.train for docid in query.relevant if docid not in removed]
    documents = [(document.indexed, document.id) for document in corpus.documents if document.id not in removed]
    texts, docids = zip(*pairs, *documents, strict=True)
    return Examples(dsi.tokenize(texts), np.array([index[docid] for docid in docids]), len(pairs))


def batches(data: Examples, recipe: Recipe) -> Iterator[NDArray[np.int64]]:
    """Endless batches of positions in ``data``, a function of the recipe alone: a resumed run skips what it has seen.

    An epoch holds every query once and ``indexing_ratio`` documents for each query; the examples that do not fill its last batch
    are dropped. Raises GenirError where an epoch does not fill one batch.
    """
    lengths = np.array([len(tokens) for tokens in data.tokens])
    documents = np.arange(data.retrieval, len(data.tokens))
    wanted = round(recipe.indexing_ratio * data.retrieval)
    if data.retrieval + wanted < recipe.batch_size:
        raise GenirError(
            f"expected at least one batch of {recipe.batch_size} examples, got {data.retrieval} queries and {wanted} documents: "
            "lower batch_size or add training queries"
        )
    queue, epoch = documents[:0], 0
    while True:
        rng = np.random.default_rng([recipe.seed, epoch])
        while len(queue) < wanted:
            queue = np.concatenate([queue, rng.permutation(documents)])
        order = rng.permutation(np.concatenate([np.arange(data.retrieval), queue[:wanted]]))
        queue, epoch = queue[wanted:], epoch + 1
        pools = [
            order[start : start + POOL * recipe.batch_size] for start in range(0, len(order), POOL * recipe.batch_size)
        ]
        for pool in pools:
            ordered = pool[np.argsort(lengths[pool], kind="stable")]
            full = ordered[: len(pool) // recipe.batch_size * recipe.batch_size].reshape(-1, recipe.batch_size)
            yield from rng.permutation(full)
