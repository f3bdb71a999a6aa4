"""Makes a program of an emulated phone as slow as the phone's cores and clocks are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from hil.emulators.phone.phone_clock import RunningClock, VirtualClock
from hil.emulators.phone.thermal import Heat
from hil.emulators.phone.workload import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACE = TypeAdapter(Pace)


def read_pace(raw: Mapping[str, object]) -> Pace:
    """Return the pace that came as JSON from the server of the same version."""
    return _PACE.validate_python(raw)


class Pacer:
    """Stretches what took some time on this machine to what the phone would need.

    It carries a copy of the phone's body of heat, which its own load goes on warming;
    so the child needs no word from the server, and the clocks fall while it runs.
    """

    def __init__(self, pace: Pace) -> None:
        """Start from the moment that *pace* was taken."""
        self._full_speed = pace.full_speed
        clock = RunningClock() if pace.time_goes else VirtualClock()
        self._heat = Heat(pace.settings, clock, state=pace.state)
        settings = pace.settings
        changes = bool(settings.trips) or settings.fixed_clock is not None
        self._is_idle = pace.full_speed == 1 and not changes

    def slow_down(self, start_us: int) -> None:
        """Wait until what began at *start_us* has taken the phone's time.

        The wait is a loop: the kernel would come back from a sleep too late by more
        than a small model takes.
        """
        if self._is_idle:
            return
        speed = self._full_speed * self._heat.clock_share
        now_ns = time.perf_counter_ns()
        end_ns = start_us * 1000 + int((now_ns - start_us * 1000) / speed)
        while time.perf_counter_ns() < end_ns:
            pass
