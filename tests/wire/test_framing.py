from __future__ import annotations

import binascii
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import MalformedFrame
from hil.wire.framing import (
    FrameDecoder,
    encode_frame,
    largest_payload,
    longest_frame,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "data" / "wire_vectors.json").read_text("utf-8")
)
PAYLOADS = st.binary(max_size=1200) | st.integers(240, 1100).map(lambda n: b"\1" * n)


def decoded(
    data: bytes, *, cuts: tuple[int, ...] = (), max_frame: int = 65536
) -> tuple[list[bytes], int]:
    """The payloads in *data*, fed in pieces, and how many frames were damaged."""
    decoder = FrameDecoder(max_frame)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    payloads, damaged = [], 0
    for start, end in pairwise(edges):
        decoder.feed(data[start:end])
        while True:
            try:
                payload = decoder.next_payload()
            except MalformedFrame:
                damaged += 1
                continue
            if payload is None:
                break
            payloads.append(payload)
    return payloads, damaged


@pytest.mark.parametrize(
    ("payload", "frame"),
    [
        # Computed by hand and with zlib's crc32, not with the code under test.
        (b"", "01 01 01 01 01 00"),
        (b"\0", "01 05 8d ef 02 d2 00"),
        (b"hello\0world", "06 68 65 6c 6c 6f 0a 77 6f 72 6c 64 b3 14 e6 0a 00"),
    ],
)
def test_a_frame_is_payload_and_crc_in_cobs_with_a_zero_behind(
    payload: bytes, frame: str
) -> None:
    assert encode_frame(payload).hex(" ") == frame


def test_an_empty_block_follows_a_full_one_at_the_end() -> None:
    frame = encode_frame(b"\1" * 250)
    assert len(frame) == 257
    assert (frame[0], frame[-2:]) == (0xFF, b"\1\0")


def test_a_full_block_at_the_end_is_read_without_the_empty_one_too() -> None:
    frame = encode_frame(b"\1" * 250)
    assert decoded(frame[:-2] + b"\0") == ([b"\1" * 250], 0)


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda v: v["name"])
def test_frames_are_as_in_the_vectors(vector: dict[str, str]) -> None:
    payload, frame = bytes.fromhex(vector["payload"]), bytes.fromhex(vector["frame"])
    assert encode_frame(payload) == frame
    assert decoded(frame) == ([payload], 0)


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=lambda v: v["name"])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_streams_are_read_as_in_the_vectors(
    vector: dict[str, object], piece: int
) -> None:
    data = bytes.fromhex(str(vector["bytes"]))
    cuts = tuple(range(0, len(data), piece))
    payloads, damaged = decoded(
        data, cuts=cuts, max_frame=VECTORS["stream_frame_bytes"]
    )
    assert [payload.hex() for payload in payloads] == vector["payloads"]
    assert damaged == vector["damaged_frames"]


@given(st.lists(PAYLOADS, max_size=6), st.lists(st.integers(0, 10**6), max_size=12))
def test_payloads_come_out_as_they_went_in_however_the_stream_is_cut(
    payloads: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(encode_frame(payload) for payload in payloads)
    assert decoded(stream, cuts=tuple(cuts)) == (payloads, 0)


@given(PAYLOADS, PAYLOADS, st.data())
def test_after_a_flipped_bit_the_frame_behind_the_next_one_is_read(
    damaged: bytes, following: bytes, data: st.DataObject
) -> None:
    frame = bytearray(encode_frame(damaged))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    stream = bytes(frame) + encode_frame(following) + encode_frame(b"last")
    payloads, dropped = decoded(stream)
    assert payloads[-1] == b"last"
    # A bit of the end byte joins two frames; elsewhere only the one is lost.
    lost_end = bit // 8 == len(frame) - 1
    assert payloads[:-1] == ([] if lost_end else [following])
    assert dropped >= 1


@given(PAYLOADS, st.data())
def test_a_frame_cut_short_is_dropped_and_the_next_one_is_read(
    payload: bytes, data: st.DataObject
) -> None:
    frame = encode_frame(payload)
    end = data.draw(st.integers(0, len(frame) - 2))
    kept = frame[:end]
    payloads, _ = decoded(kept + b"\0" + encode_frame(b"next"))
    # Without its empty last block a frame that ends in a full one is still whole.
    body = payload + binascii.crc32(payload).to_bytes(4, "little")
    last_run = len(body) - 1 - body.rfind(0)
    whole = end == len(frame) - 2 and last_run > 0 and last_run % 254 == 0
    assert payloads == ([payload, b"next"] if whole else [b"next"])


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=5))
def test_any_bytes_are_read_without_another_error_than_malformed_frame(
    noise: bytes, cuts: list[int]
) -> None:
    payloads, _ = decoded(
        noise + b"\0" + encode_frame(b"next"), cuts=tuple(cuts), max_frame=500
    )
    assert payloads[-1] == b"next"


def test_a_damaged_frame_is_dropped_before_the_error_and_counted() -> None:
    decoder = FrameDecoder()
    frame = encode_frame(b"good")
    decoder.feed(b"\x02xy\x02z\0" + frame + b"\x07ab")
    with pytest.raises(MalformedFrame, match="is not COBS") as raised:
        decoder.next_payload()
    assert "6 bytes: 02 78 79 02 7a" in str(raised.value)
    assert raised.value.transient
    assert decoder.next_payload() == b"good"
    assert decoder.next_payload() is None
    assert (decoder.dropped_bytes, decoder.pending_bytes) == (6, 3)


def test_a_wrong_crc_is_named() -> None:
    decoder = FrameDecoder()
    frame = bytearray(encode_frame(b"good"))
    frame[1] ^= 1
    decoder.feed(bytes(frame))
    with pytest.raises(MalformedFrame, match="a frame has a wrong CRC"):
        decoder.next_payload()


def test_bytes_without_an_end_are_dropped_and_said_once() -> None:
    decoder = FrameDecoder(max_frame=100)
    for _ in range(50):
        decoder.feed(b"\x55" * 50)
    with pytest.raises(MalformedFrame, match="without an end") as raised:
        decoder.next_payload()
    assert "100 bytes and more without a zero" in str(raised.value)
    assert decoder.next_payload() is None
    assert decoder.dropped_bytes == 2500
    decoder.feed(b"\x55\0" + encode_frame(b"next"))
    assert decoder.next_payload() == b"next"


def test_a_frame_longer_than_allowed_is_dropped_however_it_arrives() -> None:
    frame = encode_frame(bytes(100))
    assert decoded(frame, max_frame=len(frame)) == ([bytes(100)], 0)
    assert decoded(frame, max_frame=len(frame) - 1) == ([], 1)
    assert decoded(frame, cuts=(50,), max_frame=len(frame) - 1) == ([], 1)


@given(st.integers(16, 70_000))
def test_the_largest_payload_fits_its_frame_and_one_byte_more_does_not(
    frame_bytes: int,
) -> None:
    most = largest_payload(frame_bytes)
    assert longest_frame(most) <= frame_bytes < longest_frame(most + 1)


@given(PAYLOADS)
def test_no_frame_is_longer_than_the_longest(payload: bytes) -> None:
    assert len(encode_frame(payload)) <= longest_frame(len(payload))


def test_a_frame_too_small_for_anything_holds_no_payload() -> None:
    assert largest_payload(4) == 0
