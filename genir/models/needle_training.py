"""Training small language models on the needle language: three seeds, and each continued on longer texts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from genir.errors import GenirError
from genir.models.catalogue import needle_name
from genir.models.causal import causal_lm
from genir.models.checkpoint import CHECKPOINT, LOG, Log, save_tensors, tidy
from genir.models.needle_language import Batch, training_batch
from genir.models.needle_lm import (
    LANGUAGE,
    NeedleRecipe,
    Rung,
    accuracy,
    gate_text,
    passes,
    read_model,
    untrained_model,
)
from genir.models.store import obtain, telling

CHECKPOINT_SECONDS = 60.0


class Progress(NamedTuple):
    """Where training stands: step of at most ``steps`` of one rung of the ladder, whose texts have ``filler`` filler tokens.

    ``loss`` is that of the answers, ``text_loss`` that of everything else, in nats per token. ``seconds_left`` is what the rest of
    the ladder would take in full; a rung that is left early shortens it.
    """

    rung: int
    filler: int
    step: int
    steps: int
    loss: float
    text_loss: float
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
    name = needle_name(recipe.seed, continued)

    def build(target: Path, scratch: Path) -> None:
        tell = telling(scratch)

        def report(progress: Progress) -> None:
            watch(progress)
            tell({"what": f"training {name}, texts of {progress.filler}", **progress._asdict()})

        train_needle_lm(recipe, target, scratch, start, report, device)

    return obtain(cache / "models", name, recipe.content(continued), build)


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
        ladder = recipe.ladder if start is None else recipe.continued
        _climb(model, recipe, ladder, scratch, report)
        shipped = model.eval().half().float().cpu()  # what is shipped is what is judged
        lm = causal_lm(needle_name(recipe.seed), shipped)
        measured = accuracy(lm, recipe.language, ladder[-1].filler, np.random.default_rng([recipe.seed, 9]))
    finally:
        torch.set_num_threads(threads)
    if not passes(measured):
        raise GenirError(
            f"expected a needle LM of seed {recipe.seed} that passes the gate {gate_text()}, got {measured}: "
            "give it more steps or another seed"
        )
    model.half().save_pretrained(target)
    (target / LOG).write_bytes((scratch / LOG).read_bytes())
    (target / LANGUAGE).write_text(json.dumps(asdict(recipe.language), indent=1))
    (target / "metrics.json").write_text(json.dumps(measured, indent=1))


def losses(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean next-token loss over answer tokens, and over all other text, in nats per token."""
    tokens = torch.from_numpy(batch.tokens).to(model.device)
    kinds = torch.from_numpy(batch.kinds[:, 1:]).to(model.device)
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2).float(), tokens[:, 1:], reduction="none")
    return each[kinds == 2].mean(), each[kinds == 1].mean()


def _climb(
    model: Any,
    recipe: NeedleRecipe,
    ladder: Sequence[Rung],
    scratch: Path,
    report: Callable[[Progress], None],
) -> None:
    """Train rung by rung."""
    learned = dict(model.named_parameters())
    optimizers = _optimizers(learned, recipe)
    done = first = _load(scratch, learned, optimizers)
    log = Log(scratch / LOG, first)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    rung, step, recent = _resume(lines, ladder, recipe)
    began = saved = time.monotonic()
    while rung < len(ladder):
        now = ladder[rung]
        filler, steps = now.filler, now.steps
        rng = np.random.default_rng([recipe.seed, 1 + (ladder is recipe.continued), done])
        texts = training_batch(recipe.language, filler, now.needles, now.batch, rng, hops=now.hops)
        done, step = done + 1, step + 1
        falling = 1 - 0.9 * step / steps if rung == len(ladder) - 1 else 1.0
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * now.rate * min(1.0, done / recipe.warmup) * falling
        answers, text = losses(model, texts)
        loss: Any = answers + recipe.text_weight * text
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        value, other = round(float(answers.detach()), 5), round(float(text.detach()), 5)
        ahead = steps - step + sum(later.steps for later in ladder[rung + 1 :])
        left = ahead * (time.monotonic() - began) / (done - first)
        report(Progress(rung, filler, step, steps, value, other, left))
        log.write({"rung": rung, "filler": filler, "step": step, "loss": value, "text_loss": other})
        recent = [*recent, value][-recipe.every :]
        if _over(step, recent, ladder[rung], recipe):
            rung, step, recent = rung + 1, 0, []
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            state = {f"{name}.{key}": value for name, key, value in _state(learned, optimizers)}
            save_tensors(scratch / CHECKPOINT, {**learned, **state}, {"step": str(done)})
            saved = time.monotonic()


def _optimizers(learned: Mapping[str, nn.Parameter], recipe: NeedleRecipe) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices of the layers, AdamW for everything else."""
    matrices = {name: p for name, p in learned.items() if p.dim() == 2 and ".layers." in name}
    others = [p for name, p in learned.items() if name not in matrices]
    muon, adam = recipe.matrix_rate, recipe.learning_rate
    return (
        torch.optim.Muon([{"params": list(matrices.values()), "initial_lr": muon}], lr=muon, weight_decay=0.01),
        torch.optim.AdamW([{"params": others, "initial_lr": adam}], lr=adam, betas=(0.9, 0.98), weight_decay=0.0),
    )


def _state(
    learned: Mapping[str, nn.Parameter], optimizers: Sequence[torch.optim.Optimizer]
) -> Iterator[tuple[str, str, Tensor]]:
    for name, parameter in learned.items():
        for optimizer in optimizers:
            yield from ((name, key, value) for key, value in optimizer.state.get(parameter, {}).items())


@torch.no_grad()
def _load(scratch: Path, learned: Mapping[str, nn.Parameter], optimizers: Sequence[torch.optim.Optimizer]) -> int:
    """Continue from the checkpoint in ``scratch``, if there is one that can be read; the steps that it has behind it."""
    try:
        with safe_open(scratch / CHECKPOINT, "pt") as file:
            done = int(file.metadata()["step"])
            held = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - a file is no mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return 0
    if not held.keys() >= learned.keys():
        return 0
    for name, parameter in learned.items():
        parameter.copy_(held[name])
        state = {key.removeprefix(f"{name}."): value for key, value in held.items() if key.startswith(f"{name}.")}
        owner = next(o for o in optimizers if any(parameter is p for g in o.param_groups for p in g["params"]))
        owner.state[parameter] = state
    return done


def _resume(
    lines: Sequence[Mapping[str, Any]], ladder: Sequence[Rung], recipe: NeedleRecipe
) -> tuple[int, int, list[float]]:
    """Rung, steps done on it and its last losses, read off what is left of the log."""
    if not lines:
        return 0, 0, []
    rung, step = lines[-1]["rung"], lines[-1]["step"]
    recent = [line["loss"] for line in lines[-min(step, recipe.every) :]]
    return (rung + 1, 0, []) if _over(step, recent, ladder[rung], recipe) else (rung, step, recent)


def _over(step: int, recent: Sequence[float], rung: Rung, recipe: NeedleRecipe) -> bool:
    """Whether a rung is left after ``step`` steps."""
    return step == rung.steps or (len(recent) == recipe.every and float(np.mean(recent)) < rung.enough)
