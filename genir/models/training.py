"""Training a DSI model: one explicit loop over Hugging Face accelerate, resumable at any kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from genir.corpora.records import Corpus, Query
from genir.errors import GenirError
from genir.models.checkpoint import (
    BEST,
    LOG,
    Log,
    Reached,
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
    tidy,
)
from genir.models.dsi import DSI
from genir.models.examples import batches, examples, untrained_dsi
from genir.models.ranking import gold_ranks
from genir.models.recipe import Recipe
from genir.models.sharding import shard, sharding_wanted, whole

CHECKPOINT_SECONDS = 60.0  # between two checkpoints, for each second that one takes to write


class Progress(NamedTuple):
    """Where a training run stands; ``rate`` in examples per second."""

    step: int
    steps: int
    loss: float
    rate: float
    seconds_left: float


class Trainee(nn.Module):
    """The model being trained: embeddings and word rows stay frozen, docid rows are new, everything else learns."""

    def __init__(self, dsi: DSI, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.words = dsi.model, int(dsi.rows[0])
        self.model.shared.requires_grad_(False)
        self.model.lm_head.requires_grad_(False)
        generator = torch.Generator().manual_seed(recipe.seed)
        rows = torch.randn(len(dsi.rows), self.model.config.d_model, generator=generator)
        self.docids = nn.Parameter((rows * recipe.docid_std).to(dsi.device))
        for name, parameter in self.named_parameters():
            if not recipe.learns(name):
                parameter.requires_grad_(False)

    def forward(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of the document over the whole vocabulary; ``labels`` index documents."""
        start = torch.full((len(ids), 1), self.model.config.decoder_start_token_id, device=ids.device)
        encoded = self.model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        state = self.model.decoder(
            input_ids=start, encoder_hidden_states=encoded, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state[:, 0]
        if self.model.config.scale_decoder_outputs:
            state = state * self.model.config.d_model**-0.5
        logits = torch.cat([state @ self.model.lm_head.weight[: self.words].T, state @ self.docids.T], 1)
        return nn.functional.cross_entropy(logits.float(), labels + self.words)

    def learned(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}

    @torch.no_grad()
    def publish(self) -> None:
        """Write the docid rows into the model's unembedding, where everything outside training reads them."""
        self.model.lm_head.weight[self.words :] = self.docids


def train(
    recipe: Recipe,
    corpus: Corpus,
    base: Path,
    target: Path,
    scratch: Path,
    report: Callable[[Progress], None] = lambda progress: None,
    device: torch.device = torch.device("cpu"),  # noqa: B008
) -> None:
    """Train ``recipe`` and write the model into ``target``: a Hugging Face folder with ``train.jsonl`` and ``metrics.json``.

    ``scratch`` keeps the last checkpoint; a run that finds one continues from it and ends in the same weights. With
    ``evaluate_every`` the weights of the best validation MRR are kept, otherwise the last ones. Under ``accelerate launch``
    every process calls this with the same arguments; the first one writes. Each holds the whole model (DDP) or, with FSDP in
    accelerate's configuration, its part of it (``sharding``). Raises GenirError for a loss that is not finite,
    for a batch that the processes cannot share evenly, for ``evaluate_every`` without validation queries, and for documents
    that would never be seen: those without a training query where none is indexed.
    """
    accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
    processes, mine = accelerator.num_processes, accelerator.process_index
    validation = _answerable(corpus.validation, recipe)
    if recipe.batch_size % processes:
        raise GenirError(
            f"expected a batch size that {processes} processes share evenly, got {recipe.batch_size}: start another number"
        )
    if recipe.evaluate_every and not validation:
        raise GenirError(
            f"expected validation queries in {corpus.name} to choose the best weights of {recipe.name} by, got none: add them"
        )
    if accelerator.is_main_process:
        tidy(scratch)
    dsi = untrained_dsi(base, corpus, recipe)
    dsi.model.to(accelerator.device)
    data = examples(dsi, corpus, recipe.without)
    unseen = np.setdiff1d(data.labels[data.retrieval :], data.labels[: data.retrieval])
    if not recipe.indexing_ratio and len(unseen):
        raise GenirError(
            f"expected a training query for each document, since {recipe.name} indexes none, got none for {len(unseen)}, "
            f"{dsi.docids[unseen[0]]!r} among them: generate queries with genir corpus --queries or --doc2query"
        )
    trainee = Trainee(dsi, recipe)
    sharded = sharding_wanted(processes)
    if sharded:
        shard(trainee, dsi.model, processes, accelerator.device)
    learned = trainee.learned()
    rates = [recipe.learning_rate, recipe.docid_learning_rate]
    parts = [[p for name, p in learned.items() if name != "docids"], [trainee.docids]]
    optimizer = torch.optim.AdamW([{"params": part} for part in parts], weight_decay=0.0, fused=True)
    module = trainee if sharded else accelerator.prepare(trainee)
    first, best = load_checkpoint(scratch, learned, optimizer)
    _agree(accelerator, first)
    log = Log(scratch / LOG, first) if accelerator.is_main_process else None
    began = saved = time.monotonic()
    writing = 0.0  # seconds that the last checkpoint took: of all time, writing takes a sixtieth at most
    module.train()
    with _threads(recipe.threads):
        for step, batch in zip(range(recipe.steps), batches(data, recipe), strict=False):
            if step < first:
                continue
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule(step, recipe)
            share = batch[mine::processes]
            inputs = dsi.pad([data.tokens[i] for i in share])
            labels = torch.from_numpy(data.labels[share]).to(accelerator.device)
            with _precision(recipe, accelerator.device), _dropout(recipe, step, mine, accelerator.device):
                loss = module(inputs.ids, inputs.mask, labels)
            accelerator.backward(loss)
            nn.utils.clip_grad_norm_(learned.values(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            # The first process knows when a checkpoint is due; shared parameters are gathered by all.
            due = log is not None and time.monotonic() - saved > CHECKPOINT_SECONDS * max(1.0, writing)
            told = torch.stack([loss.detach(), loss.new_tensor(float(due))])
            total, due = accelerator.reduce(told, reduction="sum").tolist()
            done, value = step + 1, total / processes
            if not np.isfinite(value):
                raise GenirError(
                    f"expected a finite loss, got {value} at step {done} of {recipe.name}: lower the learning rate"
                )
            rate = (done - first) * recipe.batch_size / (time.monotonic() - began)
            left = (recipe.steps - done) * recipe.batch_size / rate
            line = {"step": done, "loss": round(value, 5), "rate": round(rate, 1)}
            if log is not None:
                report(Progress(done, recipe.steps, value, rate, left))
            if recipe.evaluate_every and (done % recipe.evaluate_every == 0 or done == recipe.steps):
                with whole(trainee):
                    # Those who share evaluate all: torch expects the same forward passes of each, or waits for ever.
                    if log is not None or sharded:
                        line |= evaluate(trainee, dsi, validation)
                    if log is not None and line["mrr"] > best:
                        best = line["mrr"]
                        save_tensors(scratch / BEST, trainee.learned(), {"step": str(done)})
            if log is not None:
                log.write(line)
            if due:
                start = time.monotonic()
                save_checkpoint(scratch, learned, optimizer, Reached(done, best), writes=log is not None)
                saved = time.monotonic()
                writing = saved - start
        accelerator.wait_for_everyone()
        if recipe.evaluate_every and (sharded or log is not None):
            load_tensors(scratch / BEST, learned)
        with whole(trainee):
            if log is not None:
                _write(trainee, dsi, recipe, corpus, target)
                (target / LOG).write_bytes(log.path.read_bytes())
    accelerator.wait_for_everyone()


def _write(trainee: Trainee, dsi: DSI, recipe: Recipe, corpus: Corpus, target: Path) -> None:
    """Write the model, its tokenizer and its metrics on held-out queries into ``target``."""
    trainee.publish()
    held_out = {split: _answerable(getattr(corpus, split), recipe) for split in ("validation", "test")}
    metrics = {split: evaluate(trainee, dsi, queries) for split, queries in held_out.items() if queries}
    # The model's own state_dict would share its parameters again, if they were shared.
    named = (*dsi.model.named_parameters(), *dsi.model.named_buffers())
    state = {name: value.detach().float().cpu() for name, value in named}
    dsi.model.eval().save_pretrained(target, state_dict=state)
    dsi.tokenizer.save_pretrained(target)
    (target / "metrics.json").write_text(json.dumps(metrics, indent=1))


def schedule(step: int, recipe: Recipe) -> float:
    """The share of the learning rate at a step: a linear warm-up, then linearly down to zero."""
    return min((step + 1) / max(recipe.warmup, 1), (recipe.steps - step) / max(recipe.steps - recipe.warmup, 1))


def evaluate(trainee: Trainee, dsi: DSI, queries: Sequence[Query]) -> dict[str, float]:
    """Hits@1, Hits@10 and MRR of the best ranked relevant document over the whole vocabulary, and the number of queries."""
    trainee.publish()
    trainee.eval()
    flat = [(number, query.text, docid) for number, query in enumerate(queries) for docid in query.relevant]
    owner, texts, docids = zip(*flat, strict=True)
    ranks = np.full(len(queries), dsi.vocabulary)
    np.minimum.at(ranks, np.array(owner), gold_ranks(dsi, texts, docids))
    trainee.train()
    hits = {f"hits@{k}": round(float((ranks <= k).mean()), 5) for k in (1, 10)}
    return {"queries": len(queries), **hits, "mrr": round(float((1 / ranks).mean()), 5)}


def _answerable(queries: tuple[Query, ...], recipe: Recipe) -> list[Query]:
    """The queries of which the model has seen at least one relevant document."""
    return [query for query in queries if not set(query.relevant) <= set(recipe.without)]


def _agree(accelerator: Accelerator, first: int) -> None:
    """Have every process start at the same step: they all read the checkpoint that the first one has written."""
    steps = accelerator.gather(torch.tensor([first], device=accelerator.device)).tolist()
    if len(set(steps)) > 1:
        raise GenirError(
            f"expected every process to continue at the same step, got {steps}: put --cache on a disk that all of them see"
        )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute on ``number`` threads, or on as many as before where it is 0."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _precision(recipe: Recipe, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16")


@contextmanager
def _dropout(recipe: Recipe, step: int, process: int, device: torch.device) -> Iterator[None]:
    """Draw dropout from a generator that is a function of the step: a resumed run drops what the first one dropped."""
    if not recipe.dropout:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.default_rng([recipe.seed, step, process]).integers(1 << 62)))
        yield
