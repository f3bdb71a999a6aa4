"""MLPerf Tiny's text protocol: commands to a device, lines back. No I/O.

Grammar: the reference firmware and the runner of mlcommons/tiny (benchmark/api,
benchmark/runner). A command ends with `%`, a reply with the line `m-ready`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.errors import MalformedFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

END: Final = "%"
READY: Final = "m-ready"
LINE_END: Final = "\r\n"
PROFILE: Final = (
    "ULPMark for tinyML Firmware V0.0.1"  # what the reference says of itself
)
COMMAND_CHARACTERS: Final = 80  # what is more is dropped, up to the `%`
BUFFER_BYTES: Final = 27_648  # of the device, for one input: 96 * 96 * 3
CHUNK_BYTES: Final = 31  # of an input in one command, as MLCommons' runner sends it
MOST_CHUNK_BYTES: Final = (COMMAND_CHARACTERS - 3) // 2

# A message may stand behind an echoed command or a firmware's own words. `e-[` counts
# at the start only: `m-profile-[` contains it.
_MESSAGE = re.compile(
    r"m-(?:ready|init-done|load-done|warmup-done|infer-done|warmup-start-|infer-start-"
    r"|lap-us-|results-\[|name-dut-\[|profile-\[|model-\[|timestamp-mode-"
    r"|\[Expecting|buffer-)|^(?:[^%]*%)?(?P<error>e-\[)"
)
_VALUE = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")
_NUMBER = re.compile(r"[0-9]{1,20}")
_LAP = "m-lap-us-"
_CLOCK_WRAPS_AT: Final = 1 << 32
_MOST_LINE_BYTES: Final = 1 << 20


def command(*words: str | int) -> bytes:
    """Return one command; words beyond what a device takes in are our own fault."""
    text = " ".join(str(word) for word in words)
    assert len(text) <= COMMAND_CHARACTERS, text
    return (text + END).encode("ascii")


def load_commands(data: bytes, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield the commands that bring one input into the device's buffer."""
    assert 0 < chunk_bytes <= MOST_CHUNK_BYTES
    yield command("db", "load", len(data))
    for start in range(0, len(data), chunk_bytes):
        yield command("db", data[start : start + chunk_bytes].hex())


def message(line: str) -> str:
    """Return *line* from the protocol's message on; without one, the line itself."""
    found = _MESSAGE.search(line)
    if found is None:
        return line
    return line[found.start("error" if found["error"] else 0) :]


def bracketed(line: str, prefix: str) -> str | None:
    """Return TEXT of the message `PREFIX-[TEXT]`, or None for another message."""
    head = f"{prefix}-["
    if not line.startswith(head):
        return None
    return line.removeprefix(head).rpartition("]")[0]


def numbered(line: str, prefix: str) -> int | None:
    """Return N of the message `PREFIX-N`, or None for another message.

    Raises MalformedFrame where digits are missing.
    """
    head = f"{prefix}-"
    if not line.startswith(head):
        return None
    digits = _NUMBER.fullmatch(line.removeprefix(head).strip())
    if digits is None:
        raise MalformedFrame(
            "a number of the device cannot be read", found=repr(line[:80])
        )
    return int(digits[0])


def results(line: str) -> tuple[float, ...] | None:
    """Return the values of `m-results-[v,v,...]`, or None for another message.

    The reference prints a comma behind the last value too. Raises MalformedFrame where
    a value is no number.
    """
    text = bracketed(line, "m-results")
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as exc:
        raise MalformedFrame(
            "the results of the device cannot be read", found=repr(line[:80])
        ) from exc


def are_even(line: str) -> bool:
    """Whether the values of `m-results-[...]` are printed alike; so is another line.

    A value with fewer decimals than the others has lost a character.
    """
    text = bracketed(line, "m-results")
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    forms = [_VALUE.fullmatch(part) for part in parts]
    decimals = {len(form[1] or "") if form else -1 for form in forms}
    return len(decimals) <= 1


