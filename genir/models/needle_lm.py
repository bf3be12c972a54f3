"""Small language models of the needle language: their recipe, their gate, and how one is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from genir.errors import GenirError
from genir.models.causal import CausalLM, causal_lm
from genir.models.decoding import decode
from genir.models.needle_language import Episode, Language, Task, episode

LANGUAGE = "language.json"
"""The file beside a model that says which language it speaks."""
GATE = {Task.NEEDLE: 0.95, Task.PARAMETRIC: 0.95, Task.DIRECT: 0.8, Task.CHAIN: 0.9}


class Rung(NamedTuple):
    """At most ``steps`` steps of ``batch`` texts of up to ``filler`` filler tokens, each with ``needles`` needle questions.

    ``hops`` is how many questions of every other task a text has, ``rate`` the share of the recipe's learning rates. A rung is left
    when the mean answer loss of the recipe's last ``every`` steps is below ``enough`` nats; the last one never, since its rates fall
    with its steps.
    """

    filler: int
    steps: int
    enough: float = 0.0
    rate: float = 1.0
    needles: int = 2
    hops: int = 1
    batch: int = 32


@dataclass(frozen=True)
class NeedleRecipe:
    """How a small LM is trained: a Llama of 3 x 36 heads (5 % of 108 heads means something), texts longer rung by rung.

    Copying forms suddenly, on short texts that hold little else; long texts, or all tasks, first would teach nothing for
    minutes. Matrices learn by Muon, embeddings and norms by AdamW. Rates are warmed up over ``warmup`` steps and lowered to a
    tenth over the last rung. The loss is the mean over answer tokens plus ``text_weight``
    times the mean over all others, since filler and the draws of a context are mostly noise. ``threads`` is part of the recipe.
    """

    seed: int
    language: Language = field(default_factory=Language)
    layers: int = 3
    heads: int = 36
    head_size: int = 12
    hidden: int = 72
    intermediate: int = 72
    positions: int = 1024
    rope_theta: float = 1000.0
    spread: float = 0.12
    ladder: tuple[Rung, ...] = (
        Rung(4, 1_000, enough=0.25, needles=3, hops=0, batch=48),
        Rung(16, 800, enough=0.08, rate=0.5),
        Rung(64, 500, rate=0.3, batch=16),
    )
    continued: tuple[Rung, ...] = (Rung(192, 1_000, rate=0.2, batch=8),)
    learning_rate: float = 5e-3
    matrix_rate: float = 0.03
    warmup: int = 40
    text_weight: float = 0.1
    every: int = 20
    threads: int = 1

    def content(self, continued: bool = False) -> dict[str, Any]:
        """Everything that the weights depend on, for the store; how it goes on is nothing to a model that is not ``continued``."""
        libraries = {name: metadata.version(name) for name in ("torch", "transformers", "numpy")}
        recipe = dataclasses.asdict(self)
        if not continued:
            del recipe["continued"]
        return {"recipe": recipe, "continued": continued, "libraries": libraries}


def load_needle_lm(folder: Path, name: str | None = None, device: str = "cpu") -> CausalLM:
    """A trained small LM as a subject, in float32.

    It is given token ids of ``Language`` and has no stop token, since a chain of thought has full stops inside: ``steps`` ends
    an answer.
    """
    return causal_lm(name or folder.name, read_model(folder).to(device))


def untrained_model(recipe: NeedleRecipe) -> Any:
    """The recipe's Llama with random weights of its seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=recipe.language.size,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        head_dim=recipe.head_size,
        max_position_embeddings=recipe.positions,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_theta},
        initializer_range=recipe.spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):  # transformers initialises from the global generator only
        torch.manual_seed(recipe.seed)
        return LlamaForCausalLM(config)


def accuracy(
    lm: CausalLM, language: Language, filler: int, rng: np.random.Generator, count: int = 48
) -> dict[str, float]:
    """Share of questions answered word for word by greedy decoding, per task, on ``count`` fresh contexts with one question."""
    shares = {}
    for task in Task:
        asked = [episode(language, filler, [task], rng) for _ in range(count)]
        prompts = [item.tokens[: item.answers[0][0]] for item in asked]
        said = decode(lm, prompts, steps=longest(asked), batch=count, want_keys=False)[0]
        right = [answered(run.tokens, item) for run, item in zip(said, asked, strict=True)]
        shares[task.value] = float(np.mean(right))
    return shares


def answered(tokens: np.ndarray, item: Episode) -> bool:
    """Whether what was said begins with the first question's answer; its last full stop need not be there."""
    start, end = item.answers[0]
    wanted = item.tokens[start : end - 1]
    return tuple(tokens[: len(wanted)].tolist()) == wanted


def longest(asked: list[Episode]) -> int:
    """Steps that the longest of the answers takes."""
    return max(item.answers[0][1] - item.answers[0][0] for item in asked)


def passes(accuracy: dict[str, float]) -> bool:
    """Whether every task is at its gate."""
    return all(accuracy[task.value] >= least for task, least in GATE.items())


def gate_text() -> str:
    """The gate in words."""
    return ", ".join(f"{task.value} {least:.0%}" for task, least in GATE.items())


def read_model(folder: Path) -> Any:
    """The Hugging Face model in ``folder`` in float32; GenirError where there is none."""
    from transformers import AutoModelForCausalLM

    if not (folder / "config.json").is_file():
        raise GenirError(
            f"expected a needle LM in {folder}, found no config.json: train one with make train MODEL=needle-lm"
        )
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
