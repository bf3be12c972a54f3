"""``python -m genir patch``: replace components of a model, and see how many correct queries it loses."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from pathlib import Path

import numpy as np
from transformers.utils import logging

from genir.api import GenIR
from genir.cli.named import corpus_of
from genir.errors import GenirError
from genir.interventions.circuit import random_sets
from genir.interventions.patch import Intervention, Kind, noop
from genir.interventions.plan import Plan, Where, plan
from genir.interventions.sites import ATTENTION, CROSS, MLP, Component, Stage, every_site, head_sites
from genir.models.dsi import Protocol
from genir.models.families import heads_of
from genir.readouts.correct import Correct
from genir.statistics import Estimate, mean, minus, proportion

COMPONENTS: dict[str, Component] = {"attention": ATTENTION, "cross": CROSS, "mlp": MLP}
KINDS = {"zero": Kind.ZERO, "mean": Kind.MEAN, "base": Kind.OTHER}
SITE = re.compile(r"(attention|cross|mlp)(?::(I{1,3}|\d+(?:-\d+)?))?(?:\.(\d+))?")
DRAWS = 20


def patch(
    model: str,
    corpus_name: str | None,
    cache: Path,
    device: str,
    texts: list[str],
    by: str,
    base: str | None,
    protocol: str,
    split: str,
) -> int:
    """Print the share of correct queries that leave rank 1 when the sites in ``texts`` are replaced, beside its controls."""
    logging.disable_progress_bar()
    wanted = reduce(or_, [site(text, KINDS[by]) for text in texts])
    corpus = corpus_of(model, corpus_name)
    found = GenIR(model, corpus, base=base, protocol=Protocol(protocol), device=device, cache=cache)
    queries = getattr(corpus, split)
    if not queries:
        raise GenirError(f"expected {split} queries in {corpus.name}, got none: choose another --split")
    correct = found.correct(queries)
    if not correct.queries:
        raise GenirError(
            f"expected {model} to answer {split} queries, it puts no document at rank 1: nothing can be lost"
        )
    print(f"{found.dsi.name}: {len(correct.queries):,} of {correct.asked:,} {split} queries of {corpus.name} at rank 1")
    print(f"{found.dsi.layers} layers, stages {', '.join(_bounds(found))}\n")
    table = losses(found, correct, found.intervention(wanted))
    width = max(map(len, table))
    for name, estimate in table.items():
        print(f"{name:{width}}  {estimate}")
    print("\nloss of rank 1, net of doing nothing; 95 % interval")
    return 0


def losses(model: GenIR, correct: Correct, chosen: Intervention) -> dict[str, Estimate]:
    """The loss, that of doing nothing, and that of ``DRAWS`` random sets of as many sites, replaced in the same way."""
    (kind,) = set(chosen.edits.values())
    heads = all(site.head is not None for site in chosen.edits)
    among = head_sites(model.dsi.layers, heads_of(model.dsi.model)) if heads else every_site(model.dsi.layers)
    draws = random_sets(among, len(chosen.edits), np.random.default_rng(0), DRAWS)
    random = [Intervention(f"random set {number}", dict.fromkeys(places, kind)) for number, places in enumerate(draws)]
    nothing, patched, *others = model.ranks(correct, noop(), chosen, *random) > 1
    share = np.mean([other.astype(float) - nothing for other in others], axis=0)
    return {
        chosen.label: minus(patched, nothing),
        "no-op": proportion(nothing),
        f"{len(chosen.edits)} random {'heads' if heads else 'sites'}, {DRAWS} draws": mean(
            share, np.random.default_rng(0), unit="%"
        ),
    }


def site(text: str, kind: Kind) -> Plan:
    """The plan that ``mlp:I``, ``cross:3``, ``attention:0-4``, ``cross:3.1`` (a head) or ``mlp`` (all layers) stands for."""
    match = SITE.fullmatch(text)
    if match is None:
        raise GenirError(
            f"expected a site such as mlp:I, cross:3, attention:0-4, cross:3.1 (one head) or mlp (all layers), got {text!r}"
        )
    component, where, head = match.groups()
    return plan(kind, COMPONENTS[component], _layers(where), None if head is None else int(head))


def _layers(where: str | None) -> Where:
    if where is None:
        return None
    if where.startswith("I"):
        return Stage(where)
    first, _, last = where.partition("-")
    return range(int(first), int(last or first) + 1)


def _bounds(model: GenIR) -> list[str]:
    return [f"{stage} {model.stages[stage].start}-{model.stages[stage].stop - 1}" for stage in Stage]
