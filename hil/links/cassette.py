"""Dialogues on file: what a host and a device said, byte by byte, with the times.

A cassette is JSON, one line an event; the first line says what was recorded. Bytes are
written as the characters U+0000 to U+00FF. docs/cassettes.md has the format.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from hil.errors import ConfigError, LinkClosed
from hil.links.cassette_file import (
    BYTES,
    CassetteFile,
    Header,
    cannot_write,
    header_line,
    no_cassette,
    open_text,
    read_lines,
    read_object,
    to_bytes,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hil.vocab import Deadline, Link

_SEED_STEP = (25173, 13849)  # a full cycle through 16 bits


@runtime_checkable
class RatedLink(Protocol):
    """A link that has a baud rate."""

    baud: int

    def set_baud(self, baud: int) -> None:
        """Change the rate at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a cassette; exactly one of the first five is there.

    `at` are seconds since the recording began. `any_bytes` are places (start, length)
    of `to` that nobody knows: whatever the host says there is right. An `optional`
    exchange may be left out by the host. `made` was not recorded but concluded.
    """

    at: float
    to: bytes | None = None
    said: bytes | None = None  # by the device; "from" on file
    baud: int | None = None
    opened: bool = False
    lost: str | None = None
    any_bytes: tuple[tuple[int, int], ...] = ()
    optional: bool = False
    made: bool = False


class Seed:
    """Numbers of 16 bits that a replay draws again, in the same order."""

    def __init__(self, start: int) -> None:
        self._next = start

    def draw(self) -> int:
        """Return the next number."""
        factor, step = _SEED_STEP
        self._next = (self._next * factor + step) & 0xFFFF
        return self._next


class Recorder:
    """Writes one cassette, from however many links in turn."""

    def __init__(
        self,
        path: Path,
        *,
        device: str,
        profile: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take where to write; nothing is made before the first link is opened."""
        self._file = CassetteFile(path, clock=clock)
        self._device = device
        self._profile = profile
        start = random.SystemRandom().randrange(1 << 16)
        self._start = start
        self.seed = Seed(start)

    def wrap(self, link: Link) -> Link:
        """Return *link* with everything that passes it written down."""
        if isinstance(link, RatedLink):
            return cast("Link", RatedRecordingLink(link, self))
        return RecordingLink(link, self)

    def begin(self, baud: int | None) -> None:
        """Open the file, with a header the first time; RecordingError for no file."""
        self._file.begin(
            Header(
                device=self._device,
                origin="recorded",
                seed=self._start,
                baud=baud,
                profile=self._profile,
            )
        )

    def note(
        self,
        *,
        to: bytes | None = None,
        said: bytes | None = None,
        baud: int | None = None,
        opened: bool = False,
        lost: str | None = None,
    ) -> None:
        """Write one event, now."""
        at = self._file.seconds
        event = Event(at=at, to=to, said=said, baud=baud, opened=opened, lost=lost)
        self._file.write(event_line(event))

    def close(self) -> None:
        """Close the file; another link goes on with it."""
        self._file.close()


class RecordingLink:
    """A link that hands everything on and writes it down."""

    def __init__(self, link: Link, recorder: Recorder) -> None:
        """Take the link to the device, not opened yet or open already."""
        self._link = link
        self._recorder = recorder

    def __str__(self) -> str:
        return str(self._link)

    @property
    def keeps_time(self) -> bool:
        """Whether answers take their time: not where a cassette plays at full speed."""
        return bool(getattr(self._link, "keeps_time", True))

    def next_seed(self) -> int:
        """Return a number that a dialogue may draw at random; a replay has the same."""
        return self._recorder.seed.draw()

    def open(self, deadline: Deadline) -> None:
        """Open the link."""
        self._link.open(deadline)
        rated = self._link
        self._recorder.begin(rated.baud if isinstance(rated, RatedLink) else None)
        self._recorder.note(opened=True)

    def read(self, deadline: Deadline) -> bytes:
        """Return what came."""
        with self._noting_loss():
            data = self._link.read(deadline)
        self._recorder.note(said=data)
        return data

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of *data*."""
        self._recorder.note(to=data)
        with self._noting_loss():
            self._link.write(data, deadline)

    def close(self) -> None:
        """Close the link and the file; both may be opened again."""
        self._link.close()
        self._recorder.close()

    @contextlib.contextmanager
    def _noting_loss(self) -> Iterator[None]:
        try:
            yield
        except LinkClosed as exc:
            self._recorder.note(lost=exc.what)
            raise


class RatedRecordingLink(RecordingLink):
    """The same of a link that has a baud rate."""

    @property
    def baud(self) -> int:
        """The rate now."""
        assert isinstance(self._link, RatedLink)
        return self._link.baud

    def set_baud(self, baud: int) -> None:
        """Change the rate."""
        assert isinstance(self._link, RatedLink)
        self._link.set_baud(baud)
        self._recorder.note(baud=baud)


def write_cassette(path: Path, header: Header, events: Iterable[Event]) -> None:
    """Write a whole cassette; RecordingError where that cannot be."""
    try:
        with open_text(path, "w") as file:
            file.write(f"{header_line(header)}\n")
            for event in events:
                file.write(f"{event_line(event)}\n")
    except OSError as exc:
        raise cannot_write(path, exc) from exc


def read_cassette(path: Path) -> tuple[Header, list[Event]]:
    """Read a cassette; ConfigError names the line that is none.

    A last line that was cut becomes the loss of the link.
    """
    lines = read_lines(path)
    if lines.header.dialogue != BYTES:
        raise ConfigError(
            "this cassette is not of a board",
            where=str(path),
            found=f"the dialogue of a {lines.header.dialogue}",
            allowed="what was said on a serial line, a pty or a pipe",
            remedy=f"hil bench MODEL --device cassette:{path}",
        )
    events = [
        _event(read_object(line, f"{path}, line {number}"), f"{path}, line {number}")
        for number, line in enumerate(lines.whole, start=2)
    ]
    if lines.cut:
        at = events[-1].at if events else 0.0
        events.append(Event(at=at, lost="the cassette was cut off here", made=True))
    return lines.header, events


def event_line(event: Event) -> str:
    """Return the line of one event."""
    known: dict[str, object] = {"at": round(event.at, 6)}
    if event.opened:
        known["open"] = True
    for key, value in (("to", event.to), ("from", event.said)):
        if value is not None:
            known[key] = to_text(value)
    if event.baud is not None:
        known["baud"] = event.baud
    if event.lost is not None:
        known["lost"] = event.lost
    if event.any_bytes:
        known["any"] = [list(place) for place in event.any_bytes]
    for key, flag in (("optional", event.optional), ("made", event.made)):
        if flag:
            known[key] = True
    return json.dumps(known)


def _event(plain: Mapping[str, object], where: str) -> Event:
    try:
        at, baud, lost = plain["at"], plain.get("baud"), plain.get("lost")
        if not isinstance(at, int | float) or not isinstance(baud, int | None):
            raise TypeError(at)  # noqa: TRY301 - the same refusal as for a wrong key
        places = cast("list[tuple[int, int]]", plain.get("any", []))
        return Event(
            at=float(at),
            to=_bytes(plain.get("to")),
            said=_bytes(plain.get("from")),
            baud=baud,
            opened=bool(plain.get("open")),
            lost=None if lost is None else str(lost),
            any_bytes=tuple((int(start), int(size)) for start, size in places),
            optional=bool(plain.get("optional")),
            made=bool(plain.get("made")),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise no_cassette(where, f"{dict(plain)!r}"[:120]) from exc


def _bytes(text: object) -> bytes | None:
    return None if text is None else to_bytes(text)
