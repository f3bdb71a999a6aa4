"""What is seen of a phone through its jobs: windows, memory, answers, and failures."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from hil.bench.qualifying.observation import (
    DeviceSeen,
    MemorySeen,
    Trouble,
    WindowSeen,
    WindowsSeen,
)
from hil.bench.qualifying.subject import NO_SAMPLES
from hil.errors import DoesNotFit, HilError, ModelError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.bench.qualifying.observation import Observation
    from hil.bench.qualifying.subject import Subject
    from hil.vocab import Deadline, DeviceProfile, Job, Measurement, Target

    Clock = Callable[[], float]

_WINDOWS = 8
_SHORT_CALLS = 3
_MOST_FAULTS = 3  # then the phone is left alone
# Of a call's evidence: what differs from call to call, and long texts.
_OF_CALLS = ("window", "gate", "argv", "init_us", "pid", "samples_run")
_TEXTS = ("stdout", "stderr", "samples_resumed")


def observe_phone(
    target: Target,
    subjects: Sequence[tuple[Subject, Job]],
    deadline: Deadline,
    *,
    seconds: float,
    now: Clock = time.monotonic,
) -> Iterator[Observation]:
    """Yield what is seen of an open *target*; the first subject is timed.

    Short calls of a single run tell what a call costs beside its runs. A window that
    fails is a finding; after three nothing more is asked.
    """
    subject, job = subjects[0]
    calls = _Calls(target, deadline, now)
    plain = dataclasses.replace(job, samples=None, warmup=1)
    one = dataclasses.replace(plain, min_runs=1, min_seconds=0.0)
    long = dataclasses.replace(plain, min_runs=1, min_seconds=seconds / _WINDOWS)
    try:
        # The first call pushes the model, so it is no measure of what a call costs.
        calls.run(one)
    except (ModelError, DoesNotFit) as exc:
        yield _device(target.profile, None)
        yield from _no_model(subject, exc)
        return
    short = calls.several(one, _SHORT_CALLS)
    windows = calls.several(long, _WINDOWS)
    last = calls.last
    yield _device(target.profile, last)
    yield from calls.troubles
    yield WindowsSeen(windows=windows, short=short)
    if last is not None and last.memory:
        yield MemorySeen(figures=dict(last.memory))
    for each, its_job in subjects:
        yield _answers(calls, each, its_job)


class _Calls:
    """Calls of a target: timed, counted, and their failures noted."""

    def __init__(self, target: Target, deadline: Deadline, now: Clock) -> None:
        self._target = target
        self._deadline = deadline
        self._now = now
        self.last: Measurement | None = None
        self.troubles: list[Trouble] = []

    def run(self, job: Job) -> WindowSeen | None:
        """Run *job*; None where the phone failed, which is noted."""
        if len(self.troubles) >= _MOST_FAULTS:
            return None
        start = self._now()
        try:
            self.last = self._target.measure(job, self._deadline)
        except TargetError as exc:
            self.troubles.append(Trouble.fault("link", exc))
            return None
        return WindowSeen(
            seconds=self._now() - start,
            ticks=self.last.timing.invoke_ticks if self.last.timing else (),
            summary=self.last.summary,
            retries=self.last.retries,
            evidence={k: v for k, v in self.last.evidence.items() if k in _OF_CALLS},
        )

    def several(self, job: Job, count: int) -> tuple[WindowSeen, ...]:
        """Return the calls that did not fail, of *count*."""
        return tuple(seen for _ in range(count) if (seen := self.run(job)))


def _answers(calls: _Calls, subject: Subject, job: Job) -> Observation:
    if subject.expected is None or job.samples is None:
        return Trouble.open("parity", NO_SAMPLES, model=subject.name)
    before = len(calls.troubles)
    try:
        calls.run(dataclasses.replace(job, min_runs=1, min_seconds=0.0))
    except (ModelError, DoesNotFit) as exc:
        return Trouble.open("parity", f"no model: {exc.what}", model=subject.name)
    if len(calls.troubles) > before or calls.last is None:
        why = calls.troubles[-1].why
        return Trouble(part="parity", why=why, is_fault=True, model=subject.name)
    if calls.last.outputs is None:
        why = "the phone did not run: see thermal stability"
        return Trouble.open("parity", why, model=subject.name)
    return subject.answered(calls.last.outputs, engine=calls.last.engine)


def _device(profile: DeviceProfile, last: Measurement | None) -> DeviceSeen:
    told = last.evidence if last else {}
    phone = told.get("phone")
    ram = phone.get("ram_total_bytes") if isinstance(phone, dict) else None
    return DeviceSeen(
        kind=profile.kind,
        profile_ram_bytes=profile.ram_bytes,
        profile_flash_bytes=profile.flash_bytes,
        profile_clock_hz=profile.clock_hz,
        engine=last.engine if last else "",
        time_basis=profile.time_basis,
        ram_bytes=ram if isinstance(ram, int) else None,
        evidence={k: v for k, v in told.items() if k not in (*_OF_CALLS, *_TEXTS)},
    )


def _no_model(subject: Subject, exc: HilError) -> Iterator[Observation]:
    for part in ("timer", "memory", "parity"):
        yield Trouble.open(part, f"no model: {exc.what}", model=subject.name)
