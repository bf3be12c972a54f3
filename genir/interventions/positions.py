"""Patching where a document id takes several decoder positions: constrained beam search with hooks at one of them or at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genir.errors import GenirError
from genir.interventions.patch import MEAN, ZERO, Intervention, check
from genir.interventions.reference import encode, hooked
from genir.interventions.sites import Site
from genir.interventions.values import sites_with
from genir.models.dsi import Protocol
from genir.models.families import prompt_of, unembedding_of
from genir.models.forward import decoded
from genir.models.sequences import Code, SequenceDSI

Values = Mapping[Site, Mapping[int, Tensor]]
"""What a site adds to the stream instead, (d,), by position: position 0 writes the first token of a document id."""


class Hypothesis(NamedTuple):
    """Tokens written so far, or a whole document id, with their log probability over the whole vocabulary."""

    code: Code
    score: float


def sequence_ranks(
    model: SequenceDSI,
    texts: Sequence[str],
    docids: Sequence[str],
    interventions: Sequence[Intervention],
    positions: Iterable[int] | None = None,
    *,
    width: int = 10,
    means: Values | None = None,
    protocol: Protocol = Protocol.MASKED,
    batch_size: int = 32,
) -> NDArray[np.int64]:
    """Rank of ``docids[i]`` among the ``width`` hypotheses for ``texts[i]`` under each intervention, (interventions, queries).

    Replaced is at ``positions``, by default at all. ``MEAN`` is the mean at that position over these queries, each with the id of
    its own document written before it, or ``means``; positions that none of these ids reaches have none. A document that the beam has lost ranks at ``width`` + 1. GenirError for
    other kinds of replacement, and for sites, positions or documents that the model lacks.
    """
    reader, codes = model.reader, model.codes_of(docids)
    chosen = tuple(range(model.positions) if positions is None else positions)
    if not all(0 <= position < model.positions for position in chosen):
        raise GenirError(f"expected decoder positions from 0 to {model.positions - 1}, got {list(chosen)}")
    if width < 1:
        raise GenirError(f"expected a beam of at least one hypothesis, got {width}: give more")
    check(interventions, reader.model, len(texts))
    for plan in interventions:
        if odd := [kind for kind in plan.edits.values() if kind not in (ZERO, MEAN)]:
            raise GenirError(f"expected zero or mean where ids are sequences, {plan.label!r} replaces by {odd[0]}")
    places = sites_with(interventions, MEAN)
    if means is None:
        means = position_means(model, texts, docids, places, protocol=protocol) if places else {}
    if missing := [at for site in places for at in chosen if at not in means[site] and positions is not None]:
        raise GenirError(f"expected positions that the queries' own ids reach, got {missing[0]}: none has a mean there")
    found = np.empty((len(interventions), len(texts)), np.int64)
    for mine, inputs in reader.batches(texts, protocol, batch_size):
        encoded = encode(reader.model, inputs)
        for number, plan in enumerate(interventions):
            nothing = encoded.new_zeros(())
            values = {
                site: {
                    at: nothing if kind is ZERO else means[site][at]
                    for at in chosen
                    if kind is ZERO or at in means[site]
                }
                for site, kind in plan.edits.items()
            }
            for query, best in zip(mine.tolist(), beam_search(model, encoded, inputs.mask, width, values), strict=True):
                written = [hypothesis.code for hypothesis in best]
                found[number, query] = written.index(codes[query]) + 1 if codes[query] in written else width + 1
    return found


@torch.no_grad()
def beam_search(
    model: SequenceDSI, encoded: Tensor, mask: Tensor, width: int = 10, values: Values | None = None
) -> list[list[Hypothesis]]:
    """The ``width`` best document ids of each query that a beam over the trie finds, best first, with ``values`` at their sites.

    Only tokens that go on with some id are written; their probability is over the whole vocabulary, as where generation is
    constrained. With a beam as wide as there are documents the search is exact. Ties go to the smaller tokens.
    """
    live: list[list[Hypothesis]] = [[Hypothesis((), 0.0)] for _ in range(len(encoded))]
    whole: list[list[Hypothesis]] = [[] for _ in range(len(encoded))]
    while any(live):
        owners = [query for query, beam in enumerate(live) for _ in beam]
        beams = [hypothesis for beam in live for hypothesis in beam]
        rows = torch.tensor(owners, device=encoded.device)
        log_probabilities = _next_token(model, encoded[rows], mask[rows], [beam.code for beam in beams], values or {})
        grown: list[list[Hypothesis]] = [[] for _ in live]
        for query, beam, scores in zip(owners, beams, log_probabilities, strict=True):
            tokens = model.children[beam.code]
            grown[query] += [
                Hypothesis((*beam.code, token), beam.score + score)
                for token, score in zip(tokens, scores[list(tokens)].tolist(), strict=True)
            ]
        for query, candidates in enumerate(grown):
            kept = _best([*candidates, *whole[query]], width)
            whole[query] = [each for each in kept if each.code in model.owner]
            live[query] = [each for each in kept if each.code not in model.owner]
    return whole


def _best(hypotheses: Iterable[Hypothesis], width: int) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda each: (-each.score, each.code))[:width]


def _next_token(model: SequenceDSI, encoded: Tensor, mask: Tensor, codes: Sequence[Code], values: Values) -> Tensor:
    """Log probabilities of the token after each of ``codes``, all of one length, (codes, vocabulary), in double precision."""
    module = model.reader.model
    prompt = prompt_of(module)
    tokens = torch.tensor([[*prompt, *code] for code in codes], device=encoded.device)
    with hooked(module, {site: _at_positions(by_position, len(prompt) - 1) for site, by_position in values.items()}):
        state = decoded(module, encoded, mask, tokens)[:, -1]
    return (state @ unembedding_of(module).T).double().log_softmax(1)


def _at_positions(by_position: Mapping[int, Tensor], first: int) -> Callable[[Tensor], Tensor]:
    def put(output: Tensor) -> Tensor:
        changed = output.clone()
        for position, value in by_position.items():
            if first + position < output.shape[1]:
                changed[:, first + position] = value
        return changed

    return put


@torch.no_grad()
def position_means(
    model: SequenceDSI,
    texts: Sequence[str],
    docids: Sequence[str],
    places: Iterable[Site],
    *,
    protocol: Protocol = Protocol.MASKED,
    batch_size: int = 32,
) -> dict[Site, dict[int, Tensor]]:
    """The mean output (d,) of each site at each position, in double precision, over the queries whose id is that long.

    Before the position stand the tokens of the query's own document.
    """
    module, wanted, codes = model.reader.model, tuple(dict.fromkeys(places)), model.codes_of(docids)
    prompt = prompt_of(module)
    sums: dict[Site, dict[int, Tensor]] = {site: {} for site in wanted}
    counts = np.bincount([position for code in codes for position in range(len(code))])
    for mine, inputs in model.reader.batches(texts, protocol, batch_size):
        before = [codes[query][:-1] for query in mine]
        longest = max(map(len, before))
        # what stands after an id is never attended to by what is before it
        tokens = torch.tensor([[*prompt, *code, *[0] * (longest - len(code))] for code in before], device=module.device)
        seen: dict[Site, Tensor] = {}
        with hooked(module, {site: _kept(site, seen) for site in wanted}):
            decoded(module, encode(module, inputs), inputs.mask, tokens)
        for site in wanted:
            for position in range(longest + 1):
                long = torch.tensor([len(code) >= position for code in before], device=module.device)
                total = seen[site][long, len(prompt) - 1 + position].sum(0, dtype=torch.float64)
                sums[site][position] = sums[site].get(position, 0) + total
    return {site: {at: total / int(counts[at]) for at, total in found.items()} for site, found in sums.items()}


def _kept(site: Site, seen: dict[Site, Tensor]) -> Callable[[Tensor], None]:
    def keep(output: Tensor) -> None:
        seen[site] = output

    return keep
