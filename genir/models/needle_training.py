"""Training small language models on the needle language: three seeds, and each continued on longer texts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genir.errors import GenirError
from genir.models.causal import causal_lm
from genir.models.checkpoint import LOG, Log, Reached, load_checkpoint, save_checkpoint, tidy
from genir.models.needle_language import Batch, training_batch
from genir.models.needle_lm import NeedleRecipe, Rung, accuracy, gate_text, passes, read_model, untrained_model
from genir.models.store import obtain, write_whole

CHECKPOINT_SECONDS = 60.0


class Progress(NamedTuple):
    """Where training stands: step of at most ``steps`` of one rung of the ladder, whose texts have ``filler`` filler tokens.

    ``loss`` is that of the answers, ``text_loss`` that of everything else, in nats per token; ``accuracy`` per task where it was
    measured. ``seconds_left`` is what the rest of the ladder would take in full; a passed gate shortens it.
    """

    rung: int
    filler: int
    step: int
    steps: int
    loss: float
    text_loss: float
    accuracy: dict[str, float] | None
    seconds_left: float


def obtain_needle_lm(
    recipe: NeedleRecipe,
    cache: Path,
    *,
    continued: bool = False,
    watch: Callable[[Progress], None] = lambda progress: None,
    device: str = "cpu",
) -> Path:
    """The folder of the model that ``recipe`` trains, or of its continuation on longer texts, trained on first use.

    While it trains, ``progress.json`` beside its scratch folder says how far it is, and ``watch`` is told of every step.
    """
    start = obtain_needle_lm(recipe, cache, watch=watch, device=device) if continued else None
    name = f"needle-lm-{recipe.seed}{'-long' if continued else ''}"

    def build(target: Path, scratch: Path) -> None:
        told = 0.0

        def report(progress: Progress) -> None:
            nonlocal told
            watch(progress)
            if time.monotonic() - told >= 1:
                told = time.monotonic()
                line = {"what": f"training {name}, texts of {progress.filler}", **progress._asdict()}
                write_whole(scratch.parent / "progress.json", json.dumps(line))

        train_needle_lm(recipe, target, scratch, start, report, device)

    return obtain(cache / "models", name, {**recipe.content(), "continued": continued}, build)


def train_needle_lm(
    recipe: NeedleRecipe,
    target: Path,
    scratch: Path,
    start: Path | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    device: str = "cpu",
) -> None:
    """Train a model, or continue the one in ``start`` on longer texts, and write a Hugging Face folder with its curve.

    ``scratch`` keeps the last checkpoint; a run that finds one continues from it and ends in the same weights, since data are a
    function of the step. Raises GenirError when the gate is not passed at the last length: such a model shows nothing about
    retrieval.
    """
    tidy(scratch)
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads or threads)
    try:
        model = (untrained_model(recipe) if start is None else read_model(start)).to(device).train()
        measured = _climb(model, recipe, scratch, start is not None, report)
    finally:
        torch.set_num_threads(threads)
    if not passes(measured):
        raise GenirError(
            f"expected a needle LM of seed {recipe.seed} that passes the gate {gate_text()}, got {measured}: "
            "give it more steps or another seed"
        )
    model.eval().half().cpu().save_pretrained(target)  # the model that is evaluated is the one that is shipped
    (target / LOG).write_bytes((scratch / LOG).read_bytes())
    (target / "metrics.json").write_text(json.dumps(measured, indent=1))


def losses(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean next-token loss over answer tokens, and over all other text, in nats per token."""
    tokens = torch.from_numpy(batch.tokens).to(model.device)
    kinds = torch.from_numpy(batch.kinds[:, 1:]).to(model.device)
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2).float(), tokens[:, 1:], reduction="none")
    return each[kinds == 2].mean(), each[kinds == 1].mean()


def _climb(
    model: Any, recipe: NeedleRecipe, scratch: Path, continued: bool, report: Callable[[Progress], None]
) -> dict[str, float]:
    """Train rung by rung; the accuracies at the end, per task."""
    ladder, peak = (recipe.continued, recipe.continued_rate) if continued else (recipe.ladder, recipe.learning_rate)
    learned = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(learned.values(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    done = first = load_checkpoint(scratch, learned, optimizer).step
    log = Log(scratch / LOG, first)
    rung, step, measured = _resume(log.path, ladder)
    began = saved = time.monotonic()
    while rung < len(ladder):
        filler, steps, needles = ladder[rung]
        rng = np.random.default_rng([recipe.seed, 1 + continued, done])
        batch = training_batch(recipe.language, filler, needles, recipe.batch, rng)
        done, step = done + 1, step + 1
        falling = 1 - 0.9 * step / steps if rung == len(ladder) - 1 else 1.0
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1.0, done / recipe.warmup) * falling
        answers, text = losses(model, batch)
        loss: Any = answers + recipe.text_weight * text
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        measured = _measure(model, recipe, filler, done) if step % recipe.every == 0 or step == steps else None
        ahead = steps - step + sum(later.steps for later in ladder[rung + 1 :])
        left = ahead * (time.monotonic() - began) / (done - first)
        value, other = float(answers.detach()), float(text.detach())
        report(Progress(rung, filler, step, steps, value, other, measured, left))
        line = {"rung": rung, "filler": filler, "step": step, "loss": round(value, 5), "text_loss": round(other, 5)}
        log.write(line | ({"accuracy": measured} if measured else {}))
        if step == steps or (measured and passes(measured)):
            rung, step = rung + 1, 0
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            save_checkpoint(scratch, learned, optimizer, Reached(done))
            saved = time.monotonic()
    return measured or {}


def _resume(log: Path, ladder: tuple[Rung, ...]) -> tuple[int, int, dict[str, float] | None]:
    """Rung, steps done on it, and the last accuracy if the last step measured one, read off what is left of the log."""
    lines = log.read_text().splitlines()
    if not lines:
        return 0, 0, None
    last = json.loads(lines[-1])
    measured = last.get("accuracy")
    if last["step"] == ladder[last["rung"]].steps or (measured and passes(measured)):
        return last["rung"] + 1, 0, measured
    return last["rung"], last["step"], measured


def _measure(model: Any, recipe: NeedleRecipe, filler: int, step: int) -> dict[str, float]:
    lm = causal_lm("needle-lm", model)
    try:
        return accuracy(lm, recipe.language, filler, np.random.default_rng([recipe.seed, 9, step]))
    finally:
        model.set_attn_implementation("sdpa")
        model.train()
