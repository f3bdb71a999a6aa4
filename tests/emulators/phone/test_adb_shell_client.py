"""The adb_shell package, hil's own way to a phone, against the emulated one."""

from __future__ import annotations

import contextlib
import io
import os
import socket
from typing import TYPE_CHECKING

import pytest
from adb_shell.adb_device import AdbDeviceTcp
from adb_shell.auth.keygen import keygen
from adb_shell.auth.sign_cryptography import CryptographySigner
from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from adb_shell.exceptions import AdbCommandFailureException, PushFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.tools import Child

TMP = "/data/local/tmp"
SECONDS = 60.0


@pytest.fixture
def new_device() -> Iterator[Callable[..., AdbDeviceTcp]]:
    with contextlib.ExitStack() as stack:

        def connect(port: int, *signers: object) -> AdbDeviceTcp:
            device = AdbDeviceTcp(
                "127.0.0.1", port, default_transport_timeout_s=SECONDS
            )
            stack.callback(device.close)
            device.connect(
                rsa_keys=list(signers), read_timeout_s=SECONDS, auth_timeout_s=SECONDS
            )
            connection = device._io_manager._transport._connection
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return device

        yield connect


@pytest.fixture
def device(port: int, new_device: Callable[..., AdbDeviceTcp]) -> AdbDeviceTcp:
    return new_device(port)


def test_a_shell_answers(device: AdbDeviceTcp) -> None:
    assert device.shell("echo out; echo err >&2; exit 7") == "out\nerr\n"
    assert device.exec_out("printf 'a\\nb'") == "a\nb"


def test_shell_v2_frames_can_be_read_from_the_raw_stream(device: AdbDeviceTcp) -> None:
    frames = device._service(
        b"shell,v2,raw", b"echo a; echo b >&2; exit 3", decode=False
    )
    assert frames == b"\1\2\0\0\0a\n\2\2\0\0\0b\n\3\1\0\0\0\3"


def test_five_megabytes_go_and_come_back_identical(device: AdbDeviceTcp) -> None:
    data = os.urandom(5_000_000)
    device.push(io.BytesIO(data), f"{TMP}/big", st_mode=0o100640, mtime=1_000_000_000)
    back = io.BytesIO()
    device.pull(f"{TMP}/big", back)
    assert back.getvalue() == data
    assert device.stat(f"{TMP}/big") == (0o100640, 5_000_000, 1_000_000_000)
    assert b"big" in [bytes(entry.filename) for entry in device.list(TMP)]


def test_a_missing_file_and_a_forbidden_place_are_told(device: AdbDeviceTcp) -> None:
    with pytest.raises(AdbCommandFailureException, match="No such file or directory"):
        device.pull("/nothing", io.BytesIO())
    # Only a push of one packet: as a real phone does, this one says FAIL at once, and
    # adb_shell loses what comes while it still sends.
    with pytest.raises(PushFailedError, match="Read-only file system"):
        device.push(io.BytesIO(b"x"), "/system/x")
    assert device.stat("/nothing") == (0, 0, 0)


@pytest.mark.parametrize("signer", [PythonRSASigner, CryptographySigner])
def test_a_key_is_accepted_once_and_known_from_then_on(
    start_phone: Callable[..., tuple[Child, int]],
    profile_file: Callable[..., Path],
    new_device: Callable[..., AdbDeviceTcp],
    tmp_path: Path,
    signer: type[PythonRSASigner | CryptographySigner],
) -> None:
    keygen(str(tmp_path / "key"))
    path = str(tmp_path / "key")
    key = (
        PythonRSASigner.FromRSAKeyPath(path)
        if signer is PythonRSASigner
        else CryptographySigner(path)
    )
    _, port = start_phone(profile_file(require_auth="true"))
    for _ in range(2):
        assert new_device(port, key).shell("echo signed") == "signed\n"
