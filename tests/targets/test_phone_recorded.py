"""A phone target over a recording: its replay, and a recording that fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.errors import LinkClosed, RecordingError
from hil.links.phone_call import read_phone_cassette
from hil.links.phone_cassette import PhoneRecorder
from hil.links.phone_cassette_player import CassettePhone
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.targets.phone_claims import PhoneClaims
from hil.targets.phone_conditions import PhoneConditions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import ShellPhone

    from hil.links.adb_output import ShellResult
    from hil.links.phone import Phone
    from hil.vocab import Job, Measurement

PROFILE = find_profile("emulated-phone")
CONDITIONS = PhoneConditions(temperature_gate=False)


class FullDisk:
    """A phone whose recording fails as its folder is deleted."""

    def __init__(self, phone: ShellPhone) -> None:
        self.phone = phone

    def __getattr__(self, name: str) -> object:
        return getattr(self.phone, name)

    def shell(self, command: str | Sequence[str], deadline: Deadline) -> ShellResult:
        done = self.phone.shell(command, deadline)
        if command[:2] == ["rm", "-rf"]:
            raise RecordingError("the cassette cannot be written")
        return done


def measured(phone: Phone, job: Job, seconds: float = 60.0) -> Measurement:
    target = PhoneTarget(PROFILE, phone, CONDITIONS, claims=PhoneClaims())
    deadline = Deadline(seconds)
    target.open(deadline)
    try:
        return target.measure(job, deadline)
    finally:
        target.close()


def test_a_job_is_the_same_in_the_replay_whatever_time_it_has(
    phone: ShellPhone, job: Job, tmp_path: Path
) -> None:
    path = tmp_path / "phone.cassette.gz"
    asked = replace(job, samples=np.ones((3, 8, 8, 1), dtype=np.float32))
    seen = measured(PhoneRecorder(path, device="x").wrap(phone), asked)
    before = len(phone.scripts)
    again = measured(CassettePhone(f"cassette:{path}"), asked, seconds=7.0)
    assert len(phone.scripts) == before
    assert seen.outputs is not None
    assert np.array_equal(again.outputs, seen.outputs)
    assert (again.summary, again.memory) == (seen.summary, seen.memory)
    assert again.evidence == seen.evidence


def test_a_link_that_breaks_breaks_again_and_the_rest_is_the_same(
    phone: ShellPhone, job: Job, tmp_path: Path
) -> None:
    path = tmp_path / "phone.cassette"
    recorder = PhoneRecorder(path, device="x")
    phone.gone_at = "--num_runs"
    with pytest.raises(LinkClosed):
        measured(recorder.wrap(phone), job)
    phone.gone_at = None
    seen = measured(recorder.wrap(phone), job)
    replay = CassettePhone(f"cassette:{path}")
    with pytest.raises(LinkClosed, match="the connection to the phone is gone"):
        measured(replay, job)
    assert measured(replay, job).summary == seen.summary
    assert sum("open" in call.to for call in read_phone_cassette(path).calls) == 2


def test_a_replay_may_go_on_beside_the_phone_itself(
    phone: ShellPhone, job: Job, tmp_path: Path
) -> None:
    path = tmp_path / "phone.cassette"
    phone.answer("getprop", "ro.serialno", "R58N123\n")
    measured(PhoneRecorder(path, device="x").wrap(phone), job)
    itself = PhoneTarget(replace(PROFILE, name="itself"), phone, CONDITIONS)
    itself.open(Deadline(60))
    again = measured(CassettePhone(f"cassette:{path}"), job)
    assert again.evidence["serial"] == "R58N123"
    itself.close()


def test_a_recording_that_fails_as_the_phone_is_left_skips_no_other_step(
    phone: ShellPhone, job: Job
) -> None:
    phone.answer("getprop", "ro.serialno", "R58N123\n")
    claims = PhoneClaims()
    target = PhoneTarget(PROFILE, FullDisk(phone), CONDITIONS, claims=claims)
    target.open(Deadline(60))
    with pytest.raises(RecordingError):
        target.close()
    assert phone.closed
    other = replace(PROFILE, name="another")
    second = PhoneTarget(other, phone, CONDITIONS, claims=claims)
    second.open(Deadline(60))
    assert second.measure(job, Deadline(60)).summary is not None
    second.close()
