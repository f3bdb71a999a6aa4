"""USB without a phone: which one is meant, and what libusb's errors become."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest
from adb_shell import exceptions

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, LinkClosed, LinkTimeout
from hil.links import adb_usb
from hil.links.adb import AdbLink
from hil.links.adb_tcp import Unreachable
from hil.links.adb_usb import UsbTransport, choose
from hil.vocab import AdbSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_phone_is_chosen_by_its_serial() -> None:
    assert choose(["B", "A", ""], "A") == "A"
    assert choose(["A", ""], None) == "A"


@pytest.mark.parametrize(
    ("serials", "wanted", "kind", "said", "found"),
    [
        (["B"], "A", Unreachable, "the phone is not on USB", "B"),
        ([], "A", Unreachable, "the phone is not on USB", "no phone"),
        ([""], None, Unreachable, "there is no phone on USB", "no phone"),
        (["B", "\x1bA"], None, ConfigError, "profile names none", r"\x1bA, B"),
        (["A", "A"], "A", ConfigError, "say the same serial", "A, A"),
    ],
)
def test_what_cannot_be_chosen_says_what_there_is(
    serials: list[str],
    wanted: str | None,
    kind: type[Exception],
    said: str,
    found: str,
) -> None:
    with pytest.raises(kind, match=said) as caught:
        choose(serials, wanted)
    assert caught.value.found == found


class UsbError(Exception):
    pass


class FakeUsbPhone:
    """What adb_shell's UsbTransport offers; fails where it is told to."""

    def __init__(self, serial: str) -> None:
        self._serial = serial
        self.written: list[bytes] = []
        self.fails = False
        self.is_mute = False

    @property
    def serial_number(self) -> str:
        if not self._serial:
            raise UsbError("LIBUSB_ERROR_ACCESS")
        return self._serial

    def connect(self, seconds: float) -> None:
        assert seconds > 0
        if self.fails:
            raise UsbError("LIBUSB_ERROR_BUSY \x1b")

    def bulk_read(self, size: int, seconds: float) -> bytes:
        assert seconds > 0
        if self.fails or self.is_mute:
            raise exceptions.UsbReadFailedError("gone \x1b", None)
        return bytes(size)

    def bulk_write(self, data: bytes, seconds: float) -> int:
        assert seconds > 0
        if self.fails:
            raise exceptions.UsbWriteFailedError("gone")
        self.written.append(data)
        return len(data)

    def close(self) -> None:
        pass


@pytest.fixture
def phones(monkeypatch: pytest.MonkeyPatch) -> list[FakeUsbPhone]:
    found = [FakeUsbPhone(""), FakeUsbPhone("A"), FakeUsbPhone("B")]
    module = types.SimpleNamespace(
        UsbTransport=types.SimpleNamespace(find_all_adb_devices=lambda: iter(found)),
        usb1=types.SimpleNamespace(USBError=UsbError),
    )
    monkeypatch.setattr(adb_usb, "usb_transport", module)
    return found


def _open(deadline: Deadline) -> UsbTransport:
    transport = UsbTransport("B")
    transport.deadline = deadline
    transport.connect(None)
    return transport


def test_head_and_data_go_as_two_transfers(phones: list[FakeUsbPhone]) -> None:
    transport = _open(Deadline(10))
    assert transport.address == "USB B"
    transport.write_packet(b"head", b"data")
    transport.write_packet(b"head", b"")
    assert phones[2].written == [b"head", b"data", b"head"]
    assert transport.bulk_read(3, None) == bytes(3)
    transport.close()


def test_a_phone_that_another_program_holds_says_what_to_do(
    phones: list[FakeUsbPhone],
) -> None:
    phones[2].fails = True
    with pytest.raises(BrokenSetup, match="cannot be reached") as caught:
        AdbLink(AdbSettings(serial="B")).open(Deadline(10))
    assert caught.value.found == r"LIBUSB_ERROR_BUSY \x1b"
    assert "adb kill-server" in str(caught.value.remedy)


def test_a_phone_that_says_no_hello_is_told_with_what_helps_on_usb(
    phones: list[FakeUsbPhone], tmp_path: Path
) -> None:
    phones[2].is_mute = True
    link = AdbLink(AdbSettings(serial="B"), key_path=tmp_path / "key")
    with pytest.raises(LinkClosed) as caught:
        link.open(Deadline(10))
    assert "adb kill-server" in str(caught.value.remedy)
    assert "tcpip" not in str(caught.value.remedy)


def test_a_phone_that_is_pulled_out_is_a_closed_link(
    phones: list[FakeUsbPhone],
) -> None:
    transport = _open(Deadline(10))
    phones[2].fails = True
    with pytest.raises(LinkClosed, match="connection to the phone is gone") as caught:
        transport.bulk_read(3, None)
    assert r"gone \x1b" in str(caught.value.found)
    with pytest.raises(LinkClosed, match="connection to the phone is gone"):
        transport.write_packet(b"head", b"")


def test_at_the_deadline_a_failed_transfer_is_a_timeout(
    phones: list[FakeUsbPhone],
) -> None:
    transport = _open(Deadline(10))
    phones[2].fails = True
    transport.deadline = Deadline(0)
    with pytest.raises(LinkTimeout, match="time ran out while waiting"):
        transport.bulk_read(3, None)
