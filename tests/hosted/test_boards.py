"""Every emulated board boots, answers rightly, and counts the same twice."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import DoesNotFit, LinkTimeout
from hil.profiles import find_profile
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES
from hil.targets.hosted import HostedTarget
from hil.targets.qemu import qemu_argv
from hil.vocab import Job, ModelArtifact, TimeBasis

if TYPE_CHECKING:
    from pathlib import Path

    from hil.vocab import DeviceProfile

pytestmark = pytest.mark.qemu_run

_ARM = ("qemu-system-arm", "arm-none-eabi-gcc", "cmake")
_RISCV = ("qemu-system-riscv32", "riscv64-unknown-elf-gcc", "cmake")
_BOARDS = (
    "qemu-mps2-an385",
    "qemu-mps2-an386",
    "qemu-mps2-an500",
    "qemu-mps3-an547",
    "qemu-riscv32-virt",
    "qemu-stm32f4",
)


def _need(board: str) -> None:
    for tool in _RISCV if "riscv" in board else _ARM:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="module")
def model(digits: Path, tmp_path_factory) -> Path:
    """The digits model in int8."""
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="calibration", x=data["x"])
    path = tmp_path_factory.mktemp("model") / "digits_int8.tflite"
    source = (digits / "digits.tflite").read_bytes()
    path.write_bytes(
        quantize(source, RECIPES["int8"], calibration, where="digits").data
    )
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _job(profile: DeviceProfile, model: Path) -> Job:
    data = model.read_bytes()
    x = np.random.default_rng(0).integers(-128, 128, (3, 8, 8, 1), dtype=np.int8)
    return Job(
        id="test",
        model=ModelArtifact(
            name="digits",
            variant="int8",
            path=model,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
            ops=(),
        ),
        device=profile,
        window=0,
        warmup=1,
        min_runs=3,
        min_seconds=0,
        probe=x[:1],
        samples=x,
    )


@pytest.mark.parametrize("board", _BOARDS)
def test_a_board_answers_like_the_host_and_counts_the_same_twice(
    board, model, cache, tmp_path
):
    _need(board)
    profile = find_profile(board)
    job = _job(profile, model)
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(model.read_bytes())
    expected = np.stack([engine.invoke([row[None]])[0][0] for row in job.samples])
    counts = set()
    for _ in range(2):
        target = HostedTarget(profile, log_path=tmp_path / "log", cache=cache)
        try:
            target.open(Deadline(30))
            seen = target.measure(job, Deadline(240))
        finally:
            target.close()
        assert seen.timing.basis is TimeBasis.EMULATED_INSTRUCTIONS
        assert seen.timing.tick_hz is None
        np.testing.assert_array_equal(seen.outputs, expected)
        counts.update(seen.timing.invoke_ticks)
    assert len(counts) == 1
    assert seen.memory["flash_model_bytes"] > 0
    assert seen.evidence["model_sha256"] == job.model.sha256


def test_a_model_that_does_not_fit_is_refused_before_anything_runs(
    model, cache, tmp_path
):
    _need("qemu-mps2-an386")
    profile = find_profile("qemu-mps2-an386", overrides=["ram_bytes=20000"])
    target = HostedTarget(profile, log_path=tmp_path / "log", cache=cache)
    target.open(Deadline(30))
    with pytest.raises(DoesNotFit, match=r"RAM: .* bytes missing"):
        target.measure(_job(profile, model), Deadline(120))
    assert not (tmp_path / "log").exists()


def test_a_job_that_takes_too_long_ends_at_its_deadline_and_leaves_no_qemu(
    model, cache, tmp_path
):
    _need("qemu-mps2-an386")
    profile = find_profile("qemu-mps2-an386")
    job = _job(profile, model)
    target = HostedTarget(profile, log_path=tmp_path / "log", cache=cache)
    target.open(Deadline(30))
    try:
        target.measure(job, Deadline(240))
        child = target._child
        with pytest.raises(LinkTimeout):
            target.measure(job, Deadline(0.001))
        assert child.exit_code is not None
    finally:
        target.close()


def test_the_second_serial_port_is_reached_behind_an_unused_first(tmp_path):
    argv = qemu_argv(find_profile("qemu-stm32f4"), tmp_path / "hil.elf")
    first = argv.index("-serial")
    assert argv[first + 1] == "null"
    assert argv[first + 3].startswith("tcp:127.0.0.1:0,")
