"""Files of models and their evidence: manifests, seals, settings, weights, tokenizers, lists of correct queries, head scores."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from genir.corpora.records import Query
from genir.errors import GenirError
from genir.models.dsi import load_dsi
from genir.models.released import obtain_released, seal, sealed
from genir.models.seq2seq import load_model
from genir.models.store import MANIFEST, intact, obtain
from genir.readouts.correct import given_correct
from genir.readouts.heads_published import read_published
from genir.readouts.trec import write_qrels, write_run
from tests.fuzz.hostile import ROUND, changed, damaged, files, texts, tried
from tests.models import tiny

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of an example, when it has failed
SCORES = {"0-0": [0.1, 0.5], "0-1": [0, 1.25], "1-0": [0.0], "1-1": [1, 0.5, 0.2]}
DOCIDS = ["d0", "d1"]


@dataclass(frozen=True)
class Model:
    """What ``given_correct`` asks of a model."""

    docids: tuple[str, ...]

    def rows_of(self, docids: list[str]) -> NDArray[np.int64]:
        if strangers := set(docids) - set(self.docids):
            raise GenirError(
                f"expected a document id that the model was trained on, got {min(strangers)!r}: is it its corpus?"
            )
        return np.array([self.docids.index(docid) for docid in docids])


def build(target: Path, scratch: Path) -> None:
    (target / "weights.bin").write_bytes(b"w" * 10)
    (target / "config.json").write_bytes(b"{}")


def test_a_manifest(tmp_path: Path) -> None:
    folder = obtain(tmp_path, "thing", {"what": "a model", "parts": [1, 2]}, build)
    path = folder / MANIFEST
    valid = path.read_bytes()
    meant = json.loads(valid)

    @ROUND
    @given(files(valid, changed(meant)))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        if tried(lambda: intact(folder)):
            found = json.loads(data)
            assert (found["content"], found["files"]) == (meant["content"], meant["files"])

    hold()


@pytest.mark.parametrize("name", ["SHA256SUMS", "docids.json", "recipe.json"])
def test_a_sealed_release(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "released"
    folder.mkdir()
    (folder / "docids.json").write_text(json.dumps(DOCIDS))
    (folder / "recipe.json").write_text(json.dumps({"recipe": {"name": "tiny", "steps": 3}}))
    seal(folder)
    valid = (folder / name).read_bytes()

    @ROUND
    @given(files(valid, None if name == "SHA256SUMS" else changed(json.loads(valid))))
    def hold(data: bytes) -> None:
        (folder / name).write_bytes(data)
        served = tried(lambda: sealed(folder) or "whole")
        assert (served == "whole") == (data == valid)

    hold()


def test_document_ids_of_a_release(tmp_path: Path) -> None:
    """Sealed again, so that the list itself is read: it is that of the corpus, or nothing is served."""
    folder = tmp_path / "released"
    folder.mkdir()

    @ROUND
    @given(files(json.dumps(DOCIDS).encode(), changed(DOCIDS)))
    def hold(data: bytes) -> None:
        (folder / "docids.json").write_bytes(data)
        seal(folder)
        corpus = tiny.corpus(2)

        def serve() -> str:
            try:
                obtain_released(folder, corpus, tmp_path, tmp_path / "cache")
            except (FileNotFoundError, OSError):  # the list was accepted: recipe and weights are asked for next
                return "accepted"
            return "served"

        if tried(serve) is not None:
            assert json.loads(data.decode("utf-8-sig")) == DOCIDS

    hold()


def test_a_list_of_correct_queries(tmp_path: Path) -> None:
    path = tmp_path / "correct.json"
    queries = [Query("1", "ants", ("d0",)), Query("2", "bees", ("d1",)), Query("\u0661", "arabic one", ("d1",))]
    valid = [["@DOC_ID_d0@", 1], ["d1", "2"]]

    @ROUND
    @given(files(json.dumps(valid).encode(), changed(valid)))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        found = tried(lambda: given_correct(path, Model(("d0", "d1")), queries))  # type: ignore[arg-type]
        if found is not None:
            listed = json.loads(data.decode("utf-8-sig"))
            assert [query.id for query in found.queries] == [str(query) for _, query in listed]
            assert list(found.docids) == [str(token).removeprefix("@DOC_ID_").removesuffix("@") for token, _ in listed]
            assert len(set(found.queries)) == len(listed) > 0

    hold()


def test_head_scores(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    keys = st.sampled_from(
        ["0-0", "0-1", "1-0", "00-1", "\u0660-\u0661", "1-1", "999999999999-0", "-1-0", "0-0 ", "2-0"]
    )
    scores = st.one_of(st.lists(st.floats(allow_nan=True) | st.integers() | st.booleans() | texts, max_size=3), texts)
    tables = st.dictionaries(keys, scores, max_size=5).map(lambda table: json.dumps(table).encode())

    @ROUND
    @given(files(json.dumps(SCORES).encode(), st.one_of(changed(SCORES), tables)))
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        found = tried(lambda: read_published(path))
        if found is not None:
            listed = json.loads(data.decode("utf-8-sig"))
            assert found.means.size == len(listed)
            assert found.total == max(map(len, listed.values()))
            for key, values in listed.items():
                layer, head = map(int, key.split("-"))
                assert math.isclose(found.means[layer, head], math.fsum(values) / len(values), rel_tol=1e-9)

    hold()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_a_model_folder(tmp_path: Path, name: str, model_folder: Path) -> None:
    """A damaged file is refused, or the model that loads has the weights that were saved."""
    folder = shutil.copytree(model_folder, tmp_path / "model")
    path = folder / name
    valid = path.read_bytes()
    content = damaged(valid) if name == "model.safetensors" else files(valid, changed(json.loads(valid)))
    reference = load_dsi(model_folder)

    @ROUND
    @given(content)
    def hold(data: bytes) -> None:
        path.write_bytes(data)
        load: Callable[[], object] = (lambda: load_dsi(folder)) if "token" in name else (lambda: load_model(folder))
        found = tried(load)
        if found is None:
            return
        if "token" in name:
            assert set(found.rows.tolist()) <= set(range(found.vocabulary))  # type: ignore[attr-defined]
            assert len(set(found.docids)) == len(found.docids)  # type: ignore[attr-defined]
            return
        mine, theirs = found.state_dict(), reference.model.state_dict()  # type: ignore[attr-defined]
        assert mine.keys() == theirs.keys()
        assert all(mine[key].shape == theirs[key].shape and mine[key].isfinite().all() for key in mine)

    hold()


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_base(tmp_path_factory.mktemp("whole") / "model", ["d0", "d1", "\u05d0"])


def test_runs_and_judgements(tmp_path: Path) -> None:
    ids = st.one_of(st.sampled_from(["q1", "d/2", "\u05d0", "a\u2028b", "a\x1cb"]), texts.filter(bool))

    @ROUND
    @given(ids, ids, st.floats(allow_nan=False), texts)
    def hold(query: str, document: str, score: float, tag: str) -> None:
        run = tried(lambda: write_run(tmp_path / "run", [query], [[(document, score)]], tag) or "written")
        judged = tried(lambda: write_qrels(tmp_path / "qrels", [Query(query, "text", (document,))]) or "written")
        if run and judged:
            [line] = (tmp_path / "run").read_text(encoding="utf-8").splitlines()
            assert line.split()[:4] == [query, "Q0", document, "1"]
            assert math.isclose(float(line.split()[4]), score, rel_tol=1e-8) or abs(score) > 1e300
            assert (tmp_path / "qrels").read_text(encoding="utf-8").split() == [query, "0", document, "1"]

    hold()
