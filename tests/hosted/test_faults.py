"""Firmware that goes wrong in a run: what is told of it, and that the next job is well.

The numbers of the faults are those of faulty/faults.h.
"""

from __future__ import annotations

import enum
import json
import os
import pickle
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from hil.cli.main import main
from hil.deadline import Deadline
from hil.errors import DeviceCrashed, FirmwareFault, LinkTimeout
from hil.targets.hosted import HostedTarget
from hil.tools import Child
from hil.vocab import RunStatus

pytestmark = pytest.mark.qemu

EMULATED_ARM = ("qemu-mps2-an386", "qemu-mps3-an547", "qemu-stm32f4")
BOARDS = ("native", "qemu-riscv32-virt", *EMULATED_ARM)


class Fault(enum.IntEnum):
    NONE = 0
    NULL_WRITE = 1
    NO_SUCH_ADDRESS = 2
    UNDEFINED_INSTRUCTION = 3
    DIVISION_BY_ZERO = 4
    ENDLESS_RECURSION = 5
    HANG = 6
    END = 7
    RESTART = 8
    LOCKUP = 9
    FAULT_IN_FAULT = 10


# What is no fault there: a write to the flash of QEMU's STM32F4 does nothing, and
# RISC-V defines what a division by zero gives.
HARMLESS = {
    ("qemu-stm32f4", Fault.NULL_WRITE),
    ("qemu-riscv32-virt", Fault.DIVISION_BY_ZERO),
}
REPORTED = [
    (board, fault)
    for board in BOARDS
    for fault in (
        Fault.NULL_WRITE,
        Fault.NO_SUCH_ADDRESS,
        Fault.UNDEFINED_INSTRUCTION,
        Fault.DIVISION_BY_ZERO,
        Fault.ENDLESS_RECURSION,
    )
    if (board, fault) not in HARMLESS
]


class Bench:
    """A board with the faulty firmware, and how a run on it ends."""

    def __init__(self, board, faulty, job_of, log_path):
        self.profile = faulty.profile(board)
        self.elf = faulty.elf(board)
        self.target = HostedTarget(self.profile, log_path=log_path)
        self.target.open(Deadline(20))
        self._model = faulty.model
        self._job_of = job_of

    def run(self, *faults, seconds=60.0):
        """Time the first fault as the probe, then stream all of them as samples."""
        samples = np.zeros((len(faults), 8, 8, 1), np.int8)
        samples[:, 0, 0, 0] = faults
        job = self._job_of(self.profile, self._model, samples)
        return self.target.measure(job, Deadline(seconds))

    def registers(self, error):
        """Return the name of the report and its registers by their names."""
        told = re.fullmatch(r"([a-z ]+); ([a-z ]+): ([0-9a-f ]+)", error.found)
        assert told, error.found
        what, names, values = told.groups()
        numbers = [int(value, 16) for value in values.split()]
        names = names.split()
        if what == "signal":  # its address has 64 bits
            names.insert(1, "high")
        return what, dict(zip(names, numbers, strict=True))

    def function_at(self, address):
        """Return the name of the function in which the image has *address*."""
        with self.elf.open("rb") as stream:
            symbols = ELFFile(stream).get_section_by_name(".symtab")
            for symbol in symbols.iter_symbols():
                if symbol["st_info"]["type"] != "STT_FUNC":
                    continue
                begin = symbol["st_value"] & ~self._thumb
                if begin <= address < begin + symbol["st_size"]:
                    return symbol.name
        return None

    @property
    def _thumb(self):
        return 1 if self.profile.name in EMULATED_ARM else 0

    def symbol(self, name):
        with self.elf.open("rb") as stream:
            symbols = ELFFile(stream).get_section_by_name(".symtab")
            (symbol,) = symbols.get_symbol_by_name(name)
            return symbol["st_value"]


@pytest.fixture
def start(need, faulty, job_of, tmp_path):
    started = []

    def make(board):
        need(board)
        started.append(Bench(board, faulty, job_of, tmp_path / "board.log"))
        return started[-1]

    yield make
    for bench in started:
        bench.target.close()


