"""Ways of making the same sweep, from the published one to the engine; all return ranks (interventions, queries)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from genir.interventions.engine_sweep import ranks_by_engine
from genir.interventions.patch import MEAN
from genir.interventions.reference import Hook, attention, decoder_sublayer, encode, hooked
from genir.interventions.sites import CROSS, Site, every_site
from genir.models.dsi import Inputs
from tests.benchmarks.subjects import Subject

Values = dict[Site, Tensor]


def engine(subject: Subject) -> np.ndarray:
    """The single-position engine."""
    return ranks_by_engine(subject.model, subject.batches, subject.gold, subject.interventions, subject.base)


@torch.inference_mode()
def hooks_all_once(subject: Subject) -> np.ndarray:
    """Forward hooks, one batch per intervention; encoder and cross-attention's keys and values are computed once."""
    encoded, cache = encode(subject.model, subject.inputs), DynamicCache()
    for layer in range(subject.model.config.num_decoder_layers):
        module = attention(decoder_sublayer(subject.model, Site(CROSS, layer)))
        shape = (*encoded.shape[:2], module.n_heads, -1)
        cache.update(*(p(encoded).view(shape).transpose(1, 2) for p in (module.k, module.v)), layer)

    def run() -> Tensor:
        both = EncoderDecoderCache(DynamicCache(), cache)
        both.is_updated = dict.fromkeys(range(subject.model.config.num_decoder_layers), True)
        return _decoder(subject, encoded, both)

    return _batched(subject, run)


@torch.inference_mode()
def hooks_encoder_once(subject: Subject) -> np.ndarray:
    """Forward hooks, one batch per intervention; the encoder runs once."""
    encoded = encode(subject.model, subject.inputs)
    return _batched(subject, lambda: _decoder(subject, encoded, None))


@torch.inference_mode()
def hooks(subject: Subject) -> np.ndarray:
    """Forward hooks, one batch per intervention, the whole model each time."""
    return _batched(subject, lambda: _whole(subject, subject.inputs))


WAYS: dict[str, Callable[[Subject], np.ndarray]] = {
    "engine": engine,
    "hooks, encoder and K/V once": hooks_all_once,
    "hooks, encoder once": hooks_encoder_once,
    "hooks, whole model": hooks,
}


def _decoder(subject: Subject, encoded: Tensor, cache: EncoderDecoderCache | None) -> Tensor:
    model = subject.model
    start = torch.zeros(len(encoded), 1, dtype=torch.long)
    state = model.decoder(
        input_ids=start,
        encoder_hidden_states=encoded,
        encoder_attention_mask=subject.inputs.mask,
        past_key_values=cache,
        use_cache=cache is not None,
    ).last_hidden_state[:, 0]
    return model.lm_head(state * model.config.d_model**-0.5 if model.config.scale_decoder_outputs else state)


def _whole(subject: Subject, inputs: Inputs) -> Tensor:
    start = torch.zeros(len(inputs.ids), 1, dtype=torch.long)
    return subject.model(
        input_ids=inputs.ids, attention_mask=inputs.mask, decoder_input_ids=start, use_cache=False
    ).logits[:, 0]


def _captured(subject: Subject, run: Callable[[], Tensor]) -> tuple[Values, Tensor]:
    found: Values = {}

    def keep(site: Site) -> Hook:
        return lambda output: found.__setitem__(site, output[:, 0])

    places = every_site(subject.model.config.num_decoder_layers)
    with hooked(subject.model, {site: keep(site) for site in places}):
        logits = run()
    return found, logits


def _writers(values: Values) -> dict[Site, Hook]:
    return {site: (lambda output, value=value: value.expand_as(output)) for site, value in values.items()}


def _batched(subject: Subject, run: Callable[[], Tensor]) -> np.ndarray:
    clean, _ = _captured(subject, run)
    means = {site: value.mean(0) for site, value in clean.items()}
    gold = torch.from_numpy(subject.gold)[:, None]
    found = []
    for intervention in subject.interventions:
        with hooked(
            subject.model,
            _writers({site: means[site] * (kind is MEAN) for site, kind in intervention.edits.items()}),
        ):
            logits = run()
        found.append(1 + (logits > logits.gather(1, gold)).sum(1).numpy())
    return np.stack(found)
