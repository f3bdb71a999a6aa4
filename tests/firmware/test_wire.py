"""The C framing and the Python framing are one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import MalformedFrame
from hil.tools import run
from hil.wire.framing import FrameDecoder, encode_frame, largest_payload

if TYPE_CHECKING:
    from conftest import Builder

VECTORS = json.loads((Path(__file__).parents[1] / "data/wire_vectors.json").read_text())


@pytest.fixture
def wire(build: Builder) -> Path:
    return build.wire()


def told(wire: Path, lines: list[str]) -> list[str]:
    stdin = "".join(f"{line}\n" for line in lines).encode()
    return (
        run([str(wire)], deadline=Deadline(60), stdin=stdin)
        .stdout.decode()
        .split("\n")[:-1]
    )


def both_ways(wire: Path, pairs: list[tuple[str, str]]) -> None:
    encoded = told(wire, [f"e {payload}" for payload, _ in pairs])
    assert encoded == [frame for _, frame in pairs]
    decoded = told(wire, [f"d {frame}" for _, frame in pairs])
    expected = [line for payload, _ in pairs for line in (payload, "damaged 0")]
    assert decoded == expected


def test_the_payloads_of_the_vectors_become_their_frames_and_back(wire: Path) -> None:
    both_ways(wire, [(case["payload"], case["frame"]) for case in VECTORS["frames"]])


def test_the_messages_of_the_vectors_become_their_frames_and_back(wire: Path) -> None:
    cases = VECTORS["messages"]
    assert len(cases) > 40
    both_ways(wire, [(case["payload"], case["frame"]) for case in cases])


def test_the_damaged_streams_of_the_vectors_give_their_payloads(wire: Path) -> None:
    assert VECTORS["stream_frame_bytes"] == 1024
    for case in VECTORS["streams"]:
        expected = [*case["payloads"], f"damaged {case['damaged_frames']}"]
        assert told(wire, [f"d {case['bytes']}"]) == expected, case["name"]


def test_payloads_of_every_length_are_framed_as_python_frames_them(wire: Path) -> None:
    payloads = [
        fill(size)
        for size in range(largest_payload(1024) + 1)
        for fill in (lambda n: b"\x01" * n, lambda n: bytes(i % 256 for i in range(n)))
    ]
    both_ways(wire, [(p.hex(), encode_frame(p).hex()) for p in payloads])


def test_the_largest_payload_of_every_frame_size_is_framed_in_place(wire: Path) -> None:
    assert told(wire, ["f"]) == ["all well"]


def test_every_flipped_bit_of_a_frame_is_noticed_as_in_python(wire: Path) -> None:
    frame = encode_frame(b"\x01\x05\x02\x00" + b"data" * 3)
    streams = []
    for bit in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        streams.append(bytes(damaged) + frame)
    output = told(wire, [f"d {stream.hex()}" for stream in streams])
    assert output == [line for stream in streams for line in in_python(stream)]


def in_python(stream: bytes) -> list[str]:
    decoder = FrameDecoder(1024)
    decoder.feed(stream)
    lines: list[str] = []
    damaged = 0
    while True:
        try:
            payload = decoder.next_payload()
        except MalformedFrame:
            damaged += 1
            continue
        if payload is None:
            return [*lines, f"damaged {damaged}"]
        lines.append(payload.hex())