def _crash(bench, fault, kind=FirmwareFault):
    with pytest.raises(kind) as raised:
        bench.run(fault)
    assert raised.value.status is RunStatus.CRASHED
    return raised.value


@pytest.mark.parametrize(("board", "fault"), REPORTED)
def test_a_fault_is_told_with_its_registers_and_the_next_job_has_a_fresh_board(
    board, fault, start
):
    bench = start(board)
    error = _crash(bench, fault)
    assert error.what == "the device answers Invoke with internal"
    what, registers = bench.registers(error)
    if fault is Fault.ENDLESS_RECURSION and board != "native":
        assert what == "stack overflow"
        # The frame of one call and of the exception, at most, below the stack.
        assert 0 < bench.symbol("hil_stack_bottom") - registers["sp"] < 256
    else:
        assert what == ("signal" if board == "native" else "fault")
    # A Cortex-M whose stack is full cannot keep where it was.
    if what != "stack overflow" or board not in EMULATED_ARM:
        assert bench.function_at(registers["pc"]) == fault.name.lower()
    if fault is Fault.NO_SUCH_ADDRESS:
        address = "mtval" if "mtval" in registers else "address"
        assert registers[address] == 0xE8000000
    assert bench.run(Fault.NONE).outputs.tolist() == [[0] * 10]


@pytest.mark.parametrize(("board", "fault"), sorted(HARMLESS))
def test_what_is_no_fault_on_a_core_ends_well(board, fault, start):
    assert start(board).run(fault).outputs[0, 0] == fault


@pytest.mark.parametrize("board", EMULATED_ARM)
def test_a_core_that_locks_up_ends_qemu_whose_words_are_told(board, start):
    bench = start(board)
    error = _crash(bench, Fault.LOCKUP, DeviceCrashed)
    assert error.what == "the process ended by signal 6"
    assert "Lockup: can't escalate 3 to HardFault (current priority -1)" in error.found
    pc = int(re.search(r"R15=([0-9a-f]{8})", error.found).group(1), 16)
    assert bench.function_at(pc) == "no_such_address"
    assert bench.run(Fault.NONE).outputs.tolist() == [[0] * 10]
    # What QEMU said at its end is not told again of the next one.
    assert "Lockup" not in _crash(bench, Fault.END, DeviceCrashed).found


@pytest.mark.parametrize("board", BOARDS)
def test_a_fault_while_one_is_told_ends_the_board_with_status_70(board, start):
    error = _crash(start(board), Fault.FAULT_IN_FAULT, DeviceCrashed)
    assert error.what == "the process ended with status 70"


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_ends_in_a_run_has_crashed(board, start):
    bench = start(board)
    error = _crash(bench, Fault.END, DeviceCrashed)
    assert error.what == "the process ended with status 3"
    assert bench.run(Fault.NONE).outputs.tolist() == [[0] * 10]


@pytest.mark.parametrize("board", EMULATED_ARM)
def test_a_board_that_restarts_in_a_run_has_forgotten_its_model(board, start):
    bench = start(board)
    error = _crash(bench, Fault.RESTART, DeviceCrashed)
    assert error.what == "Invoke: the device has no model"
    assert error.remedy.endswith("the device has restarted")
    assert bench.run(Fault.NONE).outputs.tolist() == [[0] * 10]


@pytest.mark.parametrize("board", BOARDS)
def test_a_hang_ends_at_the_deadline_and_the_next_job_has_a_fresh_board(board, start):
    bench = start(board)
    bench.run(Fault.NONE)
    child = bench.target.target._link._child
    with pytest.raises(LinkTimeout) as raised:
        bench.run(Fault.HANG, seconds=1.0)
    assert raised.value.status is RunStatus.TIMED_OUT
    assert raised.value.what == "the answer to Invoke did not come in time"
    assert child.exit_code is not None
    assert bench.run(Fault.NONE).outputs.tolist() == [[0] * 10]


