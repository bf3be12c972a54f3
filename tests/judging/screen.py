"""A terminal in miniature, as an oracle: it holds what a person would see after a stream of text and control codes."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b([78D])|(\r)|(\n)|([^\x1b\r\n]+)")


class Screen:
    """``height`` rows of text below any that scrolled away; a line feed returns to column 0, as on a tty."""

    def __init__(self, height: int = 24) -> None:
        self.rows, self.row, self.column, self.top, self.height = [""], 0, 0, 0, height
        self.saved = (0, 0)

    def feed(self, text: str) -> None:
        position = 0
        while position < len(text):
            match = TOKEN.match(text, position)
            assert match is not None, text[position:]
            position = match.end()
            number, letter, escape, back, feed, plain = match.groups()
            if letter is not None:
                self._control(letter, int(number or 0))
            elif escape is not None:
                self._escape(escape)
            elif back or feed:
                self.column = 0
                if feed:
                    self._down()
            else:
                line = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = line[: self.column] + plain + line[self.column + len(plain) :]
                self.column += len(plain)

    @property
    def text(self) -> list[str]:
        return [row.rstrip() for row in self.rows]

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")
        self.top = max(self.top, self.row - self.height + 1)

    def _escape(self, code: str) -> None:
        if code == "D":
            self._down()
        elif code == "7":  # positions are relative to the screen's top: what scrolls after a save displaces it
            self.saved = (self.row - self.top, self.column)
        else:
            self.row, self.column = self.top + self.saved[0], self.saved[1]

    def _control(self, letter: str, number: int) -> None:
        if letter == "A":
            self.row = max(self.top, self.row - number)
        elif letter == "B":
            self.row = min(self.top + self.height - 1, self.row + number)
            self.rows += [""] * (self.row + 1 - len(self.rows))
        elif letter == "K":
            assert number == 2, "only the whole line is erased"
            self.rows[self.row] = ""
        elif letter == "J":
            assert number == 0, "only what lies below is erased"
            self.rows[self.row] = self.rows[self.row][: self.column]
            for row in range(self.row + 1, len(self.rows)):
                self.rows[row] = ""
        else:
            assert letter == "m", f"unexpected control code {letter}"
