"""The text dialogue of MLPerf Tiny with a device, over any link.

One command at a time: send, read up to `m-ready`, send the next. The line has no
checksum, so whatever can be checked is: the device must repeat the sizes and counts
that it was told, and where it does not, what was lost is sent again.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from hil.errors import FirmwareFault, LinkTimeout, MalformedFrame, ProtocolMismatch
from hil.printable import printable
from hil.wire.mlperf import (
    CHUNK_BYTES,
    READY,
    Inference,
    InferenceReader,
    LineReader,
    are_even,
    bracketed,
    command,
    load_commands,
    message,
    numbered,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.vocab import Deadline, Link

_NAME_SECONDS: Final = 2.0  # as EEMBC's runner waits when it looks for a device
_REPLY_SECONDS: Final = 5.0
_TRIES: Final = 5
_SMALLEST_CHUNK_BYTES: Final = 4
_MOST_LINES: Final = 20_000  # of one reply: `db print` has 3,457
# A stamp without one of its digits is a tenth of what it was, or less.
_LOST_DIGIT_SHARE: Final = 0.85
_BAD_INPUT = "Input db has"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device says of itself; what it does not say is absent."""

    name: str | None = None
    profile: str | None = None
    model: str | None = None


@runtime_checkable
class ReplayedLink(Protocol):
    """A link that may be to what was recorded."""

    @property
    def keeps_time(self) -> bool:
        """Whether answers take their time: not where a cassette plays at full speed."""


class _Lost(Exception):
    """Characters were lost: what was said is said again."""


