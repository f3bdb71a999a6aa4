"""What is shared by whom, and how one waits for it."""

from __future__ import annotations

import os

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, TargetError
from hil.profiles import find_profile
from hil.pytest_plugin.device_lock import hold, identities, take

CLOCK = "the clock of this machine"
BOARD = """
name = "desk-board"
kind = "mcu"
arch = "armv7e-m"
core = "Cortex-M4F"
clock_hz = 80000000
ram_bytes = 262144
flash_bytes = 1048576
time_basis = "cpu_cycles"
"""


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    folder = tmp_path / "locks"
    monkeypatch.setenv("HIL_LOCKS", str(folder))
    return folder


def phone(*lines):
    return find_profile("emulated-phone", overrides=lines)


@pytest.fixture
def board(tmp_path):
    """Return the profile of a board on the port of a path."""
    path = tmp_path / "desk-board.toml"
    path.write_text(BOARD)
    return lambda port: find_profile(str(path), overrides=[f"link.port='{port}'"])


def test_devices_that_keep_this_machines_time_share_its_clock():
    assert CLOCK in identities(find_profile("emulated-mcu"))
    assert CLOCK in identities(find_profile("native"))
    assert identities(find_profile("qemu-mps2-an386")) == ["emulated qemu-mps2-an386"]


def test_a_board_is_its_port_by_whichever_path(board, tmp_path):
    link = tmp_path / "by-id"
    link.symlink_to("/dev/null")
    assert identities(board(link)) == identities(board("/dev/null"))
    assert identities(board("/dev/null")) == ["port /dev/null"]


def test_a_running_emulated_board_is_its_port():
    lines = ["link.port='/dev/null'"]
    profile = find_profile("emulated-mcu", overrides=lines)
    assert identities(profile) == ["port /dev/null", CLOCK]


def test_a_phone_is_its_address_or_serial():
    at = phone("link.host='127.0.0.1'", "link.port=5557")
    assert identities(at) == ["phone 127.0.0.1:5557", CLOCK]
    assert identities(phone("link.adb_serial='R58'")) == ["phone R58", CLOCK]


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


def test_two_profiles_of_one_port_wait_for_each_other(board):
    emulated = find_profile("emulated-mcu", overrides=["link.port='/dev/null'"])
    with (
        take(board("/dev/null"), seconds=0, who="one"),
        pytest.raises(TargetError, match="the device is in use"),
        take(emulated, seconds=0, who="two"),
    ):
        pass


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
