from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.android.cpu_cores import Cluster, Cores
from hil.android.cpu_load import CoreTime
from hil.android.phone_facts import PhoneFacts
from hil.android.thermal_service import Sensor, ThermalService
from hil.android.window_watch import WindowVerdict, judge_window

if TYPE_CHECKING:
    from collections.abc import Mapping

PINNED = (2, 3)
TOP = 2_000_000


def _sample(
    second: int,
    *,
    celsius: float | None = 30.0,
    status: int = 0,
    khz: int = TOP,
    busy: Mapping[int, float] | None = None,
) -> PhoneFacts:
    """Return a sample of a phone with four cores, two of which are kept busy."""
    shares = {0: 0.0, 1: 0.0, 2: 1.0, 3: 1.0} | dict(busy or {})
    cluster = Cluster(
        name="all", cores=(0, 1, 2, 3), max_khz=TOP, min_khz=1, capacity=1, governor="x"
    )
    sensor = Sensor(name="skin", kind="skin", temperature_c=celsius, status=status)
    return PhoneFacts(
        cores=Cores(
            possible=(0, 1, 2, 3),
            online=None,
            clusters=(cluster,),
            now_khz=dict.fromkeys(range(4), khz),
        ),
        thermal=ThermalService(status=status, current=(sensor,)),
        core_times={
            core: CoreTime(busy=round(100 * second * share), total=100 * second)
            for core, share in shares.items()
        },
    )


def test_a_window_without_incident_is_valid() -> None:
    samples = [_sample(n, celsius=30.0 + n) for n in range(4)]
    report = judge_window(samples, PINNED, own_ticks=[None, 195, 390, 590])
    assert report.record() == {
        "verdict": "valid",
        "reasons": [],
        "samples": 4,
        "thermometer": "skin",
        "hottest_c": 33.0,
        "rise_c": 3.0,
        "worst_thermal_status": 0,
        "lowest_clock_share": 1.0,
        "foreign_share": 0.0,
        "foreign_beside_share": 10 / 600,
        "unwatched": [],
    }


def test_a_clock_that_falls_is_throttling_whatever_android_says() -> None:
    report = judge_window([_sample(0), _sample(1), _sample(2, khz=1_200_000)], PINNED)
    assert report.verdict is WindowVerdict.THROTTLED
    assert report.reasons == ("a pinned core fell to 60% of its clock",)
    assert report.worst_status == 0


def test_a_core_that_rests_may_clock_down() -> None:
    resting = dict.fromkeys(PINNED, 0.1)
    samples = [_sample(n, khz=300_000, busy=resting) for n in range(3)]
    report = judge_window(samples, PINNED)
    assert report.verdict is WindowVerdict.VALID
    assert report.unwatched == ("clocks", "foreign load")


def test_the_clock_of_fixed_performance_is_no_throttling() -> None:
    samples = [_sample(n, khz=1_300_000) for n in range(3)]
    reached = dict.fromkeys(PINNED, 1_300_000)
    assert judge_window(samples, PINNED).verdict is WindowVerdict.THROTTLED
    report = judge_window(samples, PINNED, reached_khz=reached)
    assert report.verdict is WindowVerdict.VALID


def test_a_ceiling_and_a_status_are_throttling() -> None:
    report = judge_window([_sample(0), _sample(1, celsius=44.0, status=3)], PINNED)
    assert report.verdict is WindowVerdict.THROTTLED
    assert report.reasons == (
        "44.0 C (skin) is above the ceiling of 43.0 C",
        "Android's thermal status rose to severe",
    )


def test_foreign_load_makes_it_unstable() -> None:
    report = judge_window([_sample(n, busy={0: 0.8}) for n in range(3)], PINNED)
    assert report.verdict is WindowVerdict.UNSTABLE
    assert report.reasons == ("other programs kept the other cores 40% busy",)


def test_a_second_program_on_the_run_s_own_cores_makes_it_unstable() -> None:
    samples = [_sample(n) for n in range(3)]
    report = judge_window(samples, PINNED, own_ticks=[None, 165, 330])
    assert report.verdict is WindowVerdict.UNSTABLE
    assert report.reasons == ("other programs took 18% of the run's own cores",)


def test_a_run_on_all_cores_has_the_limit_of_all_cores() -> None:
    samples = [_sample(n, busy={0: 1.0, 1: 0.4}) for n in range(3)]
    every = (0, 1, 2, 3)
    calm = judge_window(samples, every, own_ticks=[None, 250, 500])
    assert calm.reasons == ()
    assert (calm.foreign_share, calm.foreign_beside_share) == (None, 0.225)
    assert calm.unwatched == ()
    busy = judge_window(samples, every, own_ticks=[None, 200, 400])
    assert busy.reasons == ("other programs took 35% of the run's own cores",)


def test_what_comes_after_the_program_s_end_is_no_foreign_load() -> None:
    samples = [_sample(n) for n in range(3)]
    report = judge_window(samples, PINNED, own_ticks=[None, 200, None])
    assert report.foreign_beside_share == 0.0


def test_a_sensor_that_falls_silent_makes_it_unstable() -> None:
    report = judge_window([_sample(0), _sample(1, celsius=None)], PINNED)
    assert report.reasons == ("a sensor that was read before fell silent",)


@pytest.mark.parametrize("samples", [[], [PhoneFacts()]])
def test_what_could_not_be_watched_is_named(samples: list[PhoneFacts]) -> None:
    report = judge_window(samples, PINNED)
    assert report.unwatched == (
        "temperature",
        "thermal status",
        "clocks",
        "foreign load",
    )
