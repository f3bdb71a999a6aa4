"""Whether a device's figures can be trusted: observe it, keep that, judge it.

Boards are asked over the framed dialogue, phones by windows of jobs. What is seen is
given to *keep* as it is made, so that the verdicts can be computed again of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hil.bench.qualifying.board import (
    device_seen,
    observe_answers,
    observe_link,
    observe_memory,
    observe_windows,
)
from hil.bench.qualifying.judge import judge
from hil.bench.qualifying.limits import DEFAULT_LIMITS, read_limits
from hil.bench.qualifying.observation import Trouble
from hil.bench.qualifying.phone import observe_phone
from hil.bench.qualifying.subject import NO_SAMPLES, Subject
from hil.errors import DoesNotFit, FirmwareFault, ModelError, TargetError
from hil.results.certificate import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hil.bench.qualifying.board import Clock
    from hil.bench.qualifying.limits import Limits
    from hil.bench.qualifying.observation import DeviceSeen, Observation
    from hil.results.certificate import Item
    from hil.session.session import Session
    from hil.vocab import Deadline, Job, Target

    Keep = Callable[[Observation], None]

__all__ = ["Outcome", "Subject", "qualify", "qualify_phone"]

_NO_IMAGE: Mapping[str, int] = {}


def qualify(
    session: Session,
    subject: Subject,
    deadline: Deadline,
    *,
    device: DeviceSeen | None = None,
    image: Mapping[str, int] = _NO_IMAGE,
    more: Iterable[tuple[Session, Subject]] = (),
    limits: Limits | None = None,
    keep: Keep = lambda _: None,
    seconds: float = 3.0,
    now: Clock = time.monotonic,
) -> list[Item]:
    """Return all items of an open *session*; *seconds* is what the timer test takes.

    *device* and *image* are what is known of the board and its firmware; *more* are
    further models, each with a session that can run it. A link that fails is a finding
    here: only what is no fault of the device is raised.
    """
    notes = _Notes(keep)
    notes.add(device or device_seen(session.device))
    notes.guarded("link", lambda: observe_link(session, deadline, now=now))
    if _loaded(session, subject, deadline, notes=notes, timed=True):
        inputs = [subject.probe.tobytes()]
        notes.guarded(
            "timer",
            lambda: observe_windows(
                session, inputs, deadline, seconds=seconds, now=now
            ),
        )
        _answers(session, subject, deadline, notes=notes)
        notes.guarded("memory", lambda: observe_memory(session, deadline, image=image))
    for other, extra in more:
        if _loaded(other, extra, deadline, notes=notes):
            _answers(other, extra, deadline, notes=notes)
    return judge(notes.seen, limits or read_limits(DEFAULT_LIMITS)[0])


def qualify_phone(
    target: Target,
    subjects: Sequence[tuple[Subject, Job]],
    deadline: Deadline,
    *,
    limits: Limits | None = None,
    keep: Keep = lambda _: None,
    seconds: float = 3.0,
    now: Clock = time.monotonic,
) -> list[Item]:
    """Return all items of an open *target* that is known by its measurements only."""
    notes = _Notes(keep)
    for seen in observe_phone(target, subjects, deadline, seconds=seconds, now=now):
        notes.add(seen)
    return judge(notes.seen, limits or read_limits(DEFAULT_LIMITS)[0])


class _Notes:
    """What was seen so far, each kept as it is made."""

    def __init__(self, keep: Keep) -> None:
        self.seen: list[Observation] = []
        self._keep = keep

    def add(self, observation: Observation) -> None:
        self.seen.append(observation)
        self._keep(observation)

    def guarded(
        self, part: str, observe: Callable[[], Observation], *, model: str | None = None
    ) -> None:
        """Add what is observed, or that the device failed on the way."""
        try:
            self.add(observe())
        except TargetError as exc:
            self.add(Trouble.fault(part, exc, model=model))


def _loaded(
    session: Session,
    subject: Subject,
    deadline: Deadline,
    *,
    notes: _Notes,
    timed: bool = False,
) -> bool:
    """Load the model; a device that refuses it is open, one that fails is at fault."""
    parts = ("timer", "memory") if timed else ()
    try:
        session.load_model(subject.model, deadline)
    except (ModelError, DoesNotFit, FirmwareFault) as exc:
        for part in (*parts, "parity"):
            notes.add(Trouble.open(part, f"no model: {exc.what}", model=subject.name))
    except TargetError as exc:
        notes.add(Trouble.fault("model transfer", exc, model=subject.name))
    else:
        return True
    return False


def _answers(
    session: Session, subject: Subject, deadline: Deadline, *, notes: _Notes
) -> None:
    if subject.samples is None or subject.expected is None:
        notes.add(Trouble.open("parity", NO_SAMPLES, model=subject.name))
        return
    notes.guarded(
        "parity",
        lambda: subject.answered(
            observe_answers(session, subject, deadline), engine=session.device.engine
        ),
        model=subject.name,
    )
