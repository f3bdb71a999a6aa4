"""The emulated microcontroller as a target: a real process, started, lost and ended."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np
import pytest

from hil.bench.jobs import plan_jobs
from hil.bench.plan import Measure, PlannedModel
from hil.bench.variants import build_variants
from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    DeviceCrashed,
    DoesNotFit,
    RecordingError,
    UnsupportedOp,
)
from hil.links.serial_port import SerialLink
from hil.profiles import find_profile
from hil.results.run_folder import RunFolder
from hil.targets.emulated import EmulatedTarget, emulator_argv
from hil.targets.mcu import McuTarget
from hil.vocab import TimeBasis

MEASURE = Measure(warmup=1, min_runs=3, min_seconds=0, windows=1)


@pytest.fixture(scope="module")
def variants(digits, tmp_path_factory):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=digits / "digits_test.npz",
        calibration=digits / "digits_calibration.npz",
        metric="top1",
        variants=("int8", "dynamic"),
    )
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "t")
    return {v.artifact.variant: v for v in build_variants(planned, folder, samples=20)}


@pytest.fixture
def target(tmp_path):
    opened = []

    def start(*overrides, attach_basis=None):
        profile = find_profile("emulated-mcu", overrides=overrides)
        inner = profile
        if attach_basis:
            inner = dataclasses.replace(profile, time_basis=attach_basis)
        made = EmulatedTarget(
            profile,
            attach=lambda path: McuTarget(inner, SerialLink(path, 3_000_000)),
            log_path=tmp_path / "log",
        )
        opened.append(made)
        made.open(Deadline(60))
        return made

    yield start
    for made in opened:
        made.close()


def job_of(target, variant):
    return next(plan_jobs([variant], [target.profile], MEASURE))[1]


def test_a_job_is_timed_and_its_samples_are_answered(target, variants):
    board = target()
    seen = board.measure(job_of(board, variants["int8"]), Deadline(60))
    assert seen.engine == "tflm"
    assert seen.timing.basis is TimeBasis.HOST_CLOCK
    assert len(seen.timing.invoke_ticks) == 3
    assert min(seen.timing.invoke_ticks) > 0
    assert seen.outputs.shape == (20, 10)
    assert seen.outputs.dtype == np.int8
    assert np.array_equal(seen.probe_output, seen.outputs[:1])
    assert seen.memory["arena_bytes"] > 0
    assert seen.retries == ()


def test_runs_go_on_until_the_time_is_reached(target, variants):
    board = target()
    job = job_of(board, variants["int8"])
    longer = next(
        plan_jobs(
            [variants["int8"]],
            [board.profile],
            Measure(warmup=0, min_runs=1, min_seconds=0.05),
        )
    )[1]
    seen = board.measure(longer, Deadline(60))
    assert sum(seen.timing.invoke_ticks) >= 0.05 * seen.timing.tick_hz
    assert job.min_runs == 3


def test_an_operator_without_a_kernel_is_named(target, variants):
    board = target()
    with pytest.raises(UnsupportedOp, match="CONV_2D"):
        board.measure(job_of(board, variants["dynamic"]), Deadline(60))


def test_an_arena_that_is_too_small_tells_the_missing_bytes(target, variants):
    board = target("ram_bytes=20000")
    with pytest.raises(DoesNotFit) as caught:
        board.measure(job_of(board, variants["int8"]), Deadline(60))
    error = caught.value
    assert error.region == "arena"
    assert error.available_bytes == 20000 - 16384
    assert error.needed_bytes > error.available_bytes


def test_a_flash_that_is_too_small_tells_the_missing_bytes(target, variants):
    board = target("flash_bytes=140000")
    with pytest.raises(DoesNotFit) as caught:
        board.measure(job_of(board, variants["int8"]), Deadline(60))
    assert caught.value.region == "flash"
    size = variants["int8"].artifact.size_bytes
    assert caught.value.needed_bytes - caught.value.available_bytes == size - (
        140000 - 136584
    )


def test_an_emulator_that_is_killed_is_told_as_a_crash(target, variants):
    board = target()
    os.kill(board._child.pid, signal.SIGKILL)
    with pytest.raises(DeviceCrashed, match=r"the emulator died[\s\S]*status -9"):
        board.measure(job_of(board, variants["int8"]), Deadline(60))


def test_an_emulator_that_was_lost_can_be_opened_again(target, variants):
    board = target()
    os.kill(board._child.pid, signal.SIGKILL)
    board.open(Deadline(60))
    assert board.measure(job_of(board, variants["int8"]), Deadline(60)).engine == "tflm"


def test_an_emulator_ends_with_its_target(target):
    board = target()
    pid = board._child.pid
    board.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    board.close()


def test_an_emulator_that_cannot_start_is_told_with_its_last_words(tmp_path):
    # What only the child reads: the profile is gone when it starts.
    gone = tmp_path / "gone.toml"
    profile = dataclasses.replace(find_profile("emulated-mcu"), source=gone)
    board = EmulatedTarget(profile, attach=pytest.fail, log_path=tmp_path / "log")
    with pytest.raises(DeviceCrashed, match=r"did not start[\s\S]*cannot be read"):
        board.open(Deadline(60))
    board.close()


def test_a_board_with_another_time_basis_is_not_measured(target):
    with pytest.raises(BrokenSetup, match="the board counts another time"):
        target(attach_basis=TimeBasis.CPU_CYCLES)


def test_settings_of_the_plan_reach_the_emulator():
    profile = find_profile("emulated-mcu", overrides=["ram_bytes=65536"])
    argv = emulator_argv(profile)
    assert argv[argv.index("--set") + 1] == "ram_bytes=65536"


def test_the_emulator_ends_also_where_its_target_cannot_be_left(tmp_path):
    class FullDisk:
        def open(self, deadline):
            pass

        def close(self):
            raise RecordingError("the cassette cannot be written")

    made = EmulatedTarget(
        find_profile("emulated-mcu"),
        attach=lambda _: FullDisk(),
        log_path=tmp_path / "log",
    )
    made.open(Deadline(60))
    child = made._child
    with pytest.raises(RecordingError):
        made.close()
    assert child.exit_code is not None
    made.close()
