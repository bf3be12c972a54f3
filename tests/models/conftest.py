"""What the tests of models share: a tiny pre-trained T5, and child processes that can be killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny

# Children are forked from a server that has imported torch once and computed nothing: a fresh interpreter takes seconds.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.models.tiny", "tests.models.crashing"])


@pytest.fixture
def start() -> Iterator[Callable[..., BaseProcess]]:
    """Run a function of this folder in a process of its own: ``start(function, *arguments, **keywords)``."""
    children: list[BaseProcess] = []

    def begin(function: Callable[..., None], *args: Any, **keywords: Any) -> BaseProcess:
        child = SERVER.Process(target=function, args=args, kwargs=keywords, daemon=True)
        child.start()
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.join()
        child.close()


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny pre-trained T5."""
    return tiny.write_base(tmp_path_factory.mktemp("base") / "tiny-base")


@pytest.fixture(scope="module")
def trained(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("trained")
    tiny.run(tiny_base, folder / "target", folder / "scratch", checkpoint_seconds=1e9)
    return folder / "target"
