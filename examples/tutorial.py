"""Which parts of a generative retrieval model does it need? A walk through genir's Python API, from top to bottom.

    python examples/tutorial.py                         # vital600, which is trained on first use (minutes)
    python examples/tutorial.py FOLDER BEIR_FOLDER      # your own model

A tour of the paper's Table 3: the model maps a query to one document id at one decoder position, and what its layers write
into the residual stream there can be replaced, part by part.
"""

from __future__ import annotations

import sys

from genir import ATTENTION, CROSS, MLP, GenIR, Stage, mean, percent, zero


def main(model: str = "vital600", corpus: str | None = None) -> None:
    """Ask a model five questions."""
    # 1. A model with its corpus: a name, a folder or a hub id, and a BEIR folder where the model brings no corpus.
    genir = GenIR(model, corpus)
    print(f"{genir.dsi.name}: {genir.dsi.layers} decoder layers, {len(genir.dsi.docids):,} documents")

    # 2. What does it answer? Document ids with their logits, best first.
    query = genir.corpus.validation[0]
    print(f"\n{query.text!r} (relevant: {', '.join(query.relevant)})")
    for docid, logit in genir.answers([query.text], k=3)[0]:
        print(f"  {logit:8.2f}  {docid}")

    # 3. Interventions are judged on queries that the model answers at rank 1: only those can be lost.
    correct = genir.correct()
    print(f"\n{len(correct.queries):,} of {correct.asked:,} validation queries are correct")
    print(f"{'no-op':32} {genir.noop(correct)}")

    # 4. Nine cells of Table 3: the share of them that leaves rank 1 when a component of a stage is replaced by its mean.
    for component in (ATTENTION, MLP, CROSS):
        for stage in Stage:
            plan = mean(component, stage)
            print(f"{genir.intervention(plan).label:32} {genir.loss(correct, plan)}")

    # 5. Plans add up, and reach single layers and heads. A loss can be asked a question, and answers with a verdict.
    both = genir.loss(correct, zero(ATTENTION) | mean(MLP, Stage.I))
    head = genir.loss(correct, zero(CROSS, genir.dsi.layers - 1, head=0))
    print(f"\nall self-attention removed, Stage I MLPs by their mean: {both}")
    print(f"one head of the last layer removed: {head}")
    answer = genir.loss(correct, mean(MLP, Stage.I)).below(percent(5))
    print(f"Stage I MLPs can be replaced by their mean (loss below 5 %): {answer.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
