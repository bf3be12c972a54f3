"""A random model of every architecture, of a size for tests."""

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
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 1,
}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


def _t5(**settings: object) -> Callable[[int], PreTrainedModel]:
    return lambda vocabulary: build_t5(T5_SHAPE | {"vocab_size": vocabulary} | settings)


def _mt5(vocabulary: int) -> PreTrainedModel:
    model = MT5ForConditionalGeneration(MT5Config(vocab_size=vocabulary, **T5_SHAPE))
    model.lm_head.weight = torch.nn.Parameter(torch.randn(vocabulary, WIDTH))  # untied, as those that Google trained
    return model


def _bart(forced: int | None = None) -> Callable[[int], PreTrainedModel]:
    def build(vocabulary: int) -> PreTrainedModel:
        model = BartForConditionalGeneration(BartConfig(vocab_size=vocabulary, **BART_SHAPE))
        model.generation_config.forced_bos_token_id = forced
        return model

    return build


def _bert2bert(vocabulary: int) -> PreTrainedModel:
    shape = {
        "num_attention_heads": HEADS,
        "intermediate_size": 24,
        "vocab_size": vocabulary,
        "max_position_embeddings": 64,
    }
    encoder = BertConfig(hidden_size=12, num_hidden_layers=2, **shape)
    decoder = BertConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, is_decoder=True, add_cross_attention=True, **shape
    )
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id = 3, 0
    return EncoderDecoderModel(config)


LOCAL = {"model_type": "longt5", "local_radius": 3}
ARCHITECTURES: Mapping[str, Callable[[int], PreTrainedModel]] = {
    "T5 v1.0": _t5(),
    "T5 v1.1, Flan-T5": _t5(**GATED),
    "ByT5": _t5(**GATED, num_layers=4),  # its encoder is deeper than its decoder
    "mT5": _mt5,
    "UMT5": _t5(**GATED, model_type="umt5"),
    "LongT5, local": _t5(**LOCAL),
    "LongT5, transient-global": _t5(**LOCAL, global_block_size=4, encoder_attention_type="transient-global"),
    "BART": _bart(),
    "BART, <s> first": _bart(forced=4),
    "mBART": lambda vocabulary: MBartForConditionalGeneration(MBartConfig(vocab_size=vocabulary, **BART_SHAPE)),
    "Marian": lambda vocabulary: MarianMTModel(
        MarianConfig(vocab_size=vocabulary, decoder_vocab_size=vocabulary, **BART_SHAPE)
    ),
    "Pegasus": lambda vocabulary: PegasusForConditionalGeneration(PegasusConfig(vocab_size=vocabulary, **BART_SHAPE)),
    "BERT2BERT": _bert2bert,
}


def trainable(name: str, vocabulary: int) -> PreTrainedModel:
    """A model as Hugging Face starts it."""
    return ARCHITECTURES[name](vocabulary)


def random_model(name: str, seed: int = 0) -> PreTrainedModel:
    """A model of the architecture ``name``; every weight, norm and bias is drawn, so that none is idle."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ARCHITECTURES[name](VOCABULARY)
        with torch.no_grad():
            for path, weight in [*model.named_parameters(), *model.named_buffers()]:
                if weight.ndim == 1 or path == "final_logits_bias":
                    norm = path.endswith("weight")
                    weight.copy_(float(norm) + 0.3 * torch.randn_like(weight))
                elif weight.is_floating_point() and "positions" not in path:
                    weight.copy_(torch.randn_like(weight) * weight.shape[1] ** -0.5)
    return model.eval()
