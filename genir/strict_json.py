"""JSON as its standard has it: what ``json.loads`` lets pass beyond that, or fails on in other ways, is one ValueError."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEEPEST = 100  # levels of nesting; a thousand would end in a RecursionError here or in whoever walks the value
_DEEP = f"more than {DEEPEST} levels of nesting"


def loads(text: str | bytes) -> Any:
    """The value of ``text``, UTF-8 where it is bytes; a byte order mark is tolerated.

    ValueError, in one line, for what is no JSON, and for what no two readers agree on: a key that occurs twice in an object,
    NaN and Infinity, a decimal beyond the range of floats, half of a surrogate pair, more than ``DEEPEST`` levels.
    """
    try:
        whole = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        value = json.loads(whole, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
        if "\\ud" in whole or "\\uD" in whole:
            json.dumps(value, ensure_ascii=False).encode()
        if whole.count("[") + whole.count("{") > DEEPEST and _deeper(value, DEEPEST):
            raise ValueError(_DEEP)
    except RecursionError:
        raise ValueError(_DEEP) from None
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} twice")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no number of JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a decimal beyond the range of floats")
    return value


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(child, levels - 1) for child in children)
