from __future__ import annotations

import pytest

from hil.emulators.uart import Uart


def line(baud: int = 10_000, rx_buffer_bytes: int = 1000) -> Uart:
    """At 10,000 baud a byte takes a millisecond."""
    return Uart(baud, rx_buffer_bytes=rx_buffer_bytes)


def test_a_frame_is_there_when_its_last_byte_is() -> None:
    uart = line()
    uart.arrive(b"frame\0more", since=5.0, now=5.0)
    assert uart.next_event == pytest.approx(5.006)
    assert uart.received(5.0059) == b""
    assert uart.received(5.0061) == b"frame\0"
    assert uart.received(5.0101) == b"more"
    assert uart.next_event is None


def test_what_came_while_the_core_computed_is_there_at_once() -> None:
    uart = line()
    uart.arrive(b"x" * 99 + b"\0", since=1.0, now=1.2)
    assert len(uart.received(1.2)) == 100


def test_what_exceeds_the_buffer_begins_to_arrive_when_there_is_room() -> None:
    uart = line(rx_buffer_bytes=100)
    uart.arrive(b"x" * 149 + b"\0", since=1.0, now=9.0)
    assert len(uart.received(9.0)) == 100
    assert len(uart.received(9.049)) == 0
    assert len(uart.received(9.0501)) == 50


def test_a_full_buffer_makes_the_other_side_wait() -> None:
    uart = line(rx_buffer_bytes=100)
    assert uart.wants_input
    uart.arrive(bytes(100), since=0.0, now=0.0)
    assert not uart.wants_input
    uart.received(1.0)
    assert uart.wants_input


def test_bytes_follow_each_other_however_they_were_given() -> None:
    uart = line()
    uart.arrive(b"a" * 9 + b"\0", since=0.0, now=0.0)
    uart.arrive(b"b" * 9 + b"\0", since=0.0, now=0.0)
    assert len(uart.received(0.0101)) == 10
    assert len(uart.received(0.0201)) == 10


def test_what_is_sent_goes_out_at_the_rate() -> None:
    uart = line()
    uart.send(b"reply\0", 2.0)
    uart.send(b"reply\0", 2.0)
    assert uart.queued_output_bytes == 12
    assert uart.sent(2.005) == b""
    assert uart.sent(2.0061) == b"reply\0"
    assert uart.sent(3.0) == b"reply\0"
    assert uart.queued_output_bytes == 0


def test_both_directions_have_a_line_of_their_own() -> None:
    uart = line()
    uart.send(bytes(500), 0.0)
    uart.arrive(b"abc\0", since=0.0, now=0.0)
    assert uart.received(0.0041) == b"abc\0"


def test_a_new_rate_counts_for_what_follows() -> None:
    uart = line()
    uart.send(b"old\0", 0.0)
    uart.baud = 1_000_000
    uart.send(b"new\0", 0.0)
    assert uart.sent(0.00403) == b"old\0"
    assert uart.sent(0.00405) == b"new\0"


def test_without_a_rate_bytes_take_no_time() -> None:
    uart = line(baud=0)
    uart.arrive(bytes(500), since=1.0, now=1.0)
    uart.send(bytes(500), 1.0)
    assert len(uart.received(1.0)) == len(uart.sent(1.0)) == 500
