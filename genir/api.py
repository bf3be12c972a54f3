"""A model and its corpus in one hand: from Python to a loss under patching in three lines.

``GenIR("vital600").loss(model.correct(), mean(MLP, Stage.I))`` is a cell of Table 3. What stands behind it are ``load_dsi``,
``correct_queries`` and ``sweep``, for those who need more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from genir.corpora.records import Corpus, Query
from genir.interventions.patch import OTHER, Intervention, noop
from genir.interventions.plan import Plan
from genir.interventions.sites import Stages, published_stages
from genir.interventions.sweep import sweep
from genir.models.catalogue import CATALOGUE, corpus_of
from genir.models.dsi import DSI, Protocol, load_dsi
from genir.models.families import unembedding_of
from genir.models.obtain import base_of, device_of, fetch
from genir.models.ranking import top
from genir.models.released import obtain_named
from genir.models.seq2seq import load_model
from genir.readouts.correct import Correct, correct_queries
from genir.statistics import Estimate, minus, proportion


class GenIR:
    """A generative retrieval model with its corpus.

    ``model`` is a name of the catalogue (released or trained on first use), a model folder or a hub id. ``corpus`` is a BEIR folder,
    a name or a ``Corpus``; the catalogue's models have one of their own. ``base`` is the folder or hub id of the pre-trained model.
    Raises GenirError where one of them is none, or does not fit.
    """

    def __init__(
        self,
        model: str | Path,
        corpus: str | Path | Corpus | None = None,
        *,
        base: str | Path | None = None,
        protocol: Protocol | str = Protocol.MASKED,
        device: str = "auto",
        cache: str | Path = ".genir",
    ) -> None:
        name, where = str(model), device_of(device)
        self.protocol = Protocol(protocol)
        self.corpus = corpus if isinstance(corpus, Corpus) else corpus_of(name, None if corpus is None else str(corpus))
        known = name in CATALOGUE
        folder = obtain_named(name, self.corpus, Path(cache), where)
        self.dsi: DSI = load_dsi(folder, name if known else None, where)
        self._base = fetch(str(base)) if base is not None else base_of(name, Path(cache)) if known else None

    @property
    def stages(self) -> Stages:
        """The paper's stages, scaled to the model's depth."""
        return published_stages(self.dsi.layers)

    @cached_property
    def base(self) -> PreTrainedModel | None:
        """The pre-trained model that it started from, loaded when it is first needed."""
        return None if self._base is None else load_model(self._base).to(self.dsi.device)

    def correct(self, queries: Sequence[Query] | None = None) -> Correct:
        """Of ``queries``, by default the validation queries, those whose document is at rank 1."""
        chosen = self.corpus.validation if queries is None else queries
        return correct_queries(self.dsi, chosen, self.protocol, self.dsi.padded_to(self.protocol))

    def ranks(self, queries: Correct, *plans: Plan | Intervention) -> NDArray[np.int64]:
        """Rank of each query's document under each plan, (plans, queries), 1-based over words and documents."""
        made = [self.intervention(plan) for plan in plans]
        base = self.base if any(OTHER in one.edits.values() for one in made) else None
        rows, length = self.dsi.rows_of(queries.docids), self.dsi.padded_to(self.protocol)
        return sweep(self.dsi, queries.texts, rows, made, base=base, protocol=self.protocol, length=length)

    def loss(self, queries: Correct, plan: Plan | Intervention, confidence: float = 0.95) -> Estimate:
        """The share of ``queries`` whose document leaves rank 1 under ``plan``, net of doing nothing, with its interval.

        A claim is a question to it: ``model.loss(queries, mean(MLP, Stage.I)).below(percent(5))``.
        """
        nothing, patched = self.ranks(queries, noop(), plan)
        return minus(patched > 1, nothing > 1, confidence)

    def noop(self, queries: Correct, confidence: float = 0.95) -> Estimate:
        """The loss of doing nothing, which every table is read against."""
        return proportion(self.ranks(queries, noop())[0] > 1, confidence)

    @torch.inference_mode()
    def answers(self, texts: Sequence[str], k: int = 10) -> list[list[tuple[str, float]]]:
        """The ``k`` documents with the largest logits for each text, best first."""
        rows = torch.from_numpy(self.dsi.rows).to(self.dsi.device)
        docid_of, unembedding = (
            dict(zip(self.dsi.rows.tolist(), self.dsi.docids, strict=True)),
            unembedding_of(self.dsi.model),
        )
        found: list[list[tuple[str, float]]] = [[] for _ in texts]
        for chosen, inputs in self.dsi.batches(texts, self.protocol, length=self.dsi.padded_to(self.protocol)):
            best, logits = top(self.dsi.final_state(inputs), unembedding, rows, k)
            for number, mine, scores in zip(chosen.tolist(), best.tolist(), logits.tolist(), strict=True):
                found[number] = [(docid_of[row], score) for row, score in zip(mine, scores, strict=True)]
        return found

    def intervention(self, plan: Plan | Intervention) -> Intervention:
        """What ``plan`` replaces on this model, site by site."""
        if isinstance(plan, Intervention):
            return plan
        return plan.on(self.dsi.layers, self.stages if self.dsi.layers >= 3 else None)