class MlperfSession:
    """A device that answers commands."""

    def __init__(
        self, link: Link, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take a link that is not open yet, and the host's clock."""
        self._link = link
        self._clock = clock
        self._keeps_time = not isinstance(link, ReplayedLink) or link.keeps_time
        self._lines = LineReader()
        self._unread: deque[tuple[float, str]] = deque()
        self._chunk_bytes = CHUNK_BYTES
        self._doubted: set[str] = set()  # what looked damaged before
        self.retries: list[str] = []
        self.identity = Identity()

    def __str__(self) -> str:
        return str(self._link)

    def open(self, deadline: Deadline) -> Identity:
        """Open the link and ask who is there.

        A device may boot just now and print that, or hold half a command of an earlier
        host's: it is asked until it says its name. Raises ProtocolMismatch where
        something else answers, LinkTimeout where nothing does.
        """
        self._link.open(deadline)
        self._resync(deadline)
        lines = self._asked(("profile",), "m-model", deadline)
        facts = {
            key: next((v for line in lines if (v := bracketed(line, head))), None)
            for key, head in (("profile", "m-profile"), ("model", "m-model"))
        }
        self.identity = Identity(name=self.identity.name, **facts)
        return self.identity

    def timestamp_us(self, deadline: Deadline) -> int | None:
        """Return the device's time; None in energy mode, where a pin tells it."""
        for line in self._reply(("timestamp",), deadline.sooner(_REPLY_SECONDS)):
            lap = numbered(line, "m-lap-us")
            if lap is not None:
                return lap
        return None

    def infer(
        self, data: bytes, deadline: Deadline, *, n: int = 1, warmup: int = 0
    ) -> Inference:
        """Load *data* and run it *warmup* and *n* times; return what the device says.

        What was lost on the way shows in an error, in `m-load-done` that is missing, or
        in other counts than were asked for: then all is sent again, in smaller pieces,
        as a device may lose what comes faster than it reads. Raises FirmwareFault where
        that does not help, LinkTimeout at the deadline.
        """
        done: list[Inference] = []

        def once() -> None:
            # Again before each try: a run that was cut off may have used the input.
            self._load_once(data, deadline)
            done.append(self._infer_once(n, warmup, deadline))

        self._repeated(once, f"infer {n} {warmup}", deadline)
        return done[0]

    def close(self) -> None:
        """Close the link."""
        self._link.close()

    def _resync(self, deadline: Deadline) -> None:
        """Ask the name until its answer comes whole; what came before it is void."""
        found: list[str] = []
        for _ in range(_TRIES):
            self._unread.clear()
            try:
                lines = self._asked(("name",), "m-name-dut", deadline)
            except (LinkTimeout, FirmwareFault, ProtocolMismatch) as exc:
                found.append(exc.what)
                if deadline.expired:
                    break
                continue
            name = next((v for x in lines if (v := bracketed(x, "m-name-dut"))), None)
            self.identity = Identity(
                name=name, profile=self.identity.profile, model=self.identity.model
            )
            return
        raise LinkTimeout(
            "nothing answers name% as a device of MLPerf Tiny does",
            where=str(self),
            found=found[-1] if found else None,
            remedy="check the port and the rate (115200 baud, 9600 for energy)",
        )

    def _asked(
        self, words: tuple[str | int, ...], wanted: str, deadline: Deadline
    ) -> list[str]:
        """Return a reply that has a line with *wanted*; replies without are passed."""
        within = deadline.sooner(_NAME_SECONDS)
        self._link.write(command(*words), within)
        while True:
            lines = self._read_reply(within)
            if any(line.startswith(wanted) for line in lines):
                return lines
            error = _error(lines)
            if error:
                raise FirmwareFault(
                    "the device refuses a command",
                    where=str(self),
                    found=printable(error),
                )

    def _reply(self, words: tuple[str | int, ...], deadline: Deadline) -> list[str]:
        self._link.write(command(*words), deadline)
        return self._read_reply(deadline)

    def _read_reply(self, deadline: Deadline) -> list[str]:
        """Return the messages up to `m-ready`."""
        return [line for _, line in self._timed_reply(deadline)]

    def _timed_reply(self, deadline: Deadline) -> list[tuple[float, str]]:
        lines: list[tuple[float, str]] = []
        while len(lines) < _MOST_LINES:
            at, line = self._next_line(deadline)
            if READY in line:
                return lines
            if line:
                lines.append((at, message(line)))
        raise ProtocolMismatch(
            "the device says more than any command asks for",
            where=str(self),
            found=f"{len(lines):,} lines without {READY}",
        )

    def _infer_reply(self, deadline: Deadline) -> list[tuple[float, str]]:
        """Return the messages of an `infer`; only its runs may take any time.

        Where the device says nothing at first it has not understood the command.
        """
        lines: list[tuple[float, str]] = []
        ended = False
        within = deadline.sooner(_REPLY_SECONDS)
        while len(lines) < _MOST_LINES:
            try:
                at, line = self._next_line(within)
            except LinkTimeout as exc:
                if deadline.expired:
                    raise
                raise _Lost("no m-ready" if lines else "no answer") from exc
            if READY in line:
                break
            lines.append((at, message(line)))
            ended |= lines[-1][1].startswith("m-results")
            within = deadline.sooner(_REPLY_SECONDS) if ended else deadline
        return lines

    def _next_line(self, deadline: Deadline) -> tuple[float, str]:
        while not self._unread:
            data = self._link.read(deadline)
            at = self._clock()
            self._unread += [(at, line) for line in self._lines.feed(data)]
        return self._unread.popleft()

    def _repeated(
        self, once: Callable[[], None], what: str, deadline: Deadline
    ) -> None:
        """Do *once* until nothing is lost on the way, a counted number of times."""
        last = ""
        for _ in range(_TRIES):
            try:
                once()
            except _Lost as exc:
                last = str(exc)
                self.retries.append(f"{what}: {last}")
                self._chunk_bytes = max(_SMALLEST_CHUNK_BYTES, self._chunk_bytes // 2)
                self._resync(deadline)
            else:
                return
        raise FirmwareFault(
            f"{what} does not reach the device",
            where=str(self),
            found=f"{_TRIES} times; the last time: {printable(last)}",
            remedy="a lower baud rate, or a larger receive buffer in the firmware",
        )

    def _load_once(self, data: bytes, deadline: Deadline) -> None:
        loaded = False
        for number, words in enumerate(
            load_commands(data, chunk_bytes=self._chunk_bytes)
        ):
            lines = self._exchange(words, deadline)
            if number == 0 and f"m-[Expecting {len(data)} bytes]" not in lines:
                if any(line.startswith("Supplied buffer size") for line in lines):
                    raise FirmwareFault(
                        "the input is larger than the device's buffer",
                        where=str(self),
                        found=printable(lines[0]),
                    )
                raise _Lost(f"db load was answered {lines}")
            loaded = "m-load-done" in lines
        if not loaded:
            raise _Lost("no m-load-done behind the last byte")

    def _exchange(self, data: bytes, deadline: Deadline) -> list[str]:
        """Send one command of a load; an error or silence is a loss."""
        within = deadline.sooner(_REPLY_SECONDS)
        try:
            self._link.write(data, within)
            lines = self._read_reply(within)
        except LinkTimeout as exc:
            if deadline.expired:
                raise
            raise _Lost("no m-ready") from exc
        error = _error(lines)
        if error:
            raise _Lost(error)
        return lines

    def _infer_once(self, n: int, warmup: int, deadline: Deadline) -> Inference:
        reader = InferenceReader()
        done = None
        self._link.write(command("infer", n, warmup), deadline)
        lines = self._infer_reply(deadline)
        try:
            for at, line in lines:
                if line.startswith(_BAD_INPUT):
                    raise FirmwareFault(
                        "the device expects an input of another size",
                        where=str(self),
                        found=printable(line),
                    )
                done = reader.feed(line, at) or done
        except MalformedFrame as exc:
            raise _Lost(exc.what) from exc
        error = _error([line for _, line in lines])
        if error:
            raise _Lost(error)
        if done is None:
            raise _Lost("no m-results")
        if (done.n, done.warmup) != (n, warmup):
            raise _Lost(f"the device ran {done.n} {done.warmup}")
        self._doubt(done, [line for _, line in lines])
        return done if self._keeps_time else replace(done, host_seconds=None)

    def _doubt(self, done: Inference, lines: list[str]) -> None:
        """Raise _Lost where digits may be missing; what comes again is as it should be.

        Firmwares print all values with the same decimals, and time goes on.
        """
        found = set()
        if not all(map(are_even, lines)):
            found.add("values with different numbers of decimals")
        if sum(line.startswith("m-lap-us-") for line in lines) == 1:
            found.add("one time stamp of two")
        if done.start_us is not None and done.end_us is not None:
            share = _LOST_DIGIT_SHARE * done.end_us
            if not 0 <= done.end_us - done.start_us <= share:
                found.add("times that do not follow each other")
        new = found - self._doubted
        self._doubted |= found
        if new:
            raise _Lost(", ".join(sorted(new)))


def _error(lines: list[str]) -> str | None:
    return next((line for line in lines if line.startswith("e-[")), None)
