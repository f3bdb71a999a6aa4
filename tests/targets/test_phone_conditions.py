"""Gate, watch, mode and faults: the phone target held against emulated phones.

Their `sleep` skips time, so that minutes of cooling pass in no time.
"""

from __future__ import annotations

import contextlib
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, FirmwareFault, LinkClosed
from hil.links.adb import AdbLink
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.targets.phone_conditions import PhoneConditions
from hil.targets.phone_mode import NOTE
from hil.tools import Child
from hil.vocab import AdbSettings, Job, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hil.links.adb_output import ShellResult

    Open = Callable[..., PhoneTarget]

PHONE = """
import sys
from hil.emulators.phone.adbd import run
from hil.emulators.phone.phone_clock import SkippingClock
from hil.profiles import find_profile
faults = f'emulator.properties."ro.hil.faults"="{sys.argv[2]}"'
profile = find_profile(sys.argv[1], overrides=[faults] if sys.argv[2] else [])
run(profile, port=0, watch_stdin=True, clock=SkippingClock())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., AdbLink]]:
    """Start a phone and return a link to it."""
    with contextlib.ExitStack() as stack:

        def one(name: str, faults: str = "") -> AdbLink:
            log = tmp_path / "log"
            argv = [sys.executable, "-c", PHONE, f"emulated-phone-{name}", faults]
            child = Child(argv, stderr=log)
            stack.callback(child.stop)
            host, _, port = child.read_line(Deadline(60)).rpartition(":")
            link = AdbLink(AdbSettings(host=host, port=int(port)), return_seconds=0.2)
            stack.callback(link.close)
            return link

        yield one


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open a target of a phone."""
    with contextlib.ExitStack() as stack:

        def one(name: str, link: AdbLink, **conditions: object) -> PhoneTarget:
            profile = find_profile(f"emulated-phone-{name}")
            target = PhoneTarget(profile, link, PhoneConditions(**conditions))
            stack.callback(target.close)
            target.open(Deadline(60))
            return target

        yield one


LONG = (
    "nohup taskset f0 /data/local/tmp/benchmark_model --graph=/data/local/tmp/m.tflite "
    "--num_runs=1 --min_secs=100 --num_threads=4 >/dev/null 2>&1 & "
    "while ! grep -q ' 1/800' /proc/loadavg; do sleep 0.05; done"
)


