"""Numbers as a C++ stream prints them, and how much of a number its text still holds.

A stream prints a double with six significant digits, without trailing zeros, and in
scientific notation from a million on (`1.25081e+06`). A text that no stream would have
printed (`14290.`, `007`) has lost or gained characters on its way.
"""

from __future__ import annotations

import math

INTEGER = r"(?:0|[1-9][0-9]*)"
DOUBLE = r"(?:[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]{2,3})?)"
_DIGITS = 6


def is_printed(text: str) -> bool:
    """Tell whether a C++ stream prints some double as *text*, which `DOUBLE` fits."""
    value = float(text)
    return math.isfinite(value) and f"{value:g}" == text


def is_surely_whole(text: str) -> bool:
    """Tell whether no digit of *text* can be missing at its end.

    Six digits are as many as there can be; a number below ten may have lost its
    exponent. A number with zeros at its end is printed shorter and is not sure.
    """
    digits = text.replace(".", "").lstrip("0")
    return "e" in text or (len(digits) == _DIGITS and float(text) >= 10)  # noqa: PLR2004 - one digit before the point


def half_unit(value: float) -> float:
    """Return by how much a double that was printed as *value* may differ from it."""
    if value == 0:
        return 0.0
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - _DIGITS + 1)


def is_fraction(text: str, parts: int) -> bool:
    """Tell whether *text* is what a stream prints of a whole number over *parts*."""
    near = round(float(text) * parts)
    slack = math.ceil(half_unit(float(text)) * parts)
    if slack > 1:
        return True  # from six digits on every number of parts is possible
    return any(
        f"{number / parts:g}" == text
        for number in range(near - slack, near + slack + 1)
    )
