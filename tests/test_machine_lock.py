"""A name is held by one process of a machine at a time."""

from __future__ import annotations

import os

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, TargetError
from hil.machine_lock import hold


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    folder = tmp_path / "locks"
    monkeypatch.setenv("HIL_LOCKS", str(folder))
    return folder


def test_what_is_held_is_not_given_twice_and_then_given_again():
    with hold("a", deadline=Deadline(0), who="tests/test_a.py::test_a"):
        with (
            pytest.raises(TargetError, match="the device is in use") as caught,
            hold("a", deadline=Deadline(0.1), who="another"),
        ):
            pass
        with hold("b", deadline=Deadline(0), who="another"):
            pass
    found = caught.value.found or ""
    assert found.startswith(f"process {os.getpid()}, tests/test_a.py::test_a, since ")
    assert caught.value.where == "a"
    with hold("a", deadline=Deadline(0), who="another"):
        pass


def test_text_in_a_locks_file_is_shown_and_not_obeyed():
    with (
        hold("a", deadline=Deadline(0), who="\x1b[2J"),
        pytest.raises(TargetError) as caught,
        hold("a", deadline=Deadline(0), who="another"),
    ):
        pass
    assert "\\x1b[2J" in (caught.value.found or "")


def test_locks_are_open_to_all_users_of_the_machine(locks):
    with hold("a", deadline=Deadline(0), who="one"):
        pass
    (file,) = locks.iterdir()
    assert locks.stat().st_mode & 0o7777 == 0o1777
    assert file.stat().st_mode & 0o777 == 0o666


def test_a_link_in_the_place_of_a_lock_is_not_followed(locks, tmp_path):
    with hold("a", deadline=Deadline(0), who="one"):
        pass
    (file,) = locks.iterdir()
    victim = tmp_path / "victim"
    victim.write_text("whole")
    file.unlink()
    file.symlink_to(victim)
    with (
        pytest.raises(BrokenSetup, match="lock of the device cannot be opened") as told,
        hold("a", deadline=Deadline(0), who="one"),
    ):
        pass
    assert "HIL_LOCKS=FOLDER" in (told.value.remedy or "")
    assert victim.read_text() == "whole"
