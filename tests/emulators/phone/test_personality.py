"""Emulated phones answer the script of facts in their own formats, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hil.android.cpu_load import busy_share
from hil.android.facts_record import facts_record
from hil.android.facts_script import QUESTIONS, facts_script
from hil.android.phone_facts import PhoneFacts, read_facts
from hil.emulators.phone.call import Io
from hil.emulators.phone.interpreter import run_text
from hil.emulators.phone.personality import personality_of
from hil.emulators.phone.personality_file import PROPERTY
from hil.emulators.phone.phone import Phone
from hil.emulators.phone.phone_clock import VirtualClock
from hil.emulators.phone.pipes import Capture, empty
from hil.emulators.phone.shell import Shell
from hil.errors import ConfigError
from hil.profiles import find_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[[str], "Asked"]


class Asked:
    """One emulated phone in this process, whose time the test moves."""

    def __init__(self, name: str, root: Path) -> None:
        self.clock = VirtualClock()
        profile = find_profile(f"emulated-phone-{name}")
        self.personality = personality_of(profile, (0,), clock=self.clock)
        root.mkdir(exist_ok=True)
        self._root = root

    def run(self, script: str) -> tuple[bytes, bytes]:
        async def body() -> tuple[bytes, bytes]:
            phone = Phone(self.personality, root=self._root, storage_bytes=1 << 20)
            shell = Shell(phone=phone, process=phone.processes.start(["sh"]))
            out, err = Capture(1 << 20), Capture(1 << 20)
            await run_text(script, shell, Io(stdin=empty(), stdout=out, stderr=err))
            await phone.close()
            return out.content(), err.content()

        return asyncio.run(body())

    def facts(self) -> PhoneFacts:
        return read_facts(self.run(facts_script())[0])

    def work(self, seconds: float) -> None:
        """Let a program run on all cores, and leave it running."""
        cores = range(len(self.personality.cpus))
        self._work = self.personality.workload.working(cores, len(cores))
        self._work.__enter__()
        self.clock.advance(seconds)


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    return lambda name: Asked(name, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "clusters", "untold"),
    [
        ("two-clusters", ["little", "big"], {"gpu"}),
        ("three-clusters", ["little", "mid", "big"], {"gpu", "zones"}),
        ("no-thermal-service", ["little", "big"], {"gpu", "zones", "thermal"}),
        ("32-bit", ["all"], {"gpu"}),
        ("no-shell-v2", ["all"], {"gpu", "thermal", "fixed_performance"}),
        ("throttling", ["little", "big"], {"gpu"}),
    ],
)
def test_each_personality_tells_what_its_kind_of_phone_tells(
    ask: Ask, name: str, clusters: list[str], untold: set[str]
) -> None:
    facts = ask(name).facts()
    assert facts.cores is not None
    assert [cluster.name for cluster in facts.cores.clusters] == clusters
    assert set(facts.not_told) == untold
    assert facts.identity.is_emulator
    assert facts.battery is not None
    assert facts.battery.temperature_c == 25.0


def test_a_zone_that_may_not_be_read_says_so(ask: Ask) -> None:
    reason = ask("three-clusters").facts().not_told["zones"]
    assert reason == "grep: thermal_zone0/temp: Permission denied"


def test_everything_that_tells_of_heat_follows_the_load(ask: Ask) -> None:
    phone = ask("two-clusters")
    phone.work(seconds=600.0)
    facts = phone.facts()
    assert facts.thermal is not None
    assert facts.battery is not None
    assert facts.cores is not None
    sensors = {s.name: s.temperature_c for s in facts.thermal.sensors}
    body = phone.personality.heat.celsius
    assert body > 50
    assert sensors["cpu0-gold-usr"] == pytest.approx(body, abs=0.06)
    assert sensors["skin"] == pytest.approx(25 + (body - 25) / 2, abs=0.06)
    assert facts.zones[0].temperature_c == pytest.approx(body, abs=0.001)
    assert facts.battery.temperature_c == pytest.approx(
        25 + (body - 25) * 0.3, abs=0.06
    )
    assert facts.thermal.status == 1
    assert facts.cores.now_khz[7] == pytest.approx(2803200 * 0.8, abs=100)
    assert facts.cores.clusters[-1].max_khz == 2803200


def test_a_phone_that_rests_is_cool_again_and_clocks_down(ask: Ask) -> None:
    phone = ask("two-clusters")
    phone.work(seconds=600.0)
    phone._work.__exit__(None, None, None)
    phone.clock.advance(900.0)
    facts = phone.facts()
    assert facts.thermal is not None
    assert facts.cores is not None
    assert facts.thermal.status == 0
    assert facts.thermal.sensors[0].temperature_c == pytest.approx(25.0, abs=0.1)
    assert facts.cores.now_khz[7] == 825600


def test_the_throttling_phone_does_so_within_a_second(ask: Ask) -> None:
    phone = ask("throttling")
    phone.work(seconds=1.0)
    facts = phone.facts()
    assert facts.thermal is not None
    assert facts.cores is not None
    assert facts.thermal.status == 3
    assert facts.cores.now_khz[7] == pytest.approx(3187200 * 0.4, abs=100)


def test_a_phone_may_throttle_and_tell_status_0(ask: Ask) -> None:
    phone = ask("32-bit")
    phone.work(seconds=160.0)
    facts = phone.facts()
    assert facts.thermal is not None
    assert facts.cores is not None
    assert facts.thermal.status == 0
    assert facts.cores.now_khz[0] < 1495000


def test_work_shows_in_the_times_of_the_cores(ask: Ask) -> None:
    phone = ask("two-clusters")
    before = phone.facts()
    phone.work(seconds=10.0)
    after = phone.facts()
    shares = busy_share(before.core_times, after.core_times)
    assert shares == dict.fromkeys(range(8), 1.0)
    assert after.load is not None
    assert after.load.one_minute == 1.0
    assert after.uptime_seconds == 10.0


def test_the_mode_of_fixed_performance_is_taken_or_refused(ask: Ask) -> None:
    command = "cmd power set-fixed-performance-mode-enabled"
    phone = ask("three-clusters")
    assert phone.run(f"{command} true; echo $?") == (b"0\n", b"")
    assert phone.personality.heat.clock_share == 0.65
    assert phone.run(f"{command} false; echo $?") == (b"0\n", b"")
    assert phone.personality.heat.clock_share == 1.0
    assert ask("two-clusters").run(f"{command} true; echo $?") == (
        b"255\n",
        b"Failed to set FIXED_PERFORMANCE mode\n",
    )
    assert ask("no-shell-v2").run(f"{command} true; echo $?") == (
        b"127\n",
        b"/system/bin/sh: cmd: inaccessible or not found\n",
    )


def test_cmd_knows_one_service_and_its_help(ask: Ask) -> None:
    phone = ask("three-clusters")
    out, _ = phone.run("cmd power; echo $?")
    assert out.startswith(b"Power manager (power) commands:\n")
    assert out.endswith(b"0\n")
    assert phone.run("cmd power no-such; echo $?")[0].endswith(b"255\n")
    assert phone.run("cmd wifi; echo $?") == (
        b"20\n",
        b"cmd: Can't find service: wifi\n",
    )


def test_grep_names_files_and_takes_several_patterns(ask: Ask) -> None:
    phone = ask("two-clusters")
    assert phone.run("grep -H . /proc/uptime")[0] == b"/proc/uptime:0.00 0.00\n"
    out, _ = phone.run("printf 'a\\nb\\nc\\n' | grep -e a -e c")
    assert out == b"a\nc\n"


def test_no_text_of_a_hostile_phone_is_believed_or_shown_raw(ask: Ask) -> None:
    facts = ask("hostile").facts()
    record = str(facts_record(facts))
    assert record.isprintable()
    assert facts.battery is not None
    assert facts.battery.temperature_c is None
    assert facts.battery.level_percent is None
    assert facts.thermal is not None
    assert facts.thermal.status is None
    assert [s.temperature_c for s in facts.thermal.sensors] == [None, None]
    assert facts.cores is not None
    assert facts.cores.clusters[0].max_khz is None
    assert set(facts.not_told) == {"gpu", "load", "memory", "uptime"}
    assert set(facts.not_told) < set(QUESTIONS)


def test_a_profile_that_names_no_known_personality_is_refused() -> None:
    profile = find_profile(
        "emulated-phone-32-bit",
        overrides=[f'emulator.properties."{PROPERTY}" = "64-bit"'],
    )
    with pytest.raises(ConfigError, match="no emulated phone has the personality"):
        personality_of(profile, (0,))
