"""Wiring of the claims run; what it wires stands in ``fixtures``."""

from __future__ import annotations

pytest_plugins = (
    "fixtures.settings",
    "fixtures.subjects",
    "fixtures.judging",
    "fixtures.collecting",
    "fixtures.exhibits",
    "fixtures.recording",
    "fixtures.progress",
    "fixtures.models",
    "fixtures.evidence",
    "fixtures.evidence_stream",
    "fixtures.evidence_words",
    "fixtures.evidence_sources",
    "fixtures.evidence_reading",
    "fixtures.language_models",
    "fixtures.heads_material",
    "fixtures.heads_evidence",
    "fixtures.heads_kin",
    "fixtures.evidence_encoder",
    "fixtures.evidence_section7",
)
