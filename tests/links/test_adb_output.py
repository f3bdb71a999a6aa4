from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.deadline import Deadline
from hil.errors import LinkClosed, MalformedFrame
from hil.links.adb_output import FramedOutput, PlainOutput, Running
from hil.tools import Child, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "hil-0123456789abcdef"
START = f"{MARKER} 4321\n".encode()


def _frame(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8),
    st.integers(0, 255),
    st.integers(1, 9),
)
def test_frames_may_be_cut_anywhere(
    said: list[tuple[int, bytes]], code: int, size: int
) -> None:
    wire = _frame(1, START) + b"".join(_frame(*frame) for frame in said)
    wire += _frame(3, bytes([code]))
    output = FramedOutput(MARKER, "phone")
    for start in range(0, len(wire), size):
        output.feed(wire[start : start + size])
    result = output.result()
    assert (result.exit_code, result.pid) == (code, 4321)
    assert result.stdout == b"".join(data for kind, data in said if kind == 1)
    assert result.stderr == b"".join(data for kind, data in said if kind == 2)


@given(st.binary(max_size=60), st.integers(0, 255), st.integers(1, 9))
def test_plain_output_may_be_cut_anywhere(said: bytes, code: int, size: int) -> None:
    wire = START + said + f"{MARKER}={code}\n".encode()
    output = PlainOutput(MARKER, "phone")
    for start in range(0, len(wire), size):
        output.feed(wire[start : start + size])
    result = output.result()
    assert (result.exit_code, result.stdout, result.pid) == (code, said, 4321)


def test_the_number_is_known_before_the_command_ends() -> None:
    framed, plain = FramedOutput(MARKER, "phone"), PlainOutput(MARKER, "phone")
    assert (framed.running, plain.running) == (None, None)
    framed.feed(_frame(1, START[:-1]))
    assert framed.running is None
    framed.feed(_frame(1, b"\n"))
    plain.feed(START)
    known = Running(pid=4321, group=4321, started=None)
    assert (framed.running, plain.running) == (known, known)


STAT = b"4300 (odd) name) S 1 4300 4300 " + b"0 " * 15 + b"777 4096 -1\n"


def test_a_process_is_known_by_its_group_and_by_when_it_began() -> None:
    output = PlainOutput(MARKER, "phone")
    output.feed(f"{MARKER} 4321 4300 ".encode() + STAT)
    assert output.running == Running(pid=4321, group=4300, started=777)


def _stat(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")


@pytest.fixture
def child() -> Iterator[Child]:
    """A real process that leads a group, as those of adbd do."""
    child = Child(["setsid", "sh", "-c", "echo ready; exec sleep 100"])
    assert child.read_line(Deadline(10)) == "ready"
    yield child
    child.stop()


@pytest.fixture
def known(child: Child) -> Running:
    started = int(_stat(child.pid).rpartition(")")[2].split()[19])
    return Running(pid=child.pid, group=child.pid, started=started)


def _sh(script: str) -> int:
    return run(["sh", "-c", script], deadline=Deadline(10), check=False).exit_code


def test_the_kill_script_ends_a_process_and_says_when_it_is_gone(
    child: Child, known: Running
) -> None:
    assert _sh(known.kill_script) == 0  # nobody has waited for it: it is still there
    assert child.wait(Deadline(10)) == -9
    assert _sh(known.kill_script) == 1


def test_the_kill_script_needs_no_time_of_start(child: Child, known: Running) -> None:
    assert _sh(dataclasses.replace(known, started=None).kill_script) == 0
    assert child.wait(Deadline(10)) == -9


def test_the_kill_script_leaves_a_process_of_another_time_alone(
    child: Child, known: Running
) -> None:
    other = dataclasses.replace(known, started=known.started + 1)
    assert _sh(other.kill_script) == 1
    assert child.exit_code is None


def test_a_command_that_prints_the_same_words_is_not_mistaken() -> None:
    output = PlainOutput(MARKER, "phone")
    output.feed(START + f"{MARKER}=5\n{MARKER}=7\n".encode())
    result = output.result()
    assert (result.exit_code, result.stdout) == (7, f"{MARKER}=5\n".encode())


def test_a_phone_whose_shell_does_not_say_the_number_is_understood() -> None:
    output = FramedOutput(MARKER, "phone")
    output.feed(_frame(1, b"hello\n") + _frame(3, b"\0"))
    result = output.result()
    assert (result.stdout, result.pid) == (b"hello\n", None)


@pytest.mark.parametrize("kind", [FramedOutput, PlainOutput])
def test_output_without_an_exit_code_is_no_result(
    kind: type[FramedOutput | PlainOutput],
) -> None:
    with pytest.raises(LinkClosed, match="without its exit code"):
        kind(MARKER, "phone").result()


@pytest.mark.parametrize("wire", [b"\x07\0\0\0\0", b"\x01\xff\xff\xff\xff"])
def test_a_frame_that_cannot_be_is_refused(wire: bytes) -> None:
    with pytest.raises(MalformedFrame, match="shell frame"):
        FramedOutput(MARKER, "phone").feed(wire)


def test_a_command_that_prints_without_end_is_stopped() -> None:
    output = PlainOutput(MARKER, "phone")
    output.feed(bytes(64 << 20))
    with pytest.raises(MalformedFrame, match="prints without end"):
        output.feed(b"x")
