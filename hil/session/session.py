"""The dialogue with one microcontroller: what may be asked of it, over any link."""

from __future__ import annotations

import hashlib
from collections.abc import Sized
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from hil.errors import BrokenSetup, FirmwareFault, ModelError
from hil.session.counter import check_counter
from hil.session.dialogue import Dialogue
from hil.session.exchange import FENCE_FRAME_BYTES, Exchange
from hil.session.question import Question
from hil.session.rate import RatedLink, try_rate
from hil.session.refusal import does_not_fit, refusal
from hil.session.stream import SampleStream
from hil.session.transfer import ModelTransfer
from hil.session.window import Window
from hil.wire import messages as m
from hil.wire.codec import head_bytes
from hil.wire.framing import largest_payload
from hil.wire.hello import SMALLEST_FRAME_BYTES, HelloReply
from hil.wire.kinds import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hil.session.question import Answer
    from hil.vocab import Deadline, Link

    # How much is done, and of how much where that is known.
    Progress = Callable[[int, int | None], None]

Item = TypeVar("Item")

_MOST_RUNS = 0xFFFF  # what INVOKE's count can say
_TICKS_BYTES = 8
_CHUNKS_PER_WINDOW = 4
_MOST_DAMAGED_TRANSFERS = 3


class Session:
    """One device. Every call ends at its deadline with LinkTimeout at the latest.

    All calls may raise LinkTimeout, LinkClosed, DeviceCrashed, ProtocolMismatch and,
    where the device refuses, FirmwareFault or what their docstrings name. What was
    lost on the way and asked for again stands in `retries`.
    """

    def __init__(self, link: Link) -> None:
        """Take a link that is not open yet."""
        self._dialogue = Dialogue(link)
        self._hello = HelloReply()

    @property
    def device(self) -> HelloReply:
        """What the device last said of itself."""
        return self._hello

    @property
    def retries(self) -> Sequence[str]:
        """What was lost and asked for again so far, one short text each."""
        return self._dialogue.retries

    @property
    def logs(self) -> Sequence[m.LogMessage]:
        """The last texts that the device sent for people."""
        return self._dialogue.logs

    def open(self, deadline: Deadline) -> HelloReply:
        """Open the link and ask the device what it is.

        Raises BrokenSetup where the link cannot be opened.
        """
        self._dialogue.open(deadline)
        return self.hello(deadline)

    def close(self) -> None:
        """Close the link; may be called any number of times."""
        self._dialogue.link.close()

    def hello(self, deadline: Deadline) -> HelloReply:
        """Ask the device what it is, and what it has loaded now."""
        hello = self._ask(m.HelloRequest(), HelloReply, deadline)
        frame, buffer = hello.max_frame_bytes, hello.rx_buffer_bytes
        if not SMALLEST_FRAME_BYTES <= frame <= buffer:
            raise FirmwareFault(
                "the device names sizes that cannot be",
                where=str(self._dialogue),
                found=f"max_frame_bytes {frame}, rx_buffer_bytes {buffer}",
                allowed=f"{SMALLEST_FRAME_BYTES} <= max_frame_bytes <= rx_buffer_bytes",
            )
        self._hello = hello
        return hello

    def load_model(
        self, data: bytes, deadline: Deadline, *, progress: Progress | None = None
    ) -> dict[str, int]:
        """Send a model, resuming where a transfer of it broke off, and prepare it.

        Returns the memory it takes, as `memory` does. *progress* is told bytes. Raises
        DoesNotFit, UnsupportedOp or ModelError.
        """
        for attempt in count(1):
            self._send_model(data, deadline, progress)
            question = Question(m.CommitRequest(), m.CommitReply)
            Exchange(self._dialogue, question, deadline).run()
            if question.answer is not None:
                self.hello(deadline)
                return dict(question.answer.figures)
            damaged = question.error and question.error.code == ErrorCode.WRONG_SHA256
            if not damaged or attempt == _MOST_DAMAGED_TRANSFERS:
                raise self._refused(question.error, question.name, model=data)
            self._dialogue.retries.append(
                "the model arrived damaged and was sent again"
            )
        raise AssertionError

    def invoke(
        self, inputs: Sequence[bytes], deadline: Deadline, *, n: int
    ) -> list[int]:
        """Stage *inputs*, one for each input tensor, run *n* times; return the ticks.

        The device writes the inputs again before every run, outside of the ticks.
        Raises BrokenSetup where its counter may have gone round within a run.
        """
        self._check_sizes([len(data) for data in inputs], self._hello.input_sizes)
        piece = self._room_for(m.WriteInputRequest)
        for tensor, data in enumerate(inputs):
            for offset in range(0, len(data), piece):
                request = m.WriteInputRequest(
                    tensor=tensor, offset=offset, data=data[offset : offset + piece]
                )
                self._ask(request, m.WriteInputReply, deadline)
        most = min(self._room_for(m.InvokeReply) // _TICKS_BYTES, _MOST_RUNS)
        ticks: list[int] = []
        while len(ticks) < n:
            runs = min(most, n - len(ticks))
            before, losses = deadline.remaining, len(self.retries)
            reply = self._ask(m.InvokeRequest(n=runs), m.InvokeReply, deadline)
            waited_seconds = before - deadline.remaining
            if len(reply.ticks) != runs:
                raise FirmwareFault(
                    "the device ran another number of times",
                    where=str(self._dialogue),
                    found=f"{len(reply.ticks)} ticks",
                    allowed=f"{runs} ticks",
                )
            # Where something was lost, it may be the link that took the time.
            if self._hello.tick_hz and len(self.retries) == losses:
                check_counter(
                    reply.ticks,
                    tick_hz=self._hello.tick_hz,
                    waited_seconds=waited_seconds,
                    where=self._hello.board or str(self._dialogue),
                )
            ticks.extend(reply.ticks)
        return ticks

    def read_outputs(self, deadline: Deadline) -> list[bytes]:
        """Return the output tensors of the last run."""
        piece = self._room_for(m.ReadOutputReply)
        outputs = []
        for tensor, size in enumerate(self._hello.output_sizes):
            output = bytearray()
            while len(output) < size:
                request = m.ReadOutputRequest(
                    tensor=tensor,
                    offset=len(output),
                    length=min(piece, size - len(output)),
                )
                reply = self._ask(request, m.ReadOutputReply, deadline)
                self._check_piece(len(reply.data), allowed=request.length)
                output += reply.data
            outputs.append(bytes(output))
        return outputs

    def run_samples(
        self,
        samples: Iterable[bytes],
        deadline: Deadline,
        *,
        progress: Progress | None = None,
    ) -> Iterator[tuple[int, bytes]]:
        """Stream *samples* through the device; yield ticks and output of each in order.

        A sample is all inputs one behind the other, an output likewise. The samples are
        read as they are needed. *progress* is told samples.
        """
        total = len(samples) if isinstance(samples, Sized) else None
        stream = SampleStream(
            self._checked(samples),
            piece_bytes=self._room_for(m.RunRequest),
            window=self._window(),
        )
        exchange = Exchange(self._dialogue, stream, deadline)
        finished = 0
        while not stream.done:
            exchange.step()
            while stream.results:
                finished += 1
                if progress:
                    progress(finished, total)
                yield stream.results.popleft()
        if stream.error is not None:
            raise self._refused(stream.error, "Run")

    def memory(self, deadline: Deadline) -> dict[str, int]:
        """Return what the device measured of its memory, by the result JSON's names."""
        return dict(self._ask(m.MemoryRequest(), m.MemoryReply, deadline).figures)

    def profile(self, deadline: Deadline) -> list[int]:
        """Run once on the staged inputs; return the ticks of each operator."""
        ticks: list[int] = []
        while True:
            request = m.ProfileRequest(first=len(ticks))
            reply = self._ask(request, m.ProfileReply, deadline)
            ticks.extend(reply.ticks)
            if len(ticks) >= reply.operators:
                return ticks
            self._check_piece(len(reply.ticks), unit="ticks")

    def tensor(self, index: int, deadline: Deadline) -> bytes:
        """Return the bytes of tensor *index* of the model for the staged inputs."""
        piece = self._room_for(m.TensorReply)
        value = bytearray()
        while True:
            request = m.TensorRequest(index=index, offset=len(value), length=piece)
            reply = self._ask(request, m.TensorReply, deadline)
            value += reply.data
            if len(value) >= reply.total_bytes:
                return bytes(value)
            self._check_piece(len(reply.data))

    def echo(self, data: bytes, deadline: Deadline) -> bytes:
        """Send *data* and return what comes back; ValueError if it fits no frame."""
        most = self._room_for(m.EchoRequest)
        if len(data) > most:
            raise ValueError(f"an echo carries at most {most} bytes, not {len(data)}")
        return self._ask(m.EchoRequest(data=data), m.EchoReply, deadline).data

    def set_baud(self, baud: int, deadline: Deadline) -> int:
        """Switch both ends to *baud*; return the rate in use, the old one if it failed.

        Raises BrokenSetup where the link has no rate.
        """
        link = self._dialogue.link
        if not isinstance(link, RatedLink):
            raise BrokenSetup("this link has no baud rate", where=str(link))
        reply = self._ask(m.BaudRequest(baud=baud), m.BaudReply, deadline)
        return try_rate(self._dialogue, link, deadline, baud=reply.baud)

    def reset(self, deadline: Deadline) -> HelloReply:
        """Let the device forget its model and everything else; ask what it is."""
        self._ask(m.ResetRequest(), m.ResetReply, deadline)
        return self.hello(deadline)

    def _ask(
        self, request: m.Request, reply: type[Answer], deadline: Deadline
    ) -> Answer:
        question = Question(request, reply)
        Exchange(self._dialogue, question, deadline).run()
        if question.answer is None:
            raise self._refused(question.error, question.name)
        return question.answer

    def _send_model(
        self, data: bytes, deadline: Deadline, progress: Progress | None
    ) -> None:
        digest = hashlib.sha256(data).digest()
        begin = Question(
            m.LoadModelRequest(size_bytes=len(data), sha256=digest), m.LoadModelReply
        )
        Exchange(self._dialogue, begin, deadline).run()
        if begin.answer is None:
            raise self._refused(begin.error, begin.name, model=data)
        transfer = ModelTransfer(
            data,
            next_offset=begin.answer.next_offset,
            chunk_bytes=min(
                self._room_for(m.ChunkRequest),
                self._hello.rx_buffer_bytes // _CHUNKS_PER_WINDOW,
            ),
            window=self._window(),
        )
        exchange = Exchange(self._dialogue, transfer, deadline)
        while not transfer.done:
            exchange.step()
            if progress:
                progress(min(transfer.next_offset, len(data)), len(data))
        if transfer.error is not None:
            raise self._refused(transfer.error, "Chunk", model=data)

    def _refused(
        self, error: m.ErrorReply | None, asked: str, *, model: bytes = b""
    ) -> Exception:
        assert error is not None
        where = self._hello.board or str(self._dialogue)
        too_large = does_not_fit(
            error,
            model_bytes=len(model),
            arena_bytes=self._hello.arena_capacity_bytes,
            where=where,
        )
        return too_large or refusal(error, asked=asked, where=where)

    def _window(self) -> Window[Item]:
        """Return an empty window that leaves room for a fence."""
        return Window(self._hello.rx_buffer_bytes - FENCE_FRAME_BYTES)

    def _room_for(self, message: type[m.Message]) -> int:
        """Return the bytes of data that fit one message of this class."""
        frame = min(
            self._hello.max_frame_bytes,
            self._hello.rx_buffer_bytes - FENCE_FRAME_BYTES,
        )
        return largest_payload(frame) - head_bytes(message)

    def _checked(self, samples: Iterable[bytes]) -> Iterator[bytes]:
        size = sum(self._hello.input_sizes)
        for sample in samples:
            self._check_sizes([len(sample)], (size,))
            yield sample

    def _check_sizes(self, found: list[int], allowed: tuple[int, ...]) -> None:
        if tuple(found) != allowed:
            raise ModelError(
                "the inputs have other sizes than the model's",
                where=self._hello.board or str(self._dialogue),
                found=f"{', '.join(map(str, found))} bytes",
                allowed=f"{', '.join(map(str, allowed)) or 'no'} bytes",
                remedy="load the model first, and give its inputs in its types",
            )

    def _check_piece(
        self, size: int, *, allowed: int | None = None, unit: str = "bytes"
    ) -> None:
        """Refuse an empty piece, or one of another size than was asked for."""
        if not size or allowed not in {None, size}:
            raise FirmwareFault(
                "the device answers with a piece of the wrong size",
                where=str(self._dialogue),
                found=f"{size} {unit}",
                allowed=f"{allowed or 'more than 0'} {unit}",
            )
