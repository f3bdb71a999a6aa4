"""Units of published figures: MB is 10^6 bytes, MiB is 2^20, never one for the other.

Tables of model sizes mix both without saying so. `ls -lh` prints MiB, rounded up, as
"M"; most papers and download pages mean 10^6 bytes and print the same "M" or "MB".
"""

from __future__ import annotations

import enum
from typing import Final


class Dimension(enum.Enum):
    """What a figure counts; the value names the unit that hil reckons in."""

    BYTES = "B"
    SHARE = "share"
    POINTS = "points"
    RATIO = "ratio"
    TIME = "us"
    COUNT = "count"


UNITS: Final = {
    "B": (Dimension.BYTES, 1.0),
    "kB": (Dimension.BYTES, 1e3),
    "MB": (Dimension.BYTES, 1e6),
    "KiB": (Dimension.BYTES, 2.0**10),
    "MiB": (Dimension.BYTES, 2.0**20),
    "share": (Dimension.SHARE, 1.0),
    "percent": (Dimension.SHARE, 0.01),
    "points": (Dimension.POINTS, 1.0),
    "ratio": (Dimension.RATIO, 1.0),
    "us": (Dimension.TIME, 1.0),
    "ms": (Dimension.TIME, 1e3),
    "count": (Dimension.COUNT, 1.0),
}


def to_base(value: float, unit: str) -> float:
    """Return *value* in the base unit of its dimension: bytes, a share, us, ..."""
    return value * UNITS[unit][1]


def from_base(value: float, unit: str) -> float:
    """Return *value*, which is in the base unit, in *unit*."""
    return value / UNITS[unit][1]


def convert(value: float, unit: str, *, to: str) -> float:
    """Return *value* in another unit of the same dimension; ValueError otherwise."""
    if UNITS[unit][0] is not UNITS[to][0]:
        message = f"{unit} cannot become {to}"
        raise ValueError(message)
    return from_base(to_base(value, unit), to)


def in_words(value: float, unit: str) -> str:
    """Return a figure that is in *unit* for a person: 170.0 MiB, 90.2 %, 3.51x."""
    if unit in _PATTERNS:
        # Without the sign of a zero that rounding made negative.
        return _PATTERNS[unit].format(round(value, 6) + 0.0)
    return f"{value:,.1f} {unit}"


_PATTERNS: Final = {
    "B": "{:,.0f} B",
    "share": "{:.2%}",
    "percent": "{:.2f} %",
    "points": "{:.2f} points",
    "ratio": "{:.3g}x",
    "us": "{:,.4g} us",
    "ms": "{:,.4g} ms",
    "count": "{:,.0f}",
}
