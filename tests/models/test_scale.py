"""The arithmetic of docs/training-at-scale.md, counted on a T5-large without numbers in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5ForConditionalGeneration

from genir.models.catalogue import CATALOGUE
from genir.models.t5 import build_t5

DOCS = Path(__file__).parents[2] / "docs"
LARGE = {
    "vocab_size": 32_128, "d_model": 1_024, "d_kv": 64, "d_ff": 4_096, "num_layers": 24, "num_decoder_layers": 24,
    "num_heads": 16,
}  # fmt: skip
DOCUMENTS, WORDS, WIDTH, TOKENS = 110_000, 32_100, 1_024, 32


@pytest.fixture(scope="module")
def large() -> T5ForConditionalGeneration:
    with torch.device("meta"):
        return build_t5(LARGE)


def says(figure: str) -> bool:
    """Whether the page has this figure, and not as a part of a longer one."""
    page = (DOCS / "training-at-scale.md").read_text()
    return re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", page) is not None


def test_parameters_and_memory_are_those_of_the_page(large: T5ForConditionalGeneration) -> None:
    blocks = sum(parameter.numel() for parameter in large.parameters()) - large.shared.weight.numel()
    rows = (WORDS + DOCUMENTS) * WIDTH
    published, learned = blocks + rows, blocks + DOCUMENTS * WIDTH
    for figure in (blocks, rows, published, learned):
        assert says(f"{figure / 1e6:.1f} M"), figure
    assert says(f"{16 * published / 1e9:.1f} GB")
    assert says(f"{16 * learned / 1e9:.1f} GB")
    assert says(f"{2 * 4 * rows / 1e9:.1f} GB")
    assert says(f"{(16 * learned + 8 * rows) / 1e9:.1f} GB")
    assert says(f"{12 * learned / 1e9:.1f} GB")  # the checkpoint: weights and two moments


def test_operations_of_an_example_are_those_of_the_page(large: T5ForConditionalGeneration) -> None:
    """Forward and backward through encoder and decoder as torch counts them, and the unembedding's three products."""
    ids = torch.zeros(1, TOKENS, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        encoded = large.encoder(inputs_embeds=torch.zeros(1, TOKENS, WIDTH, device="meta", requires_grad=True))
        state = large.decoder(
            input_ids=ids[:, :1], encoder_hidden_states=encoded.last_hidden_state, use_cache=False
        ).last_hidden_state
        state.sum().backward()
    head = 2 * WIDTH * (2 * (WORDS + DOCUMENTS) + DOCUMENTS)  # word rows are frozen: no gradient of theirs
    each = counter.get_total_flops() + head
    assert says(f"{each / 1e9:.0f} GFLOP")
    recipe = CATALOGUE["nq320k"].recipe
    examples = recipe.steps * recipe.batch_size
    assert says(f"{examples / 1e6:.1f} M examples")
    assert says(f"{examples * each / 1e18:.1f} EFLOP")


def test_accelerate_reads_the_configuration_as_sharding() -> None:
    arguments = ["--config_file", str(DOCS / "accelerate-fsdp.yaml"), "-m", "genir", "train", "nq320k"]
    launch, _, _ = _validate_launch_command(launch_command_parser().parse_args(arguments))
    environment = prepare_multi_gpu_env(launch)
    assert (environment["ACCELERATE_USE_FSDP"], environment["FSDP_VERSION"]) == ("true", "2")
    assert launch.num_processes == 8
