"""An emulated board with fake kernels, in memory, for every test of the dialogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.links.fake import FakeClock, FakeLink
from hil.session import Session
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    FirmwareSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.hello import HelloReply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hil.links.fake import Fault
    from hil.wire import messages as m


def small_profile(
    *, rx_buffer_bytes: int = 1024, max_frame_bytes: int = 256
) -> DeviceProfile:
    """A board with little room, so that small data already needs many frames."""
    return DeviceProfile(
        name="small",
        kind=TargetKind.EMULATED_MCU,
        arch="armv7e-m",
        core="fake",
        clock_hz=None,
        ram_bytes=20_000,
        flash_bytes=60_000,
        time_basis=TimeBasis.HOST_CLOCK,
        link=SerialSettings(baud=115200),
        firmware=FirmwareSettings(reserved_ram_bytes=4000, reserved_flash_bytes=10_000),
        emulator=EmulatorSettings(
            rx_buffer_bytes=rx_buffer_bytes, max_frame_bytes=max_frame_bytes
        ),
    )


LOADED_MODEL = b'{"inputs": [40, 30], "outputs": [5, 3], "arena": 900}\n' + bytes(5000)


class CountingKernels(FakeKernels):
    """Kernels that count the runs of all of them, in a list that tests may empty."""

    runs: list[int]

    def invoke(self, inputs):
        self.runs.append(1)
        return super().invoke(inputs)


@dataclass
class Bench:
    """A session, the link and board below it, and what the kernels were asked."""

    session: Session
    link: FakeLink
    board: Board
    runs: list[int] = field(default_factory=list)

    def deadline(self, seconds: float = 100.0) -> Deadline:
        return Deadline(seconds, now=self.link.clock)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Make a bench; *wrap* stands between link and board."""

    def make(
        *,
        to_device: Iterable[Fault] = (),
        from_device: Iterable[Fault] = (),
        wrap: Callable[[Board, bytes], bytes] | None = None,
        rx_buffer_bytes: int = 1024,
        max_frame_bytes: int = 256,
    ) -> Bench:
        counted: list[int] = []
        kernels = type("Kernels", (CountingKernels,), {"runs": counted})
        clock = FakeClock()
        profile = small_profile(
            rx_buffer_bytes=rx_buffer_bytes, max_frame_bytes=max_frame_bytes
        )
        board = Board(profile, kernels, clock=clock)
        link = FakeLink(
            board.feed if wrap is None else lambda data: wrap(board, data),
            clock=clock,
            to_device=to_device,
            from_device=from_device,
        )
        return Bench(Session(link), link, board, counted)

    return make


def scripted(*replies: m.Message) -> Callable[[bytes], bytes]:
    """A device that says HELLO, then these replies, one to each request."""
    decoder = FrameDecoder()
    hello = HelloReply(
        board="scripted",
        rx_buffer_bytes=1024,
        max_frame_bytes=256,
        input_sizes=(4,),
        output_sizes=(2,),
        arena_capacity_bytes=1000,
    )
    to_say = [hello, *replies]

    def device(data: bytes) -> bytes:
        decoder.feed(data)
        said = b""
        while (payload := decoder.next_payload()) is not None:
            sequence, _ = decode(payload)
            said += encode_frame(encode(to_say.pop(0), sequence)) if to_say else b""
        return said

    return device


@pytest.fixture
def to_script(bench: Callable[..., Bench]) -> Callable[..., Bench]:
    """Make an open bench whose device says what it is told to."""

    def make(*replies: m.Message) -> Bench:
        device = scripted(*replies)
        opened = bench(wrap=lambda _board, data: device(data))
        opened.session.open(opened.deadline())
        return opened

    return make


@pytest.fixture
def loaded(bench: Callable[..., Bench]) -> Bench:
    made = bench()
    made.session.open(made.deadline())
    made.session.load_model(LOADED_MODEL, made.deadline())
    return made
