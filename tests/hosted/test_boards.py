"""Boards that are processes: all answer rightly and count the same twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hil.cli.main import main
from hil.deadline import Deadline
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import DoesNotFit, LinkTimeout, ToolError, ToolMissing
from hil.profiles import find_profile
from hil.targets.hosted import HostedTarget
from hil.targets.qemu import qemu_argv
from hil.vocab import RunStatus, TimeBasis

pytestmark = pytest.mark.qemu

PLAN = Path(__file__).parents[2] / "examples" / "boards.toml"
BOARDS = [
    "native",
    "qemu-mps2-an385",
    "qemu-mps2-an386",
    "qemu-mps2-an500",
    "qemu-mps3-an547",
    "qemu-riscv32-virt",
    "qemu-stm32f4",
]


@pytest.fixture
def open_target(need, cache, tmp_path):
    """Opens the target of a board; its log is beside the test's other files."""
    opened = []

    def start(board, *overrides):
        need(board)
        profile = find_profile(board, overrides=list(overrides))
        target = HostedTarget(profile, log_path=tmp_path / "log", cache=cache)
        opened.append(target)
        target.open(Deadline(20))
        return target

    yield start
    for target in opened:
        target.close()


def _expected(model, samples):
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(model.read_bytes())
    return np.stack([engine.invoke([row[None]])[0][0] for row in samples])


def test_the_example_plan_runs_on_every_board_and_counts_the_same_twice(
    need, cache, tmp_path, monkeypatch, capsys
):
    for board in BOARDS:
        need(board)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    counts = []
    for _ in range(2):
        assert main(["bench", str(PLAN), "--json", "--out", str(tmp_path)]) == 0
        rows = json.loads(capsys.readouterr().out)["results"]
        assert [row["device"] for row in rows] == BOARDS
        for row in rows:
            assert row["status"] == "ok"
            agreed = row["agreement"]
            assert agreed["reference"] == "litert-ref"
            assert agreed["identical"] == agreed["n"] == 500
        native, *emulated = rows
        assert native["time_basis"] == "host_clock"
        for row in emulated:
            assert row["time_basis"] == "emulated_instructions"
            latency = row["latency"]
            assert latency["min_insn"] == latency["max_insn"] > 100_000
        counts.append([row["latency"]["median_insn"] for row in emulated])
    assert counts[0] == counts[1]


def test_a_record_says_what_the_figures_were_made_with(
    open_target, digits_int8, job_of
):
    target = open_target("qemu-mps2-an386")
    job = job_of(target.profile, digits_int8, np.zeros((1, 8, 8, 1), np.int8))
    seen = target.measure(job, Deadline(240))
    assert seen.timing.basis is TimeBasis.EMULATED_INSTRUCTIONS
    assert seen.timing.tick_hz is None
    assert seen.memory["flash_model_bytes"] > 0
    evidence = seen.evidence
    assert evidence["qemu"].startswith("QEMU emulator version")
    assert (evidence["machine"], evidence["icount_shift"]) == ("mps2-an386", 7)
    assert evidence["compiler"].startswith("arm-none-eabi-gcc")
    assert "-O2" in evidence["compiler_flags"]
    assert evidence["model_sha256"] == job.model.sha256
    operators = evidence["profile"]["ops"]
    assert (operators[0]["type"], operators[-1]["type"]) == ("CONV_2D", "SOFTMAX")
    counted = sum(operator["insn"] for operator in operators)
    assert counted == pytest.approx(seen.timing.invoke_ticks[0], rel=0.01)


@pytest.mark.parametrize("board", ["qemu-mps2-an386", "qemu-stm32f4"])
def test_what_arrives_during_a_run_is_not_counted_with_it(
    board, open_target, digits_int8, job_of
):
    target = open_target(board)
    sample = np.zeros((8, 8, 1), np.int8)
    job = job_of(target.profile, digits_int8, sample[np.newaxis])
    target.prepare(job, Deadline(240))
    session = target.target.session
    session.load_model(digits_int8.read_bytes(), Deadline(30))
    # Streamed: the next inputs are on their way while one is computed.
    runs = session.run_samples([sample.tobytes()] * 200, Deadline(120))
    assert len({ticks for ticks, _ in runs}) == 1


@pytest.mark.parametrize("board", ["qemu-mps2-an386", "qemu-stm32f4"])
def test_another_shift_counts_the_same_however_often_the_timer_goes_round(
    board, open_target, digits_int8, job_of
):
    sample = np.zeros((8, 8, 1), np.int8)
    counted = set()
    for overrides in ([], ["qemu.icount_shift=10"]):
        target = open_target(board, *overrides)
        job = job_of(target.profile, digits_int8, sample[np.newaxis])
        target.prepare(job, Deadline(240))
        session = target.target.session
        session.load_model(digits_int8.read_bytes(), Deadline(30))
        # 4.3 s of virtual time are four runs.
        counted |= set(session.invoke([sample.tobytes()], Deadline(120), n=12))
    assert len(counted) == 1


