"""What is shared by whom, and how one waits for it."""

from __future__ import annotations

import pytest

from hil.errors import TargetError
from hil.profiles import find_profile
from hil.pytest_plugin.device_lock import identities, take

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


def test_two_profiles_of_one_port_wait_for_each_other(board):
    emulated = find_profile("emulated-mcu", overrides=["link.port='/dev/null'"])
    with (
        take(board("/dev/null"), seconds=0, who="one"),
        pytest.raises(TargetError, match="the device is in use"),
        take(emulated, seconds=0, who="two"),
    ):
        pass
