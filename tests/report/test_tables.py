from __future__ import annotations

import csv
import io

import pytest

from genir.errors import GenirError
from genir.report.exhibits import Exhibits
from genir.report.ledger import Ledger
from genir.report.tables import Cell, as_csv, ledger_csv, table, table_csv
from tests.report.sample_run import LOST, MODEL, PUBLISHED, N, exhibits, ledger

NONE = Exhibits({}, {})
ALL = Exhibits({model: {n: p for (m, n), p in exhibits().items() if m == model} for model, _ in exhibits()}, {})


def test_table_3_has_the_measured_number_and_the_printed_ones() -> None:
    found = table("table3", exhibits()[MODEL, "table3"], ALL)
    assert found.columns == ("Stage I", "Stage II", "Stage III")
    assert [row.name for row in found.rows] == ["doing nothing", "MLP zero", "attention mean", "MLP mean"]
    cell = found.rows[3].cells[2]
    count = LOST["mean", "MLP"][2]
    assert cell.main == f"{100 * count / N:.2f} %" == "46.43 %"
    assert cell.detail == "[40.67, 52.28] (130/280)"
    assert cell.shade == 46
    assert tuple(cell.printed.values()) == PUBLISHED["mean", "MLP"][2]
    assert found.settings == ("NQ10k", "NQ320k", "Trivia-QA")


def test_table_3_without_the_paper_and_with_holes() -> None:
    cells = [{"kind": "zero", "component": "MLP", "stage": "II", "value": None}]
    found = table("table3", {"cells": cells}, NONE)
    assert found.rows[0].cells[0] == Cell(None)
    assert found.rows[0].cells[1].main == "not measured"
    assert found.rows[0].cells[1].shade is None
    assert found.settings == ()


def test_a_table_of_two_labels_has_rows_and_columns() -> None:
    found = table("table1", exhibits()[MODEL, "table1"], NONE)
    assert found.columns == ("Hits@1", "Hits@10", "MRR")
    assert [cell.main for cell in found.rows[0].cells] == ["40.00 %", "80.95 %", "0.534"]
    assert found.rows[0].cells[2].detail == ""


def test_a_table_of_other_labels_has_a_line_for_each() -> None:
    found = table("table4", {"Hits@1": 0.94, "R@5": {"reduced": {"graph": 0.98}}}, NONE)
    assert [(row.name, row.cells[0].main) for row in found.rows] == [
        ("Hits@1", "94.00 %"),
        ("R@5, reduced, graph", "98.00 %"),
    ]


def test_an_exhibit_of_another_form() -> None:
    with pytest.raises(GenirError, match=r"expected numbers in the exhibit table4, got none: run the claims again"):
        table("table4", {}, NONE)
    with pytest.raises(GenirError, match=r"expected cells by kind, component and stage .* got 'a / b'"):
        table("table3", {"a": {"b": 1}}, NONE)


def test_csv_holds_fractions_as_measured_and_figures_as_printed() -> None:
    text = table_csv(table("table3", exhibits()[MODEL, "table3"], ALL))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 3 * 4
    line = next(entry for entry in lines if (entry["row"], entry["column"]) == ("MLP mean", "Stage I"))
    assert float(line["value"]) == 2 / N
    assert (line["count"], line["n"], line["NQ10k"], line["NQ320k"]) == ("2", "280", "0.76", "3.39")


def test_csv_of_the_ledger_has_a_line_for_each_record() -> None:
    lines = list(csv.DictReader(io.StringIO(ledger_csv(ledger()))))
    assert [(line["id"], line["model"]) for line in lines] == [(r.id, r.model) for r in ledger().records]
    assert ledger_csv(Ledger.of([])).count("\n") == 1


def test_csv_quotes_what_has_to_be() -> None:
    text = as_csv(("a", "b"), [('x, "y"', None)])
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ['x, "y"', ""]]
