"""The ways to turn measured activations into ranges; light, for command lines."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from typing import Final

_DEFAULT_PERCENT = "99.99"
_LEAST_PERCENT = 90.0


class Method(enum.Enum):
    """What a range is made of."""

    MINMAX = "minmax"  # the least and the greatest value of all samples
    PERCENTILE = "percentile"  # the values that so many percent lie within
    MSE = "mse"  # the range with the least mean squared error of quantizing
    MOVING_AVERAGE = "moving-average"  # AI Edge Quantizer's own: depends on the order


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """One calibrator; `percent` is that of a percentile, else None."""

    name: str
    method: Method
    percent: float | None = None

    @property
    def needs_values(self) -> bool:
        """Whether it asks for the distribution of the values, not for their ends."""
        return self.method in {Method.PERCENTILE, Method.MSE}


MINMAX: Final = Calibrator(name="minmax", method=Method.MINMAX)
NAMES: Final = (
    "minmax",
    "percentile-99.9",
    "percentile-99.99",
    "percentile-99.999",
    "percentile-99.9999",
    "mse",
    "moving-average",
)


def find_calibrator(name: str) -> Calibrator:
    """Return the calibrator called *name*, or raise ConfigError with the nearest one.

    "percentile" alone is that of 99.99; "percentile-P" takes any P from 90 to 100.
    """
    kind, _, percent = name.partition("-")
    if kind == Method.PERCENTILE.value:
        return _percentile(name, percent or _DEFAULT_PERCENT)
    try:
        return Calibrator(name=name, method=Method(name))
    except ValueError as exc:
        raise ConfigError(
            "unknown calibrator",
            found=repr(name),
            allowed=", ".join(NAMES),
            remedy=nearest(name, NAMES),
        ) from exc


def _percentile(name: str, text: str) -> Calibrator:
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not _LEAST_PERCENT <= percent < 100.0:  # noqa: PLR2004 - percent
        raise ConfigError(
            "the percentile of a calibrator is impossible",
            found=repr(name),
            allowed=f"percentile-P with P from {_LEAST_PERCENT:g} to below 100",
            remedy=f"percentile-{_DEFAULT_PERCENT}",
        )
    return Calibrator(
        name=f"percentile-{text}", method=Method.PERCENTILE, percent=percent
    )
