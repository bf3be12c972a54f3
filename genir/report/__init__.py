"""What a run of the claims found, written down: the ledger, and the pages and tables made from it.

``record`` is one verdict on one model, ``ledger`` the file of them, ``comparison`` what moved between two ledgers,
``terminal`` and ``findings`` print them. A new page reads a ``Ledger`` and nothing else: no model, no torch, no pytest.
"""

from __future__ import annotations

from genir.report.comparison import Move, compare
from genir.report.ledger import Ledger, read, write
from genir.report.record import Record

__all__ = ["Ledger", "Move", "Record", "compare", "read", "write"]
