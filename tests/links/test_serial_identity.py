"""Ports are found by what USB says of them; what is not certain is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hil.errors import BrokenSetup, ConfigError
from hil.links.serial_identity import PortIdentity, attached_ports, find_port
from hil.vocab import SerialSettings

NUCLEO_A = PortIdentity(
    device="/dev/ttyACM0",
    usb_serial="066BFF30",
    vid_pid="0483:374b",
    location="1-2:1.2",
    product="STM32 STLink",
)
NUCLEO_B = PortIdentity(
    device="/dev/ttyACM1",
    usb_serial="066BFF31",
    vid_pid="0483:374b",
    location="1-3:1.2",
    product="STM32 STLink",
)
# Two adapters of a maker who gives all of them the same number.
CLONE_A = PortIdentity(
    device="/dev/ttyUSB0", usb_serial="0001", vid_pid="10c4:ea60", location="1-4.1"
)
CLONE_B = PortIdentity(
    device="/dev/ttyUSB1", usb_serial="0001", vid_pid="10c4:ea60", location="1-4.2"
)
UART = PortIdentity(device="/dev/ttyS0")
ALL = [NUCLEO_A, NUCLEO_B, UART, CLONE_A, CLONE_B]


def find(ports=ALL, **link):
    return find_port(SerialSettings(**link), lambda: ports)


@pytest.mark.parametrize(
    ("link", "port"),
    [
        ({"usb_serial": "066BFF31"}, NUCLEO_B),
        ({"usb_serial": "066bff31"}, NUCLEO_B),
        ({"vid_pid": "0483:374B", "location": "1-2"}, NUCLEO_A),
        ({"location": "1-3:1.2"}, NUCLEO_B),
        ({"location": "1-4.2"}, CLONE_B),
        ({"usb_serial": "0001", "location": "1-4.1"}, CLONE_A),
        ({"port": "/dev/ttyACM1"}, NUCLEO_B),
        ({"port": "/dev/ttyACM1", "vid_pid": "0483:374b"}, NUCLEO_B),
    ],
)
def test_a_port_is_found_by_each_part_of_its_identity(link, port):
    assert find(**link) == port


def test_a_location_is_no_prefix_of_another_one():
    hub = PortIdentity(device="/dev/ttyACM5", location="1-2.4:1.0")
    with pytest.raises(BrokenSetup, match="no port is the board's"):
        find([hub], location="1-2")


def test_two_equal_boards_are_refused_with_what_tells_them_apart():
    with pytest.raises(BrokenSetup) as caught:
        find(vid_pid="0483:374b")
    assert str(caught.value) == (
        "2 ports could be the board's\n"
        "  found:   /dev/ttyACM0 STM32 STLink (usb_serial 066BFF30, "
        "vid_pid 0483:374b, location 1-2:1.2); "
        "/dev/ttyACM1 STM32 STLink (usb_serial 066BFF31, "
        "vid_pid 0483:374b, location 1-3:1.2)\n"
        "  allowed: vid_pid 0483:374b\n"
        "  remedy:  add one of these to the profile: "
        'link.usb_serial = "066BFF30"; link.usb_serial = "066BFF31"'
    )


def test_boards_with_the_same_serial_number_are_told_apart_by_location():
    with pytest.raises(BrokenSetup) as caught:
        find(usb_serial="0001")
    assert 'link.location = "1-4.1"; link.location = "1-4.2"' in caught.value.remedy


def test_two_ports_at_one_place_are_told_apart_by_their_paths():
    twins = [
        PortIdentity(device="/dev/ttyUSB0", usb_serial="FT1", location="1-1"),
        PortIdentity(device="/dev/ttyUSB1", usb_serial="FT1", location="1-1"),
    ]
    with pytest.raises(BrokenSetup, match=r"link\.port = "):
        find(twins, usb_serial="FT1")


def test_a_missing_board_is_told_with_the_ports_that_are_there():
    with pytest.raises(BrokenSetup, match="no port is the board's") as caught:
        find([UART], usb_serial="066BFF30")
    assert caught.value.found == "/dev/ttyS0 (no USB identity)"
    with pytest.raises(BrokenSetup, match="no serial port is attached"):
        find([], usb_serial="066BFF30")


def test_a_profile_without_any_identity_is_refused_even_for_a_single_port():
    with pytest.raises(ConfigError, match="does not say which port"):
        find([NUCLEO_A])


def test_another_board_on_the_named_port_is_refused():
    with pytest.raises(BrokenSetup, match="another device is on the port") as caught:
        find(port="/dev/ttyACM0", usb_serial="066BFF31")
    assert "066BFF30" in caught.value.found
    assert caught.value.allowed == "usb_serial 066BFF31"


def test_a_port_that_is_not_listed_is_taken_by_its_path():
    assert find(port="socket://localhost:1") == PortIdentity(
        device="socket://localhost:1"
    )
    with pytest.raises(BrokenSetup, match="another device"):
        find(port="/dev/pts/0", usb_serial="066BFF31")


def test_a_link_to_a_port_is_that_port(tmp_path):
    device = tmp_path / "ttyACM7"
    device.touch()
    link = tmp_path / "by-id"
    link.symlink_to(device)
    listed = PortIdentity(device=str(device), usb_serial="S")
    assert find([listed], port=str(link)) == listed


def test_what_pyserial_lists_becomes_an_identity():
    nucleo = SimpleNamespace(
        device="/dev/ttyACM0",
        vid=0x0483,
        pid=0x374B,
        serial_number="066BFF30",
        location="1-2:1.2",
        product="STM32 STLink",
        description="STM32 STLink",
    )
    plain = SimpleNamespace(
        device="/dev/ttyS0",
        vid=None,
        pid=None,
        serial_number=None,
        location=None,
        product=None,
        description="n/a",
    )
    assert attached_ports(lambda: [plain, nucleo]) == [NUCLEO_A, UART]


def test_this_machines_ports_can_be_listed():
    assert all(port.device for port in attached_ports())


def test_only_a_probes_serial_number_is_the_probes():
    assert NUCLEO_A.probe_serial == "066BFF30"
    assert CLONE_A.probe_serial is None
    assert UART.probe_serial is None


def test_text_from_a_device_reaches_no_terminal_raw():
    port = PortIdentity(device="/dev/ttyACM0", product="\x1b[31mboard")
    assert "\x1b" not in str(port)
