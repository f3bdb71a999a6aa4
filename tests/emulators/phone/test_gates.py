"""Gate and watch held against emulated phones; minutes pass in milliseconds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hil.android.facts_script import WATCHED, facts_script
from hil.android.phone_facts import PhoneFacts, read_facts
from hil.android.temperature_gate import TemperatureGate
from hil.android.window_watch import WindowReport, WindowVerdict, judge_window
from hil.emulators.phone.call import Io
from hil.emulators.phone.interpreter import run_text
from hil.emulators.phone.personality import personality_of
from hil.emulators.phone.phone import Phone
from hil.emulators.phone.phone_clock import VirtualClock
from hil.emulators.phone.pipes import Capture, empty
from hil.emulators.phone.shell import Shell
from hil.profiles import find_profile

if TYPE_CHECKING:
    from pathlib import Path

    from hil.emulators.phone.personality import Personality

BIG = (4, 5, 6, 7)


def _sample(personality: Personality, root: Path) -> PhoneFacts:
    async def body() -> bytes:
        phone = Phone(personality, root=root, storage_bytes=1 << 20)
        shell = Shell(phone=phone, process=phone.processes.start(["sh"]))
        out = Capture(1 << 20)
        io = Io(stdin=empty(), stdout=out, stderr=Capture(1 << 20))
        await run_text(facts_script(WATCHED), shell, io)
        await phone.close()
        return out.content()

    return read_facts(asyncio.run(body()), WATCHED)


def _window(name: str, seconds: float, root: Path) -> WindowReport:
    """Watch a window on the big cores of a phone, ten samples long."""
    clock = VirtualClock()
    profile = find_profile(f"emulated-phone-{name}")
    personality = personality_of(profile, (0,), clock=clock)
    samples = [_sample(personality, root)]
    own_ticks: list[int | None] = [None]
    with personality.workload.working(BIG, len(BIG)) as (work, _):
        for _ in range(10):
            clock.advance(seconds / 10)
            samples.append(_sample(personality, root))
            own_ticks.append(personality.workload.work_ticks(work))
    return judge_window(samples, BIG, own_ticks=own_ticks)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("two-clusters", "skin"),
        ("32-bit", "cpu"),
        ("no-shell-v2", "zone"),
        ("no-thermal-service", "battery"),
    ],
)
def test_the_gate_waits_until_a_hot_phone_is_cool_and_steady(
    tmp_path: Path, name: str, kind: str
) -> None:
    clock = VirtualClock()
    profile = find_profile(f"emulated-phone-{name}")
    personality = personality_of(profile, (0,), clock=clock)
    cores = range(len(personality.cpus))
    with personality.workload.working(cores, len(cores)):
        clock.advance(500.0)
    gate = TemperatureGate()
    first = gate.add(clock.now(), _sample(personality, tmp_path))
    assert not first.is_open
    assert first.thermometer == kind
    verdict = first
    for _ in range(200):
        clock.advance(5.0)
        verdict = gate.add(clock.now(), _sample(personality, tmp_path))
        if verdict.is_open:
            break
    assert verdict.is_open
    assert 100 < clock.now() - 500 < 600
    assert personality.heat.celsius < 30


def test_a_short_window_on_a_cool_phone_is_valid(tmp_path: Path) -> None:
    report = _window("two-clusters", 10.0, tmp_path)
    assert report.verdict is WindowVerdict.VALID
    assert report.lowest_clock_share == 1.0
    assert report.rise_c is not None
    assert report.rise_c > 1
    assert report.foreign_beside_share == 0.0


def test_the_phone_that_throttles_is_found_out(tmp_path: Path) -> None:
    report = _window("throttling", 1.0, tmp_path)
    assert report.verdict is WindowVerdict.THROTTLED
    assert "Android's thermal status rose to severe" in report.reasons
    assert "a pinned core fell to 40% of its clock" in report.reasons


def test_the_clock_gives_a_phone_away_that_tells_no_heat(tmp_path: Path) -> None:
    report = _window("no-thermal-service", 300.0, tmp_path)
    assert report.verdict is WindowVerdict.THROTTLED
    assert report.reasons == ("a pinned core fell to 60% of its clock",)
    assert report.unwatched == ("thermal status",)
