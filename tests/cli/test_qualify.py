"""`hil qualify` and `hil devices probe`: what is asked of a device, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import tty

import pytest

from hil.bench.qualifying.limits import DEFAULT_LIMITS
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
        "clock": "not measurable",
        "repeatability": "pass",
        "thermal stability": "not measurable",
        "memory RAM": "pass",
        "memory flash": "pass",
        "memory arena": "pass",
        "memory stack": "pass",
        "memory image RAM": "pass",
        "memory image flash": "pass",
        "parity": "pass",
        "accuracy": "pass",
        "accuracy drop": "pass",
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


def test_a_phone_is_qualified_by_its_jobs(capsys):
    assert main(["qualify", "emulated-phone", "--seconds", "0.4", "--json"]) in {0, 1}
    document, items = items_of(capsys)
    assert document["engine"] == "benchmark_model"
    assert items["link errors"]["figure"].startswith("0 failed, 0 tried again of ")
    for name in ("link errors", "timer monotonic", "memory RAM", "parity", "accuracy"):
        assert items[name]["outcome"] == "pass"
    assert items["link throughput"]["outcome"] == "not measurable"
    assert items["thermal stability"]["n"] == 8


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """The folder of a certificate of the emulated microcontroller."""
    folder = tmp_path_factory.mktemp("qualify") / "certificate"
    words = ["qualify", "emulated-mcu", "--seconds", "0.1", "--samples", "5"]
    assert main([*words, "--out", str(folder)]) in {0, 1}
    return folder


@pytest.fixture
def certificate(issued, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(issued, tmp_path / "copy") / "certificate.json"


def test_a_certificate_is_verified_without_the_device(certificate, capsys):
    assert main(["qualify", "verify", str(certificate)]) == 0
    shown = capsys.readouterr().out
    assert "is as it was issued: emulated-mcu, " in shown
    assert main(["qualify", "verify", str(certificate), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["findings"], document["files"]) == ([], 2)


def test_a_change_is_named_and_is_exit_status_1(certificate, capsys):
    text = certificate.read_text()
    certificate.write_text(text.replace('"limit": "0"', '"limit": "9"', 1))
    assert main(["qualify", "verify", str(certificate)]) == 1
    shown = capsys.readouterr().out
    assert "finding: certificate.json was changed: its content has the sign" in shown
    assert "finding: link errors: certified is pass (0 lost" in shown
    assert "is not as it was issued; do not use it" in shown


def test_records_may_lie_elsewhere(certificate, tmp_path, capsys):
    records = tmp_path / "records"
    records.mkdir()
    for name in ("observations.jsonl", "limits.toml"):
        (certificate.parent / name).rename(records / name)
    assert main(["qualify", "verify", str(certificate)]) == 1
    assert "finding: observations.jsonl is missing" in capsys.readouterr().out
    words = ["qualify", "verify", str(certificate), "--records", str(records)]
    assert main(words) == 0
    (certificate.parent / "certificate.html").unlink()
    assert main(words) == 0
    assert "was not checked" in capsys.readouterr().err


def test_a_folder_with_a_certificate_is_not_written_over(certificate, capsys):
    words = ["qualify", "emulated-mcu", "--out", str(certificate.parent)]
    assert main(words) == 2
    assert "there is a certificate in the folder already" in capsys.readouterr().err


def test_a_certificate_that_is_not_there_is_exit_status_2(tmp_path, capsys):
    assert main(["qualify", "verify", str(tmp_path / "certificate.json")]) == 2
    assert "the certificate cannot be read" in capsys.readouterr().err


def test_a_device_may_be_called_verify(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HIL_PROFILES", str(tmp_path))
    text = BOARD.replace("desk-board", "verify") + '[link]\nusb_serial = "none"\n'
    (tmp_path / "verify.toml").write_text(text)
    assert main(["qualify", "verify"]) == 3
    assert main(["qualify", "verify", "--samples", "5"]) == 3
    assert capsys.readouterr().err.count("no port is the board's") == 2


def test_verify_without_a_certificate_says_what_is_missing(capsys):
    assert main(["qualify", "verify"]) == 2
    told = capsys.readouterr().err
    assert "no certificate is named" in told
    assert "hil qualify verify CERTIFICATE.json" in told


def test_limits_of_a_file_are_used_and_a_wrong_key_is_named(tmp_path, capsys):
    limits = tmp_path / "limits.toml"
    limits.write_text(
        DEFAULT_LIMITS.read_text().replace("least_line_share = 0.5", "line_share = 0.5")
    )
    assert main(["qualify", "emulated-mcu", "--limits", str(limits)]) == 2
    told = capsys.readouterr().err
    assert "unknown key 'link.line_share'" in told
    assert str(limits) in told
    assert "did you mean 'least_line_share'?" in told


def test_models_and_datasets_must_be_as_many(capsys):
    words = ["--model", "example:digits.tflite", "--model", "b.tflite"]
    status = main(["qualify", "emulated-mcu", *words, "--dataset", "one.npz"])
    assert status == 2
    assert "2 --model, 1 --dataset" in capsys.readouterr().err


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
