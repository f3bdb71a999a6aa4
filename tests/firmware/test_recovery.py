"""Frames lost, doubled or damaged between the Session and the firmware."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.deadline import Deadline
from hil.links.fake import drop, duplicate, flip
from hil.links.process import ProcessLink
from hil.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Builder

    from hil.links.fake import Fault

MODEL = b'{"inputs": [70], "outputs": [3], "arena": 900}\n' + bytes(3000)
SAMPLES = [bytes([i]) * 70 for i in range(40)]
OUTPUTS = [bytes((i * 2485 + j) % 251 for j in range(3)) for i in range(40)]


class FaultyLink(ProcessLink):
    """A process whose pipes lose, double and damage whole frames."""

    def __init__(
        self, argv: Sequence[str], *, there: Sequence[Fault], back: Sequence[Fault]
    ) -> None:
        super().__init__(argv)
        self._there = Lane(there)
        self._back = Lane(back)

    def write(self, data: bytes, deadline: Deadline) -> None:
        super().write(self._there.carry(data), deadline)

    def read(self, deadline: Deadline) -> bytes:
        while True:
            arrived = self._back.carry(super().read(deadline))
            if arrived:
                return arrived


class Lane:
    """One direction: counts the frames in it and does the faults to each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults
        self._begun = b""
        self._frames = 0

    def carry(self, data: bytes) -> bytes:
        *frames, self._begun = (self._begun + data).split(b"\0")
        carried = b""
        for frame in frames:
            arrived = frame + b"\0"
            for fault in self._faults:
                arrived = fault(self._frames, arrived)
            self._frames += 1
            carried += arrived
        return carried


def work_through(session: Session) -> None:
    """Open, load, invoke and stream, and hold every answer against the right one."""
    deadline = Deadline(60)
    session.open(deadline)
    assert session.load_model(MODEL, deadline) == {"arena_bytes": 900}
    assert len(session.invoke([SAMPLES[7]], deadline, n=2)) == 2
    assert session.read_outputs(deadline) == [OUTPUTS[7]]
    results = session.run_samples(SAMPLES, deadline)
    assert [output for _, output in results] == OUTPUTS


def lossy(build: Builder, there: Sequence[Fault], back: Sequence[Fault]) -> list[str]:
    """Work through it all with these faults; return what was asked for again."""
    link = FaultyLink([str(build.device())], there=there, back=back)
    session = Session(link)
    try:
        work_through(session)
    finally:
        session.close()
    return list(session.retries)


def test_without_faults_nothing_is_asked_for_again(build: Builder) -> None:
    assert lossy(build, [], []) == []


# Frame 0 to the device is the empty one that opens the dialogue.
@pytest.mark.parametrize("fault", [drop, lambda n: flip(n, bit=9)])
def test_lost_requests_are_asked_for_again(build: Builder, fault: object) -> None:
    assert callable(fault)
    retries = lossy(build, [fault(1), fault(4), fault(30)], [])
    assert len(retries) == 3
    assert retries[0] == "the answer to Hello was lost and asked for again"


@pytest.mark.parametrize("fault", [drop, lambda n: flip(n, bit=9)])
def test_lost_answers_are_asked_for_again(build: Builder, fault: object) -> None:
    assert callable(fault)
    retries = lossy(build, [], [fault(1), fault(2), fault(30)])
    assert len(retries) >= 2


def test_everything_may_arrive_twice(build: Builder) -> None:
    # A doubled RUN is refused once as out of order, which the session takes for a loss.
    lossy(build, [duplicate(*range(1, 22))], [duplicate(*range(200))])


FAULTS = st.lists(
    st.one_of(
        st.integers(0, 70).map(drop),
        st.integers(0, 70).map(duplicate),
        st.builds(flip, st.integers(0, 70), bit=st.integers(0, 2000)),
    ),
    max_size=3,
)


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(there=FAULTS, back=FAULTS)
def test_whatever_happens_to_single_frames_every_answer_is_right(
    build: Builder, there: list[Fault], back: list[Fault]
) -> None:
    lossy(build, there, back)
