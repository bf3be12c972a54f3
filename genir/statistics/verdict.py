"""The four verdicts."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a run says about a claim, read off an interval and a margin that was fixed before the run."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    UNTESTABLE = "untestable"
