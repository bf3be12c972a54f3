"""Peers in environments of their own (`make bench-peers`): run as processes, their ranks and times brought back.

TransformerLens 3 and 4 exclude one another, and each peer may pin what genir does not: a subject goes to them as a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.subjects import Subject

SCRIPTS = Path(__file__).parent / "peers"
ENVIRONMENTS = Path(os.environ.get("GENIR_PEERS", ".peers"))


class Peer(NamedTuple):
    """An environment, the script that runs in it, how many rounds, and how many times faster the engine must be by size."""

    environment: str
    script: str
    rounds: int
    at_least: dict[str, float]

    @property
    def python(self) -> Path:
        """The environment's interpreter, whether it is there or not."""
        return ENVIRONMENTS / self.environment / "bin" / "python"


BATCHED = {"T": 6.0, "A": 9.0, "C": 9.0}
PEERS = {
    "nnsight 0.8.1, batched": Peer("nnsight", "with_nnsight.py", 3, BATCHED),
    "pyvene 0.1.8, batched": Peer("pyvene", "with_pyvene.py", 3, BATCHED),
    "TransformerLens 4.3 bridge, batched": Peer("transformer-lens-4", "with_transformer_lens_4.py", 3, BATCHED),
    "TransformerLens 3.9, batched": Peer("transformer-lens-3", "with_transformer_lens_3.py", 3, BATCHED),
    "published way: TransformerLens 3.9, a query at a time": Peer(
        "transformer-lens-3", "published_way.py", 1, {"T": 0.0, "A": 150.0, "C": 150.0}
    ),
}


def save(subject: Subject, folder: Path) -> None:
    """Write what a peer reads: the model, the queries, the interventions (of zeros and means)."""
    subject.model.save_pretrained(folder)
    np.savez(folder / "queries.npz", ids=subject.inputs.ids, mask=subject.inputs.mask, gold=subject.gold)
    plans = [
        [(site.component, site.layer, kind) for site, kind in plan.edits.items()] for plan in subject.interventions
    ]
    (folder / "plans.json").write_text(json.dumps(plans))


def run(peer: Peer, folder: Path) -> tuple[np.ndarray, float]:
    """A peer's ranks (interventions, queries) and its least processor time of a sweep, in seconds."""
    (folder / "ranks.npy").unlink(missing_ok=True)
    command = [str(peer.python.absolute()), str(SCRIPTS / peer.script), str(folder), str(peer.rounds)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2_000:]
    return np.load(folder / "ranks.npy"), min(json.loads(done.stdout.splitlines()[-1]))
