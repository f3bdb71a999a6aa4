"""Text as it was pasted to the words of its commands; never fails on any text.

The grammar is that of a POSIX shell as far as command lines of documentation use it:
quotes, backslashes, lines that go on, comments, prompts, pipes and lists. Variables are
left as they stand. Windows' `^` at the end of a line counts as a backslash.
"""

from __future__ import annotations

import re

_GOES_ON = re.compile(r"[\\^][ \t]*\r?\n")
_PROMPT = re.compile(r"^[ \t]*(?:[$>!%][ \t]+)+", re.MULTILINE)
_ENDS = ";|&\n"
_QUOTES = "'\""
# The quotes that word processors make of plain ones.
_SMART = str.maketrans("\u201c\u201d\u2018\u2019", "\"\"''")


def split_commands(text: str) -> list[list[str]]:
    """Return the words of each command in *text*; empty commands are left out."""
    text = _PROMPT.sub("", _GOES_ON.sub(" ", text.translate(_SMART)))
    scanner = _Scanner(text.replace("\r", ""))
    while scanner.at < len(scanner.text):
        scanner.step()
    scanner.end_command()
    return scanner.commands


class _Scanner:
    """Goes through the text once, character by character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.commands: list[list[str]] = []
        self._words: list[str] = []
        self._word: str | None = None  # None: between words; "" is a word too

    def step(self) -> None:
        char = self.text[self.at]
        self.at += 1
        if char in _QUOTES:
            self._quoted(char)
        elif char == "\\":
            self._add(self.text[self.at : self.at + 1])
            self.at += 1
        elif char in _ENDS and not self._is_redirection(char):
            self.end_command()
        elif char == "#" and self._word is None:
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
        elif char.isspace():
            self._end_word()
        else:
            self._add(char)

    def end_command(self) -> None:
        self._end_word()
        if self._words:
            self.commands.append(self._words)
        self._words = []

    def _is_redirection(self, char: str) -> bool:
        """Say whether the `&` belongs to something like `2>&1`."""
        before = self._word or ""
        return char == "&" and before.endswith(">")

    def _quoted(self, quote: str) -> None:
        # A quote that is never closed goes to the end of the text.
        end = self.text.find(quote, self.at)
        end = len(self.text) if end < 0 else end
        self._add(self.text[self.at : end])
        self.at = end + 1

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append(self._word)
        self._word = None
