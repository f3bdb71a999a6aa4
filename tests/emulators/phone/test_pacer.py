from __future__ import annotations

import json
import time
from dataclasses import asdict

from hil.emulators.phone.pacer import Pacer, read_pace
from hil.emulators.phone.thermal import HeatState, ThermalSettings, Trip
from hil.emulators.phone.workload import Pace


def _pace(speed: float, *, celsius: float = 25.0) -> Pace:
    trips = (Trip(above_c=45.0, clock=0.5, status=3),)
    return Pace(
        full_speed=speed,
        time_goes=False,
        settings=ThermalSettings(trips=trips),
        state=HeatState(celsius=celsius, level=0, load=1.0, holds_clock=False),
    )


def _stretched_us(pace: Pace) -> int:
    """Return what becomes of a piece of work that took 2 ms here."""
    start_us = time.perf_counter_ns() // 1000 - 2000
    Pacer(pace).slow_down(start_us)
    return time.perf_counter_ns() // 1000 - start_us


def test_slow_cores_take_longer() -> None:
    assert _stretched_us(_pace(0.25)) >= 8000


def test_a_throttled_clock_takes_longer() -> None:
    assert _stretched_us(_pace(1.0, celsius=50.0)) >= 4000


def test_a_pace_comes_through_json_unchanged() -> None:
    pace = _pace(0.25, celsius=40.0)
    assert read_pace(json.loads(json.dumps(asdict(pace)))) == pace
