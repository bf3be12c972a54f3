"""The strict reader of JSON: what it takes, the standard takes, and what it refuses is one ValueError."""

from __future__ import annotations

import json

import pytest

from genir.strict_json import DEEPEST, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ('\ufeff{"a": [1, 2.5, null, true, "\\u00e9 \\ud83d\\ude00"]}', {"a": [1, 2.5, None, True, "é 😀"]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ("[" * DEEPEST + "]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
        ("[" + "[]," * 500 + "[]]", [[]] * 501),
        ('{"digits": "' + "7" * 400 + '", "n": ' + "9" * 308 + "}", {"digits": "7" * 400, "n": int("9" * 308)}),
        ("1e308", 1e308),
        ("1e-400", 0.0),
    ],
)
def test_what_the_standard_takes_is_taken(text: str | bytes, value: object) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("{'a': 1}", "Expecting property name"),
        ('{"a": 1, "a": 1}', "the key 'a' twice"),
        ('[{"b": {"a": 1, "b": 2, "a": 3}}]', "the key 'a' twice"),
        ("NaN", "NaN, which is no number"),
        ('{"a": -Infinity}', "-Infinity, which is no number"),
        ("1e309", "beyond the range of floats"),
        ("-1E+9999", "beyond the range of floats"),
        ("9" * 5_000, "limit"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\uDC00": 1}', "half of a surrogate pair"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "more than 100 levels"),
        ('{"a":' * 100_000, "more than 100 levels"),
        (b"\xff\xfe", "can't decode"),
    ],
)
def test_the_rest_is_one_line(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        loads(text)
    assert "\n" not in str(refused.value)
