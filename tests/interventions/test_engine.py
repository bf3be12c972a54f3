"""The engine against the hooks: random shapes, masks and plans; logits to 1e-4, ranks up to near ties."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genir.interventions.engine_sweep import ranks_by_engine
from genir.interventions.patch import MEAN, OTHER, ZERO, Intervention, Resample, noop
from genir.interventions.sites import every_site, head_sites
from genir.interventions.sweep import ranks_by_hooks
from genir.models.dsi import Inputs
from tests.interventions.tiny import random_inputs, tiny_t5


def batches_of(inputs, size):
    """One batch cut into several, its queries in scrambled order."""
    order = np.random.default_rng(3).permutation(len(inputs.ids))
    cuts = [order[start : start + size] for start in range(0, len(order), size)]
    return [(cut, Inputs(inputs.ids[cut], inputs.mask[cut])) for cut in cuts]


def random_plan(rng, layers, heads, queries, width, base):
    """An intervention of random sites, heads among them, each with a random kind of replacement."""
    whole = [site for site in every_site(layers) if rng.random() < rng.choice([0.1, 0.5, 0.9])]
    taken = {(site.component, site.layer) for site in whole}
    parts = [s for s in head_sites(layers, heads) if (s.component, s.layer) not in taken and rng.random() < 0.2]
    kinds = [ZERO, MEAN, Resample(tuple(rng.integers(0, queries, queries).tolist()))] + [OTHER] * base
    vector = torch.from_numpy(rng.normal(size=width)).float()
    each = torch.from_numpy(rng.normal(size=(queries, width))).float()
    values = [*kinds, vector, each]
    few = rng.choice(len(values), rng.integers(1, len(values) + 1), replace=False)
    return Intervention("random", {site: values[rng.choice(few)] for site in (*whole, *parts)})


@st.composite
def cases(draw):
    seed = draw(st.integers(0, 2**31))
    shape = {
        "num_layers": draw(st.integers(1, 3)),
        "num_decoder_layers": draw(st.integers(1, 5)),
        "num_heads": draw(st.integers(1, 4)),
        "d_kv": draw(st.sampled_from([3, 4, 8])),
        "d_model": draw(st.sampled_from([8, 20])),
        "d_ff": draw(st.sampled_from([12, 32])),
        "feed_forward_proj": draw(st.sampled_from(["relu", "gated-gelu", "gated-silu"])),
        "tie_word_embeddings": draw(st.booleans()),
    }
    sizes = {"queries": draw(st.integers(1, 9)), "length": draw(st.integers(1, 7)), "batch": draw(st.integers(1, 9))}
    return seed, shape, sizes, draw(st.integers(0, 5)), draw(st.booleans())


@settings(max_examples=60, deadline=None)
@given(cases())
def test_engine_and_hooks_agree_on_random_models_masks_and_plans(case):
    seed, shape, sizes, plans, with_base = case
    rng = np.random.default_rng(seed)
    model = tiny_t5(seed, **shape).double()
    base = tiny_t5(seed + 1, **(shape | {"num_layers": 2})).double() if with_base else None
    queries = sizes["queries"]
    batches = batches_of(random_inputs(rng, queries, sizes["length"]), sizes["batch"])
    gold = rng.integers(0, 50, queries)
    size = (shape["num_decoder_layers"], shape["num_heads"], queries, shape["d_model"])
    interventions = [noop()] + [random_plan(rng, *size, with_base) for _ in range(plans)]
    expected = ranks_by_hooks(model, batches, gold, interventions, base)
    for memory in (None, 1):  # one block, and one query at a time
        assert (ranks_by_engine(model, batches, gold, interventions, base, memory=memory) == expected).all()
