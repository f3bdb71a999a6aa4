"""Whole files through the link and an emulated phone: sent once, proved, never half."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, LinkClosed, RecordingError, TargetError
from hil.links.adb import AdbLink
from hil.links.adb_files import PhoneFiles
from hil.tools import Child
from hil.vocab import AdbSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PHONE = """
import asyncio, dataclasses, signal, sys
from hil.emulators.phone.adbd import serve
from hil.emulators.phone.faults import parse_faults
from hil.profiles import find_profile
profile = find_profile("emulated-phone")
emulator = dataclasses.replace(profile.emulator, storage_bytes=20_000_000)
profile = dataclasses.replace(profile, emulator=emulator)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ready = lambda port: print(port, flush=True)
asyncio.run(serve(profile, port=0, ready=ready, faults=parse_faults({faults!r})))
"""
TMP = "/data/local/tmp"


class WatchedLink(AdbLink):
    """Counts what is sent, and may have a phone without some of its tools."""

    lacks: tuple[str, ...] = ()
    spoils = False
    sent = 0

    def shell(self, command, deadline):
        if isinstance(command, str):
            for tool in self.lacks:
                command = command.replace(tool, "no-such-tool")
        return super().shell(command, deadline)

    def send(self, parts, remote, *, deadline, mode):
        self.sent += 1
        if self.spoils:
            parts = [*parts, b"!"]
        super().send(parts, remote, deadline=deadline, mode=mode)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., int]]:
    children: dict[str, tuple[Child, int]] = {}
    folder = tmp_path_factory.mktemp("phone")

    def started(faults: str = "") -> int:
        if faults not in children:
            argv = [sys.executable, "-c", PHONE.format(faults=faults)]
            child = Child(argv, stderr=folder / "log")
            children[faults] = child, int(child.read_line(Deadline(60)))
        return children[faults][1]

    yield started
    for child, _ in children.values():
        child.stop()


@pytest.fixture
def new_link(
    start: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., WatchedLink]]:
    links: list[WatchedLink] = []
    key = tmp_path_factory.mktemp("key") / "adbkey"

    def made(faults: str = "") -> WatchedLink:
        settings = AdbSettings(host="127.0.0.1", port=start(faults))
        links.append(WatchedLink(settings, key_path=key, return_seconds=0.5))
        return links[-1]

    yield made
    for link in links:
        link.close()


def _names(link: AdbLink) -> list[str]:
    return link.shell(["ls", TMP], Deadline(30)).stdout.decode().split()


def test_a_file_is_sent_once_and_proved(
    new_link: Callable[..., WatchedLink], tmp_path: Path
) -> None:
    link, remote = new_link(), f"{TMP}/once, 'odd'"
    data = os.urandom(300_000)
    (tmp_path / "a").write_bytes(data)
    files = PhoneFiles(link)
    first = files.push(tmp_path / "a", remote, deadline=Deadline(30))
    assert (first.sent, first.proof) == (True, "sha256")
    assert first.sha256 == hashlib.sha256(data).hexdigest()
    again = files.push(data, remote, deadline=Deadline(30), mode=0o755)
    assert (again.sent, again.proof, link.sent) == (False, "sha256", 1)
    assert again.sha256 == first.sha256
    entry = link.entry(remote, Deadline(30))
    assert (entry.mode & 0o777, entry.size_bytes) == (0o755, 300_000)
    assert not [name for name in _names(link) if name.endswith("hil-part")]


def test_a_file_of_the_same_length_and_other_content_is_sent(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link()
    files = PhoneFiles(link)
    for content in (b"one", b"two"):
        assert files.push(content, f"{TMP}/same", deadline=Deadline(30)).sent
        assert link.pull(f"{TMP}/same", Deadline(30)) == content


@pytest.mark.parametrize(
    ("lacks", "proof", "skips"),
    [
        (("sha256sum",), "md5", True),
        (("sha256sum", "md5sum"), "read back", False),
    ],
)
def test_a_phone_without_sha256_is_proved_by_what_it_has(
    new_link: Callable[..., WatchedLink],
    lacks: tuple[str, ...],
    proof: str,
    skips: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    link = new_link()
    link.lacks = lacks
    files = PhoneFiles(link)
    data = os.urandom(70_000)
    assert files.push(data, f"{TMP}/{proof}", deadline=Deadline(30)).proof == proof
    again = files.push(data, f"{TMP}/{proof}", deadline=Deadline(30))
    assert again.sent is not skips


@pytest.mark.parametrize("lacks", [(), ("sha256sum",), ("sha256sum", "md5sum")])
def test_what_did_not_arrive_whole_takes_no_files_place(
    new_link: Callable[..., WatchedLink], lacks: tuple[str, ...]
) -> None:
    link = new_link()
    files = PhoneFiles(link)
    files.push(b"before", f"{TMP}/spoilt", deadline=Deadline(30))
    link.spoils, link.lacks = True, lacks
    with pytest.raises(TargetError, match="is not what was sent") as caught:
        files.push(b"after", f"{TMP}/spoilt", deadline=Deadline(30))
    assert "send it again" in str(caught.value.remedy)
    assert link.pull(f"{TMP}/spoilt", Deadline(30)) == b"before"
    assert "spoilt.hil-part" not in _names(link)


def test_too_little_space_is_said_before_a_byte_is_sent(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link()
    with pytest.raises(BrokenSetup, match="too little free space") as caught:
        PhoneFiles(link).push(bytes(30_000_000), f"{TMP}/big", deadline=Deadline(30))
    assert caught.value.allowed == "at least 30,000,000 bytes"
    assert link.sent == 0


def test_what_a_broken_push_left_makes_room(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link()
    link.push(bytes(12_000_000), f"{TMP}/room.hil-part", deadline=Deadline(30))
    files = PhoneFiles(link)
    assert files.push(bytes(12_000_000), f"{TMP}/room", deadline=Deadline(30)).sent
    link.shell(["rm", f"{TMP}/room"], Deadline(30))


def test_a_phone_that_does_not_tell_its_space_is_tried(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link()
    link.lacks = ("df",)
    assert PhoneFiles(link).free_bytes(f"{TMP}/a", Deadline(30)) is None
    assert PhoneFiles(link).push(b"x", f"{TMP}/no-df", deadline=Deadline(30)).sent


def test_progress_is_told_to_the_last_byte(
    new_link: Callable[..., WatchedLink], tmp_path: Path
) -> None:
    files = PhoneFiles(new_link())
    for _ in range(2):  # sent, then found unchanged
        told: list[tuple[int, int]] = []
        files.push(
            bytes(200_000),
            f"{TMP}/progress",
            deadline=Deadline(30),
            progress=lambda done, total, told=told: told.append((done, total)),
        )
        assert told == sorted(told)
        assert told[-1] == (200_000, 200_000)
    told = []
    files.pull(
        f"{TMP}/progress",
        tmp_path / "back",
        deadline=Deadline(30),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (200_000, 200_000)


def test_a_local_file_that_is_missing_is_named(
    new_link: Callable[..., WatchedLink], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="the file to push cannot be read") as caught:
        PhoneFiles(new_link()).push(
            tmp_path / "none", f"{TMP}/none", deadline=Deadline(30)
        )
    assert caught.value.where == str(tmp_path / "none")


def test_a_pull_that_fails_leaves_the_old_file_and_nothing_else(
    new_link: Callable[..., WatchedLink], tmp_path: Path
) -> None:
    link = new_link("drop to-host=300000")
    files, local = PhoneFiles(link), tmp_path / "local"
    local.write_bytes(b"old")
    link.push(bytes(900_000), f"{TMP}/long", deadline=Deadline(30))
    with pytest.raises(LinkClosed, match="connection to the phone is gone"):
        files.pull(f"{TMP}/long", local, deadline=Deadline(30))
    assert [path.name for path in tmp_path.iterdir()] == ["local"]
    assert local.read_bytes() == b"old"
    digest = files.pull(f"{TMP}/long", local, deadline=Deadline(30))
    assert local.read_bytes() == bytes(900_000)
    assert digest == hashlib.sha256(bytes(900_000)).hexdigest()


def test_a_local_file_that_cannot_be_written_is_named_and_the_link_goes_on(
    new_link: Callable[..., WatchedLink], tmp_path: Path
) -> None:
    link = new_link()
    link.push(bytes(500_000), f"{TMP}/x", deadline=Deadline(30))
    with pytest.raises(RecordingError, match="cannot be written") as caught:
        PhoneFiles(link).pull(
            f"{TMP}/x", tmp_path / "none" / "x", deadline=Deadline(30)
        )
    assert caught.value.found == "No such file or directory"
    assert link.shell("echo on", Deadline(30)).stdout == b"on\n"


def test_a_reader_that_stops_early_costs_the_connection_only(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link()
    link.push(bytes(500_000), f"{TMP}/x", deadline=Deadline(30))
    parts = link.receive(f"{TMP}/x", Deadline(30))
    next(parts)
    parts.close()
    assert link.shell("echo on", Deadline(30)).stdout == b"on\n"


@pytest.mark.parametrize("fault", ["drop to-phone=150000", "reboot to-phone=150000"])
def test_a_push_goes_on_after_a_drop_and_leaves_no_part(
    new_link: Callable[..., WatchedLink], fault: str
) -> None:
    link = new_link(fault if "drop" in fault else f"{fault} seconds=0.1")
    files, data = PhoneFiles(link), os.urandom(400_000)
    with pytest.raises(LinkClosed):
        files.push(data, f"{TMP}/a", deadline=Deadline(30))
    assert files.push(data, f"{TMP}/a", deadline=Deadline(30)).sent
    assert link.pull(f"{TMP}/a", Deadline(30)) == data
    assert "a.hil-part" not in _names(link)


def test_a_phone_that_vanishes_is_a_broken_link(
    new_link: Callable[..., WatchedLink],
) -> None:
    link = new_link("vanish command='echo x'")
    with pytest.raises(LinkClosed, match="connection to the phone is gone"):
        link.shell("echo x; sleep 100", Deadline(30))
    with pytest.raises(LinkClosed, match="the phone is gone") as caught:
        link.shell("echo", Deadline(30))
    assert caught.value.status.value == "link_broken"


def test_output_that_is_cut_is_no_result(new_link: Callable[..., WatchedLink]) -> None:
    link = new_link("cut command=getprop to-host=120")
    with pytest.raises(LinkClosed, match="without its exit code") as caught:
        link.shell("getprop", Deadline(30))
    assert "process" in str(caught.value.found)


def test_eight_workers_with_a_link_each_do_not_meet(
    new_link: Callable[..., WatchedLink],
) -> None:
    links = [new_link() for _ in range(8)]
    answers: dict[int, bytes] = {}

    def work(number: int) -> None:
        link = links[number]
        for _ in range(3):
            link.push(
                bytes([number]) * 90_000, f"{TMP}/w{number}", deadline=Deadline(60)
            )
            answers[number] = link.pull(f"{TMP}/w{number}", Deadline(60))
        answers[number] += link.shell(f"echo {number}", Deadline(60)).stdout

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert answers == {
        number: bytes([number]) * 90_000 + f"{number}\n".encode() for number in range(8)
    }