class LineReader:
    """Cuts bytes from a device into lines: CR, LF and NUL end or vanish as they must.

    MLCommons' runner reads so: a line ends at LF, CR and NUL are removed.
    """

    def __init__(self) -> None:
        self._rest = b""

    @property
    def rest(self) -> str:
        """What came of a line that has not ended."""
        return _text(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Take bytes, cut anywhere; return the lines that ended."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_MOST_LINE_BYTES:]
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    kept = line.replace(b"\r", b"").replace(b"\0", b"")
    return kept.decode("ascii", errors="backslashreplace")


class CommandReader:
    """The device's side: gathers characters up to a `%`, as the reference does.

    Characters beyond the buffer are dropped without a word, and the command that was
    cut is carried out all the same.
    """

    def __init__(self) -> None:
        self._characters = ""

    def take(self, byte: int) -> str | None:
        """Take one byte; return the command that it ends."""
        if byte == ord(END):
            whole, self._characters = self._characters, ""
            return whole
        if len(self._characters) < COMMAND_CHARACTERS:
            self._characters += chr(byte)
        return None

    def clear(self) -> None:
        """Forget the command that was begun."""
        self._characters = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What a device says of one `infer N W`: N runs timed together by its own clock.

    Times of the device are in its microseconds; `host_seconds` is what the host's
    clock gave for the same runs. Absent in energy mode, or where nobody noted them.
    """

    n: int
    warmup: int
    start_us: int | None = None
    end_us: int | None = None
    host_seconds: float | None = None
    results: tuple[float, ...] | None = None

    @property
    def elapsed_us(self) -> int | None:
        """Microseconds of all N runs by the device's clock, which may wrap."""
        if self.start_us is None or self.end_us is None:
            return None
        elapsed = self.end_us - self.start_us
        return elapsed if elapsed >= 0 else elapsed % _CLOCK_WRAPS_AT


class InferenceReader:
    """Gathers the lines of one `infer` into an Inference.

    The host's time is taken between the two laps where they frame the runs, else
    between `m-infer-start` and `m-infer-done`: a firmware may print both laps at the
    end, so that sending the first one is not timed with the runs.
    """

    def __init__(self) -> None:
        self._warmup = 0
        self._n: int | None = None
        self._laps: list[tuple[int, float | None]] = []
        self._began: float | None = None
        self._ended: float | None = None

    def feed(self, line: str, at: float | None = None) -> Inference | None:
        """Take a message and when it came; return the Inference that it completes."""
        warmup = numbered(line, "m-warmup-start")
        n = numbered(line, "m-infer-start")
        lap = numbered(line, "m-lap-us")
        values = results(line)
        if warmup is not None:
            self.__init__()  # type: ignore[misc]  # whatever was begun was cut off
            self._warmup = warmup
        elif n is not None:
            self._n, self._began, self._laps = n, at, []
        elif lap is not None and self._n is not None:
            self._laps.append((lap, at))
        elif line.startswith("m-infer-done"):
            self._ended = at
        elif values is not None and self._n is not None:
            done = self._whole(values)
            self.__init__()  # type: ignore[misc]
            return done
        return None

    def _whole(self, values: tuple[float, ...]) -> Inference:
        assert self._n is not None
        laps = self._laps[:2] if len(self._laps) > 1 else []
        return Inference(
            n=self._n,
            warmup=self._warmup,
            start_us=laps[0][0] if laps else None,
            end_us=laps[1][0] if laps else None,
            host_seconds=self._host_seconds(laps),
            results=values,
        )

    def _host_seconds(self, laps: list[tuple[int, float | None]]) -> float | None:
        if not laps or laps[0][1] is None or laps[1][1] is None:
            return None
        between = laps[1][1] - laps[0][1]
        if self._began is None or self._ended is None:
            return between
        whole = self._ended - self._began
        # Laps that came together were printed behind the runs.
        return between if between > whole / 2 else whole


def lap_line(microseconds: int) -> str:
    """Return the line of one time stamp, 32 bits as the reference's counter."""
    return f"{_LAP}{microseconds % _CLOCK_WRAPS_AT}"