def test_a_window_waits_until_a_hot_phone_is_cool(
    start: Callable[..., AdbLink],
    opened: Open,
    job: Job,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = start("throttling")
    target = opened("throttling", link, max_start_c=30.0)
    link.push(job.model.path, "/data/local/tmp/m.tflite", deadline=Deadline(60))
    pid = link.shell(f"{LONG}; echo $!", Deadline(60)).stdout.decode().strip()
    shell = link.shell

    def until_seen(command: str | Sequence[str], deadline: Deadline) -> ShellResult:
        """End the work once its heat was seen: it is gone in tenths of a second."""
        result = shell(command, deadline)
        if "dumpsys thermalservice" in command:
            shell(f"kill -9 {pid}", deadline)
        return result

    monkeypatch.setattr(link, "shell", until_seen)
    evidence = target.measure(job, Deadline(60)).evidence
    gate = evidence["gate"]
    assert isinstance(gate, dict)
    assert (gate["is_open"], gate["thermometer"]) == (True, "skin")
    assert gate["readings"][0]["celsius"] > 30
    assert gate["readings"][-1]["celsius"] < 30
    assert gate["waited_seconds"] > 20
    window = evidence["window"]
    assert isinstance(window, dict)
    assert window["samples"][0]["seconds"] == 0.0
    assert window["samples"][0]["celsius"] < 30


def test_a_gate_that_does_not_open_is_a_throttled_window_without_figures(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    target = opened(
        "two-clusters", start("two-clusters"), max_start_c=20.0, gate_wait_seconds=30.0
    )
    measured = target.measure(job, Deadline(60))
    assert measured.summary is None
    window = measured.evidence["window"]
    assert isinstance(window, dict)
    assert window["verdict"] == "throttled"
    (reason,) = window["reasons"]
    assert "the gate did not open within" in reason
    assert "25.0 C is above 20.0 C" in reason
    gate = measured.evidence["gate"]
    assert isinstance(gate, dict)
    assert not gate["is_open"]


def test_a_gate_without_the_time_to_look_does_not_call_a_cool_phone_hot(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    target = opened("two-clusters", start("two-clusters"), gate_wait_seconds=15)
    with pytest.raises(BrokenSetup, match="too little time") as caught:
        target.measure(job, Deadline(60))
    # By the phone's clock, which goes on while it is asked.
    assert re.fullmatch(
        r"1\d s, of gate_wait_seconds = 15 and half of what the job had left",
        str(caught.value.found),
    )
    assert caught.value.allowed == "at least 20 s"


def test_a_gate_may_be_demanded_of_a_phone_that_has_a_thermometer_only(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    link = start("hostile")
    target = opened("hostile", link, temperature_gate=True)
    with pytest.raises(BrokenSetup, match="has no thermometer") as caught:
        target.measure(job, Deadline(60))
    assert caught.value.found == "the phone tells no temperature at all"
    assert "temperature_gate = false" in str(caught.value.remedy)
    target.close()
    target = opened("hostile", link)
    assert target.measure(job, Deadline(60)).summary is not None


def test_a_phone_that_throttles_in_a_window_is_told_with_the_evidence(
    start: Callable[..., AdbLink], opened: Open, job: Job, digits: Path
) -> None:
    target = opened(
        "throttling", start("throttling"), sentinel=digits / "digits.tflite"
    )
    setting = Setting(threads=2, cores="fastest")
    hot = replace(job, setting=setting, min_seconds=0.6)
    measured = target.measure(hot, Deadline(60))
    assert measured.summary is not None  # the figures are kept
    window = measured.evidence["window"]
    assert isinstance(window, dict)
    assert window["verdict"] == "throttled"
    assert any("of its clock" in reason for reason in window["reasons"])
    assert (window["pinned_cores"], window["cpus_allowed"]) == ([4, 5, 6, 7], "f0")
    assert window["lowest_clock_share"] < 0.5
    clocks = [sample["khz"].get("4") for sample in window["samples"]]
    assert 1_274_800 in clocks
    assert window["sentinel"]["before_us"] > 0
    assert measured.evidence["serial"].startswith("emulated-")


def test_a_second_program_on_the_same_cores_makes_a_window_unstable(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    link = start("two-clusters")
    target = opened("two-clusters", link, temperature_gate=False)
    setting = Setting(threads=4, cores="fastest")
    alone = replace(job, setting=setting, min_seconds=2.0)
    window = target.measure(alone, Deadline(60)).evidence["window"]
    assert isinstance(window, dict)
    assert window["verdict"] == "valid"
    assert window["foreign_beside_share"] < 0.1  # ticks are whole
    link.push(job.model.path, "/data/local/tmp/m.tflite", deadline=Deadline(60))
    link.shell(LONG, Deadline(60))
    window = target.measure(alone, Deadline(60)).evidence["window"]
    assert isinstance(window, dict)
    assert window["verdict"] != "valid"  # it may have become too warm as well
    assert window["foreign_share"] == 0.0
    share = window["foreign_beside_share"]
    assert share > 0.3
    assert (
        f"other programs took {share:.0%} of the run's own cores" in window["reasons"]
    )


def test_fixed_performance_is_on_in_a_session_and_off_after_it(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    link = start("three-clusters")
    target = opened("three-clusters", link)
    assert link.stat(NOTE, Deadline(60)) is not None
    held = replace(job, setting=Setting(cores="fastest"), min_seconds=0.3)
    window = target.measure(held, Deadline(60)).evidence["window"]
    assert isinstance(window, dict)
    assert window["fixed_performance"] == "on"
    # The held clock is lower than the core's maximum, and yet no throttling.
    assert window["verdict"] == "valid"
    target.close()
    assert link.stat(NOTE, Deadline(60)) is None


def test_the_mode_of_a_session_whose_link_broke_is_reset_by_the_next_one(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    link = start("three-clusters")
    target = opened("three-clusters", link)
    target._link = _Gone()  # its link is not there any more as it closes
    target._mode._link = _Gone()
    target.close()
    assert link.stat(NOTE, Deadline(60)) is not None
    again = opened("three-clusters", link, fixed_performance=False)
    assert link.stat(NOTE, Deadline(60)) is None
    window = again.measure(job, Deadline(60)).evidence["window"]
    assert isinstance(window, dict)
    assert window["fixed_performance"] == "left on by an earlier session, now off"


def test_a_phone_without_the_mode_is_measured_without_it(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    target = opened("two-clusters", start("two-clusters"))
    window = target.measure(job, Deadline(60)).evidence["window"]
    assert isinstance(window, dict)
    assert window["fixed_performance"] is None


def test_a_gpu_that_was_asked_for_and_is_not_there_is_a_failure(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    target = opened("two-clusters", start("two-clusters"))
    with pytest.raises(FirmwareFault, match="the GPU delegate was not applied") as got:
        target.measure(replace(job, setting=Setting(delegate="gpu")), Deadline(60))
    assert "all nodes fell back to the CPU" in str(got.value.found)
    whole = replace(job, setting=Setting(delegate="xnnpack", cores="little"))
    assert target.measure(whole, Deadline(60)).summary is not None


def test_a_link_that_drops_among_the_samples_goes_on_where_it_stopped(
    start: Callable[..., AdbLink], opened: Open, job: Job
) -> None:
    link = start("two-clusters", "drop command=answers to-host=1")
    samples = np.arange(30, dtype=np.float32).repeat(64).reshape(30, 8, 8, 1)
    many = replace(job, samples=samples)
    target = opened("two-clusters", link)
    with pytest.raises(LinkClosed):
        target.measure(many, Deadline(60))
    measured = target.measure(many, Deadline(60))
    assert measured.outputs is not None
    whole = target.measure(many, Deadline(60))
    assert np.array_equal(measured.outputs, whole.outputs)
    assert whole.evidence["samples_resumed"] == 0


ELF = b"\x7fELF" + bytes(12) + b"\x02\x00"


@pytest.mark.parametrize(
    ("data", "found", "allowed"),
    [
        (ELF + b"\x3e\x00", "x86_64", "arm64-v8a, armeabi-v7a, armeabi"),
        (ELF + b"\x02\x01", "machine 0x102", "arm64-v8a, armeabi-v7a, armeabi"),
        (b"#!/bin/sh\n", "#!/b", "an ELF file"),
        (b"", "an empty file", "an ELF file"),
    ],
)
def test_a_binary_for_another_processor_is_refused_before_it_is_pushed(
    start: Callable[..., AdbLink],
    opened: Open,
    tmp_path: Path,
    data: bytes,
    found: str,
    allowed: str,
) -> None:
    link = start("two-clusters")
    binary = tmp_path / "benchmark_model"
    binary.write_bytes(data)
    with pytest.raises(ConfigError, match="the binary is") as caught:
        opened("two-clusters", link, binary=binary)
    assert (caught.value.found, caught.value.allowed) == (found, allowed)
    assert "android_aarch64_benchmark_model" in str(caught.value.remedy)
    assert link.shell("ls /data/local/tmp", Deadline(60)).stdout == b"benchmark_model\n"


def test_the_users_binary_is_pushed_once_and_named_in_the_record(
    start: Callable[..., AdbLink], opened: Open, tmp_path: Path, job: Job
) -> None:
    link = start("two-clusters")
    binary = tmp_path / "benchmark_model"
    binary.write_bytes(ELF + b"\xb7\x00" + bytes(100))
    target = opened("two-clusters", link, binary=binary)
    # What stands for a program on an emulated phone is refused as it is run.
    with pytest.raises(FirmwareFault, match="cannot run on the phone") as caught:
        target.measure(job, Deadline(60))
    assert "not executable: magic 7F454C46" in str(caught.value.found)
    told = target._session.binary.record()
    assert told["binary_source"] == "benchmark_model"
    assert len(str(told["binary_sha256"])) == 64
    listed = link.shell("ls /data/local/tmp/hil/bin", Deadline(60)).stdout
    assert listed.decode().strip() == str(told["binary_sha256"])[:16]


class _Gone:
    """A link that is not there any more."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def gone(*_: object, **__: object) -> object:
            if name == "close":
                return None
            raise LinkClosed("the connection to the phone is gone")

        return gone
