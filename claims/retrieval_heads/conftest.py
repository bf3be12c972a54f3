"""Claims of this paper are about language models, whose evidence comes from needles in a haystack."""

from __future__ import annotations

import pytest

from fixtures.judging import Provenance


@pytest.fixture
def provenance(lm_provenance: Provenance) -> Provenance:
    """Where the evidence comes from."""
    return lm_provenance
