"""A recorded dialogue as a device: it answers as it did, if the host asks as it did."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.errors import BrokenSetup, LinkClosed, LinkTimeout, ProtocolMismatch
from hil.links.cassette import Seed, read_cassette

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.links.cassette import Event
    from hil.vocab import Deadline

PREFIX: Final = "cassette:"
TIMED: Final = "?timed"
_SHOWN: Final = 40  # bytes or characters


def is_cassette(port: str | None) -> bool:
    """Whether *port* names a cassette: `cassette:FILE`, or `cassette:FILE?timed`."""
    return port is not None and port.startswith(PREFIX)


def named_file(port: str) -> tuple[Path, bool]:
    """Return the file that *port* names, and whether its times are to be kept."""
    name = port.removeprefix(PREFIX)
    return Path(name.removesuffix(TIMED)), name.endswith(TIMED)


def first_difference(recorded: Sequence[object], heard: Sequence[object]) -> int:
    """Return the first place at which the two are not the same."""
    both = enumerate(zip(recorded, heard, strict=False))
    end = min(len(recorded), len(heard))
    return next((place for place, (a, b) in both if a != b), end)


def shown_around(place: int) -> slice:
    """Return what an error shows of a text that differs at *place*."""
    begin = max(0, place - _SHOWN // 2)
    return slice(begin, begin + _SHOWN)


class CassetteLink:
    """Plays one cassette: at full speed, or with the times of the recording.

    At full speed an answer is there as soon as it was asked for. What the device never
    answered is waited for until the host's own deadline, as it was.
    """

    def __init__(
        self,
        port: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take `cassette:FILE`, perhaps with `?timed`; ConfigError for no cassette."""
        self._path, self._timed = named_file(port)
        self._clock = clock
        self._sleep = sleep
        header, self._events = read_cassette(self._path)
        self._seed = Seed(header.seed)
        self.baud = header.baud or 0
        self.device = header.device
        self._at = 0  # the event that comes next
        self._heard = b""  # of the host, and not yet an event
        self._unread: deque[tuple[float, bytes]] = deque()  # when it is due, and what
        self._began = 0.0  # when the last thing of the host's happened, on our clock,
        self._began_at = 0.0  # and on the recording's

    def __str__(self) -> str:
        return f"the cassette {self._path}"

    @property
    def keeps_time(self) -> bool:
        """Whether answers take their time: not where a cassette plays at full speed."""
        return self._timed

    def next_seed(self) -> int:
        """Return the number that the recorded dialogue drew at random."""
        return self._seed.draw()

    def open(self, deadline: Deadline) -> None:
        """Go on to where the link was opened the next time; LinkClosed at the end."""
        if deadline.expired:
            raise LinkTimeout("no time was left to open the cassette", where=str(self))
        while self._at < len(self._events):
            event = self._events[self._at]
            self._at += 1
            if event.opened:
                self._heard = b""
                self._unread.clear()
                self._happened(event)
                return
        raise self._ended()

    def read(self, deadline: Deadline) -> bytes:
        """Return what the device said, as it came; see `open` for the errors."""
        self._gather()
        if not self._unread:
            self._raise_if_over()
            self._sleep(deadline.remaining)
            raise LinkTimeout("nothing came in time", where=str(self))
        due, data = self._unread[0]
        wait = due - self._clock()
        if self._timed and wait > 0:
            self._sleep(min(wait, deadline.remaining))
            if deadline.expired:
                raise LinkTimeout("nothing came in time", where=str(self))
        self._unread.popleft()
        return data

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Take what the host says; ProtocolMismatch where it is not as recorded."""
        if deadline.expired:
            raise LinkTimeout("no time was left to write", where=str(self))
        self._heard += data
        while self._heard:
            self._gather()
            event = self._next()
            if event is None:
                raise self._ended()
            if event.to is None:
                self._raise_if_over()
                raise self._mismatch(event)
            if not _fits(event, self._heard):
                self._skip(event)
                continue
            if len(self._heard) < len(event.to):
                return  # the rest of it may come with the next write
            self._heard = self._heard[len(event.to) :]
            self._at += 1
            self._happened(event)

    def set_baud(self, baud: int) -> None:
        """Change the rate, if it was changed so; BrokenSetup where it was not."""
        self._gather()
        event = self._next()
        if event is None or event.baud != baud:
            raise BrokenSetup(
                "the rate was not changed so when this was recorded",
                where=self._where(),
                found=f"{baud} baud",
                allowed=f"{event.baud} baud" if event and event.baud else "no change",
                remedy="replay with the profile of the recording",
            )
        self._at += 1
        self.baud = baud
        self._happened(event)

    def close(self) -> None:
        """Do nothing: the next `open` goes on behind."""

    def _next(self) -> Event | None:
        return self._events[self._at] if self._at < len(self._events) else None

    def _gather(self) -> None:
        """Make ready whatever the device said up to the host's next word."""
        while (event := self._next()) is not None and event.said is not None:
            due = self._began + max(0.0, event.at - self._began_at)
            self._unread.append((due, event.said))
            self._at += 1

    def _happened(self, event: Event) -> None:
        self._began, self._began_at = self._clock(), event.at

    def _skip(self, event: Event) -> None:
        """Leave out an exchange that need not be; ProtocolMismatch for another."""
        if not event.optional:
            raise self._mismatch(event)
        self._at += 1
        while (following := self._next()) is not None and following.said is not None:
            self._at += 1

    def _raise_if_over(self) -> None:
        event = self._next()
        if event is None:
            raise self._ended()
        if event.lost is not None:
            found = "the recording was broken off" if event.made else "so recorded"
            raise LinkClosed(event.lost, where=self._where(), found=found)

    def _ended(self) -> LinkClosed:
        return LinkClosed(
            "the cassette is at its end",
            where=str(self),
            remedy="ask no more than was asked when it was recorded",
        )

    def _mismatch(self, event: Event) -> ProtocolMismatch:
        recorded = event.to or b""
        # What nobody knows is as if it had been recorded so.
        heard = [
            recorded[i] if i < len(recorded) and _is_any(event, i) else byte
            for i, byte in enumerate(self._heard)
        ]
        start = first_difference(recorded, heard)
        window = shown_around(start)
        return ProtocolMismatch(
            f"the host says something else than was recorded, from byte {start} on",
            where=self._where(),
            found=repr(self._heard[window]),
            allowed=repr(recorded[window]) if recorded else "nothing",
            remedy="replay with the model, inputs and settings of the recording",
        )

    def _where(self) -> str:
        return f"{self._path}, line {self._at + 2}"


def _fits(event: Event, heard: bytes) -> bool:
    """Whether *heard* is the recorded word, as far as both go."""
    assert event.to is not None
    size = min(len(event.to), len(heard))
    recorded, said = event.to[:size], heard[:size]
    if not event.any_bytes:
        return recorded == said
    return all(
        a == b or _is_any(event, i)
        for i, (a, b) in enumerate(zip(recorded, said, strict=True))
    )


def _is_any(event: Event, index: int) -> bool:
    return any(start <= index < start + size for start, size in event.any_bytes)
