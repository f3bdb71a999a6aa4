"""Scripted faults: how they are read and counted, and what hosts see of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from hil.emulators.phone.faults import Fault, FaultKind, Faults, parse_faults
from hil.emulators.phone.wire import Command
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.tools import Child

TMP = "/data/local/tmp"


def test_faults_are_lines_of_text() -> None:
    text = (
        "drop to-phone=100; kill command='sleep 9' seconds=0.5 times=2;; full to-host=7"
    )
    assert parse_faults(text) == (
        Fault(kind=FaultKind.DROP, to_phone_bytes=100),
        Fault(kind=FaultKind.KILL, command="sleep 9", seconds=0.5, times=2),
        Fault(kind=FaultKind.FULL, to_host_bytes=7),
    )
    assert parse_faults(" ") == ()


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("dropp to-phone=1", "did you mean 'drop'?"),
        ("drop to-phon=1", "did you mean 'to-phone'?"),
        ("drop to-phone", None),
        ("drop to-phone=x", None),
        ("drop 'to-phone=1", None),
    ],
)
def test_a_fault_that_is_not_understood_is_shown(line: str, remedy: str | None) -> None:
    with pytest.raises(ConfigError, match="phone is not understood") as error:
        parse_faults(line)
    assert (error.value.found, error.value.remedy) == (line, remedy)
    assert error.value.allowed is not None
    assert error.value.allowed.startswith("drop | reboot | vanish")


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("drop", "command=TEXT, to-phone=N or to-host=N"),
        ("drop to-phone=1 to-host=1", "command=TEXT, to-phone=N or to-host=N"),
        ("kill to-host=1", "command=TEXT, a part of the command that it hits"),
        ("drop command=a to-phone=1", "to-host=N: a command's own output is counted"),
        ("unauthorised command=a", "it holds from the start: no command, no bytes"),
        ("drop to-phone=0", "bytes and times from 1"),
        ("drop to-phone=1 times=0", "bytes and times from 1"),
        ("reboot to-phone=1 seconds=nan", "seconds from 0"),
    ],
)
def test_a_fault_that_never_goes_off_is_refused(line: str, allowed: str) -> None:
    with pytest.raises(ConfigError, match="cannot go off") as error:
        parse_faults(line)
    assert error.value.allowed == allowed


def test_bytes_are_counted_up_to_each_fault() -> None:
    first, second = parse_faults("full to-phone=10; drop to-phone=15")
    meter = Faults([second, first]).of_connection()
    assert meter.to_host(100) == (100, None)
    assert meter.to_phone(9) == (9, None)
    assert meter.to_phone(9) == (1, first)
    assert meter.to_phone(8) == (5, second)
    assert meter.to_phone(8) == (8, None)


def test_a_fault_goes_off_as_often_as_it_says_on_all_connections_together() -> None:
    (fault,) = parse_faults("drop to-phone=3 times=2")
    faults = Faults([fault])
    meters = [faults.of_connection() for _ in range(3)]
    assert [meter.to_phone(5) for meter in meters] == [
        (3, fault),
        (3, fault),
        (5, None),
    ]
    assert faults.of_connection().to_phone(5) == (5, None)


Phone = "Callable[[str], int]"


@pytest.fixture
def faulty(
    start_phone: Callable[..., tuple[Child, int]],
    tmp_path_factory: pytest.TempPathFactory,
    profile_file: Callable[..., Path],
) -> Callable[[str], int]:
    """Start a phone whose profile's property scripts faults; return its port."""

    def start(faults: str) -> int:
        path = profile_file()
        text = path.read_text(encoding="utf-8")
        mine = tmp_path_factory.mktemp("faulty") / "emulated-phone.toml"
        properties = f'[emulator.properties]\n"ro.hil.faults" = "{faults}"'
        mine.write_text(text.replace("[emulator.properties]", properties))
        return start_phone(mine)[1]

    return start


