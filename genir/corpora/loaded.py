"""Questions from Hugging Face ``datasets`` and from ``ir_datasets``, packages that are imported when they are named.

``datasets:google-research-datasets/natural_questions`` has rows with ``question.text``, ``document.title`` and
``document.tokens`` (``token`` and ``is_html``, two lists of one length); ``datasets:mandarjoshi/trivia_qa`` (its
configuration rc.wikipedia) has ``question`` and ``entity_pages`` (``title`` and ``wiki_context``, two lists). Splits
train and validation are read, one after the other, as streams. Any data set of ``ir_datasets`` whose documents have a title
serves as well (``ir_datasets:beir/nq``, ``ir_datasets:dpr-w100/trivia-qa/train``): its passages of one title, in
their order, are the page. Such a collection has more pages than questions; the pages that are asked for count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Any

from genir.corpora.nq import page_text
from genir.corpora.pages import CHARACTERS, Asked, WikiPage, title_key
from genir.errors import GenirError

SPLITS = ("train", "validation")
CONFIGURATIONS = {"mandarjoshi/trivia_qa": "rc.wikipedia"}


def read_loaded(source: str) -> Iterator[Asked]:
    """The questions of ``datasets:NAME`` or ``ir_datasets:NAME``; GenirError where the package is not installed."""
    package, _, name = source.partition(":")
    library: Any = _library(package)
    try:
        if package == "ir_datasets":
            yield from from_ir_datasets(library.load(name))
            return
        for split in SPLITS:
            yield from from_rows(library.load_dataset(name, CONFIGURATIONS.get(name), split=split, streaming=True))
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, GenirError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GenirError(f"expected {name!r} within reach of {package}, got {reason}: check name and network") from None


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Asked]:
    """The questions of rows of Natural Questions or TriviaQA; GenirError, with the row's number, for other rows."""
    for number, row in enumerate(rows):
        try:
            if "entity_pages" in row:
                found = row["entity_pages"]
                pairs = zip(found["title"], found["wiki_context"], strict=True)
                yield Asked(row["question"], tuple(WikiPage(title, text[: 2 * CHARACTERS]) for title, text in pairs))
            else:
                document = row["document"]
                tokens = zip(document["tokens"]["token"], document["tokens"]["is_html"], strict=True)
                plain = islice((token for token, is_html in tokens if not is_html), CHARACTERS)
                page = WikiPage(document["title"], page_text(" ".join(plain)))
                yield Asked(row["question"]["text"], (page,))
        except (KeyError, TypeError, ValueError) as error:
            raise GenirError(
                f"expected rows of natural_questions or trivia_qa, row {number} is neither ({type(error).__name__}: {error}): "
                "name one of these data sets"
            ) from None


def from_ir_datasets(dataset: Any) -> Iterator[Asked]:
    """The questions of a data set with ``docs_iter``, ``queries_iter`` and ``qrels_iter``.

    Documents are read twice: once for the titles that are asked for, once for the texts of these.
    """
    relevant: dict[str, list[str]] = {}
    for judgement in dataset.qrels_iter():
        if judgement.relevance > 0:
            relevant.setdefault(judgement.query_id, []).append(judgement.doc_id)
    wanted = {id for ids in relevant.values() for id in ids}
    titles: dict[str, str] = {}
    for document in dataset.docs_iter():
        if not hasattr(document, "title"):
            raise GenirError(
                f"expected documents with a title, got {', '.join(document._fields)}: choose a data set whose documents are pages"
            )
        if document.doc_id in wanted:
            titles[document.doc_id] = title_key(document.title)
    texts = dict.fromkeys(titles.values(), "")
    for document in dataset.docs_iter():
        title = title_key(document.title)
        if title in texts and len(texts[title]) < CHARACTERS:
            texts[title] = f"{texts[title]} {document.text}"[: 2 * CHARACTERS].strip()
    for query in dataset.queries_iter():
        found = dict.fromkeys(titles[id] for id in relevant.get(query.query_id, ()) if id in titles)
        if found:
            yield Asked(query.text, tuple(WikiPage(title, texts[title]) for title in found))


def _library(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise GenirError(
            f"expected the package {package}, got no such package: python -m pip install {package}"
        ) from None
