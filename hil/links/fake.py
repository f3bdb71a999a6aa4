"""A link in memory to a device that is a function, with faults on demand.

No time passes: where a device stays silent, its clock jumps to the deadline.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hil.errors import LinkTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hil.vocab import Deadline

    # From the number of a frame and its bytes to what arrives of it.
    Fault = Callable[[int, bytes], bytes]


class FakeClock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


class FakeLink:
    """A pipe to *device*: bytes in, bytes out; b"" in asks if it has more to say."""

    def __init__(
        self,
        device: Callable[[bytes], bytes],
        *,
        clock: FakeClock | None = None,
        to_device: Iterable[Fault] = (),
        from_device: Iterable[Fault] = (),
    ) -> None:
        """Take the device and the faults, applied in order to each whole frame."""
        self._device = device
        self.clock = clock or FakeClock()
        self._to_device = _Lane(to_device)
        self._from_device = _Lane(from_device)
        self._waiting: deque[bytes] = deque()
        self.baud = 115200

    def __str__(self) -> str:
        return "the fake link"

    def open(self, deadline: Deadline) -> None:
        """Do nothing: it is always open."""

    def read(self, deadline: Deadline) -> bytes:
        """Return what the device said, or jump to the deadline: LinkTimeout."""
        if not self._waiting:
            self.clock.seconds += deadline.remaining
            self._hear(self._device(b""))
        if not self._waiting:
            raise LinkTimeout("nothing came in time", where=str(self))
        return self._waiting.popleft()

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Hand *data* to the device and keep what it answers."""
        if deadline.expired:
            raise LinkTimeout("no time was left to write", where=str(self))
        self._hear(self._device(self._to_device.carry(data)))

    def set_baud(self, baud: int) -> None:
        """Remember the rate."""
        self.baud = baud

    def close(self) -> None:
        """Do nothing."""

    def _hear(self, said: bytes) -> None:
        arrived = self._from_device.carry(said)
        if arrived:
            self._waiting.append(arrived)


class _Lane:
    """One direction: counts whole frames and applies the faults to each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._begun = b""
        self._frames = 0

    def carry(self, data: bytes) -> bytes:
        if not self._faults:
            return data
        *frames, self._begun = (self._begun + data).split(b"\0")
        carried = bytearray()
        for frame in frames:
            arrived = frame + b"\0"
            for fault in self._faults:
                arrived = fault(self._frames, arrived)
            self._frames += 1
            carried += arrived
        return bytes(carried)


def drop(*numbers: int) -> Fault:
    """Lose these frames, counted from 0."""
    return lambda number, frame: b"" if number in numbers else frame


def duplicate(*numbers: int) -> Fault:
    """Deliver these frames twice."""
    return lambda number, frame: frame * 2 if number in numbers else frame


def flip(number: int, *, bit: int) -> Fault:
    """Flip one bit of one frame."""

    def fault(index: int, frame: bytes) -> bytes:
        if index != number or not frame:
            return frame
        damaged = bytearray(frame)
        damaged[bit // 8 % len(frame)] ^= 1 << bit % 8
        return bytes(damaged)

    return fault
