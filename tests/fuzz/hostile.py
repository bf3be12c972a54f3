"""Hostile bytes: random ones, valid files that were damaged, and texts that have broken readers before."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st

from genir.errors import GenirError

T = TypeVar("T")
CASES = int(os.environ.get("GENIR_FUZZ_CASES", "25"))  # of each test; `make fuzz` asks for more
COUNTS: Counter[str] = Counter()
ROUND = settings(
    max_examples=CASES,
    deadline=None,  # other work runs beside it
    derandomize=True,  # the same cases in every run; a failure is a finding, not a matter of luck
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

NASTY = (
    "", " ", "\ufeff", "a\ufeff", "\x00", "a\x00b", "\u202eabc", "مرحبا بالعالم", "שלום", "<script>alert(1)</script>", "&#" + "9" * 5000 + ";",
    "&lt;b&gt;", "\u2028", "\x1b[31m", "e\u0301", "😀", "ﬀ", "..", "../../etc/passwd", "a/b", "%s{0}", "\\", '"', "'", "\t", "\r", "a\r\nb", "\x85",
    "NaN", "-1", "0", "1e999", "null", "http://[", "x" * 300, "٣-١", "\u3000", "{" * 200,
)  # fmt: skip
LONG = "long query " * 10_000  # 100 kB
texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=20), st.just(LONG) if CASES > 25 else st.just("long " * 2_000)
)
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 0, -1, 2**63, float("nan"), float("inf"), 1e308])
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)

# What Python writes no other way: twice the same key, half a surrogate pair, depth, digits.
PIECES = (
    b'"\\ud800"', b"[" * 3_000, b'{"a":' * 1_200, b"9" * 5_000, b"1e999", b"-Infinity", b"NaN", b'{"_id": "a", "_id": "b"}', b"\xff", b"\xc3",
    b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\n", b"\n\n", b"\t", b",", b"}", b"]", b"{", b"[", b'"', b":", b"\\", b"\\u0000", b"null", b"true",
    b"-", b"0", b"# x", b"\x1f\x8b", b"\xed\xa0\x80", "\u202e".encode(), "\u2028".encode(),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """``valid`` after one to four cuts, repetitions, exchanged bytes, and pieces put in."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 30))
        match draw(st.sampled_from(["cut", "end", "twice", "byte", "piece", "put", "line"])):
            case "cut":
                del data[at : at + length]
            case "end":
                del data[at:]
            case "twice":
                data[at:at] = data[at : at + length]
            case "byte":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "piece":
                data[at:at] = draw(st.sampled_from(PIECES))
            case "put":
                data[at : at + length] = draw(st.sampled_from(PIECES))
            case "line":
                lines = bytes(data).splitlines(keepends=True)
                data[:] = b"".join([*lines, *(draw(st.permutations(lines))[:1] if lines else [])])
    return bytes(data)


def changed(valid: object) -> st.SearchStrategy[bytes]:
    """JSON like ``valid``, with one value inside it, or one key, exchanged for something else."""

    @st.composite
    def change(draw: st.DrawFn) -> bytes:
        whole = json.loads(json.dumps(valid))
        inside = draw(st.sampled_from(_places(whole)))
        if inside is None:
            return _written(draw(values))
        holder, key = inside
        match draw(st.sampled_from(["value", "value", "value", "remove", "more"])):
            case "value":
                holder[key] = draw(values)
            case "remove":
                del holder[key]
            case "more" if isinstance(holder, dict):
                holder[draw(texts)] = draw(values)
            case "more":
                holder.append(draw(values))
        return _written(whole)

    return change()


def files(valid: bytes, structured: st.SearchStrategy[bytes] | None = None) -> st.SearchStrategy[bytes]:
    """Contents of a file: hostile ones of every kind, and the valid one among them."""
    kinds = [damaged(valid), st.binary(max_size=60), st.just(valid)]
    return st.one_of(*kinds, *([structured, structured] if structured is not None else []))


def zipped(content: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The same as gzip: whole, cut short, or with a byte exchanged."""

    @st.composite
    def zip_it(draw: st.DrawFn) -> bytes:
        data = bytearray(gzip.compress(draw(content), 1, mtime=0))
        how = draw(st.sampled_from(["whole", "whole", "cut", "byte", "behind"]))
        at = draw(st.integers(0, len(data) - 1))
        if how == "cut":
            del data[at:]
        elif how == "byte":
            data[at] ^= draw(st.integers(1, 255))
        elif how == "behind":
            data += draw(st.binary(min_size=1, max_size=9))
        return bytes(data)

    return zip_it()


def tried(read: Callable[[], T]) -> T | None:
    """What ``read`` returns, or None where it refuses with one printable line; everything else that it raises is a traceback."""
    COUNTS["cases"] += 1
    try:
        found = read()
    except GenirError as error:
        line = str(error)
    else:
        COUNTS["accepted"] += 1
        event("accepted")
        return found
    assert line.isprintable()
    assert line.startswith("expected ")
    COUNTS["rejected"] += 1
    event("rejected")
    return None


def _places(node: object) -> list[tuple[object, object] | None]:
    found: list[tuple[object, object] | None] = [None]
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        found += [(node, key), *_places(node[key])[1:]]  # type: ignore[index]
    return found


def _written(value: object) -> bytes:
    return json.dumps(value).encode()
