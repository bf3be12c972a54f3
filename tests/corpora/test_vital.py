"""The embedded corpus, as it comes out of its package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from genir.corpora import vital as module
from genir.corpora.records import Corpus
from genir.corpora.vital import usable_pages, vital
from genir.errors import GenirError

PAGES = 10_033  # of the pinned file, counted with jq length


@pytest.fixture(scope="module")
def small() -> Corpus:
    """The corpus that a run trains on."""
    return vital(600)


@pytest.fixture(scope="module")
def full() -> Corpus:
    """The corpus of the released model."""
    return vital()


def test_every_page_of_the_package_is_usable(full: Corpus) -> None:
    """The package has 10,033 pages, none of them empty, a list of meanings or a repetition."""
    assert full.name == "vital10k"
    assert len(full.documents) == PAGES == len(usable_pages())


def test_there_is_enough_to_decide_the_claims(small: Corpus, full: Corpus) -> None:
    """150 correct validation queries at 36 %, 400 at 40 %; one fifth of the descriptions in training."""
    assert small.name == "vital600"
    assert len(small.documents) == 600
    assert len(small.validation) >= 420
    assert len(small.test) >= 100
    kinds = {split: Counter(query.kind for query in getattr(small, split)) for split in ("train", "validation", "test")}
    assert kinds["train"]["description"] == 120
    assert kinds["validation"]["description"] == 360
    assert kinds["test"]["description"] == 120
    assert len(full.validation) == len(full.test) == 1_000
    assert {query.kind for query in (*full.validation, *full.test)} == {"description"}


def test_notes_count_what_the_corpus_holds(small: Corpus, full: Corpus) -> None:
    """Each count per split and kind is the number of such queries, and they are complete."""
    for corpus in (small, full):
        for split in ("train", "validation", "test"):
            queries = getattr(corpus, split)
            counted = {key: n for key, n in corpus.notes.items() if key.startswith(f"{split}_") and isinstance(n, int)}
            per_kind = {f"{split}_{kind}": n for kind, n in Counter(query.kind for query in queries).items()}
            assert per_kind.items() <= counted.items()
            assert sum(per_kind.values()) == len(queries)


def test_no_held_out_text_is_trained_on(small: Corpus, full: Corpus) -> None:
    """Case ignored, no validation or test query is a training query, and none is both."""
    for corpus in (small, full):
        train, validation, test = (
            {query.text.casefold() for query in queries} for queries in (corpus.train, corpus.validation, corpus.test)
        )
        assert not train & validation
        assert not train & test
        assert not validation & test


def test_held_out_descriptions_are_unambiguous_in_the_full_collection(small: Corpus, full: Corpus) -> None:
    """Counted again from the raw file: at least four words, one page."""
    raw = json.loads(
        Path(module.package_file(module.DISTRIBUTION, module.VERSION, module.PATH, module.SHA256)).read_text("utf-8")
    )
    shared = Counter(" ".join(entry["description"].split()).casefold() for entry in raw.values())
    for corpus in (small, full):
        for query in (*corpus.validation, *corpus.test):
            if query.kind == "description":
                assert len(query.text.split()) >= 4
                assert shared[query.text.casefold()] == 1


def test_held_out_sentences_are_beyond_the_first_32_words(small: Corpus) -> None:
    """No five words in a row of a late query are among the indexed words of its document."""
    indexed = {document.id: " ".join(document.indexed.split()[:32]) for document in small.documents}
    late = [query for query in (*small.validation, *small.test) if query.kind == "late"]
    assert len(late) > 300
    for query in late:
        words = query.text.split()
        runs = {" ".join(words[start : start + 5]) for start in range(len(words) - 4)}
        assert not any(run in indexed[query.relevant[0]] for run in runs), query


def test_a_page_has_the_same_id_text_and_queries_in_every_corpus(small: Corpus, full: Corpus) -> None:
    """The small corpus takes documents and queries from the full one, whatever their split."""
    assert set(small.documents) <= set(full.documents)
    everywhere = {(query.id, query.text) for query in full.queries}
    # A training query of the full corpus is dropped where it equals a held-out one; four are.
    assert len({(query.id, query.text) for query in small.queries} - everywhere) <= 4


def test_ids_are_plain(full: Corpus) -> None:
    """Lower-case ASCII letters, digits and hyphens, so that they can be docid tokens."""
    ids = {document.id for document in full.documents}
    assert all(set(id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for id in ids)
    assert {"encyclopaedia-britannica", "2001-a-space-odyssey", "cell-biology", "cell-biology-2"} <= ids


def test_another_process_builds_the_same_corpus(small: Corpus) -> None:
    """Hash randomisation and import order change nothing."""
    code = "from genir.corpora.vital import vital; print(vital(600).fingerprint)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout.strip() == small.fingerprint
    assert vital(600) == small


def test_a_seed_draws_other_pages(small: Corpus) -> None:
    """Seed 1 shares about 600 * 600 / 7,754 pages with seed 0 (46; four standard deviations: 20 to 72)."""
    other = vital(600, seed=1)
    assert 20 <= len(set(other.documents) & set(small.documents)) <= 72
    assert other.notes["seed"] == 1


@pytest.mark.parametrize("pages", [0, 9, PAGES + 1])
def test_an_impossible_size_is_refused(pages: int) -> None:
    """The message says which sizes there are."""
    with pytest.raises(GenirError, match=f"expected 10 to {PAGES} pages of vital, got {pages}"):
        vital(pages)


def test_unusable_pages_are_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Empty and repeated pages and lists of meanings go, invisible marks and stray spaces as well."""
    entries = [
        ("A (b)", "A\u200b is ( ) a\xa0letter , here.", "First letter"),
        ("", "No title.", "x"),
        ("Empty", " \n", "x"),
        ("Many", "Many may refer to:", "x"),
        ("Page", "Some pages.", "Wikimedia disambiguation page"),
        ("Again", "a is a letter, here.", "x"),
        ("A b", "Another text.", "Second letter"),
    ]
    raw = {str(n): {"title": t, "extract": e, "description": d, "topic": "Arts"} for n, (t, e, d) in enumerate(entries)}
    file = tmp_path / "pages.json"
    file.write_text(json.dumps(raw), encoding="utf-8")
    monkeypatch.setattr(module, "package_file", lambda *_: file)
    pages = usable_pages.__wrapped__()
    assert [(page.id, page.title, page.text) for page in pages] == [
        ("a-b", "A (b)", "A is a letter, here."),
        ("a-b-2", "A b", "Another text."),
    ]
