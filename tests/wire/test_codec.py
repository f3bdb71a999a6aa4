from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import MalformedFrame, ProtocolMismatch
from hil.vocab import TimeBasis
from hil.wire import messages as m
from hil.wire.codec import MEMORY_KEYS, decode, encode, head_bytes
from hil.wire.hello import HelloReply
from hil.wire.kinds import PROTOCOL_VERSION, REPLY, Kind

VECTORS = json.loads(
    (Path(__file__).parents[1] / "data" / "wire_vectors.json").read_text("utf-8")
)
CLASSES = {cls.__name__: cls for cls in [*m.Request.__args__, *m.Reply.__args__]} | {
    "LogMessage": m.LogMessage
}

U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
U32, U64 = st.integers(0, 0xFFFFFFFF), st.integers(0, 2**64 - 1)
DATA, TEXT = st.binary(max_size=300), st.text(max_size=60)
SHA256 = st.binary(min_size=32, max_size=32)
TICKS = st.lists(U64, max_size=20).map(tuple)
FIGURES = st.dictionaries(st.sampled_from(sorted(MEMORY_KEYS)), U64)
SIZES = st.lists(U32, max_size=63).map(tuple)

MESSAGES = st.one_of(
    st.builds(m.HelloRequest),
    st.builds(
        HelloReply,
        protocol_version=U8,
        build_id=TEXT,
        board=TEXT,
        engine=TEXT,
        time_basis=st.none() | st.sampled_from(TimeBasis),
        tick_hz=st.none() | U64,
        ram_bytes=st.none() | U32,
        flash_bytes=st.none() | U32,
        arena_capacity_bytes=st.none() | U32,
        model_sha256=st.none() | SHA256,
        rx_buffer_bytes=U32,
        max_frame_bytes=U32,
        input_sizes=SIZES,
        output_sizes=SIZES,
        baud=st.none() | U32,
        max_baud=st.none() | U32,
    ),
    st.builds(m.LoadModelRequest, size_bytes=U32, sha256=SHA256),
    st.builds(m.LoadModelReply, next_offset=U32),
    st.builds(m.ChunkRequest, offset=U32, data=DATA),
    st.builds(m.ChunkReply, next_offset=U32),
    st.builds(m.CommitRequest),
    st.builds(m.CommitReply, figures=FIGURES),
    st.builds(m.WriteInputRequest, tensor=U8, offset=U32, data=DATA),
    st.builds(m.WriteInputReply, staged_bytes=U32),
    st.builds(m.InvokeRequest, n=U16),
    st.builds(m.InvokeReply, ticks=TICKS),
    st.builds(m.ReadOutputRequest, tensor=U8, offset=U32, length=U32),
    st.builds(m.ReadOutputReply, data=DATA),
    st.builds(m.RunRequest, run_id=U32, flags=U8, offset=U32, data=DATA),
    st.builds(
        m.RunReply, run_id=U32, ticks=U64, offset=U32, total_bytes=U32, data=DATA
    ),
    st.builds(m.ProfileRequest, first=U16),
    st.builds(m.ProfileReply, operators=U16, ticks=TICKS),
    st.builds(m.TensorRequest, index=U16, offset=U32, length=U32),
    st.builds(m.TensorReply, total_bytes=U32, data=DATA),
    st.builds(m.MemoryRequest),
    st.builds(m.MemoryReply, figures=FIGURES),
    st.builds(m.EchoRequest, data=DATA),
    st.builds(m.EchoReply, data=DATA),
    st.builds(m.BaudRequest, baud=U32),
    st.builds(m.BaudReply, baud=U32),
    st.builds(m.ResetRequest),
    st.builds(m.ResetReply),
    st.builds(m.LogMessage, level=U8, text=TEXT),
    st.builds(m.ErrorReply, code=U16, detail=U32, text=TEXT),
)


def from_json(vector: dict[str, object]) -> m.Message:
    values = {}
    for name, value in vector["fields"].items():
        if isinstance(value, dict) and "hex" in value:
            values[name] = bytes.fromhex(value["hex"])
        elif isinstance(value, dict) and "time_basis" in value:
            values[name] = TimeBasis(value["time_basis"])
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return CLASSES[vector["class"]](**values)