@pytest.mark.parametrize("size", [1, 24, 100])
def test_a_dropped_connection_brings_exactly_its_bytes(
    faulty: Phone, new_host: Callable, size: int
) -> None:
    host = new_host(faulty(f"drop to-host={size}"))
    host.send(Command.CNXN, 0x01000001, 1 << 20, b"host::")
    assert len(b"".join(iter(lambda: host.socket.recv(4096), b""))) == size


def test_bytes_of_the_host_after_the_drop_are_not_heard(
    faulty: Phone, new_host: Callable
) -> None:
    port = faulty("drop to-phone=200")
    host = new_host(port)
    host.connect()
    host.send(Command.OPEN, 1, 0, b"shell:echo " + 150 * b"x")
    assert host.receive() is None
    again = new_host(port)
    again.connect()
    assert again.shell(f"echo {500 * 'x'}").stdout == f"{500 * 'x'}\n"


def test_an_output_is_cut_and_no_status_follows(
    faulty: Phone, new_host: Callable
) -> None:
    host = new_host(faulty("cut command=getprop to-host=30"))
    host.connect()
    _, theirs = host.open("shell,v2,raw:getprop")
    assert theirs
    assert len(host.rest()) == 30
    assert host.shell("echo on").status == 0


def test_a_command_is_killed_and_its_shell_goes_on(
    faulty: Phone, new_host: Callable
) -> None:
    host = new_host(faulty("kill command=hit seconds=0 times=2"))
    host.connect()
    done = host.shell("echo hit; sh -c 'sleep 100'; echo $?")
    assert (done.stdout, done.status) == ("hit\n137\n", 0)
    assert host.shell("echo hit; sleep 100").status == 137
    assert host.shell("echo hit; sleep 0; echo on").stdout == "hit\non\n"


def test_a_disk_is_full_from_a_byte_on(faulty: Phone, new_host: Callable) -> None:
    host = new_host(faulty("full command=sync:"))
    host.connect()
    host.shell(f"echo before > {TMP}/a")
    ours, theirs = host.open("sync:")
    host.send(Command.WRITE, ours, theirs, b"STAT\1\0\0\0/")
    assert host.receive() is not None
    assert host.read() is not None
    done = host.shell(f"echo after > {TMP}/b; cat {TMP}/a")
    assert done.stdout == "before\n"
    assert "No space left on device" in done.stderr


def test_the_command_during_which_a_disk_gets_full_is_heard_to_its_end(
    faulty: Phone, new_host: Callable
) -> None:
    host = new_host(faulty("full command=hit to-host=2"))
    host.connect()
    done = host.shell("echo hit the disk")
    assert (done.stdout, done.status) == ("hit the disk\n", 0)


def test_a_rebooted_phone_lost_its_processes_and_kept_its_files(
    faulty: Phone, new_host: Callable
) -> None:
    port = faulty("reboot command='echo now' to-host=4 seconds=0.2")
    host, other = new_host(port), new_host(port)
    host.connect()
    other.connect()
    host.shell(f"echo kept > {TMP}/a")
    other.open("shell:sleep 1000")
    host.open("shell:echo now; sleep 100")
    assert host.read() == b"now\n"
    assert host.read() is None
    assert other.receive() is None
    for _ in itertools.count():
        try:
            back = new_host(port)
        except ConnectionRefusedError:
            continue
        break
    back.connect()
    done = back.shell(f"cat {TMP}/a; ps -A")
    assert done.stdout.startswith("kept\n")
    assert "sleep" not in done.stdout


def test_a_vanished_phone_lets_nobody_in(faulty: Phone, new_host: Callable) -> None:
    port = faulty("vanish to-phone=50")
    host = new_host(port)
    host.connect()
    host.send(Command.OPEN, 1, 0, b"shell:echo")
    assert host.receive() is None
    with pytest.raises(ConnectionRefusedError):
        new_host(port)


def test_an_unauthorised_host_is_never_let_in(
    faulty: Phone, new_host: Callable
) -> None:
    host = new_host(faulty("unauthorised"))
    assert host.connect().command == Command.AUTH
