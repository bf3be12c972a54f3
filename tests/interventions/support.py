"""The table of supported architectures: ``python -m tests.interventions.support`` writes docs/architectures.md from the checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genir.models.families import Ability, family_of
from tests.interventions.invariants import INVARIANTS, broken, gaps
from tests.models.architectures import ARCHITECTURES, random_model

FILE = Path(__file__).parents[2] / "docs" / "architectures.md"
CLAIMS: Mapping[Ability, str] = {
    Ability.STREAM: "5-*, 5.2-*, 6-agnostic, 6-words-down",
    Ability.LENS: "5.2-*, 5.4-*, 6-words-down",
    Ability.READING: "5.3-*, 6-last-layer",
    Ability.FOLDING: "7-efficiency",
    Ability.ENCODER: "4-pretrained",
}
"""Claims that ask for an ability; --stages detected needs the first."""
HEAD = """# Architectures

Written by `python -m tests.interventions.support` from the checks of `tests/interventions/invariants.py` on random weights; a test
fails where it is out of date.

A component's output is what is added to the residual stream. In a pre-norm family the outputs add up to the stream. In a post-norm
family (BART, Marian, BERT) the stream is normalised after each addition: outputs add up through those norms, and a reading of the
stream as a sum is untestable, by that name. ByT5 and Flan-T5 are T5s to the loader. Where generation_config.json forces a first token
(`<s>`, a language), the document id is written after it, and patches act there. Decoder-only models are refused.
"""


def table() -> str:
    """The document: a row for each architecture, then what is untestable and why."""
    lines = ["| architecture | norm | " + " | ".join(INVARIANTS) + " | sweeps | untestable |"]
    lines.append("| --- " * (len(INVARIANTS) + 4) + "|")
    reasons: dict[str, dict[str, None]] = {}
    for name in ARCHITECTURES:
        model = random_model(name)
        family, found = family_of(model), gaps(model)
        wrong = broken(found)
        lacks = [ability for ability in CLAIMS if ability in family.lacks]
        cells = [
            name,
            "after" if family.norms else "before",
            *("none" if gap is None else "no" if check in wrong else "yes" for check, gap in found.items()),
            "hooks" if Ability.ENGINE in family.lacks else "engine, hooks",
            "; ".join(lacks) or "nothing",
        ]
        lines.append("| " + " | ".join(cells) + " |")
        for ability in lacks:
            reasons.setdefault(f"{ability} ({CLAIMS[ability]})", {})[family.lacks[ability]] = None
    lines += ["", "What is untestable, the claims that ask for it, and why:", ""]
    lines += [f"- {what}: {'; '.join(why)}." for what, why in reasons.items()]
    return HEAD + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
