"""A text that a phone printed: its whole lines, and the figures in them.

Text from a device may be cut, so a last line without its end is not believed: `250`
cut to `25` is still a number, and a wrong one.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?(?:[eE][-+]?[0-9]{1,2})?")


def whole_lines(text: str) -> list[str]:
    """Return the lines of *text* that end; a terminal's CR LF is one line end."""
    return text.replace("\r\n", "\n").split("\n")[:-1]


def whole(text: str, *, low: int, high: int) -> int | None:
    """Return the whole number that *text* is, None for any other or out of range."""
    if not _WHOLE.fullmatch(text):
        return None
    value = int(text)
    return value if low <= value <= high else None


def decimal(text: str, *, low: float, high: float) -> float | None:
    """Return the number that *text* is, None for NaN, any other or out of range."""
    if not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if low <= value <= high else None
