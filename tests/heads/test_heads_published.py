"""The authors' score files, on small ones written here: ragged, repeated, in any order, and broken."""

from __future__ import annotations

import json

import numpy as np
import pytest

from genir.errors import GenirError
from genir.readouts.heads_published import lineage, read_published


def written(tmp_path, text, name="model"):
    file = tmp_path / f"{name}.json"
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    return read_published(file)


def test_heads_in_any_order_with_repeated_runs(tmp_path):
    found = written(
        tmp_path, {"1-0": [0.2, 0.2, 0, 0.4], "0-1": [0, 0, 0, 0], "0-0": [0.1, 0.1, 0, 0], "1-1": [1, 1, 0, 0.5]}
    )
    np.testing.assert_allclose(found.means, [[0.05, 0], [0.2, 0.625]])
    assert found.total == 4
    assert found.runs.tolist() == [[[0.1, 0], [0.2, 1]], [[0, 0], [0, 0]], [[0, 0], [0.4, 0.5]]]
    assert (found.share, found.zero_share, found.always_on) == (0.5, 0.25, 2)


def test_ragged_lists_keep_their_means_and_share_their_common_runs(tmp_path):
    found = written(tmp_path, {"0-0": [1, 0, 0.5], "0-1": [0, 1]})
    assert found.means.tolist() == [[0.5, 0.5]]
    assert found.runs.tolist() == [[[1, 0]], [[0, 1]]]
    assert found.total == 3


def test_a_file_of_zeros_has_no_head_that_is_always_on(tmp_path):
    found = written(tmp_path, {"0-0": [0, 0]})
    assert (found.always_on, found.zero_share, len(found.runs)) == (0, 1.0, 1)


def test_lineage_is_the_correlation_of_means_and_unknown_between_sizes(tmp_path, rng):
    def model(name, values):
        return written(tmp_path, {f"0-{i}": [float(value)] for i, value in enumerate(values)}, name)

    base = rng.random(50)
    table = lineage([model("a", base), model("b", 2 * base + 1), model("c", 1 - base), model("d", base[:5])])
    np.testing.assert_allclose(table[:3, :3], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    assert np.isnan(table[3, :3]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", r'expected "layer-head": \[scores\]'),
        ("{", "could not read"),
        ('{"a-b": [1]}', "got 'a-b'"),
        ('{"0-0": 1}', "got '0-0'"),
        ('{"0-0": ["x"]}', "got '0-0'"),
        ('{"0-0": [1], "0-0": [2]}', "the key '0-0' twice"),
        ('{"0-0": []}', "got none for 0-0"),
        ('{"0-0": [1], "1-1": [1]}', "expected 2 x 2 heads in .*, head 0-1 is missing"),
        ("{}", "expected heads in .*, got none"),
    ],
)
def test_broken_files_are_refused(tmp_path, text, message):
    with pytest.raises(GenirError, match=message):
        written(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GenirError, match=r"could not read .*nothing\.json"):
        read_published(tmp_path / "nothing.json")
