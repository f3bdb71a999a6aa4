"""A temperature that a phone tells: in degrees Celsius, or not believed.

A phone that is on and in a room is warmer than 15 degrees, and its hottest part stays
below 150. Between these bounds no reading fits two units: whole degrees are 15 to 150,
tenths 150 to 1,500 and thousandths 15,000 to 150,000. What is outside is a sensor that
is off (0, -274000), a limit (its name says temperature, its value does not) or another
unit, and is refused instead of being scaled by a guess.
"""

from __future__ import annotations

COLDEST_C = 15.0
HOTTEST_C = 150.0
_BATTERY_HOTTEST_C = 100.0


def plausible(celsius: float) -> float | None:
    """Return *celsius* where a part of a running phone can be as warm, else None."""
    return celsius if COLDEST_C <= celsius <= HOTTEST_C else None


def from_tenths(tenths: int) -> float | None:
    """Return degrees of a battery's tenths; None where they are none.

    A vendor that prints whole degrees or thousandths here (25, 25000) is refused.
    """
    celsius = tenths / 10
    return celsius if COLDEST_C <= celsius <= _BATTERY_HOTTEST_C else None


def from_zone(value: int) -> float | None:
    """Return degrees of a thermal zone's `temp`, which is thousandths or whole."""
    return plausible(float(value)) or plausible(value / 1000)
