from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from genir.errors import GenirError
from genir.report.exhibits import Quantity, number, numbers, published, quantities, read_exhibits, settings_of, slug


def put(folder: Path, model: str, name: str, text: str) -> None:
    path = folder / "exhibits" / model / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_exhibits_by_model_and_name(tmp_path: Path) -> None:
    put(tmp_path, "vital600", "table1", "[1]")
    put(tmp_path, "owner/name", "table1", "[2]")
    put(tmp_path, "owner--other", "table1", "[3]")
    found = read_exhibits(tmp_path)
    assert found.of("vital600") == {"table1": [1]}
    assert found.of("owner/name") == {"table1": [2]}
    assert found.of("owner/other") == {"table1": [3]}
    assert found.of("nobody") == {}


def test_what_is_missing_is_named_with_the_reason(tmp_path: Path) -> None:
    for name in ("table1", "table3", "table4", "table5", "table6", "figure3"):
        put(tmp_path, "vital600", name, "{}")
    put(tmp_path, "vital600", "figure5", "{")
    missing = read_exhibits(tmp_path).missing("vital600", "retrieval_process")
    assert [name.split(" ")[0] for name in missing] == ["figure4", "figure5"]
    assert missing[1].startswith("figure5 (unreadable: Expecting")


def test_no_folder_is_no_exhibits(tmp_path: Path) -> None:
    assert read_exhibits(tmp_path).payloads == {}


@pytest.mark.parametrize(
    "payload",
    [
        {"MLP": {"I": {"value": 0.25, "low": 0.2, "high": 0.3, "count": 1, "n": 4}}},
        {"cells": [{"component": "MLP", "stage": "I", "value": 0.25, "low": 0.2, "high": 0.3, "count": 1, "n": 4}]},
        [{"component": "MLP", "stage": "I", "value": 0.25, "low": 0.2, "high": 0.3, "count": 1, "n": 4}],
    ],
)
def test_a_number_is_found_however_it_is_nested(payload: object) -> None:
    assert quantities(payload, "%") == (Quantity(("MLP", "I"), 0.25, 0.2, 0.3, 1, 4, "%"),)


def test_a_bare_number_has_no_interval() -> None:
    assert quantities({"Hits@1": {"model": 0.5, "chance": None}}) == (
        Quantity(("Hits@1", "model"), 0.5),
        Quantity(("Hits@1", "chance"), None),
    )


def test_printed_figures_are_found_by_labels_in_any_order(tmp_path: Path) -> None:
    cells = [{"kind": "mean", "stage": "I", "component": "MLP", "printed": {"NQ10k": "0.76"}}]
    put(tmp_path, "-", "table3", json.dumps({"cells": cells}))
    assert published(read_exhibits(tmp_path), "table3") == {frozenset(("MLP", "mean", "I")): {"NQ10k": "0.76"}}


def test_words_where_a_number_belongs() -> None:
    with pytest.raises(GenirError, match=r"expected a number at MLP / value, got 'much': run the claims again"):
        quantities({"MLP": {"value": "much"}})
    with pytest.raises(GenirError, match=r"expected printed figures by setting at the top, got 3"):
        quantities({"printed": 3})


@pytest.mark.parametrize("value", [True, "1", math.inf, math.nan, [1]])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(GenirError, match="expected a number at the top"):
        number(value)


def test_numbers_of_a_length() -> None:
    assert numbers([1, 2.5], "x", 2) == [1.0, 2.5]
    assert math.isnan(numbers([None], "x")[0])
    with pytest.raises(GenirError, match=r"expected 3 numbers at figure3 ratio, got 2: run the claims again"):
        numbers([1, 2], "figure3 ratio", 3)
    with pytest.raises(GenirError, match=r"expected numbers at x, got 'no'"):
        numbers("no", "x")


def test_labels_become_file_names() -> None:
    assert slug("AnReu/DSI-large") == "AnReu--DSI-large"
    assert slug("../../etc/passwd") == "--..--etc--passwd"
    assert "/" not in slug("a/b\\c:d") and slug("..") == "model"  # noqa: PT018


def test_a_recipe_is_read_leaf_by_leaf() -> None:
    recipe = {"base": "t5", "optimizer": {"rate": 0.001, "betas": [0.9, 0.99]}, "seed": None}
    assert list(settings_of(recipe)) == [
        ("base", "t5"),
        ("optimizer.rate", "0.001"),
        ("optimizer.betas", "0.9, 0.99"),
        ("seed", "none"),
    ]
