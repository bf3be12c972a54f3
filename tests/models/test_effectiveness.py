"""Effectiveness, runs and qrels, against full sorting and against trec_eval."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import RR, R, Success

from genir.corpora.records import Query
from genir.errors import GenirError
from genir.models.dsi import DSI, load_dsi
from genir.readouts.effectiveness import Effectiveness, effectiveness
from genir.readouts.metrics import hits, recall, reciprocal_rank
from genir.readouts.trec import write_qrels, write_run
from tests.models import tiny

DOCIDS = [f"d{number}" for number in (3, 0, 11, 5, 2, 9, 10, 7)]
QUERIES = [
    Query(f"q{number}", f"w{number} w{(7 * number) % 60}", tuple(DOCIDS[number % 8 : number % 8 + 1 + number % 3]))
    for number in range(20)
]


@pytest.fixture(scope="module")
def dsi(tmp_path_factory: pytest.TempPathFactory) -> DSI:
    return load_dsi(tiny.write_base(tmp_path_factory.mktemp("dsi"), DOCIDS))


def full(dsi: DSI) -> np.ndarray:
    """Logits (queries, vocabulary), one query at a time."""
    return np.stack([dsi.logits(dsi.pad(dsi.tokenize([query.text])))[0].numpy() for query in QUERIES])


def trec(found: Effectiveness, folder: Path) -> dict[str, float]:
    """What trec_eval says about the files."""
    write_run(folder / "run", [query.id for query in QUERIES], found.run, tag="a tag")
    write_qrels(folder / "qrels", QUERIES)
    qrels, run = ir_measures.read_trec_qrels(str(folder / "qrels")), ir_measures.read_trec_run(str(folder / "run"))
    return {
        str(name): value for name, value in ir_measures.calc_aggregate([Success @ 1, R @ 5, RR], qrels, run).items()
    }


def ours(found: Effectiveness) -> dict[str, float]:
    ranked = found.documents
    values = {"Success@1": hits(ranked, 1), "R@5": recall(ranked, 5), "RR": reciprocal_rank(ranked)}
    return {name: float(value.mean()) for name, value in values.items()}


def test_ranks_are_those_of_full_sorting(dsi: DSI) -> None:
    logits, found = full(dsi), effectiveness(dsi, QUERIES, depth=5, batch_size=3)
    pairs = [(number, docid) for number, query in enumerate(QUERIES) for docid in query.relevant]
    assert found.vocabulary.owner.tolist() == [number for number, _ in pairs]
    for (number, docid), among_all, among_documents in zip(
        pairs, found.vocabulary.ranks, found.documents.ranks, strict=True
    ):
        values, own = logits[number], logits[number, dsi.row_of[docid]]
        assert among_all == (values > own).sum() + 1
        assert among_documents == (values[dsi.rows] > own).sum() + 1
    assert (found.vocabulary.ranks > found.documents.ranks).any()  # words do stand between documents
    for number, best in enumerate(found.run):
        order = np.argsort(-logits[number, dsi.rows])[:5]
        assert [docid for docid, _ in best] == [dsi.docids[position] for position in order]


def test_trec_eval_agrees(dsi: DSI, tmp_path: Path) -> None:
    found = effectiveness(dsi, QUERIES)
    assert trec(found, tmp_path) == pytest.approx(ours(found))


def test_ties_stand_as_trec_eval_sorts_them(dsi: DSI, tmp_path: Path) -> None:
    """Every document has the same row: trec_eval goes by document id, descending, and so does the run."""
    twin = load_dsi(tiny.write_base(tmp_path / "twin", DOCIDS))
    with torch.no_grad():
        twin.model.lm_head.weight[twin.rows] = twin.model.lm_head.weight[int(twin.rows[0])].clone()
    found = effectiveness(twin, QUERIES)
    assert all([docid for docid, _ in best] == sorted(DOCIDS, reverse=True) for best in found.run)
    expected = {"Success@1": 0.0, "R@5": 0.0, "RR": 0.0}
    order = sorted(DOCIDS, reverse=True)
    for query in QUERIES:
        ranks = np.array([order.index(docid) + 1 for docid in query.relevant])
        expected["Success@1"] += (ranks.min() == 1) / len(QUERIES)
        expected["R@5"] += (ranks <= 5).mean() / len(QUERIES)
        expected["RR"] += 1 / ranks.min() / len(QUERIES)
    assert trec(found, tmp_path) == pytest.approx(expected)


def test_document_rows_need_not_stand_side_by_side(dsi: DSI) -> None:
    chosen = np.array([0, 2, 3, 6])
    some = DSI("some", dsi.model, dsi.tokenizer, tuple(DOCIDS[i] for i in chosen), dsi.rows[chosen])
    queries = [Query("q", "w1 w2", ("d3",)), Query("r", "w3", ("d10",))]
    found, logits = effectiveness(some, queries), [dsi.logits(dsi.pad(dsi.tokenize([q.text])))[0] for q in queries]
    for rank, values, query in zip(found.documents.ranks, logits, queries, strict=True):
        assert rank == (values[some.rows] > values[some.row_of[query.relevant[0]]]).sum() + 1
    assert {docid for docid, _ in found.run[0]} == set(some.docids)


def test_the_lines_of_a_run_and_of_qrels(tmp_path: Path) -> None:
    write_run(tmp_path / "new" / "run", ["q1", "q2"], [[("d1", 1 / 3), ("d2", -2.0)], []], tag="my model")
    assert (tmp_path / "new" / "run").read_text() == ("q1 Q0 d1 1 0.333333333 my-model\nq1 Q0 d2 2 -2 my-model\n")
    write_qrels(tmp_path / "qrels", [Query("q1", "text", ("d2", "d1"))])
    assert (tmp_path / "qrels").read_text() == "q1 0 d2 1\nq1 0 d1 1\n"


def test_scores_come_back_as_the_same_float32() -> None:
    values = np.random.default_rng(0).standard_normal(2_000).astype(np.float32)
    assert all(np.float32(f"{value:.9g}") == value for value in values)


@pytest.mark.parametrize("id", ["a b", " a", "a\t", ""])
def test_ids_with_spaces_are_one_line(tmp_path: Path, id: str) -> None:
    with pytest.raises(GenirError, match=r"^expected ids without spaces for a TREC file, got '.*': rename it$"):
        write_qrels(tmp_path / "qrels", [Query(id, "text", ("d",))])
    assert not (tmp_path / "qrels").exists()


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GenirError, match=r"^expected to write .*file/run, got 'Not a directory|File exists'"):
        write_run(tmp_path / "file" / "run", [], [], tag="x")
