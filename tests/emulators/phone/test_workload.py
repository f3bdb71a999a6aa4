from __future__ import annotations

import pytest

from hil.emulators.phone.phone_clock import VirtualClock
from hil.emulators.phone.thermal import Heat, ThermalSettings
from hil.emulators.phone.workload import Workload

SETTINGS = ThermalSettings(rise_c=50.0, time_constant_seconds=10.0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def _workload(clock: VirtualClock, *, background: float = 0.0) -> Workload:
    return Workload(
        clock=clock,
        heat=Heat(SETTINGS, clock),
        thermal=SETTINGS,
        capacities=(256, 256, 1024, 1024),
        background=background,
    )


def test_a_program_keeps_the_fastest_of_its_cores_busy(clock: VirtualClock) -> None:
    workload = _workload(clock)
    with workload.working((0, 1, 2, 3), 1) as (_, pace):
        assert pace.full_speed == 1.0
        clock.advance(2.0)
        assert (workload.is_busy(2), workload.is_busy(3)) == (True, False)
    clock.advance(1.0)
    assert workload.ticks(2) == (200, 100)
    assert workload.ticks(3) == (0, 300)
    assert workload.running == 0


def test_little_cores_are_as_slow_as_their_capacity(clock: VirtualClock) -> None:
    with _workload(clock).working((0, 1), 2) as (_, pace):
        assert pace.full_speed == 0.25


def test_programs_on_one_core_share_it_with_what_else_runs_there(
    clock: VirtualClock,
) -> None:
    workload = _workload(clock, background=0.25)
    with workload.working((2, 3), 2) as (both, _):
        clock.advance(2.0)
        with workload.working((3,), 1) as (one, _):
            clock.advance(4.0)
            assert workload.work_ticks(one) == 150
            assert workload.work_ticks(both) == 300 + 300 + 150


def test_work_warms_the_phone(clock: VirtualClock) -> None:
    workload = _workload(clock)
    with workload.working((0, 1, 2, 3), 4):
        clock.advance(500.0)
        assert workload.heat.celsius == pytest.approx(75.0)
    clock.advance(500.0)
    assert workload.heat.celsius == pytest.approx(25.0)


def test_foreign_load_shows_in_the_ticks_of_every_core(clock: VirtualClock) -> None:
    workload = _workload(clock, background=0.25)
    clock.advance(4.0)
    assert [workload.ticks(core) for core in range(4)] == [(100, 300)] * 4
    assert workload.is_busy(0)


def test_a_core_that_is_always_busy_has_no_time_without_work_between_two_looks(
    clock: VirtualClock,
) -> None:
    workload = _workload(clock)
    clock.advance(0.0049)
    with workload.working((3,), 1):
        idle = workload.ticks(3)[1]
        for _ in range(50):
            clock.advance(0.0137)
            assert workload.ticks(3)[1] == idle
