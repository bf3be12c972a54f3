"""How a sweep's time grows with queries, interventions, layers and documents: no faster than the work."""

from __future__ import annotations

import numpy as np
import pytest

from genir.interventions.circuit import table3
from genir.interventions.patch import MEAN, ZERO
from genir.interventions.sites import published_stages
from tests.benchmarks.measure import seconds, turns
from tests.benchmarks.subjects import SIZES, WORDS, random_model, table_3_subject
from tests.benchmarks.ways import engine


@pytest.mark.parametrize("what", ["queries", "interventions"])
def test_four_times_the_work(what, record):
    """Four times the queries or the interventions take at most four times as long, and a tenth."""
    subject = table_3_subject("A")
    more = subject._replace(interventions=subject.interventions * 4)
    if what == "queries":
        inputs = type(subject.inputs)(*(tensor.repeat(4, 1) for tensor in subject.inputs))
        more = subject._replace(inputs=inputs, gold=np.tile(subject.gold, 4))
    took = turns({"once": lambda: engine(subject), "more": lambda: engine(more)}, rounds=4)
    ratio = took["more"] / took["once"]
    record.fact(f"four times the {what} at A", f"{ratio:.2f} times the time", "at most 4.4")
    assert ratio <= 4.4


def test_documents(record):
    """From 10,000 to 100,000 and 320,000 rows of the vocabulary the time grows by the product with these rows alone."""
    subject = table_3_subject("A")
    sizes = [subject._replace(model=random_model(0, rows, **SIZES["A"])) for rows in (10_000, 100_000, 320_000)]
    # By turns, since a slope is a difference of times that other work must have slowed alike.
    took = list(turns({str(i): lambda more=more: engine(more) for i, more in enumerate(sizes)}, rounds=6).values())
    slopes = (took[1] - took[0]) / 90_000, (took[2] - took[1]) / 220_000
    times = ", ".join(f"{t * 1e3:.0f} ms" for t in took)
    record.fact(
        "10,000, 100,000, 320,000 vocabulary rows at A",
        f"{times}, slopes 1 : {slopes[1] / slopes[0]:.2f}",
        "at most 1.15",
    )
    assert 0 < slopes[1] <= 1.15 * slopes[0]


def test_layers(record):
    """Twice the decoder's layers take at most twice as long, and a tenth."""
    subject = table_3_subject("A")
    took = {}
    for layers in (6, 12, 24):
        model = random_model(0, WORDS + 2_000, **SIZES["A"] | {"num_decoder_layers": layers})
        plans = list(table3(published_stages(layers), (ZERO, MEAN)).values())
        deeper = subject._replace(model=model, interventions=plans)
        took[layers] = seconds(lambda deeper=deeper: engine(deeper))
    record.fact("6, 12, 24 decoder layers at A's width", ", ".join(f"{t * 1e3:.0f} ms" for t in took.values()))
    assert took[24] <= 2.2 * took[12]
    assert took[12] <= 2.2 * took[6]
