"""The line that sums up a fuzzing run, counted over all workers."""

from __future__ import annotations

import pytest

from tests.fuzz.hostile import COUNTS

KEPT = pytest.StashKey[list[dict[str, int]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEPT] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fuzz"] = dict(COUNTS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    node.config.stash[KEPT].append(getattr(node, "workeroutput", {}).get("fuzz", {}))  # type: ignore[attr-defined]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    parts = [dict(COUNTS), *config.stash[KEPT]]
    cases, rejected, accepted = (sum(part.get(name, 0) for part in parts) for name in ("cases", "rejected", "accepted"))
    if cases:
        terminalreporter.write_line(
            f"fuzz: {cases:,} cases, {rejected:,} rejected, {accepted:,} accepted, tracebacks: {cases - rejected - accepted}"
        )