@pytest.mark.parametrize("board", BOARDS)
def test_a_fault_among_streamed_samples_is_told_of_the_sample_at_hand(board, start):
    bench = start(board)
    good = [Fault.NONE] * 100
    with pytest.raises(FirmwareFault) as raised:
        bench.run(*good, Fault.UNDEFINED_INSTRUCTION, *good)
    assert raised.value.what == "the device answers Run with internal"
    _, registers = bench.registers(raised.value)
    assert bench.function_at(registers["pc"]) == "undefined_instruction"
    assert bench.run(*good).outputs.tolist() == [[0] * 10] * 100


@pytest.mark.parametrize("board", EMULATED_ARM)
def test_a_restart_among_streamed_samples_is_told(board, start):
    bench = start(board)
    good = [Fault.NONE] * 100
    with pytest.raises(DeviceCrashed) as raised:
        bench.run(*good, Fault.RESTART, *good)
    assert raised.value.what == "Run: the device has no model"
    assert bench.run(*good).outputs.tolist() == [[0] * 10] * 100


def _plan(bench, folder, fault, **measure):
    """Write a plan whose first sample makes the board do *fault*."""
    sample = np.zeros((3, 8, 8, 1), np.int8)
    sample[:, 0, 0, 0] = fault
    np.savez(folder / "x.npz", x=sample)
    lines = [
        "[[model]]",
        f'path = "{bench._model}"',
        'dataset = "x.npz"',
        "[[device]]",
        f'profile = "{bench.profile.name}"',
        f'firmware = {{ image = "{bench.elf}", build_id = "faulty" }}',
        "[measure]",
        *(f"{name} = {value}" for name, value in measure.items()),
    ]
    (folder / "plan.toml").write_text("\n".join(lines))
    return str(folder / "plan.toml")


@pytest.mark.parametrize(
    ("fault", "seconds", "status", "told"),
    [
        (Fault.NULL_WRITE, 60, "crashed", "fault; pc lr sp cfsr hfsr address: 0000"),
        (Fault.LOCKUP, 60, "crashed", "Lockup: can't escalate 3 to HardFault"),
        (Fault.HANG, 5, "timed_out", "the answer to Invoke did not come in time"),
    ],
)
def test_the_record_of_a_fault_says_what_the_board_told(
    fault, seconds, status, told, start, tmp_path, capsys
):
    plan = _plan(start("qemu-mps2-an386"), tmp_path, fault, timeout_seconds=seconds)
    assert main(["bench", plan, "--json", "--out", str(tmp_path / "runs")]) == 3
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["status"] == status
    assert told in row["problem"]
    assert "latency" not in row


_MEASURE = """
import pickle, sys
from pathlib import Path
from hil.deadline import Deadline
from hil.targets.hosted import HostedTarget

job = pickle.loads(Path(sys.argv[1]).read_bytes())
target = HostedTarget(job.device, log_path=Path(sys.argv[1] + ".log"))
target.open(Deadline(20))
target.prepare(job, Deadline(60))
print(target.target._link.pid, flush=True)
if job.probe.any():
    target.measure(job, Deadline(600))
sys.stdin.read()
"""


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.HANG])
@pytest.mark.parametrize("board", ["native", "qemu-mps2-an386", "qemu-stm32f4"])
def test_a_board_does_not_outlive_hil_that_is_killed(board, fault, start, tmp_path):
    bench = start(board)
    sample = np.full((1, 8, 8, 1), fault, np.int8)
    job = bench._job_of(bench.profile, bench._model, sample)
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    hil = Child([sys.executable, "-c", _MEASURE, str(tmp_path / "job")])
    board_pid = int(hil.read_line(Deadline(60)))
    assert _is_alive(board_pid)
    os.kill(hil.pid, signal.SIGKILL)
    hil.stop()
    within = Deadline(60)
    while _is_alive(board_pid) and not within.expired:
        time.sleep(0.02)
    assert not _is_alive(board_pid)


def _is_alive(pid):
    """Whether the process is there and no zombie that nobody waits for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
