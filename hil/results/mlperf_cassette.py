"""A log of MLPerf Tiny as a cassette: the device of the log answers once more.

A log has no bytes of the inputs, and an EEMBC log mutes the commands that bring them.
They are put in as MLCommons' runner sends them, 31 bytes a command; without the inputs
themselves any bytes are right. All that is concluded so is marked as made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.links.cassette import Event
from hil.links.cassette_file import Header
from hil.wire.mlperf import LINE_END, PROFILE, READY, command, lap_line, load_commands
from hil.wire.mlperf_models import BENCHMARKS
from hil.wire.mlperf_run import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.wire.mlperf_run import MlperfRun, Window

_HEX_AT = len("db ")
_CLOCK_US = 1_000_000_000


def cassette_of(
    run: MlperfRun, *, origin: str, inputs: Sequence[bytes] | None = None
) -> tuple[Header, list[Event]]:
    """Return the cassette of *run*; *inputs* are the bytes of its windows, in order.

    Raises ConfigError for a streaming run, and for inputs of another number or size.
    """
    if run.mode is Mode.STREAMING:
        raise ConfigError(
            "a streaming run has no dialogue to replay",
            where=origin,
            found="audio through the interface board",
            allowed="performance, accuracy or energy runs",
        )
    if inputs is not None and len(inputs) != len(run.windows):
        raise ConfigError(
            "the inputs are not those of the log",
            where=origin,
            found=f"{len(inputs):,} inputs",
            allowed=f"{len(run.windows):,}, one a window, in the log's order",
        )
    header = Header(device=run.name or run.model or "unknown", origin=origin)
    return header, list(_events(run, inputs, origin))


def _events(
    run: MlperfRun, inputs: Sequence[bytes] | None, origin: str
) -> Iterator[Event]:
    yield Event(at=0.0, opened=True)
    yield from _told(run)
    # A clock that has just begun would look as if a digit was lost.
    at, clock_us = 0.0, run.laps_us[0] if run.laps_us else _CLOCK_US
    for index, window in enumerate(run.windows):
        size = _size(run, window, origin)
        data = None if inputs is None else inputs[index]
        if data is not None and len(data) != size:
            raise ConfigError(
                "an input is not that of the log",
                where=f"{origin}, window {index + 1}",
                found=f"{len(data):,} bytes",
                allowed=f"{size:,} bytes",
            )
        yield from _load(data, size, at)
        start_us, end_us = _laps(window, clock_us)
        seconds = window.host_seconds or window.seconds or 0.0
        yield from _infer(window, (start_us, end_us), at, seconds)
        at, clock_us = at + seconds, end_us if end_us is not None else clock_us


def _told(run: MlperfRun) -> Iterator[Event]:
    """Yield what any host may ask first, and need not."""
    name = [f"m-name-dut-[{run.name or 'unspecified'}]"]
    profile = [f"m-profile-[{run.profile or PROFILE}]", f"m-model-[{run.model}]"]
    for words, lines, made in (
        ("name", name, run.name is None),
        ("profile", profile, run.profile is None),
        ("timestamp", [lap_line(run.laps_us[0])] if run.laps_us else [], False),
    ):
        yield Event(at=0.0, to=command(words), optional=True, made=made)
        yield Event(at=0.0, said=_reply(*lines), made=made)


def _size(run: MlperfRun, window: Window, origin: str) -> int:
    benchmark = BENCHMARKS.get(run.model or "")
    size = window.input_bytes or (benchmark.input_bytes if benchmark else None)
    if size is None:
        raise ConfigError(
            "the log does not say how large the inputs are",
            where=origin,
            found=f"model {run.model}",
            allowed=", ".join(BENCHMARKS),
        )
    return size


def _load(data: bytes | None, size: int, at: float) -> Iterator[Event]:
    whole = bytes(size) if data is None else data
    commands = list(load_commands(whole))
    for number, words in enumerate(commands):
        said = _reply()
        if number == 0:
            said = _reply(f"m-[Expecting {size} bytes]")
        elif number == len(commands) - 1:
            said = _reply("m-load-done")
        unknown = data is None and number > 0
        digits = len(words) - _HEX_AT - 1
        yield Event(
            at=at,
            to=words,
            any_bytes=((_HEX_AT, digits),) if unknown else (),
            made=True,
        )
        yield Event(at=at, said=said, made=True)


def _laps(window: Window, clock_us: int) -> tuple[int | None, int | None]:
    """Return both stamps; where the log has only their difference, made ones."""
    done = window.inference
    if done is not None and done.start_us is not None:
        return done.start_us, done.end_us
    if window.seconds is None:
        return None, None
    return clock_us, clock_us + round(window.seconds * 1e6)


def _infer(
    window: Window, laps: tuple[int | None, int | None], at: float, seconds: float
) -> Iterator[Event]:
    stamps = [[] if lap is None else [lap_line(lap)] for lap in laps]
    before = [
        f"m-warmup-start-{window.warmup}",
        "m-warmup-done",
        f"m-infer-start-{window.n}",
        *stamps[0],
    ]
    values = ",".join(map(_value, window.results or ()))
    after = [*stamps[1], "m-infer-done", f"m-results-[{values}]"]
    yield Event(at=at, to=command("infer", window.n, window.warmup))
    yield Event(at=at, said=_lines(*before))
    yield Event(at=at + seconds, said=_reply(*after))


def _value(value: float) -> str:
    short = f"{value:.3f}"
    return short if float(short) == value else repr(value)


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}{LINE_END}" for line in lines).encode("ascii", "replace")


def _reply(*lines: str) -> bytes:
    return _lines(*lines, READY)
