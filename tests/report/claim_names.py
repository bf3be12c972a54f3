"""A plugin for a run of its own: which tests each claim's command would select, printed as JSON."""

from __future__ import annotations

import json

import pytest
from _pytest.mark import KeywordMatcher
from _pytest.mark.expression import Expression

MARK = "SELECTED "


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Match ``[id]`` of every claim as ``-k`` does, against every test."""
    from fixtures.judging import claim_of  # a plugin of the run, which pytest has to be the first to import

    ids = {item.nodeid: claim.id for item in items if (claim := claim_of(item)) is not None}
    matchers = {item.nodeid: KeywordMatcher.from_item(item) for item in items}
    selected = {}
    for id in sorted(set(ids.values())):
        asked = Expression.compile(f"[{id}]")
        selected[id] = [ids.get(name, name) for name, matcher in matchers.items() if asked.evaluate(matcher)]
    print(f"\n{MARK}{json.dumps(selected)}")
