"""Correct queries: those on which interventions are judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genir import strict_json
from genir.corpora.records import Query
from genir.errors import GenirError
from genir.interventions.patch import noop
from genir.interventions.sweep import sweep
from genir.models.dsi import DOCID_TOKEN, DSI, Protocol
from genir.readouts.metrics import pairs


class Correct(NamedTuple):
    """Queries whose relevant document is at rank 1, that document, and how many queries were asked.

    Where a query has several relevant documents the one at rank 1 is followed (docs/protocol.md, "Setting").
    """

    queries: tuple[Query, ...]
    docids: tuple[str, ...]
    asked: int

    @property
    def texts(self) -> list[str]:
        """What the queries ask."""
        return [query.text for query in self.queries]


def correct_queries(
    dsi: DSI, queries: Sequence[Query], protocol: Protocol = Protocol.MASKED, length: int = 0
) -> Correct:
    """The queries whose relevant document the unpatched model puts at rank 1 of the whole vocabulary.

    They are chosen by the sweep that interventions go through: another order of summation may break a near tie otherwise, and
    doing nothing would lose a query.
    """
    texts, docids, owner = pairs(queries)
    first = np.flatnonzero(sweep(dsi, texts, dsi.rows_of(docids), [noop()], protocol=protocol, length=length)[0] == 1)
    _, once = np.unique(owner[first], return_index=True)
    chosen = first[once]
    return Correct(tuple(queries[owner[i]] for i in chosen), tuple(docids[i] for i in chosen), len(queries))


def given_correct(path: Path, dsi: DSI, queries: Sequence[Query]) -> Correct:
    """The correct queries that a file lists as the authors' correct_valid.json does: ``[["@DOC_ID_<id>@", query id], ...]``.

    A document may be given by its id alone. They are taken at their word: what the model does not put at rank 1 shows as
    the loss of doing nothing. GenirError for another form, an unknown query or document, and a query that is given twice.
    """
    try:
        listed = strict_json.loads(path.read_bytes())
    except OSError as error:
        raise GenirError(
            f"expected a list of correct queries in {path}, got {error.strerror}: check the path"
        ) from None
    except ValueError as error:
        raise GenirError(f"expected JSON in {path}, got {error}: write the list again") from None
    if not isinstance(listed, list) or not listed:
        raise GenirError(f"expected a list of [document, query id] in {path}, got {_shown(listed)}: write some")
    by_id = {query.id: query for query in queries}
    found: dict[str, str] = {}
    for number, pair in enumerate(listed, 1):
        if not isinstance(pair, list) or len(pair) != 2 or not all(type(each) in (str, int) for each in pair):
            raise GenirError(f"expected [document, query id] as entry {number} of {path}, got {_shown(pair)}: mend it")
        token, query = map(str, pair)
        if query not in by_id:
            raise GenirError(
                f"expected the id of a validation query as entry {number} of {path}, got {query!r}: is it of this corpus?"
            )
        if query in found:
            raise GenirError(f"expected every query of {path} once, got {query!r} again as entry {number}: remove one")
        match = DOCID_TOKEN.fullmatch(token)
        found[query] = match[1] if match else token
    dsi.rows_of(list(found.values()))
    return Correct(tuple(by_id[query] for query in found), tuple(found.values()), len(queries))


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
