from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import MalformedFrame
from hil.wire.mlperf import (
    CommandReader,
    InferenceReader,
    LineReader,
    bracketed,
    command,
    lap_line,
    load_commands,
    message,
    numbered,
    results,
)

REPLY = """\
m-warmup-start-1
m-warmup-done
m-infer-start-20
m-lap-us-50409185
m-lap-us-67342191
m-infer-done
m-results-[0.961,0.039,]
""".splitlines()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("m-profile-[ULPMark]", "m-profile-[ULPMark]"),  # has e-[ in it
        ("profile%m-profile-[X]", "m-profile-[X]"),
        ("infer 30000 1%m-warmup-start-1", "m-warmup-start-1"),
        ("..starting at 1526042425m-warmup-start-1", "m-warmup-start-1"),
        ("e-[Unknown command: x]", "e-[Unknown command: x]"),
        ("nme%e-[Unknown command: nme]", "e-[Unknown command: nme]"),
        ("some words", "some words"),
    ],
)
def test_a_message_is_found_behind_an_echo_and_other_words(line, found):
    assert message(line) == found


def test_an_input_is_loaded_in_pieces_that_fit_the_command_buffer():
    commands = list(load_commands(bytes(range(70))))
    assert commands[0] == b"db load 70%"
    assert commands[1] == b"db " + bytes(range(31)).hex().encode() + b"%"
    assert len(commands) == 4
    assert all(len(each) <= 81 for each in load_commands(bytes(100), chunk_bytes=38))


def test_values_of_messages_are_read():
    assert numbered("m-lap-us-26189717", "m-lap-us") == 26189717
    assert numbered("m-ready", "m-lap-us") is None
    assert bracketed("m-name-dut-[ST [x]]", "m-name-dut") == "ST [x]"
    assert results("m-results-[0.023,0.977,]") == (0.023, 0.977)
    assert results("m-results-[53.592]") == (53.592,)
    assert results("m-ready") is None


def test_damaged_values_are_refused():
    with pytest.raises(MalformedFrame, match="a number of the device cannot be read"):
        numbered("m-lap-us-26x", "m-lap-us")
    with pytest.raises(MalformedFrame, match="the results of the device cannot be"):
        results("m-results-[0.1,zero]")


def test_a_time_stamp_has_32_bits():
    assert lap_line((1 << 32) + 5) == "m-lap-us-5"


@given(st.binary(max_size=200), st.integers(1, 40))
def test_lines_are_the_same_however_the_bytes_are_cut(data, size):
    whole = LineReader().feed(data)
    reader = LineReader()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert [line for piece in pieces for line in reader.feed(piece)] == whole


def test_carriage_returns_and_zeros_vanish_and_foreign_bytes_are_shown():
    reader = LineReader()
    assert reader.feed(b"m-re\0ady\r\n\xffx\nrest") == ["m-ready", "\\xffx"]
    assert reader.rest == "rest"


def test_a_command_too_long_is_cut_and_carried_out():
    reader = CommandReader()
    text = "db " + "0" * 100
    taken = [reader.take(byte) for byte in (text + "%").encode()]
    assert taken[-1] == text[:80]
    assert reader.take(ord("%")) == ""


def test_an_inference_is_read_with_both_clocks():
    reader = InferenceReader()
    times = [0.0, 0.8, 0.801, 0.802, 17.732, 17.733, 17.734]
    done = [reader.feed(line, at) for line, at in zip(REPLY, times, strict=True)][-1]
    assert (done.n, done.warmup, done.results) == (20, 1, (0.961, 0.039))
    assert done.elapsed_us == 16933006
    assert done.host_seconds == pytest.approx(16.93)


def test_laps_that_are_printed_at_the_end_leave_the_host_its_own_time():
    reader = InferenceReader()
    times = [0.0, 0.8, 0.801, 17.73, 17.731, 17.733, 17.734]
    done = [reader.feed(line, at) for line, at in zip(REPLY, times, strict=True)][-1]
    assert done.host_seconds == pytest.approx(16.932)


def test_a_clock_of_32_bits_may_wrap():
    reader = InferenceReader()
    lines = ["m-infer-start-1", "m-lap-us-4294967290", "m-lap-us-10"]
    for line in lines:
        assert reader.feed(line) is None
    done = reader.feed("m-results-[1.0]")
    assert done.elapsed_us == 16
    assert done.host_seconds is None


def test_energy_mode_has_no_time():
    reader = InferenceReader()
    reader.feed("m-infer-start-5")
    assert reader.feed("m-results-[1.0]").elapsed_us is None


def test_a_reply_that_was_cut_off_leaves_nothing_behind():
    reader = InferenceReader()
    for line in REPLY[:5]:
        reader.feed(line)
    done = [reader.feed(line) for line in REPLY][-1]
    assert done.elapsed_us == 16933006


def test_commands_are_words_and_a_percent_sign():
    assert command("infer", 70, 10) == b"infer 70 10%"
