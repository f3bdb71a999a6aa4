"""What a power meter recorded, and the energy between two moments of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnergyTrace:
    """Energy that was used up to each of some moments, which rise.

    `seconds` are on the meter's clock; where that is Unix time, `is_absolute`. `events`
    are edges of the pin by which a device marks the begin and end of its windows.
    """

    where: str
    seconds: npt.NDArray[np.float64]
    microjoules: npt.NDArray[np.float64]
    events: tuple[float, ...] = ()
    is_absolute: bool = False

    @property
    def begin(self) -> float:
        """The first moment that is known."""
        return float(self.seconds[0])

    @property
    def end(self) -> float:
        """The last moment that is known."""
        return float(self.seconds[-1])

    def energy_uj(self, begin: float, end: float) -> float:
        """Return the microjoules from *begin* to *end*; both must lie in the trace.

        A sample that is cut counts by the part of its time.
        """
        if not self.begin <= begin < end <= self.end:
            raise ConfigError(
                "the trace does not cover the window",
                where=self.where,
                found=f"a window from {begin:.6f} to {end:.6f} s",
                allowed=f"{self.begin:.6f} to {self.end:.6f} s",
                remedy="--offset-seconds, where the meter's clock is another one",
            )
        at = np.interp([begin, end], self.seconds, self.microjoules)
        return float(at[1] - at[0])

    def shifted(self, seconds: float, *, is_absolute: bool) -> EnergyTrace:
        """Return the same trace on a clock that is *seconds* ahead of the meter's."""
        return EnergyTrace(
            where=self.where,
            seconds=self.seconds + seconds,
            microjoules=self.microjoules,
            events=tuple(event + seconds for event in self.events),
            is_absolute=is_absolute,
        )


def trace_of_power(
    where: str, seconds: npt.NDArray[np.float64], watts: npt.NDArray[np.float64]
) -> EnergyTrace:
    """Return the trace of power that was sampled at *seconds*, straight in between."""
    steps = np.diff(seconds) * (watts[1:] + watts[:-1]) / 2
    return trace_of_energy(where, seconds, np.concatenate(([0.0], np.cumsum(steps))))


def trace_of_energy(
    where: str,
    seconds: npt.NDArray[np.float64],
    joules: npt.NDArray[np.float64],
    *,
    events: tuple[float, ...] = (),
) -> EnergyTrace:
    """Return the trace of energy counted from the begin; ConfigError if time stands."""
    steps = np.diff(seconds)
    if not (np.all(np.isfinite(seconds)) and np.all(np.isfinite(joules))):
        raise ConfigError(
            "the trace has values that are no numbers",
            where=where,
            found="NaN or infinity",
        )
    if not len(steps) or not np.all(steps > 0):
        raise ConfigError(
            "this is no trace",
            where=where,
            found="time that goes back" if len(steps) else f"{len(seconds)} moments",
            allowed="two moments or more, each later than the one before",
        )
    return EnergyTrace(
        where=where, seconds=seconds, microjoules=joules * 1e6, events=events
    )
