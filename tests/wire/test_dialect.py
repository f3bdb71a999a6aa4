from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.wire.codec import encode
from hil.wire.dialect import CommandFinder
from hil.wire.framing import encode_frame
from hil.wire.messages import ChunkRequest, HelloRequest

HELLO = encode_frame(encode(HelloRequest(), 0x6D61))


def commands(data, size=1):
    finder = CommandFinder(1024)
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return [found for piece in pieces for found in finder.feed(piece)]


def test_commands_stand_between_frames():
    data = b"name%" + HELLO + b"db load 3%db 0%" + HELLO + HELLO + b"infer 1 0%"
    for size in (1, 3, 100):
        assert commands(data, size) == ["name", "db load 3", "db 0", "infer 1 0"]


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_nothing_in_a_frame_is_a_command(data, sequence):
    frame = encode_frame(encode(ChunkRequest(offset=0, data=data), sequence))
    assert commands(b"\0" + frame, 50) == []


def test_text_in_a_frame_is_no_command():
    frame = encode_frame(encode(ChunkRequest(offset=0x6565, data=b"name%infer 9%"), 9))
    assert commands(frame) == []


def test_a_frame_without_an_end_is_forgotten_when_it_is_too_long():
    begun = HELLO[:-1] + b"x" * 2000
    assert commands(begun + b"\0name%") == ["name"]
    assert commands(begun + b"%name%")[-1] == "name"


def test_a_percent_sign_alone_is_an_empty_command():
    assert commands(b"%name%") == ["", "name"]
