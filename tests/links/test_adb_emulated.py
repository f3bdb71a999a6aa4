"""The link held against the emulated phone, whose author knows nothing of it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, LinkTimeout, TargetError
from hil.links.adb import AdbLink
from hil.links.adb_key import HostKey
from hil.tools import Child
from hil.vocab import AdbSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PHONE = """
import asyncio, dataclasses, signal, sys
from hil.emulators.phone.adbd import serve
from hil.profiles import find_profile
profile = find_profile("emulated-phone")
emulator = dataclasses.replace(profile.emulator, **{changes})
profile = dataclasses.replace(profile, emulator=emulator)
# So that its temporary folder goes with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ready = lambda port: print(f"127.0.0.1:{{port}}", flush=True)
asyncio.run(serve(profile, port=0, ready=ready, accepts_new_keys={accepts}))
"""
OLD = {"features": ()}
TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def start(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., AdbLink]]:
    """Start a phone with the changes given, once, and return a new link to it."""
    folder = tmp_path_factory.mktemp("phone")
    HostKey(folder / "adbkey").GetPublicKey()  # to make one may take seconds
    addresses: dict[str, tuple[str, int]] = {}
    with contextlib.ExitStack() as stack:

        def started(
            changes: dict[str, object] | None = None, *, accepts: bool = True
        ) -> AdbLink:
            code = PHONE.format(changes=changes or {}, accepts=accepts)
            if code not in addresses:
                argv = [sys.executable, "-c", code]
                child = Child(argv, stderr=folder / f"{len(addresses)}.log")
                stack.callback(child.stop)
                host, _, port = child.read_line(Deadline(60)).rpartition(":")
                addresses[code] = host, int(port)
            host, port = addresses[code]
            settings = AdbSettings(host=host, port=port)
            link = AdbLink(settings, key_path=folder / "adbkey")
            stack.callback(link.close)
            return link

        yield started


def test_the_exit_code_and_both_streams_come_apart(
    start: Callable[..., AdbLink],
) -> None:
    link = start()
    result = link.shell("echo out; echo err >&2; exit 7", Deadline(30))
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"err\n")
    assert "shell_v2" in link.features(Deadline(30))


def test_a_phone_without_shell_v2_gives_the_exit_code_too(
    start: Callable[..., AdbLink],
) -> None:
    link = start(OLD)
    assert link.features(Deadline(30)) == frozenset()
    result = link.shell("echo out; exit 7", Deadline(30))
    assert (result.exit_code, result.stdout) == (7, b"out\n")
    assert (
        link.shell(["echo", "'; exit 3; '"], Deadline(30)).stdout == b"'; exit 3; '\n"
    )


def test_files_go_there_and_back(start: Callable[..., AdbLink], tmp_path: Path) -> None:
    link = start()
    content = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(content)
    link.push(tmp_path / "file", f"{TMP}/a, b", deadline=Deadline(30), mode=0o755)
    assert link.stat(f"{TMP}/a, b", Deadline(30)) == len(content)
    assert link.pull(f"{TMP}/a, b", Deadline(30)) == content
    assert link.shell(f"[ -x '{TMP}/a, b' ]", Deadline(30)).exit_code == 0


def test_what_the_phone_refuses_is_named(start: Callable[..., AdbLink]) -> None:
    link = start()
    assert link.stat(f"{TMP}/none", Deadline(30)) is None
    with pytest.raises(TargetError, match="the phone refused the file") as caught:
        link.pull(f"{TMP}/none", Deadline(30))
    assert "No such file" in str(caught.value.found)
    with pytest.raises(TargetError, match="the phone refused the file"):
        link.push(b"x", "/proc/none", deadline=Deadline(30))
    assert link.shell("echo on", Deadline(30)).stdout == b"on\n"


def test_a_full_phone_says_so(start: Callable[..., AdbLink]) -> None:
    link = start({"storage_bytes": 1_000_000})
    with pytest.raises(TargetError, match="the phone refused the file") as caught:
        link.push(bytes(4_000_000), f"{TMP}/big", deadline=Deadline(30))
    assert "No space left" in str(caught.value.found)


@pytest.mark.parametrize("changes", [None, OLD])
@pytest.mark.parametrize("command", [["sleep", "1000"], "sleep 1000; echo never"])
def test_at_the_deadline_the_process_on_the_phone_is_killed(
    start: Callable[..., AdbLink],
    changes: dict[str, object] | None,
    command: list[str] | str,
) -> None:
    link = start(changes)
    link.open(Deadline(60))  # so that the second is the command's alone
    with pytest.raises(LinkTimeout, match="did not end in time") as caught:
        link.shell(command, Deadline(1))
    assert str(caught.value.found).endswith("was killed on the phone")
    running = link.shell(["ps", "-A"], Deadline(30))
    assert running.exit_code == 0
    assert b"PID" in running.stdout
    assert b"sleep" not in running.stdout


def test_a_new_key_is_accepted_once_and_known_after(
    start: Callable[..., AdbLink],
) -> None:
    auth = {"require_auth": True}
    for _ in range(2):
        link = start(auth)
        assert link.shell("echo in", Deadline(30)).stdout == b"in\n"
        link.close()


def test_a_key_that_nobody_accepts_is_a_broken_setup(
    start: Callable[..., AdbLink],
) -> None:
    link = start({"require_auth": True}, accepts=False)
    with pytest.raises(BrokenSetup, match="has not accepted the key"):
        link.open(Deadline(3))
