from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import LinkClosed, MalformedFrame
from hil.links.adb_output import FramedOutput, PlainOutput

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
    assert (framed.pid, plain.pid) == (None, None)
    framed.feed(_frame(1, START[:-1]))
    assert framed.pid is None
    framed.feed(_frame(1, b"\n"))
    plain.feed(START)
    assert (framed.pid, plain.pid) == (4321, 4321)


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