@given(MESSAGES, U16)
def test_a_message_comes_back_as_it_went_in(message: m.Message, sequence: int) -> None:
    assert decode(encode(message, sequence)) == (sequence, message)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_malformed_or_of_another_version(
    payload: bytes,
) -> None:
    try:
        sequence, message = decode(payload)
    except (MalformedFrame, ProtocolMismatch):
        return
    assert type(message).__name__ in CLASSES
    assert 0 <= sequence <= 0xFFFF


@given(
    st.sampled_from(sorted(Kind)), st.sampled_from((0, REPLY)), st.binary(max_size=200)
)
def test_any_body_of_any_type_is_a_message_or_malformed(
    kind: int, reply: int, body: bytes
) -> None:
    payload = bytes((1, kind | reply, 7, 0)) + body
    try:
        sequence, _ = decode(payload)
    except MalformedFrame:
        return
    assert sequence == 7


@given(MESSAGES, st.data())
def test_a_message_cut_short_raises_nothing_else(
    message: m.Message, data: st.DataObject
) -> None:
    payload = encode(message, 1)
    end = data.draw(st.integers(0, len(payload) - 1))
    with contextlib.suppress(MalformedFrame):
        assert decode(payload[:end])[1] != message


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda v: v["class"])
def test_messages_are_as_in_the_vectors(vector: dict[str, object]) -> None:
    message = from_json(vector)
    payload = bytes.fromhex(str(vector["payload"]))
    assert encode(message, vector["sequence"]) == payload
    assert decode(payload) == (vector["sequence"], message)


def test_the_vectors_hold_every_message() -> None:
    assert {vector["class"] for vector in VECTORS["messages"]} == set(CLASSES)


@pytest.mark.parametrize("vector", VECTORS["no_messages"], ids=lambda v: v["name"])
def test_what_is_no_message_is_malformed(vector: dict[str, str]) -> None:
    with pytest.raises(MalformedFrame):
        decode(bytes.fromhex(vector["payload"]))


def test_the_layout_is_little_endian_behind_version_type_and_sequence() -> None:
    message = m.RunRequest(run_id=0x01020304, flags=1, offset=5, data=b"\xaa")
    assert encode(message, 0x1234).hex(" ") == (
        "01 08 34 12 04 03 02 01 01 05 00 00 00 aa"
    )


def test_another_version_is_named_with_the_remedy() -> None:
    with pytest.raises(ProtocolMismatch, match="another version") as raised:
        decode(bytes((2, 0x81, 0, 0)))
    assert "version 2" in str(raised.value)
    assert f"version {PROTOCOL_VERSION}" in str(raised.value)
    assert "flash a firmware" in str(raised.value)


def test_unknown_keys_are_skipped_so_that_replies_can_grow() -> None:
    hello = encode(HelloReply(board="b"), 0) + bytes((200, 3)) + b"new"
    assert decode(hello) == (0, HelloReply(board="b"))
    memory = encode(m.MemoryReply(figures={"arena_bytes": 1}), 0) + bytes((99, 1, 0))
    assert decode(memory) == (0, m.MemoryReply(figures={"arena_bytes": 1}))


def test_an_unknown_time_basis_is_as_if_it_were_absent() -> None:
    payload = bytes((1, 0x81, 0, 0)) + bytes((5, 1, 99))
    assert decode(payload) == (0, HelloReply(time_basis=None))


def test_text_that_is_no_utf_8_is_shown_with_marks() -> None:
    payload = bytes((1, 0x7E, 0, 0, 1)) + b"a\xffb"
    assert decode(payload)[1] == m.LogMessage(level=1, text="a\ufffdb")


@pytest.mark.parametrize(
    "message",
    [
        m.InvokeRequest(n=65536),
        m.LoadModelReply(next_offset=-1),
        HelloReply(ram_bytes=2**32),
        HelloReply(board="b" * 256),
    ],
)
def test_what_cannot_be_written_is_refused(message: m.Message) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|has 256 bytes"):
        encode(message, 0)


def test_head_bytes_is_what_stands_before_the_data() -> None:
    for message in (m.ChunkRequest(offset=0, data=b""), m.EchoRequest(data=b"")):
        assert head_bytes(type(message)) == len(encode(message, 0))


def test_each_request_has_a_reply_of_its_own_type() -> None:
    for kind in set(Kind) - {Kind.LOG, Kind.ERROR}:
        assert kind < Kind.LOG
        assert kind | REPLY not in set(Kind)


def test_messages_are_frozen() -> None:
    assert fields(m.EchoRequest)
    with pytest.raises(AttributeError):
        m.EchoRequest(data=b"").data = b"x"  # type: ignore[misc]
