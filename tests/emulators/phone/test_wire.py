from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.emulators.phone.wire import (
    MAX_HANDSHAKE_BYTES,
    Command,
    Decoder,
    Packet,
    encode,
    payload_sum,
)
from hil.errors import MalformedFrame

WORD = st.integers(0, 0xFFFFFFFF)
PACKETS = st.builds(Packet, WORD, WORD, WORD, st.binary(max_size=300))


def test_a_packet_has_the_published_layout() -> None:
    data = encode(Packet(Command.OPEN, 7, 0, b"sync:\0"), checksum=True)
    assert data[:4] == b"OPEN"
    assert struct.unpack("<6I", data[:24]) == (
        0x4E45504F, 7, 0, 6, sum(b"sync:\0"), 0x4E45504F ^ 0xFFFFFFFF,
    )  # fmt: skip
    assert data[24:] == b"sync:\0"


def test_the_handshake_carries_its_sum_even_where_sums_are_skipped() -> None:
    for command in (Command.CNXN, Command.AUTH):
        assert struct.unpack_from(
            "<I", encode(Packet(command, 0, 0, b"\x05"), checksum=False), 16
        ) == (5,)
    assert struct.unpack_from(
        "<I", encode(Packet(Command.OKAY, 0, 0, b"\x05"), checksum=False), 16
    ) == (0,)


@given(st.binary(max_size=3000))
def test_the_sum_is_that_of_all_bytes(data: bytes) -> None:
    assert payload_sum(data) == sum(data) % (1 << 32)


def test_the_sum_of_full_bytes_does_not_wrap() -> None:
    assert payload_sum(b"\xff" * (1 << 20)) == 255 << 20


@given(st.lists(PACKETS, max_size=5), st.data())
def test_packets_come_back_however_they_are_cut(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(encode(packet, checksum=True) for packet in packets)
    decoder = Decoder()
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        decoder.feed(stream[:size])
        stream = stream[size:]
        while (packet := decoder.next_packet()) is not None:
            found.append(packet)
    assert found == packets


@given(st.binary(max_size=200))
def test_random_bytes_are_a_packet_or_malformed_and_nothing_else(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data)
    try:
        while decoder.next_packet() is not None:
            pass
    except MalformedFrame:
        assert decoder.next_packet() is None  # what was wrong is dropped


@given(PACKETS, st.data())
def test_a_flipped_bit_is_never_taken_for_another_payload(
    packet: Packet, data: st.DataObject
) -> None:
    stream = bytearray(encode(packet, checksum=True))
    bit = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[bit // 8] ^= 1 << bit % 8
    decoder = Decoder()
    decoder.feed(bytes(stream))
    try:
        found = decoder.next_packet()
    except MalformedFrame:
        return
    # Neither the arguments nor a longer length are protected by ADB.
    assert found is None or (found.command == packet.command and found != packet)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (struct.pack("<6I", 1, 0, 0, 0, 0, 1), "the magic is not the command inverted"),
        (
            struct.pack("<6I", 1, 0, 0, MAX_HANDSHAKE_BYTES + 1, 0, 0xFFFFFFFE),
            "4,097 bytes",
        ),
        (
            struct.pack("<6I", 1, 0, 0, 0xFFFFFFFF, 0, 0xFFFFFFFE),
            "the payload is too long",
        ),
        (
            struct.pack("<6I", 1, 0, 0, 1, 4, 0xFFFFFFFE) + b"\x05",
            "the sum of the payload is wrong",
        ),
    ],
)
def test_a_broken_header_is_refused_by_name(header: bytes, text: str) -> None:
    decoder = Decoder()
    decoder.feed(header)
    with pytest.raises(MalformedFrame, match="an ADB packet") as caught:
        decoder.next_packet()
    assert text in str(caught.value)


def test_without_sums_only_the_handshake_is_checked() -> None:
    decoder = Decoder()
    decoder.checksum = False
    decoder.feed(
        struct.pack("<6I", Command.OKAY, 0, 0, 1, 9, Command.OKAY ^ 0xFFFFFFFF) + b"x"
    )
    assert decoder.next_packet() == Packet(Command.OKAY, 0, 0, b"x")
    decoder.feed(
        struct.pack("<6I", Command.CNXN, 0, 0, 1, 9, Command.CNXN ^ 0xFFFFFFFF) + b"x"
    )
    with pytest.raises(MalformedFrame):
        decoder.next_packet()
