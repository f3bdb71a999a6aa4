"""The firmware against docs/protocol.md and against the emulated board in Python."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.tools import run
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    FirmwareSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.hello import HelloReply

if TYPE_CHECKING:
    from conftest import Builder

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
TEXT = b'{"inputs": [8, 4], "outputs": [5, 3], "arena": 900}\n'
SHA256 = hashlib.sha256(TEXT).digest()
PROFILE = DeviceProfile(
    name="example",
    kind=TargetKind.EMULATED_MCU,
    arch="none",
    core="fake",
    clock_hz=None,
    ram_bytes=8096,
    flash_bytes=30000,
    time_basis=TimeBasis.HOST_CLOCK,
    link=SerialSettings(),
    firmware=FirmwareSettings(reserved_ram_bytes=4000, reserved_flash_bytes=10000),
    emulator=EmulatorSettings(rx_buffer_bytes=1024, max_frame_bytes=256),
)


@pytest.fixture
def device(build: Builder) -> Path:
    """An image whose clock stands still but for 1,000 ticks a run."""
    return build.device(frozen_clock=True)


def answered(device: Path, sent: bytes) -> bytes:
    return run([str(device)], deadline=Deadline(60), stdin=sent).stdout


def test_the_examples_are_what_the_firmware_answers(device: Path) -> None:
    lines = "\n".join(
        re.findall(r"```wire\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    )
    turns = re.findall(r"^([<>]) ((?:[0-9a-f ]+\n?)+)", lines, re.MULTILINE)
    sent = b"".join(bytes.fromhex(text) for mark, text in turns if mark == ">")
    expected = b"".join(bytes.fromhex(text) for mark, text in turns if mark == "<")
    assert len(turns) > 25
    found = messages(answered(device, sent))
    assert [(s, plain(x)) for s, x in found] == [
        (s, plain(x)) for s, x in messages(expected)
    ]


def messages(stream: bytes) -> list[tuple[int, m.Message]]:
    decoder = FrameDecoder()
    decoder.feed(stream)
    found = []
    while (payload := decoder.next_payload()) is not None:
        found.append(decode(payload))
    assert decoder.pending_bytes == 0
    return [(s, x) for s, x in found if not isinstance(x, m.LogMessage)]


def plain(message: m.Message) -> m.Message:
    """Without what two devices may say in other words."""
    if isinstance(message, m.ErrorReply):
        return replace(message, text="")
    if isinstance(message, HelloReply):
        return HelloReply(
            arena_capacity_bytes=message.arena_capacity_bytes,
            model_sha256=message.model_sha256,
            input_sizes=message.input_sizes,
            output_sizes=message.output_sizes,
        )
    return message


OFFSETS = st.integers(0, 60)
SMALL = st.binary(max_size=14)
SINGLE = st.one_of(
    st.just(m.HelloRequest()),
    st.just(m.CommitRequest()),
    st.just(m.MemoryRequest()),
    st.just(m.ResetRequest()),
    st.just(m.ProfileRequest(first=0)),
    st.builds(
        m.LoadModelRequest,
        size_bytes=st.sampled_from([len(TEXT), 10, 20000, 20001, 2**32 - 1]),
        sha256=st.sampled_from([SHA256, bytes(32)]),
    ),
    st.builds(m.ChunkRequest, offset=OFFSETS, data=SMALL),
    st.builds(
        m.WriteInputRequest, tensor=st.integers(0, 3), offset=OFFSETS, data=SMALL
    ),
    st.builds(m.InvokeRequest, n=st.sampled_from([0, 31, 65535])),
    st.builds(
        m.ReadOutputRequest,
        tensor=st.integers(0, 3),
        offset=st.sampled_from([0, 1, 5, 6, 2**32 - 1]),
        length=st.sampled_from([0, 1, 3, 5, 245, 246, 2**32 - 1]),
    ),
    st.builds(
        m.RunRequest,
        run_id=st.integers(0, 2),
        flags=st.integers(0, 1),
        offset=st.sampled_from([0, 6, 12, 2**32 - 1]),
        data=st.sampled_from([b"", b"abcdef", b"abcdefghijkl", b"abcdefghijklm"]),
    ),
    st.builds(m.EchoRequest, data=st.binary(max_size=240)),
).map(lambda message: [message])
LOADED = st.just(
    [
        m.LoadModelRequest(size_bytes=len(TEXT), sha256=SHA256),
        m.ChunkRequest(offset=0, data=TEXT),
        m.CommitRequest(),
    ]
)
# A RUN writes the staging buffer, and when it does is the device's business: what is
# run by INVOKE is staged anew.
INVOKED = st.tuples(st.binary(min_size=8, max_size=8), st.integers(0, 3)).map(
    lambda drawn: [
        m.WriteInputRequest(tensor=1, offset=0, data=drawn[0][:4]),
        m.WriteInputRequest(tensor=0, offset=0, data=drawn[0]),
        m.InvokeRequest(n=drawn[1]),
        m.ReadOutputRequest(tensor=0, offset=0, length=5),
    ]
)
REQUESTS = st.lists(st.one_of(SINGLE, LOADED, INVOKED), max_size=20)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(groups=REQUESTS, repeats=st.sets(st.integers(0, 40)), raw=st.binary(max_size=9))
def test_the_firmware_answers_what_the_emulated_board_answers(
    device: Path, groups: list[list[m.Request]], repeats: set[int], raw: bytes
) -> None:
    payloads = [bytes((1, 0x3F, 9, 9)) + raw, bytes((1, 0x06, 7, 7)) + raw[:5], raw]
    requests = [request for group in groups for request in group]
    for number, request in enumerate(requests):
        payloads += [encode(request, number)] * (2 if number in repeats else 1)
    sent = b"".join(map(encode_frame, payloads))
    expected = messages(Board(PROFILE, FakeKernels).feed(sent))
    found = messages(answered(device, sent))
    assert [(s, plain(x)) for s, x in found] == [(s, plain(x)) for s, x in expected]
