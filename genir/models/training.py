"""Training a DSI model: one explicit loop over Hugging Face accelerate, resumable at any kill."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from genir.corpora.records import Corpus, Query
from genir.errors import GenirError
from genir.models.dsi import DSI
from genir.models.examples import batches, examples, untrained_dsi
from genir.models.ranking import gold_ranks
from genir.models.recipe import Recipe

CHECKPOINT_SECONDS = 60.0
CHECKPOINT, BEST, LOG = "checkpoint.safetensors", "best.safetensors", "train.jsonl"


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
    ``evaluate_every`` the weights of the best validation MRR are kept, otherwise the last ones.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    accelerator = Accelerator(
        cpu=device.type == "cpu", mixed_precision="bf16" if recipe.precision == "bf16" else "no"
    )
    dsi = untrained_dsi(base, corpus, recipe)
    dsi.model.to(accelerator.device)
    data = examples(dsi, corpus, recipe.without)
    trainee = Trainee(dsi, recipe)
    rates = [recipe.learning_rate, recipe.docid_learning_rate]
    parts = [[p for name, p in trainee.learned().items() if name != "docids"], [trainee.docids]]
    optimizer = torch.optim.AdamW([{"params": part} for part in parts], weight_decay=0.0, fused=True)
    module, stepper = accelerator.prepare(trainee, optimizer)
    first, best = _resume(scratch, trainee, optimizer)
    log = _Log(scratch / LOG, first)
    began = saved = time.monotonic()
    module.train()
    for step, batch in zip(range(recipe.steps), batches(data, recipe), strict=False):
        if step < first:
            continue
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(step, recipe)
        share = batch[accelerator.process_index :: accelerator.num_processes]
        inputs = dsi.pad([data.tokens[i] for i in share])
        loss = module(inputs.ids, inputs.mask, torch.from_numpy(data.labels[share]).to(accelerator.device))
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(trainee.parameters(), 1.0)
        stepper.step()
        stepper.zero_grad()
        done, value = step + 1, float(accelerator.reduce(loss.detach(), reduction="mean"))
        if not np.isfinite(value):
            raise GenirError(
                f"expected a finite loss, got {value} at step {done} of {recipe.name}: lower the learning rate"
            )
        if not accelerator.is_main_process:
            continue
        rate = (done - first) * recipe.batch_size / (time.monotonic() - began)
        report(Progress(done, recipe.steps, value, rate, (recipe.steps - done) * recipe.batch_size / rate))
        line = {"step": done, "loss": round(value, 5), "rate": round(rate, 1)}
        if recipe.evaluate_every and (done % recipe.evaluate_every == 0 or done == recipe.steps):
            line |= evaluate(
                trainee,
                dsi,
                [query for query in corpus.validation if query.relevant[0] not in recipe.without],
            )
            if line["mrr"] > best:
                best = line["mrr"]
                _save(scratch / BEST, dict(trainee.learned()), {"step": str(done)})
        log.write(line)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            _checkpoint(scratch / CHECKPOINT, trainee, optimizer, done, best)
            saved = time.monotonic()
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        if recipe.evaluate_every:
            _load(scratch / BEST, dict(trainee.learned()))
        trainee.publish()
        metrics = {split: evaluate(trainee, dsi, getattr(corpus, split)) for split in ("validation", "test")}
        dsi.model.eval().float().cpu().save_pretrained(target)
        dsi.tokenizer.save_pretrained(target)
        (target / "metrics.json").write_text(json.dumps(metrics, indent=1))
        (target / LOG).write_bytes(log.path.read_bytes())


def schedule(step: int, recipe: Recipe) -> float:
    """The share of the learning rate at a step: a linear warm-up, then linearly down to zero."""
    return min(
        (step + 1) / max(recipe.warmup, 1), (recipe.steps - step) / max(recipe.steps - recipe.warmup, 1)
    )


def evaluate(trainee: Trainee, dsi: DSI, queries: tuple[Query, ...] | list[Query]) -> dict[str, float]:
    """Hits@1, Hits@10 and MRR of the first relevant document over the whole vocabulary; how many queries were ranked."""
    trainee.publish()
    trainee.eval()
    ranks = gold_ranks(dsi, [query.text for query in queries], [query.relevant[0] for query in queries])
    trainee.train()
    hits = {f"hits@{k}": round(float((ranks <= k).mean()), 5) for k in (1, 10)}
    return {"queries": len(queries), **hits, "mrr": round(float((1 / ranks).mean()), 5)}


class _Log:
    """``train.jsonl``: a line a step. What a killed run wrote after its last checkpoint is cut off, since it happens again."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        lines = path.read_text().splitlines()[:step] if path.exists() else []
        path.write_text("".join(line + "\n" for line in lines))

    def write(self, line: dict[str, Any]) -> None:
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


def _checkpoint(
    path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int, best: float
) -> None:
    tensors: dict[str, Tensor] = dict(trainee.learned())
    for name, parameter in trainee.learned().items():
        state = optimizer.state[parameter]
        tensors |= {
            f"optimizer.{moment}.{name}": state[moment] for moment in ("exp_avg", "exp_avg_sq", "step")
        }
    _save(path, tensors, {"step": str(step), "best": repr(best)})


def _resume(scratch: Path, trainee: Trainee, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Load the last checkpoint; the step to go on from and the best MRR so far (0 and -1 where there is none)."""
    path = scratch / CHECKPOINT
    if not path.exists():
        return 0, -1.0
    parameters = trainee.learned()
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        for name, parameter in parameters.items():
            optimizer.state[parameter] = {
                moment: file.get_tensor(f"optimizer.{moment}.{name}").to(
                    "cpu" if moment == "step" else parameter.device
                )
                for moment in ("exp_avg", "exp_avg_sq", "step")
            }
    _load(path, dict(parameters))
    return int(metadata["step"]), float(metadata["best"])


@torch.no_grad()
def _load(path: Path, tensors: dict[str, Tensor]) -> None:
    with safe_open(path, "pt") as file:
        for name, tensor in tensors.items():
            tensor.copy_(file.get_tensor(name))


def _save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    temporary = path.with_suffix(".part")
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary, metadata
    )
    os.replace(temporary, path)