def test_a_shift_with_which_the_timer_is_too_coarse_is_refused(
    open_target, digits_int8, job_of
):
    target = open_target("qemu-mps2-an386", "qemu.icount_shift=6")
    job = job_of(target.profile, digits_int8, np.zeros((1, 8, 8, 1), np.int8))
    with pytest.raises(ToolError, match="less than two ticks of the timer"):
        target.prepare(job, Deadline(240))


@pytest.mark.shared
def test_all_keyword_inputs_are_answered_as_by_the_host(open_target, shared, job_of):
    model = shared / "models" / "kws_ref_model.tflite"
    with np.load(shared / "data" / "kws" / "kws01.npz", allow_pickle=False) as data:
        samples = data["x"]
    target = open_target("qemu-mps2-an386")
    seen = target.measure(job_of(target.profile, model, samples), Deadline(300))
    assert seen.outputs.shape[0] == 1000
    np.testing.assert_array_equal(seen.outputs, _expected(model, samples))


@pytest.mark.shared
@pytest.mark.parametrize("board", ["qemu-mps2-an386", "qemu-riscv32-virt"])
def test_image_inputs_are_answered_as_by_the_host(board, open_target, shared, job_of):
    model = shared / "models" / "pretrainedResnet_quant.tflite"
    samples = np.random.default_rng(0).integers(
        -128, 128, (5, 32, 32, 3), dtype=np.int8
    )
    target = open_target(board)
    seen = target.measure(job_of(target.profile, model, samples), Deadline(300))
    np.testing.assert_array_equal(seen.outputs, _expected(model, samples))


def test_a_model_that_does_not_fit_is_refused_before_anything_runs(
    open_target, digits_int8, job_of, tmp_path
):
    target = open_target("qemu-mps2-an386", "ram_bytes=20000")
    job = job_of(target.profile, digits_int8, np.zeros((1, 8, 8, 1), np.int8))
    with pytest.raises(DoesNotFit, match=r"RAM: .* bytes missing") as raised:
        target.measure(job, Deadline(120))
    assert raised.value.status is RunStatus.DOES_NOT_FIT
    assert not (tmp_path / "log").exists()


def test_a_job_that_takes_too_long_ends_at_its_deadline_and_leaves_no_qemu(
    open_target, digits_int8, job_of
):
    target = open_target("qemu-mps2-an386")
    job = job_of(target.profile, digits_int8, np.zeros((1, 8, 8, 1), np.int8))
    target.prepare(job, Deadline(240))
    child = target.target._link._child
    with pytest.raises(LinkTimeout):
        target.measure(job, Deadline(0.0))
    assert child.exit_code is not None


@pytest.mark.parametrize(
    ("board", "package"),
    [
        ("qemu-mps2-an386", "qemu-system-arm"),
        ("qemu-riscv32-virt", "qemu-system-misc"),
    ],
)
def test_a_missing_qemu_is_told_with_its_package(board, package, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = HostedTarget(find_profile(board), log_path=tmp_path / "log")
    with pytest.raises(ToolMissing) as raised:
        target.open(Deadline(5))
    assert raised.value.found == "not installed"
    assert raised.value.remedy == f"apt-get install {package}"


@pytest.mark.parametrize(
    ("board", "packages"),
    [
        ("native", "gcc"),
        ("qemu-mps2-an386", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        (
            "qemu-riscv32-virt",
            "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        ),
    ],
)
def test_a_missing_compiler_is_told_with_its_packages(
    board, packages, digits_int8, job_of, tmp_path, monkeypatch
):
    for name in ("qemu-system-arm", "qemu-system-riscv32"):
        (tmp_path / name).write_text("#!/bin/sh\necho QEMU emulator version 0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    profile = find_profile(board)
    log = tmp_path / "log"
    target = HostedTarget(profile, log_path=log, cache=tmp_path / "cache")
    target.open(Deadline(5))
    job = job_of(profile, digits_int8, np.zeros((1, 8, 8, 1), np.int8))
    with pytest.raises(ToolMissing) as raised:
        target.prepare(job, Deadline(60))
    assert raised.value.remedy == f"apt-get install {packages}"


def test_an_image_that_the_profile_names_is_run_as_it_is(need, faulty, tmp_path):
    need("native")
    target = HostedTarget(faulty.profile("native"), log_path=tmp_path / "log")
    target.open(Deadline(5))
    assert target._own_image.path == faulty.elf("native")


def test_the_line_of_a_board_with_a_serial_port_is_the_port_it_names(tmp_path):
    argv = qemu_argv(find_profile("qemu-stm32f4"), tmp_path / "hil.elf")
    first = argv.index("-serial")
    assert argv[first : first + 2] == ["-serial", "null"]
    assert argv[-4:-2] == ["-semihosting-config", "enable=on,target=native"]
    assert argv[first + 4 : first + 6] == ["-serial", "chardev:line"]
    without = qemu_argv(find_profile("qemu-mps2-an386"), tmp_path / "hil.elf")
    assert without.count("-serial") == 1
    assert without[-2:] == ["-kernel", str(tmp_path / "hil.elf")]
