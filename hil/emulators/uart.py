"""The time that bytes take on an emulated serial line. Pure: the caller has the clock.

A byte takes 10 bit times (8N1). Bytes move while the core computes, as they do in a
board with an interrupt or DMA: only what exceeds the receive buffer has to wait.
"""

from __future__ import annotations

from collections import deque

_BITS_PER_BYTE = 10


class Uart:
    """Both directions of one line. Times are seconds on the caller's clock."""

    def __init__(self, baud: int, *, rx_buffer_bytes: int) -> None:
        """Take the rate (0: bytes take no time) and what fits the receive buffer."""
        self.baud = baud
        self._rx_buffer_bytes = rx_buffer_bytes
        self._receiving = _Lane()
        self._transmitting = _Lane()

    @property
    def wants_input(self) -> bool:
        """Whether the receive buffer has room; where not, the other side waits."""
        return self._receiving.queued_bytes < self._rx_buffer_bytes

    @property
    def queued_output_bytes(self) -> int:
        """Bytes that were sent and have not gone out."""
        return self._transmitting.queued_bytes

    @property
    def next_event(self) -> float | None:
        """When the next bytes are through, in either direction."""
        times = [lane.due for lane in (self._receiving, self._transmitting)]
        return min((time for time in times if time is not None), default=None)

    def arrive(self, data: bytes, *, since: float, now: float) -> None:
        """Put bytes on the line that the other side wrote between *since* and *now*.

        What fits the receive buffer began to arrive at *since*, the rest *now*.
        """
        room = self._rx_buffer_bytes - self._receiving.queued_bytes
        early, late = data[: max(0, room)], data[max(0, room) :]
        self._receiving.put(early, start=since, seconds_per_byte=self._seconds)
        self._receiving.put(late, start=now, seconds_per_byte=self._seconds)

    def received(self, now: float) -> bytes:
        """Return what has arrived by *now*, whole frames at a time."""
        return self._receiving.take(now)

    def send(self, data: bytes, now: float) -> None:
        """Put bytes on the line at *now*."""
        self._transmitting.put(data, start=now, seconds_per_byte=self._seconds)

    def sent(self, now: float) -> bytes:
        """Return what has gone out by *now*."""
        return self._transmitting.take(now)

    @property
    def _seconds(self) -> float:
        return _BITS_PER_BYTE / self.baud if self.baud else 0.0


class _Lane:
    """Bytes in one direction; each run up to a zero byte is due when its end is."""

    def __init__(self) -> None:
        self._runs: deque[tuple[float, bytes]] = deque()
        self._free_at = float("-inf")
        self.queued_bytes = 0

    @property
    def due(self) -> float | None:
        return self._runs[0][0] if self._runs else None

    def put(self, data: bytes, *, start: float, seconds_per_byte: float) -> None:
        if not data:
            return
        self._free_at = max(self._free_at, start)
        *frames, rest = data.split(b"\0")
        runs = [frame + b"\0" for frame in frames]
        if rest:
            runs.append(rest)
        for run in runs:
            self._free_at += len(run) * seconds_per_byte
            self._runs.append((self._free_at, run))
        self.queued_bytes += len(data)

    def take(self, now: float) -> bytes:
        taken = bytearray()
        while self._runs and self._runs[0][0] <= now:
            taken += self._runs.popleft()[1]
        self.queued_bytes -= len(taken)
        return bytes(taken)
