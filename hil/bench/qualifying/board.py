"""What is seen of a board over the framed dialogue: echoes, windows, bytes, answers."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import numpy as np

from hil.bench.qualifying.observation import (
    DeviceSeen,
    LinkSeen,
    MemorySeen,
    WindowSeen,
    WindowsSeen,
)
from hil.session.exchange import FENCE_FRAME_BYTES
from hil.vocab import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from hil.bench.qualifying.subject import Subject
    from hil.session.session import Session
    from hil.vocab import Deadline, DeviceProfile, Evidence
    from hil.wire.hello import HelloReply

    Clock = Callable[[], float]

_MOST_ECHO_BYTES = 4096
_FRAME_OVERHEAD_BYTES = 16  # head, CRC and end of a frame, rounded up
_BLOCK_BYTES = 254  # COBS adds a byte to each
_ECHO_SECONDS = 1.0
_ROUND_TRIPS = 20
_WINDOWS = 8
_ONE_RUN_CALLS = 5
_MOST_RUNS = 2000
_NOTHING: Evidence = {}


def device_seen(
    hello: HelloReply,
    *,
    profile: DeviceProfile | None = None,
    evidence: Evidence = _NOTHING,
) -> DeviceSeen:
    """Return what a board tells in HELLO, what its profile says, and of its image."""
    return DeviceSeen(
        kind=profile.kind if profile else TargetKind.MCU,
        profile_ram_bytes=profile.ram_bytes if profile else None,
        profile_flash_bytes=profile.flash_bytes if profile else None,
        profile_clock_hz=profile.clock_hz if profile else None,
        engine=hello.engine,
        board=hello.board,
        build_id=hello.build_id,
        time_basis=hello.time_basis,
        tick_hz=hello.tick_hz,
        ram_bytes=hello.ram_bytes,
        flash_bytes=hello.flash_bytes,
        arena_capacity_bytes=hello.arena_capacity_bytes,
        baud=hello.baud,
        evidence=evidence,
    )


def observe_link(
    session: Session, deadline: Deadline, *, now: Clock = time.monotonic
) -> LinkSeen:
    """Send patterns and have them sent back; count what was lost and how long it took.

    The patterns are hard for the framing: zeros only, no zeros, every value, chance.
    """
    size = _echo_bytes(session)
    patterns = [
        bytes(size),
        b"\xff" * size,
        bytes(index & 0xFF for index in range(size)),
        random.Random(0).randbytes(size),  # noqa: S311 - the same in every run
    ]
    lost_before = len(session.retries)
    echoes = wrong = 0
    start = now()
    while echoes < len(patterns) or now() - start < _ECHO_SECONDS:
        pattern = patterns[echoes % len(patterns)]
        wrong += session.echo(pattern, deadline) != pattern
        echoes += 1
    seconds = now() - start
    trips = tuple(_round_trip(session, deadline, now) for _ in range(_ROUND_TRIPS))
    return LinkSeen(
        echoes=echoes,
        echo_bytes=size,
        wrong=wrong,
        seconds=seconds,
        trip_seconds=trips,
        lost=tuple(session.retries[lost_before:]),
    )


def observe_windows(
    session: Session,
    inputs: Sequence[bytes],
    deadline: Deadline,
    *,
    seconds: float,
    now: Clock = time.monotonic,
) -> WindowsSeen:
    """Time the loaded model in windows that take *seconds* by this host's clock."""
    short = tuple(
        _window(session, inputs, 1, deadline, now) for _ in range(_ONE_RUN_CALLS)
    )
    if session.device.time_basis is None or not any(s.ticks[0] for s in short):
        return WindowsSeen(windows=(), short=short)
    runs = _runs_for(session, inputs, seconds / _WINDOWS, deadline, now)
    return WindowsSeen(
        windows=tuple(
            _window(session, inputs, runs, deadline, now) for _ in range(_WINDOWS)
        ),
        short=short,
        byte_seconds=_byte_seconds(session, deadline, now),
    )


def observe_memory(
    session: Session, deadline: Deadline, *, image: Mapping[str, int]
) -> MemorySeen:
    """Ask for the high-water marks; *image* is what the firmware's image takes."""
    return MemorySeen(figures={**image, **session.memory(deadline)})


def observe_answers(
    session: Session, subject: Subject, deadline: Deadline
) -> npt.NDArray[np.generic]:
    """Stream the samples through the device and return its answers."""
    assert subject.samples is not None
    assert subject.expected is not None
    packed = [row.tobytes() for row in subject.samples]
    answers = [answer for _, answer in session.run_samples(packed, deadline)]
    outputs = np.frombuffer(b"".join(answers), dtype=subject.expected.dtype)
    return outputs.reshape(subject.expected.shape)


def _window(
    session: Session, inputs: Sequence[bytes], runs: int, deadline: Deadline, now: Clock
) -> WindowSeen:
    start = now()
    ticks = session.invoke(inputs, deadline, n=runs)
    return WindowSeen(ticks=tuple(ticks), seconds=now() - start)


def _runs_for(
    session: Session,
    inputs: Sequence[bytes],
    seconds: float,
    deadline: Deadline,
    now: Clock,
) -> int:
    """Return how many runs take *seconds*, by the host's clock: ticks may be wrong."""
    runs = 1
    while runs < _MOST_RUNS:
        if _window(session, inputs, runs, deadline, now).seconds >= seconds:
            break
        runs *= 2
    return min(runs, _MOST_RUNS)


def _echo_bytes(session: Session) -> int:
    """Return a little less than what one frame holds."""
    device = session.device
    frame = min(device.max_frame_bytes, device.rx_buffer_bytes - FENCE_FRAME_BYTES)
    most = frame - frame // _BLOCK_BYTES - _FRAME_OVERHEAD_BYTES
    return min(most, _MOST_ECHO_BYTES)


def _round_trip(session: Session, deadline: Deadline, now: Clock) -> float:
    start = now()
    session.echo(b"?", deadline)
    return now() - start


def _byte_seconds(session: Session, deadline: Deadline, now: Clock) -> float:
    """Return what a byte costs on its way, be the link's rate what it may."""
    pattern = bytes(_echo_bytes(session))
    start = now()
    session.echo(pattern, deadline)
    seconds = now() - start
    trip = min(_round_trip(session, deadline, now) for _ in range(3))
    return max(0.0, seconds - trip) / (2 * len(pattern))
