"""Devices, precisions and folders by name."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from genir.errors import GenirError
from genir.models import obtain as obtaining
from genir.models.obtain import device_of, fetch, obtain_base, suited
from genir.models.store import intact
from tests.models import tiny

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_of("auto") == (CUDA if there else CPU)
        assert device_of("cpu") == CPU
    assert device_of("cuda") == CUDA
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(GenirError, match=r"^expected a CUDA device, torch .* finds none: use --device cpu$"):
        device_of("cuda")


@pytest.mark.parametrize("native", [False, True])
def test_bf16_only_where_the_device_multiplies_it(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    for device in (CPU, CUDA):
        assert suited(tiny.RECIPE, device).precision == ("bf16" if native else "fp32")


def test_the_base_is_made_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def write(target: Path) -> None:
        made.append(target)
        (target / "model.safetensors").write_bytes(b"weights")

    monkeypatch.setattr(obtaining.base, "write_base", write)
    folder = obtain_base(tmp_path)
    assert folder == obtain_base(tmp_path)
    assert (len(made), intact(folder), folder.parent) == (1, True, tmp_path / "models")


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert fetch(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("asked_for", "name", "revision"),
    [
        ("owner/name", "owner/name", None),
        ("owner/name@0f3c", "owner/name", "0f3c"),
        ("owner/name@refs/pr/1", "owner/name", "refs/pr/1"),
    ],
)
def test_a_hub_model_comes_without_code_and_pickle_and_at_the_revision_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_for: str, name: str, revision: str | None
) -> None:
    asked: list[tuple[str, str | None, list[str]]] = []

    def download(model: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((model, revision, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert fetch(asked_for) == tmp_path
    assert asked == [(name, revision, ["*.safetensors", "*.json", "*.model", "*.jinja"])]


@pytest.mark.parametrize("model", ["owner/name@", "owner/name@-x", "owner/name@one two", "owner/name@a@b"])
def test_a_revision_that_is_none_is_one_line_and_asks_nobody(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    with pytest.raises(GenirError, match=rf"^expected a hub id owner/name@REVISION, got '{model}': name a commit"):
        fetch(model)


@pytest.mark.parametrize("reason", ["cannot find\nlong explanation", ""])
def test_a_model_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    def fail(*arguments: object, **settings: object) -> str:
        raise LocalEntryNotFoundError(reason)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    shown = reason.split("\n")[0] or "LocalEntryNotFoundError"
    with pytest.raises(
        GenirError, match=rf"^expected a model folder or a hub id within reach, got 'owner/name': {shown}$"
    ):
        fetch("owner/name")


def test_a_name_the_hub_would_not_take_is_one_line() -> None:
    with pytest.raises(
        GenirError, match=r"^expected a model folder or a hub id within reach, got 'no/such/folder': Repo id"
    ):
        fetch("no/such/folder")


def test_processes_are_counted_as_launchers_count_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[object]] = []
    monkeypatch.setattr(obtaining, "_broadcast", sent.append)
    obtaining._tell("done", Path("folder"))
    assert not sent  # alone there is nobody to tell
    monkeypatch.setenv("WORLD_SIZE", "2")
    obtaining._tell("done", Path("folder"))
    assert sent == [["done", "folder"]]
