"""The device's side of the protocol: frames in, frames out, no I/O of its own."""

from __future__ import annotations

import binascii
import time
from typing import TYPE_CHECKING

from hil import __version__
from hil.emulators.slot import ModelSlot, Refusal
from hil.errors import MalformedFrame
from hil.vocab import SerialSettings
from hil.wire import messages as m
from hil.wire.codec import decode, decode_header, encode, head_bytes
from hil.wire.framing import FrameDecoder, encode_frame, largest_payload
from hil.wire.hello import HelloReply
from hil.wire.kinds import PROTOCOL_VERSION, ErrorCode, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.emulators.kernels import KernelsFactory
    from hil.vocab import DeviceProfile

_TICK_HZ = 1_000_000_000
_TICKS_BYTES = 8
_MIN_BAUD, _MAX_BAUD = 300, 12_000_000
_CONFIRM_SECONDS = 1.0  # a new rate without a good frame is given up after this
_KINDS = {int(kind) for kind in Kind}
# These have rules of their own for what was lost; all else is answered from memory.
_NOT_REMEMBERED = {Kind.ECHO, Kind.CHUNK, Kind.RUN, Kind.BAUD}


class Board:
    """An emulated microcontroller with one model, as its profile describes it."""

    def __init__(
        self,
        profile: DeviceProfile,
        engine: KernelsFactory,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the profile and the engine; ConfigError where that is not installed."""
        assert isinstance(profile.link, SerialSettings)
        firmware, emulator = profile.firmware, profile.emulator
        self._profile = profile
        self._clock = clock
        self._engine_version = engine().version
        self._arena_bytes = profile.ram_bytes - firmware.reserved_ram_bytes
        self._slot = ModelSlot(
            flash_bytes=profile.flash_bytes - firmware.reserved_flash_bytes,
            arena_bytes=self._arena_bytes,
            engine=engine,
        )
        self._rx_buffer_bytes = emulator.rx_buffer_bytes
        self._frame_bytes = min(emulator.max_frame_bytes, emulator.rx_buffer_bytes)
        self._decoder = FrameDecoder(self._frame_bytes)
        self._answered: tuple[int, bytes] | None = None  # CRC of a request, its reply
        self._expected = (0, 0)  # run_id and offset of the next piece
        self._in_gap = False
        self._sample = bytearray()
        self._rate_before: int | None = None
        self._confirm_by = 0.0
        self.baud = profile.link.baud
        self.damaged_frames = 0

    @property
    def slot(self) -> ModelSlot:
        """The one model of the board."""
        return self._slot

    @property
    def next_event(self) -> float | None:
        """When to call `step` although nothing came, or None."""
        return None if self._rate_before is None else self._confirm_by

    def feed(self, data: bytes) -> bytes:
        """Take bytes and return all that is answered to them."""
        self.receive(data)
        said = bytearray()
        while (answer := self.step()) is not None:
            said += answer
        return bytes(said)

    def receive(self, data: bytes) -> None:
        """Take bytes, cut anywhere."""
        self._decoder.feed(data)

    def step(self) -> bytes | None:
        """Work through one frame and return the answer; None where there is none."""
        if self._rate_before is not None and self._clock() >= self._confirm_by:
            self.baud, self._rate_before = self._rate_before, None
        try:
            payload = self._decoder.next_payload()
            if payload is None:
                return None
            version, kind, sequence = decode_header(payload)
        except MalformedFrame:
            self.damaged_frames += 1
            return b""
        self._rate_before = None  # a good frame: the rate is right
        if kind >= Kind.LOG:
            return b""  # no request: an answer could go round in circles
        if version != PROTOCOL_VERSION:
            refused = Refusal(ErrorCode.PROTOCOL_VERSION, PROTOCOL_VERSION)
            return self._frames([refused.reply], sequence)
        return self._answer(payload, kind, sequence)

    def _answer(self, payload: bytes, kind: int, sequence: int) -> bytes:
        fingerprint = binascii.crc32(payload)
        if self._answered is not None and self._answered[0] == fingerprint:
            return self._answered[1]
        try:
            replies = self._handle(payload, kind)
        except Refusal as exc:
            replies = [exc.reply]
        answer = self._frames(replies, sequence)
        if kind not in _NOT_REMEMBERED:
            self._answered = (fingerprint, answer)
        return answer

    def _frames(self, replies: list[m.Reply], sequence: int) -> bytes:
        return b"".join(encode_frame(encode(reply, sequence)) for reply in replies)

    def _handle(self, payload: bytes, kind: int) -> list[m.Reply]:
        if kind not in _KINDS:
            raise Refusal(ErrorCode.UNKNOWN_REQUEST, kind)
        try:
            _, request = decode(payload)
        except MalformedFrame as exc:
            raise Refusal(ErrorCode.MALFORMED, kind, exc.what) from exc
        if isinstance(request, m.RunRequest):
            return self._run(request)
        if isinstance(request, m.EchoRequest):
            return [m.EchoReply(data=request.data)]
        return [self._reply(request)]

    def _reply(self, request: m.Message) -> m.Reply:
        match request:
            case m.HelloRequest():
                return self._hello()
            case m.InvokeRequest(n=n):
                return self._invoke(n)
            case m.TensorRequest():
                return self._tensor(request)
            case m.BaudRequest(baud=baud):
                return self._switch(baud)
            case m.ResetRequest():
                self._slot.forget()
                self._expect_first_run()
                return m.ResetReply()
            case m.ProfileRequest():
                # Nor has TFLite Micro's wheel.
                text = "no clock for single operators"
                raise Refusal(ErrorCode.NOT_SUPPORTED, Kind.PROFILE, text)
            case _:
                return self._slot_reply(request)

    def _slot_reply(self, request: m.Message) -> m.Reply:
        slot = self._slot
        match request:
            case m.LoadModelRequest(size_bytes=size, sha256=sha256):
                return m.LoadModelReply(next_offset=slot.begin(size, sha256))
            case m.ChunkRequest(offset=offset, data=data):
                return m.ChunkReply(next_offset=slot.write(offset, data))
            case m.CommitRequest():
                self._expect_first_run()
                return m.CommitReply(figures=slot.commit())
            case m.WriteInputRequest(tensor=tensor, offset=offset, data=data):
                return m.WriteInputReply(staged_bytes=slot.stage(tensor, offset, data))
            case m.ReadOutputRequest(tensor=tensor, offset=offset, length=length):
                most = self._room_for(m.ReadOutputReply)
                if length > most:
                    raise Refusal(ErrorCode.OUT_OF_RANGE, most)
                return m.ReadOutputReply(data=slot.output(tensor, offset, length))
            case _:
                assert isinstance(request, m.MemoryRequest)
                return m.MemoryReply(figures=slot.figures)

    def _expect_first_run(self) -> None:
        self._expected, self._in_gap = (0, 0), False

    def _hello(self) -> HelloReply:
        return HelloReply(
            build_id=f"hil {__version__}, {self._engine_version}",
            board=self._profile.name,
            engine=self._profile.firmware.engine,
            time_basis=self._profile.time_basis,
            tick_hz=_TICK_HZ,
            ram_bytes=self._profile.ram_bytes,
            flash_bytes=self._profile.flash_bytes,
            arena_capacity_bytes=self._arena_bytes,
            model_sha256=self._slot.sha256,
            rx_buffer_bytes=self._rx_buffer_bytes,
            max_frame_bytes=self._frame_bytes,
            input_sizes=self._slot.input_sizes,
            output_sizes=self._slot.output_sizes,
            baud=self.baud,
            max_baud=_MAX_BAUD,
        )

    def _invoke(self, n: int) -> m.InvokeReply:
        most = self._room_for(m.InvokeReply) // _TICKS_BYTES
        if n > most:
            raise Refusal(ErrorCode.OUT_OF_RANGE, most)
        return m.InvokeReply(ticks=tuple(self._slot.run() for _ in range(n)))

    def _tensor(self, request: m.TensorRequest) -> m.TensorReply:
        value = self._slot.tensor(request.index)
        length = min(request.length, self._room_for(m.TensorReply))
        piece = value[request.offset : request.offset + length]
        return m.TensorReply(total_bytes=len(value), data=piece)

    def _switch(self, baud: int) -> m.BaudReply:
        if not _MIN_BAUD <= baud <= _MAX_BAUD:
            raise Refusal(ErrorCode.BAD_BAUD, _MAX_BAUD)
        if baud != self.baud:
            self._rate_before, self.baud = self.baud, baud
            self._confirm_by = self._clock() + _CONFIRM_SECONDS
        return m.BaudReply(baud=baud)

    def _run(self, request: m.RunRequest) -> list[m.Reply]:
        """Gather the pieces of one sample in order; run when it is whole."""
        if self._slot.sha256 is None:
            raise Refusal(ErrorCode.NO_MODEL)
        if request.flags & m.REWIND:
            self._expected, self._in_gap = (request.run_id, 0), False
        if (request.run_id, request.offset) != self._expected:
            if self._in_gap:
                return []
            self._in_gap = True
            raise Refusal(ErrorCode.OUT_OF_ORDER, self._expected[0])
        self._in_gap = False
        needed = sum(self._slot.input_sizes)
        if request.offset == 0:
            self._sample.clear()
        end = request.offset + len(request.data)
        if end > needed:
            raise Refusal(ErrorCode.OUT_OF_RANGE, needed)
        self._sample += request.data
        if end < needed:
            self._expected = (request.run_id, end)
            return [
                m.RunReply(
                    run_id=request.run_id, ticks=0, offset=0, total_bytes=0, data=b""
                )
            ]
        self._expected = (request.run_id + 1, 0)
        self._slot.stage_sample(bytes(self._sample))
        return self._results(request.run_id, self._slot.run())

    def _results(self, run_id: int, ticks: int) -> list[m.Reply]:
        output = self._slot.outputs()
        piece = self._room_for(m.RunReply)
        return [
            m.RunReply(
                run_id=run_id,
                ticks=ticks,
                offset=offset,
                total_bytes=len(output),
                data=output[offset : offset + piece],
            )
            for offset in range(0, len(output), piece)
        ]

    def _room_for(self, message: type[m.Message]) -> int:
        return largest_payload(self._frame_bytes) - head_bytes(message)
