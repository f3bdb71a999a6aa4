"""How warm an emulated phone is, and what that does to its clocks.

One body of heat: the load drives it towards a temperature, and it gets there by a time
constant. Above a trip point the clocks fall, and with them the heat that is put in;
below it by the hysteresis they come back. All of it is solved in closed form between
two crossings, so that an hour costs no more than a second and the same times give the
same figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.emulators.phone.phone_clock import PhoneClock

# After so many time constants nothing of the past is left but the phase of a cycle.
_MEMORY = 50.0
_TINY_SECONDS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """From *above_c* on, clocks are *clock* of their maximum (0..1)."""

    above_c: float
    clock: float
    status: int  # Android's thermal status while it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSettings:
    """One body of heat; *rise_c* is what full load at full clock adds in the end."""

    ambient_c: float = 25.0
    start_c: float = 25.0
    rise_c: float = 0.0
    time_constant_seconds: float = 60.0
    hysteresis_c: float = 2.0
    trips: tuple[Trip, ...] = ()  # the coolest first
    fixed_clock: float | None = None  # of Android's fixed-performance mode; None: none


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatState:
    """Everything that a copy of the body in another process starts from."""

    celsius: float
    level: int
    load: float
    holds_clock: bool


class Heat:
    """The body; every question moves it to the clock's now."""

    def __init__(
        self,
        settings: ThermalSettings,
        clock: PhoneClock,
        *,
        state: HeatState | None = None,
    ) -> None:
        """Start at the settings' own temperature, or at *state*."""
        self._settings = settings
        self._clock = clock
        self._at = clock.now()
        self._celsius = settings.start_c
        self._level = 0  # how many trips hold
        self._load = 0.0
        self._holds_clock = False
        if state is not None:
            self._celsius, self._level = state.celsius, state.level
            self._load, self._holds_clock = state.load, state.holds_clock
        self._settle()

    @property
    def state(self) -> HeatState:
        """Return what a copy starts from."""
        self._move()
        return HeatState(
            celsius=self._celsius,
            level=self._level,
            load=self._load,
            holds_clock=self._holds_clock,
        )

    @property
    def celsius(self) -> float:
        """The temperature now."""
        self._move()
        return self._celsius

    @property
    def rise_c(self) -> float:
        """How much warmer than the room the body is now."""
        return self.celsius - self._settings.ambient_c

    @property
    def ambient_c(self) -> float:
        """The room's temperature."""
        return self._settings.ambient_c

    @property
    def status(self) -> int:
        """Android's thermal status now."""
        self._move()
        return self._settings.trips[self._level - 1].status if self._level else 0

    @property
    def clock_share(self) -> float:
        """The share of their maximum that the clocks reach now."""
        self._move()
        return self._share()

    def put_load(self, share: float) -> None:
        """From now on *share* (0..1) of the cores' work is asked for."""
        self._move()
        self._load = share

    def hold_clock(self, *, enabled: bool) -> bool:
        """Turn the fixed-performance mode on or off; false where there is none."""
        if self._settings.fixed_clock is None:
            return False
        self._move()
        self._holds_clock = enabled
        return True

    def _share(self) -> float:
        share = self._settings.trips[self._level - 1].clock if self._level else 1.0
        held = self._settings.fixed_clock if self._holds_clock else None
        return share if held is None else min(share, held)

    def _move(self) -> None:
        now = self._clock.now()
        tau = self._settings.time_constant_seconds
        left = min(now - self._at, _MEMORY * tau)
        self._at = now
        while left > _TINY_SECONDS:
            # Power falls faster than the clock, because the voltage falls with it.
            heat = self._settings.rise_c * self._load * self._share() ** 2
            target = self._settings.ambient_c + heat
            step, reached = self._to_crossing(target, tau)
            if reached is None or step >= left:
                decay = math.exp(-left / tau)
                self._celsius = target + (self._celsius - target) * decay
                return
            self._celsius, left = reached, left - step
            self._level += 1 if target > reached else -1

    def _to_crossing(self, target: float, tau: float) -> tuple[float, float | None]:
        """Return the seconds to the next trip on the way to *target*, and where."""
        trips = self._settings.trips
        edge: float | None = None
        if target > self._celsius and self._level < len(trips):
            edge = trips[self._level].above_c
            edge = edge if edge < target else None
        elif target < self._celsius and self._level:
            edge = trips[self._level - 1].above_c - self._settings.hysteresis_c
            edge = edge if edge > target else None
        if edge is None:
            return 0.0, None
        return tau * math.log((self._celsius - target) / (edge - target)), edge

    def _settle(self) -> None:
        """Let every trip hold that lies below the temperature at the start."""
        for trip in self._settings.trips[self._level :]:
            if self._celsius >= trip.above_c:
                self._level += 1
