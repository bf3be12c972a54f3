"""A random model of every architecture, of a size for tests; ``python -m tests.models.architectures`` writes the table of support."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    MarianConfig,
    MarianMTModel,
    MBartConfig,
    MBartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    PegasusConfig,
    PegasusForConditionalGeneration,
    PreTrainedModel,
)

from genir.models.t5 import build_t5

VOCABULARY, LAYERS, HEADS, WIDTH = 50, 3, 2, 16
T5_SHAPE = {
    "d_model": WIDTH,
    "d_kv": 6,
    "num_heads": HEADS,
    "d_ff": 24,
    "num_layers": 2,
    "num_decoder_layers": LAYERS,
    "vocab_size": VOCABULARY,
    "decoder_start_token_id": 0,
}
BART_SHAPE = {
    "d_model": WIDTH,
    "encoder_layers": 2,
    "decoder_layers": LAYERS,
    "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 1,
}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


def _mt5() -> PreTrainedModel:
    model = MT5ForConditionalGeneration(MT5Config(**T5_SHAPE))
    model.lm_head.weight = torch.nn.Parameter(torch.randn(VOCABULARY, WIDTH))  # untied, as those that Google trained
    return model


def _bert2bert() -> PreTrainedModel:
    shape = {
        "num_attention_heads": HEADS,
        "intermediate_size": 24,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 64,
    }
    encoder = BertConfig(hidden_size=12, num_hidden_layers=2, **shape)
    decoder = BertConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, is_decoder=True, add_cross_attention=True, **shape
    )
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id = 3, 0
    return EncoderDecoderModel(config)


ARCHITECTURES: Mapping[str, Callable[[], PreTrainedModel]] = {
    "T5 v1.0": lambda: build_t5(T5_SHAPE),
    "T5 v1.1, Flan-T5": lambda: build_t5(T5_SHAPE | GATED),
    "ByT5": lambda: build_t5(T5_SHAPE | GATED | {"num_layers": 4}),  # deeper encoder than decoder
    "mT5": _mt5,
    "UMT5": lambda: build_t5(T5_SHAPE | GATED | {"model_type": "umt5"}),
    "LongT5, local": lambda: build_t5(T5_SHAPE | {"model_type": "longt5", "local_radius": 3}),
    "LongT5, transient-global": lambda: build_t5(
        T5_SHAPE
        | {
            "model_type": "longt5",
            "local_radius": 3,
            "global_block_size": 4,
            "encoder_attention_type": "transient-global",
        }
    ),
    "BART": lambda: BartForConditionalGeneration(BartConfig(**BART_SHAPE)),
    "BART, <s> first": lambda: BartForConditionalGeneration(BartConfig(**BART_SHAPE)),
    "mBART": lambda: MBartForConditionalGeneration(MBartConfig(**BART_SHAPE)),
    "Marian": lambda: MarianMTModel(MarianConfig(**BART_SHAPE, decoder_vocab_size=VOCABULARY)),
    "Pegasus": lambda: PegasusForConditionalGeneration(PegasusConfig(**BART_SHAPE)),
    "BERT2BERT": _bert2bert,
}


def random_model(name: str, seed: int = 0) -> PreTrainedModel:
    """A model of the architecture ``name``; every weight, norm and bias is drawn, so that none is idle."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ARCHITECTURES[name]()
        with torch.no_grad():
            for path, weight in [*model.named_parameters(), *model.named_buffers()]:
                if weight.ndim == 1 or path == "final_logits_bias":
                    norm = path.endswith("weight")
                    weight.copy_(float(norm) + 0.3 * torch.randn_like(weight))
                elif weight.is_floating_point() and "positions" not in path:
                    weight.copy_(torch.randn_like(weight) * weight.shape[1] ** -0.5)
    if name == "BART, <s> first":
        model.generation_config.forced_bos_token_id = 4
    return model.eval()
