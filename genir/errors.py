"""The one error that a user sees."""

from __future__ import annotations

LONGEST = 2_000  # characters of a message; beyond them its middle is left out


class GenirError(ValueError):
    """Input that genir cannot work with: one line that says what was expected, what came and what to do.

    What came may be anything: characters that a terminal would act on (line ends, escapes, a change of direction) are written out.
    """

    def __init__(self, message: str) -> None:
        line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
        half = LONGEST // 2
        super().__init__(line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}")
