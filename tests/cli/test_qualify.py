"""`hil qualify` and `hil devices probe`: what is asked of a device, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import tty

import pytest

from hil.cli.doctor import serial_ports
from hil.cli.main import main
from hil.cli.probe import probe_boards
from hil.deadline import Deadline
from hil.links.serial_identity import PortIdentity
from hil.profiles import find_profile, read_profile
from hil.targets.emulated import emulator_argv
from hil.tools import Child

BOARD = """
name = "desk-board"
kind = "mcu"
arch = "armv7e-m"
core = "Cortex-M4F"
ram_bytes = 262144
flash_bytes = 1048576
time_basis = "host_clock"
[firmware]
board = "emulated-mcu"
"""


@pytest.fixture
def emulated_port():
    """The path of a pty on which an emulated microcontroller answers."""
    child = Child(emulator_argv(find_profile("emulated-mcu")))
    yield child.read_line(Deadline(60))
    child.stop()


@pytest.fixture
def silent_port():
    board, port = os.openpty()
    tty.setraw(port)
    yield os.ttyname(port)
    os.close(board)
    os.close(port)


@pytest.fixture
def board(tmp_path):
    path = tmp_path / "desk-board.toml"
    path.write_text(BOARD)
    return str(path)


@pytest.fixture
def cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def skip_without(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: scripts/test installs it")


def items_of(capsys):
    document = json.loads(capsys.readouterr().out)
    return document, {item["name"]: item for item in document["items"]}


def test_the_emulated_microcontroller_is_qualified(capsys):
    status = main(["qualify", "emulated-mcu", "--seconds", "0.5", "--json"])
    document, items = items_of(capsys)
    assert document["board"] == "emulated-mcu"
    assert document["time_basis"] == "host_clock"
    for name in ("link errors", "timer monotonic", "parity"):
        assert items[name]["outcome"] == "pass"
    assert items["parity"]["figure"] == "50 of 50 identical to tflm"
    # Another program on this machine may disturb what the host's clock measures.
    assert status == int(any(item["outcome"] == "fail" for item in items.values()))


@pytest.mark.qemu
@pytest.mark.usefixtures("cache_home")
def test_the_firmware_as_a_process_is_qualified(capsys):
    skip_without("cc", "cmake")
    status = main(["qualify", "native", "--seconds", "0.5", "--json"])
    document, items = items_of(capsys)
    assert (document["board"], document["engine"]) == ("native", "compiled")
    for name in ("link errors", "timer monotonic", "timer resolution", "parity"):
        assert items[name]["outcome"] == "pass"
    assert items["link throughput"]["outcome"] == "not measurable"
    assert status == int(any(item["outcome"] == "fail" for item in items.values()))


@pytest.mark.qemu
@pytest.mark.usefixtures("cache_home")
def test_of_an_emulated_board_only_the_counts_are_held_against_a_limit(capsys):
    skip_without("qemu-system-arm", "arm-none-eabi-gcc", "cmake")
    assert main(["qualify", "qemu-mps2-an386", "--seconds", "0.5", "--json"]) == 0
    document, items = items_of(capsys)
    assert document["time_basis"] == "emulated_instructions"
    assert {name: item["outcome"] for name, item in items.items()} == {
        "link errors": "pass",
        "link throughput": "not measurable",
        "timer": "not measurable",
        "repeatability": "pass",
        "parity": "pass",
    }
    assert "which are no time" in items["timer"]["figure"]
    assert items["repeatability"]["limit"] == "all equal"


def test_a_board_on_a_port_is_qualified_with_a_table(board, emulated_port, capsys):
    words = ["qualify", board, "--set", f"link.port = '{emulated_port}'"]
    status = main([*words, "--samples", "5", "--seconds", "0.2"])
    shown = capsys.readouterr().out
    assert status in {0, 1}
    assert shown.startswith("desk-board: emulated-mcu, hil ")
    assert "5 of 5 identical to tflm" in shown


def test_without_a_dataset_parity_is_open(digits, capsys):
    model = str(digits / "digits.tflite")
    main(["qualify", "emulated-mcu", "--model", model, "--seconds", "0.1", "--json"])
    _, items = items_of(capsys)
    assert items["parity"]["outcome"] == "not measurable"


def test_a_model_that_does_not_fit_leaves_the_rest_open(capsys):
    words = ["--set", "ram_bytes=20000", "--seconds", "0.1", "--json"]
    assert main(["qualify", "emulated-mcu", *words]) == 0
    _, items = items_of(capsys)
    assert items["parity"]["outcome"] == "not measurable"
    assert "arena" in items["parity"]["figure"]


def test_a_phone_cannot_be_qualified(capsys):
    assert main(["qualify", "emulated-phone"]) == 2
    assert "only microcontrollers can be qualified" in capsys.readouterr().err


def test_a_board_that_is_not_there_is_exit_status_3(board, capsys):
    assert main(["qualify", board, "--set", "link.usb_serial = 'none'"]) == 3
    assert "no port is the board's" in capsys.readouterr().err


def test_probe_shows_what_answers(board, emulated_port, capsys):
    words = ["devices", "probe", board, "--set", f"link.port = '{emulated_port}'"]
    assert main([*words, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["boards"]
    assert answer["ready"] is True
    assert answer["port"] == emulated_port
    assert answer["board"] == "emulated-mcu"
    assert main(words) == 0
    assert "emulated-mcu, build hil " in capsys.readouterr().out


def test_probe_tells_another_board_and_another_build(board, emulated_port, capsys):
    words = ["devices", "probe", board, "--set", f"link.port = '{emulated_port}'"]
    assert main([*words, "--set", "firmware.board = 'desk'"]) == 3
    assert "another board: emulated-mcu" in capsys.readouterr().out
    assert main([*words, "--set", "firmware.build_id = 'new'"]) == 3
    assert "expected new" in capsys.readouterr().out


def test_probe_tells_silence(board, silent_port, capsys):
    words = ["devices", "probe", board, "--set", f"link.port = '{silent_port}'"]
    assert main(words) == 3
    assert "nothing answers HELLO" in capsys.readouterr().out


def test_probe_of_all_boards_is_no_failure_where_none_is_attached(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("HIL_PROFILES", str(tmp_path))
    (tmp_path / "desk-board.toml").write_text(BOARD + '[link]\nusb_serial = "none"\n')
    assert main(["devices", "probe", "--json"]) == 0
    boards = json.loads(capsys.readouterr().out)["boards"]
    told = {board["profile"]: board["told"] for board in boards}
    assert told["desk-board"].startswith("no port is the board's")
    assert "emulated-mcu" not in told


def test_a_port_that_two_profiles_name_is_asked_once(tmp_path, emulated_port):
    port = PortIdentity(device=emulated_port, usb_serial="A1")
    profiles = []
    for name, baud in (("one", 115200), ("two", 115200)):
        path = tmp_path / f"{name}.toml"
        link = f'[link]\nusb_serial = "A1"\nbaud = {baud}\n'
        path.write_text(BOARD.replace("desk-board", name) + link)
        profiles.append(read_profile(path))
    first, second = probe_boards(profiles, [port])
    assert first.ready
    assert second.ready
    assert first.told == second.told


def test_a_phone_cannot_be_probed(capsys):
    assert main(["devices", "probe", "emulated-phone"]) == 2
    assert "only boards on a serial port" in capsys.readouterr().err


def test_doctor_gives_the_udev_rule_for_a_port_that_may_not_be_opened(tmp_path):
    open_, closed = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    open_.touch()
    ports = [
        PortIdentity(device=str(open_), vid_pid="0483:374b"),
        PortIdentity(device=str(closed), vid_pid="0483:374b"),
        PortIdentity(device="/dev/ttyS0"),
    ]
    good, bad = serial_ports(ports)
    assert good.found.startswith(str(open_))
    assert good.remedy is None
    assert bad.found is None
    assert 'ATTRS{idVendor}=="0483", ATTRS{idProduct}=="374b"' in bad.remedy
    assert "dialout" in bad.remedy
