"""The reduced graph of Table 4 as a model of its own: smaller, with the rankings of the patched one (Section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from genir.errors import GenirError
from genir.interventions.sites import MLP, Site, Stages, sites
from genir.models.dsi import DSI
from genir.models.families import Ability, lacking
from genir.models.t5 import build_t5


def replaced_mlps(stages: Stages) -> tuple[Site, ...]:
    """The MLPs that the reduced graph replaces by their mean: those of Stages I and II."""
    return sites(MLP, [*stages.I, *stages.II])


@torch.no_grad()
def fold_reduced(dsi: DSI, stages: Stages, means: Mapping[Site, Tensor]) -> DSI:
    """A model of Stages II and III alone that computes what ``dsi`` does under ``reduced_graph(stages)``.

    ``means`` are those of Stage I and II MLPs (``site_means``). Stage I, whose MLPs are constants and whose
    attention writes nothing, becomes one vector. Encoder, embeddings and kept matrices are shared with
    ``dsi``; saved like any model. Raises GenirError for a mean that is missing, and for a model that is
    folded already.
    """
    if (reason := lacking(dsi.model, Ability.FOLDING)) is not None:
        raise GenirError(f"expected a T5 to fold, got {dsi.name}: {reason}")
    if getattr(dsi.model.config, "bridging_layers", None) is not None:
        raise GenirError(f"expected a whole model, {dsi.name} is folded already: fold the model that it came from")
    for site in replaced_mlps(stages):
        if site not in means:
            raise GenirError(f"expected a mean for every MLP that the reduced graph replaces, the {site} has none")
    kept = [*stages.II, *stages.III]
    settings = {"num_decoder_layers": len(kept), "bridging_layers": len(stages.II)}
    with torch.device("meta"):
        model = build_t5(dsi.model.config.to_dict() | settings)
    old, like = dsi.model.state_dict(), dsi.model.shared.weight
    state = {name: value for name, value in old.items() if not name.startswith("decoder.block.")}
    state["decoder.block.0.layer.0.value"] = (
        torch.stack([means[Site(MLP, layer)] for layer in stages.I]).sum(0).to(like)
    )
    for new, layer in enumerate(kept):
        if layer in stages.II:
            state[f"decoder.block.{new}.layer.2.value"] = means[Site(MLP, layer)].to(like)
        for part in ("1", "2") if layer in stages.III else ("1",):
            prefix = f"decoder.block.{layer}.layer.{part}."
            for name, value in old.items():
                if name.startswith(prefix):
                    state[f"decoder.block.{new}.layer.{part}.{name.removeprefix(prefix)}"] = value
    model.load_state_dict(state, assign=True)
    model.set_input_embeddings(model.shared)
    return replace(dsi, name=f"{dsi.name}-reduced", model=model.eval())
