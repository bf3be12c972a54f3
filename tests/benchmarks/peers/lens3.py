"""A T5 as TransformerLens 3 holds it: its own modules, with weights converted by its own function."""

from __future__ import annotations

import torch
from subject import Place, Subject
from transformer_lens import HookedEncoderDecoder, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions.t5 import convert_t5_weights
from transformers import T5Config, T5ForConditionalGeneration

HOOKS = {"attention": "hook_attn_out", "cross-attention": "hook_cross_attn_out", "MLP": "hook_mlp_out"}


def name(place: Place) -> str:
    """The hook behind a component."""
    return f"decoder.{place[1]}.{HOOKS[place[0]]}"


def convert(subject: Subject) -> HookedEncoderDecoder:
    """The subject's model; TransformerLens knows stacks of equal height only, so the encoder is filled up, then cut."""
    given = subject.model.config
    layers = given.num_decoder_layers
    settings = {k: v for k, v in given.to_dict().items() if k not in ("num_layers", "dtype")}
    model = T5ForConditionalGeneration(T5Config(**settings | {"num_layers": layers}))
    model.load_state_dict(subject.model.state_dict(), strict=False)
    config = HookedTransformerConfig(
        d_model=given.d_model,
        d_head=given.d_kv,
        n_heads=given.num_heads,
        d_mlp=given.d_ff,
        d_vocab=given.vocab_size,
        n_layers=layers,
        n_ctx=512,
        eps=given.layer_norm_epsilon,
        act_fn="relu",
        positional_embedding_type="relative_positional_bias",
        relative_attention_max_distance=given.relative_attention_max_distance,
        relative_attention_num_buckets=given.relative_attention_num_buckets,
        decoder_start_token_id=given.decoder_start_token_id,
        attention_dir="bidirectional",
        use_attn_scale=False,
        tie_word_embeddings=True,
        device="cpu",
    )
    hooked = HookedEncoderDecoder(config)
    hooked.load_state_dict(convert_t5_weights(model, config), strict=False)
    hooked.encoder = torch.nn.ModuleList(list(hooked.encoder)[: given.num_layers])
    hooked.setup()
    return hooked.eval()
