"""A released model is its base plus int8 rows, and is served only if every byte is as it was released."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genir.errors import GenirError
from genir.models.dsi import DSI, load_dsi
from genir.models.released import DOCIDS, dequantised, export, obtain_released, quantised, seal
from tests.models import tiny


@pytest.fixture
def trained(tiny_base: Path, tmp_path: Path) -> DSI:
    tiny.run(tiny_base, tmp_path / "trained", tmp_path / "scratch", checkpoint_seconds=1e9)
    return load_dsi(tmp_path / "trained", "tiny")


@pytest.fixture
def released(trained: DSI, tiny_base: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "released" / "tiny"
    export(trained, {"recipe": dataclasses.asdict(tiny.RECIPE)}, tiny_base, folder)
    seal(folder)
    return folder


def test_a_row_is_kept_to_half_a_step_of_its_largest_entry() -> None:
    matrix = torch.tensor([[127.0, -63.4, 0.6], [0.0, 0.0, 0.0], [1.6e-6, -2e-6, 0.0]])
    stored = quantised("m", matrix)
    assert stored["m.int8"].tolist() == [[127, -63, 1], [0, 0, 0], [102, -127, 0]]
    torch.testing.assert_close(stored["m.scale"], torch.tensor([1.0, 0.0, 2e-6 / 127]))
    error = (dequantised(stored)["m"] - matrix).abs()
    assert (error <= stored["m.scale"][:, None] / 2 + 1e-12).all()


def test_vectors_stay_as_they_are() -> None:
    vector = torch.randn(5)
    assert torch.equal(dequantised({"norm.weight": vector})["norm.weight"], vector)


def test_what_is_served_is_the_base_with_the_dequantised_changes(
    trained: DSI, released: Path, tiny_base: Path, tmp_path: Path
) -> None:
    served = load_dsi(obtain_released(released, tiny.corpus(), tiny_base, tmp_path / "cache"))
    assert served.docids == trained.docids
    before, after = trained.model.state_dict(), served.model.state_dict()
    assert before.keys() == after.keys()
    expected: dict[str, Tensor] = {}
    for name, value in before.items():
        frozen = name == "shared.weight" or name.endswith(("embed_tokens.weight", "lm_head.weight"))
        plain = frozen or value.ndim != 2
        expected[name] = value if plain else dequantised(quantised(name, value))[name]
    rows = torch.from_numpy(trained.rows)
    expected["lm_head.weight"] = before["lm_head.weight"].clone()
    expected["lm_head.weight"][rows] = dequantised(quantised(DOCIDS, before["lm_head.weight"][rows]))[DOCIDS]
    for name, value in after.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


@pytest.mark.parametrize("damage", ["flip", "truncate", "add", "remove"])
def test_an_altered_release_is_refused(released: Path, tiny_base: Path, tmp_path: Path, damage: str) -> None:
    part = next(released.glob("*.safetensors"))
    data = bytearray(part.read_bytes())
    change: dict[str, Callable[[], object]] = {
        "flip": lambda: part.write_bytes(data[:-1] + bytes([data[-1] ^ 1])),
        "truncate": lambda: part.write_bytes(data[:-1]),
        "add": lambda: (released / "more.safetensors").write_bytes(b""),
        "remove": part.unlink,
    }
    change[damage]()
    with pytest.raises(GenirError, match="expected the files of the released tiny as SHA256SUMS lists them"):
        obtain_released(released, tiny.corpus(), tiny_base, tmp_path / "cache")


def test_a_release_of_other_documents_is_refused(released: Path, tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(
        GenirError, match="expected the documents of tiny to be those of the released tiny, they differ"
    ):
        obtain_released(released, tiny.corpus(9), tiny_base, tmp_path / "cache")


def test_a_model_whose_embedding_was_trained_cannot_be_released(trained: DSI, tiny_base: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        trained.model.shared.weight[3] += 1
    with pytest.raises(GenirError, match=r"expected shared\.weight of tiny as in its base, it was trained"):
        export(trained, {}, tiny_base, tmp_path / "released")
