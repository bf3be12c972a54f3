"""The one error that a user sees."""

from __future__ import annotations


class GenirError(ValueError):
    """Input that genir cannot work with: one line that says what was expected, what came and what to do."""
