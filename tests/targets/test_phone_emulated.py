"""The phone target held against the emulated phone and the host's own LiteRT."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.deadline import Deadline
from hil.engines.litert import LitertEngine
from hil.errors import DeviceCrashed, FirmwareFault, LinkTimeout, UnsupportedOp
from hil.links.adb import AdbLink
from hil.models.facts import artifact
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.tools import Child
from hil.vocab import AdbSettings, Job, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHONE = """
import sys
from hil.emulators.phone.adbd import run
from hil.emulators.phone.phone_clock import SkippingClock
from hil.profiles import find_profile
profile = find_profile(sys.argv[1])
run(profile, port=0, watch_stdin=True, clock=SkippingClock())
"""
PROFILE = find_profile("emulated-phone")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbSettings]:
    log = tmp_path_factory.mktemp("phone") / "log"
    child = Child([sys.executable, "-c", PHONE, PROFILE.name], stderr=log)
    try:
        host, _, port = child.read_line(Deadline(60)).rpartition(":")
        yield AdbSettings(host=host, port=int(port))
    finally:
        child.stop()


@pytest.fixture
def target(address: AdbSettings) -> Iterator[PhoneTarget]:
    target = PhoneTarget(PROFILE, AdbLink(address))
    target.open(Deadline(60))
    yield target
    target.close()


@pytest.fixture
def images(digits: Path) -> np.ndarray:
    with np.load(digits / "digits_test.npz") as data:
        return data["x"][:12].astype(np.float32)


@pytest.fixture
def job(digits: Path, images: np.ndarray) -> Job:
    return Job(
        id="j",
        model=artifact(digits / "digits.tflite"),
        device=PROFILE,
        window=0,
        warmup=2,
        min_runs=20,
        min_seconds=0.0,
        probe=images[:1],
    )


def test_the_phone_answers_what_the_host_answers(
    target: PhoneTarget, job: Job, images: np.ndarray
) -> None:
    measured = target.measure(replace(job, samples=images), Deadline(120))
    engine = LitertEngine()
    engine.load(job.model.path.read_bytes())
    expected = np.concatenate([engine.invoke([row[None]])[0] for row in images])
    assert measured.outputs is not None
    assert measured.outputs.shape == (12, 10)
    assert np.array_equal(measured.outputs, expected)
    assert measured.probe_output is not None
    assert np.array_equal(measured.probe_output, expected[:1])


def test_a_window_has_its_times_and_its_memory(target: PhoneTarget, job: Job) -> None:
    measured = target.measure(job, Deadline(60))
    assert measured.summary is not None
    assert measured.summary.basis is TimeBasis.HOST_CLOCK
    assert measured.summary.n == 20
    assert measured.summary.median_us is not None
    assert measured.memory["peak_rss_bytes"] > 1 << 20
    phone = measured.evidence["phone"]
    assert isinstance(phone, dict)
    assert (phone["model"], phone["is_emulator"]) == ("Emulated Phone", True)
    assert len(str(measured.evidence["binary_sha256"])) == 64


def test_a_window_goes_on_for_its_seconds(target: PhoneTarget, job: Job) -> None:
    longer = replace(job, min_runs=1, min_seconds=0.1)
    measured = target.measure(longer, Deadline(60))
    assert measured.summary is not None
    assert measured.summary.n > 1


def test_a_window_that_asks_for_too_much_ends_in_time_with_what_it_has(
    target: PhoneTarget, job: Job
) -> None:
    endless = replace(job, min_seconds=1000.0)
    measured = target.measure(endless, Deadline(8))
    assert measured.summary is not None
    assert measured.summary.n > 20


def test_a_run_that_overruns_its_deadline_is_killed_and_the_next_one_works(
    target: PhoneTarget, job: Job, images: np.ndarray
) -> None:
    many = np.concatenate([images] * 100)
    target.measure(replace(job, samples=many[:1]), Deadline(60))
    with pytest.raises(LinkTimeout):
        target.measure(replace(job, samples=many), Deadline(0.4))
    assert target.measure(job, Deadline(60)).summary is not None


def test_an_operator_that_the_phone_lacks_is_named(
    target: PhoneTarget, job: Job, tmp_path: Path
) -> None:
    model = schema.ModelT.InitFromPackedBuf(job.model.path.read_bytes())
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].customCode = b"HilsOwnOp"
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "custom.tflite"
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(UnsupportedOp, match="cannot run an operator") as caught:
        target.measure(replace(job, model=artifact(path)), Deadline(60))
    assert "HilsOwnOp" in str(caught.value.found)
    assert caught.value.where == "custom (as-is) on emulated-phone"


def test_a_tool_that_aborts_is_a_crash_with_its_last_words(
    target: PhoneTarget, job: Job
) -> None:
    wrong = replace(job, probe=np.zeros((1, 4, 4, 1), dtype=np.float32))
    with pytest.raises(DeviceCrashed, match="died by SIGABRT") as caught:
        target.measure(wrong, Deadline(60))
    assert "It should be 256 bytes" in str(caught.value.found)


def test_a_sample_on_which_the_tool_aborts_is_named(
    target: PhoneTarget, job: Job
) -> None:
    wrong = np.zeros((3, 4, 4, 1), dtype=np.float32)
    with pytest.raises(DeviceCrashed, match="died by SIGABRT") as caught:
        target.measure(replace(job, samples=wrong), Deadline(60))
    assert str(caught.value.where).startswith("sample 0 of digits")


def test_a_flag_that_the_tool_does_not_know_is_an_error(
    target: PhoneTarget, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hil.targets.phone_window.timed_run",
        lambda binary, graph, **_: [binary, f"--graph={graph}", "--use-gpu=true"],
    )
    with pytest.raises(FirmwareFault, match="does not know a flag") as caught:
        target.measure(job, Deadline(60))
    assert caught.value.found == "--use-gpu=true"


def test_nothing_is_left_on_the_phone(address: AdbSettings, job: Job) -> None:
    link = AdbLink(address)
    # Samples that a test's deadline left undone stay, to be gone on with.
    link.shell("rm -rf /data/local/tmp/hil", Deadline(60))
    target = PhoneTarget(PROFILE, link)
    target.open(Deadline(60))
    target.measure(job, Deadline(60))
    assert link.shell("ls /data/local/tmp/hil", Deadline(60)).stdout != b""
    target.close()
    assert link.shell("ls /data/local/tmp/hil", Deadline(60)).stdout == b""
    link.close()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "no-shell-v2",
            {"release": "6.0.1", "abi": "armeabi-v7a", "thermal_hal": None},
        ),
        ("hostile", {"battery_temperature_c": None, "thermal_status": None}),
    ],
)
def test_a_phone_of_another_kind_is_measured_and_told_in_its_record(
    tmp_path: Path, job: Job, name: str, told: dict[str, object]
) -> None:
    profile = find_profile(f"emulated-phone-{name}")
    child = Child([sys.executable, "-c", PHONE, profile.name], stderr=tmp_path / "log")
    try:
        host, _, port = child.read_line(Deadline(60)).rpartition(":")
        link = AdbLink(AdbSettings(host=host, port=int(port)))
        target = PhoneTarget(profile, link)
        target.open(Deadline(60))
        measured = target.measure(replace(job, device=profile), Deadline(60))
        target.close()
    finally:
        child.stop()
    assert measured.probe_output is not None
    phone = measured.evidence["phone"]
    assert isinstance(phone, dict)
    assert {key: phone[key] for key in told} == told
    assert str(phone).isprintable()
