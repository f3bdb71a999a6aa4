"""Devices that are silent, talk garbage, vanish or die: what is said of each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import DeviceCrashed, LinkClosed, LinkTimeout, ProtocolMismatch
from hil.links.process import ProcessLink
from hil.session import Session
from hil.wire import messages as m
from hil.wire.codec import encode
from hil.wire.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

    from hil import vocab
    from hil.emulators.board import Board

MODEL = b'{"inputs": [70], "outputs": [3], "arena": 900}\n' + bytes(3000)
SAMPLES = [bytes([i]) * 70 for i in range(40)]
OUTPUTS = [bytes((i * 2485 + j) % 251 for j in range(3)) for i in range(40)]


def test_silence_says_that_nothing_came(bench: Callable[..., Bench]) -> None:
    made = bench(wrap=lambda _board, _data: b"")
    with pytest.raises(
        LinkTimeout, match="the answer to Hello did not come in time"
    ) as e:
        made.session.open(made.deadline(5))
    assert "where:   the fake link" in str(e.value)
    assert "found:   nothing at all" in str(e.value)
    assert "reset it" in str(e.value)
    assert e.value.transient


def test_garbage_says_how_many_bytes_are_no_frame(bench: Callable[..., Bench]) -> None:
    noise = iter([b"\x55\xaa\0" * 200, b"\x99" * 212])
    made = bench(wrap=lambda _board, _data: next(noise, b""))
    with pytest.raises(LinkTimeout, match="did not come in time") as raised:
        made.session.open(made.deadline(5))
    assert "found:   812 bytes that are no frame" in str(raised.value)
    assert "check the baud rate" in str(raised.value)


def test_other_messages_are_told_from_garbage_and_silence(
    bench: Callable[..., Bench],
) -> None:
    log = encode_frame(encode(m.LogMessage(level=1, text="busy"), 0))
    said = iter([log * 3, b"\x55\x55\0"])
    made = bench(wrap=lambda _board, _data: next(said, b""))
    with pytest.raises(LinkTimeout) as raised:
        made.session.open(made.deadline(5))
    assert (
        "found:   3 messages that are no answer to it, 3 bytes that are no frame"
        in str(raised.value)
    )


def test_a_device_that_never_stops_to_talk_is_still_held_to_the_deadline(
    bench: Callable[..., Bench],
) -> None:
    def chatter(_board: Board, _data: bytes) -> bytes:
        made.link.clock.seconds += 0.01
        return b"\x55" * 10

    made = bench(wrap=chatter)
    with pytest.raises(LinkTimeout, match=r"no time was left|did not come in time"):
        made.session.open(made.deadline(5))
    assert 5 <= made.link.clock() < 6


def test_a_device_that_vanishes_in_a_transfer_closes_the_link(
    bench: Callable[..., Bench],
) -> None:
    def unplugged(board: Board, data: bytes) -> bytes:
        if len(board._slot._flash) > 1000:
            raise LinkClosed("the port went away", where="/dev/ttyACM0")
        return board.feed(data)

    made = bench(wrap=unplugged)
    made.session.open(made.deadline())
    with pytest.raises(LinkClosed, match="the port went away"):
        made.session.load_model(MODEL, made.deadline())


# The same with real processes.


def faulty(mode: str) -> Session:
    script = Path(__file__).with_name("faulty_device.py")
    return Session(ProcessLink([sys.executable, str(script), mode]))


def test_a_process_that_is_well_answers_over_its_pipes() -> None:
    session, deadline = faulty("well"), Deadline(60)
    try:
        assert session.open(deadline).board == "faulty"
        session.load_model(MODEL, deadline)
        results = list(session.run_samples(SAMPLES, deadline))
    finally:
        session.close()
    assert [output for _, output in results] == OUTPUTS


def test_a_process_that_hangs_is_silent() -> None:
    session = faulty("silent")
    try:
        with pytest.raises(LinkTimeout) as raised:
            session.open(Deadline(0.5))
    finally:
        session.close()
    assert "found:   nothing at all" in str(raised.value)
    assert "faulty_device.py silent" in str(raised.value)


class HeardLink(ProcessLink):
    """Counts what came."""

    heard_bytes = 0

    def read(self, deadline: vocab.Deadline) -> bytes:
        data = super().read(deadline)
        self.heard_bytes += len(data)
        return data


def test_a_process_that_talks_garbage_is_not_silent() -> None:
    code = "import os\nos.write(1, b'U' * 811 + b'\\0')\nwhile os.read(0, 99): pass"
    link = HeardLink([sys.executable, "-S", "-c", code])
    session = Session(link)
    try:
        with pytest.raises(LinkTimeout) as raised:
            session.open(Deadline(60, is_cut=lambda: link.heard_bytes == 812))
    finally:
        session.close()
    assert "found:   812 bytes that are no frame" in str(raised.value)


def test_a_process_that_dies_in_a_transfer_has_crashed_with_its_last_words() -> None:
    session, deadline = faulty("dies"), Deadline(60)
    try:
        session.open(deadline)
        with pytest.raises(DeviceCrashed, match="ended with status 3") as raised:
            session.load_model(MODEL, deadline)
    finally:
        session.close()
    assert "HARD FAULT" in str(raised.value)


def test_a_process_of_another_version_is_a_mismatch() -> None:
    session = faulty("newer")
    try:
        with pytest.raises(ProtocolMismatch, match="another version"):
            session.open(Deadline(60))
    finally:
        session.close()
