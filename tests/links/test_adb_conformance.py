"""One set of tests for every client of a phone, and for a real adbd.

hil's own link, Debian's adb and the newer adb inside the package adbutils are held
against the emulated phone, so that neither the link nor the phone is right for the
other only. With `HIL_ADBD=host:port` the link is held against the adbd that listens
there (Debian has one in its package adbd), too.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import secrets
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from hil.deadline import Deadline
from hil.errors import HilError, LinkTimeout, ToolError
from hil.links.adb import AdbLink
from hil.links.adb_files import PhoneFiles
from hil.tools import Child, run
from hil.vocab import AdbSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PHONE = """
import asyncio, dataclasses, signal, sys
from hil.emulators.phone.adbd import serve
from hil.emulators.phone.faults import parse_faults
from hil.profiles import find_profile
profile = find_profile("emulated-phone")
emulator = dataclasses.replace(profile.emulator, **{changes})
profile = dataclasses.replace(profile, emulator=emulator)
# So that its temporary folder goes with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
ready = lambda port: print(port, flush=True)
asyncio.run(serve(profile, port=0, ready=ready, faults=parse_faults({faults!r})))
"""
_SECONDS = 60.0


class Client(Protocol):
    """What the tests ask of each client; what goes wrong is a HilError."""

    def attach(self, address: str) -> None:
        """Turn to the phone at *address*."""

    def shell(self, script: str) -> tuple[bytes, bytes, int]:
        """Return output, errors and status."""

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the phone."""

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file from the phone."""

    def close(self) -> None:
        """End it."""


class HilClient:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._link: AdbLink | None = None

    def attach(self, address: str) -> None:
        self.close()
        host, _, port = address.rpartition(":")
        settings = AdbSettings(host=host, port=int(port))
        self._link = AdbLink(settings, key_path=self._home / "adbkey")

    def shell(self, script: str) -> tuple[bytes, bytes, int]:
        done = self._link.shell(script, Deadline(_SECONDS))
        return done.stdout, done.stderr, done.exit_code

    def push(self, local: Path, remote: str) -> None:
        mode = local.stat().st_mode & 0o777
        files = PhoneFiles(self._link)
        files.push(local, remote, deadline=Deadline(_SECONDS), mode=mode)

    def pull(self, remote: str, local: Path) -> None:
        PhoneFiles(self._link).pull(remote, local, deadline=Deadline(_SECONDS))

    def close(self) -> None:
        if self._link is not None:
            self._link.close()


class AdbClient:
    """An adb program with a server, a home and so a key of its own."""

    def __init__(self, program: str, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._program = program
        self._env = {
            "HOME": str(home),
            "ANDROID_USER_HOME": str(home / ".android"),
            "ANDROID_ADB_SERVER_PORT": str(port),
            "ADB_MDNS": "0",
        }

    def attach(self, address: str) -> None:
        self._env["ANDROID_SERIAL"] = address
        # adb takes a connection that has dropped for one that is still there.
        self._run("disconnect", check=False)
        self._run("connect", address)
        self._run("wait-for-device")

    def shell(self, script: str) -> tuple[bytes, bytes, int]:
        done = run(
            [self._program, "shell", script],
            deadline=Deadline(_SECONDS),
            env=self._env,
            check=False,
        )
        return done.stdout, done.stderr, done.exit_code

    def push(self, local: Path, remote: str) -> None:
        self._run("push", str(local), remote)

    def pull(self, remote: str, local: Path) -> None:
        self._run("pull", remote, str(local))

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *words: str, check: bool = True) -> None:
        argv = [self._program, *words]
        run(argv, deadline=Deadline(_SECONDS), env=self._env, check=check)


def _adbutils_program() -> str | None:
    package = importlib.util.find_spec("adbutils")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "binaries" / "adb"
    return str(program) if program.is_file() else None


_PROGRAMS = {"debian": shutil.which("adb"), "adbutils": _adbutils_program()}
_ADBD = os.environ.get("HIL_ADBD", "")
_MARKS = {"debian": [pytest.mark.adb]}
_CLIENTS = [
    pytest.param(name, marks=_MARKS.get(name, []))
    for name in ("hil", *_PROGRAMS)
    if name == "hil" or _PROGRAMS[name]
]
_PLACES = ["emulated", *(["adbd"] if _ADBD else [])]


def test_nobody_is_absent() -> None:
    """One line for all that the tests below leave out."""
    absent = [f"adb of {name}" for name, path in _PROGRAMS.items() if path is None]
    absent += [] if _ADBD else ["a real adbd (HIL_ADBD=host:port)"]
    if absent:
        pytest.skip(f"not held against the phone: {', '.join(absent)}")


@pytest.fixture(scope="module")
def phone(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., str]]:
    """Start an emulated phone with changes and faults, once; return its address."""
    folder = tmp_path_factory.mktemp("phones")
    children: dict[str, tuple[Child, str]] = {}

    def start(changes: dict[str, object] | None = None, *, faults: str = "") -> str:
        code = _PHONE.format(changes=changes or {}, faults=faults)
        if code not in children or faults:
            child = Child([sys.executable, "-c", code], stderr=folder / "log")
            port = child.read_line(Deadline(_SECONDS))
            children[code + secrets.token_hex(4) if faults else code] = (
                child,
                f"127.0.0.1:{port}",
            )
            return f"127.0.0.1:{port}"
        return children[code][1]

    yield start
    for child, _ in children.values():
        child.stop()


@pytest.fixture(scope="module")
def clients(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Client]]:
    """Return the client of a name, the same for all tests."""
    made: dict[str, Client] = {}

    def find(name: str) -> Client:
        if name not in made:
            home = tmp_path_factory.mktemp("home")
            program = _PROGRAMS.get(name)
            made[name] = AdbClient(program, home) if program else HilClient(home)
        return made[name]

    yield find
    for client in made.values():
        client.close()


@pytest.fixture(params=_CLIENTS)
def client(request: pytest.FixtureRequest, clients: Callable[[str], Client]) -> Client:
    return clients(request.param)


@dataclasses.dataclass(frozen=True)
class Attached:
    """A client at a phone, and a folder of the phone that is the test's own."""

    client: Client
    folder: str


@pytest.fixture(params=[*_CLIENTS, *(["hil at adbd"] if _ADBD else [])])
def at(
    request: pytest.FixtureRequest,
    clients: Callable[[str], Client],
    phone: Callable[..., str],
) -> Iterator[Attached]:
    name, _, place = request.param.partition(" at ")
    client = clients(name)
    address, above = (_ADBD, "/tmp") if place else (phone(), "/data/local/tmp")
    client.attach(address)
    folder = f"{above}/hil-{secrets.token_hex(4)}"
    assert client.shell(f"mkdir {folder}")[2] == 0
    yield Attached(client, folder)
    client.shell(f"rm -r {folder}")


def test_output_errors_and_status_come_apart(at: Attached) -> None:
    assert at.client.shell("echo out; echo err >&2; exit 7") == (b"out\n", b"err\n", 7)
    assert at.client.shell("exit 255") == (b"", b"", 255)
    assert at.client.shell("true") == (b"", b"", 0)


def test_output_comes_as_it_is(at: Attached, tmp_path: Path) -> None:
    data = b"a\r\nb\0\n\n\r\r\x1b[2J" + bytes(range(256))
    (tmp_path / "odd").write_bytes(data)
    at.client.push(tmp_path / "odd", f"{at.folder}/odd")
    script = f"cat {at.folder}/odd; cat {at.folder}/odd >&2"
    assert at.client.shell(script) == (data, data, 0)


def test_long_output_is_whole(at: Attached) -> None:
    assert at.client.shell("head -c 3000000 /dev/zero")[0] == bytes(3_000_000)


def test_quoted_words_stay_words(at: Attached) -> None:
    script = "echo 'a  b' '$(id)' '`x`' '*' \"'\" 'ä' \"$((1 + 1))\""
    assert at.client.shell(script)[0].decode() == "a  b $(id) `x` * ' ä 2\n"


def test_a_process_that_a_signal_ended_has_128_and_its_number(at: Attached) -> None:
    assert at.client.shell("sh -c 'kill -9 $$'; exit $?")[2] == 137


@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_a_file_goes_and_comes_back_identical(
    at: Attached, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    (tmp_path / "there").write_bytes(data)
    (tmp_path / "there").chmod(0o750)
    remote = f"{at.folder}/a, 'b' \"c\" $d"
    at.client.push(tmp_path / "there", remote)
    at.client.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    # A real adbd gives the owner's permissions to everybody else, too.
    status = at.client.shell(f"cd {at.folder}; stat -c '%s %a' *")[0]
    assert status in {f"{size} {mode}\n".encode() for mode in (750, 777)}


def test_a_file_that_is_there_is_replaced(at: Attached, tmp_path: Path) -> None:
    for content in (b"long content", b"short", b"other"):
        (tmp_path / "a").write_bytes(content)
        at.client.push(tmp_path / "a", f"{at.folder}/a")
        at.client.pull(f"{at.folder}/a", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == content
    assert at.client.shell(f"ls {at.folder}")[0] == b"a\n"


def test_a_missing_file_is_an_error_and_leaves_nothing(
    at: Attached, tmp_path: Path
) -> None:
    with pytest.raises(HilError, match=r"No such file or directory"):
        at.client.pull(f"{at.folder}/none", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    assert at.client.shell("echo on")[0] == b"on\n"


def test_a_place_that_takes_no_files_is_an_error(at: Attached, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(300_000))
    at.client.shell(f"echo x > {at.folder}/file")
    with pytest.raises(HilError):
        at.client.push(tmp_path / "a", f"{at.folder}/file/a")
    assert at.client.shell("echo on")[0] == b"on\n"


def test_a_phone_without_features_is_served(
    client: Client, phone: Callable[..., str], tmp_path: Path
) -> None:
    client.attach(phone({"features": ()}))
    assert client.shell("echo out; echo err >&2")[0] == b"out\nerr\n"
    (tmp_path / "a").write_bytes(bytes(200_000))
    client.push(tmp_path / "a", "/data/local/tmp/a")
    client.pull("/data/local/tmp/a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == bytes(200_000)


def test_a_new_key_is_accepted_and_known_after(
    client: Client, phone: Callable[..., str]
) -> None:
    client.attach(phone({"require_auth": True}))
    assert client.shell("echo in")[0] == b"in\n"


def test_a_full_disk_is_an_error_with_its_reason(
    client: Client, phone: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(bytes(2_000_000))
    client.attach(phone(faults="full to-phone=1000000"))
    with pytest.raises(HilError) as caught:
        client.push(tmp_path / "a", "/data/local/tmp/a")
    assert "No space left on device" in str(caught.value)
    assert client.shell("echo on")[0] == b"on\n"


@pytest.mark.parametrize("faults", ["drop to-phone=1000000", "drop to-host=4000"])
def test_a_connection_that_drops_fails_one_copy_and_comes_back(
    client: Client, phone: Callable[..., str], tmp_path: Path, faults: str
) -> None:
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    address = phone(faults=faults)
    client.attach(address)

    def copy() -> None:
        for number in range(9):  # adb itself says little: some copies go through
            client.push(tmp_path / "a", f"/data/local/tmp/{number}")
            client.pull(f"/data/local/tmp/{number}", tmp_path / "b")
            (tmp_path / "b").unlink()

    with pytest.raises(HilError):
        copy()
    left = tmp_path / "b"
    assert isinstance(client, AdbClient) or not left.exists()
    client.attach(address)
    client.push(tmp_path / "a", "/data/local/tmp/a")
    client.pull("/data/local/tmp/a", left)
    assert left.read_bytes() == bytes(3_000_000)


def test_a_command_that_is_killed_says_so(
    client: Client, phone: Callable[..., str]
) -> None:
    client.attach(phone(faults="kill command=sleep seconds=0"))
    assert client.shell("echo a; sleep 1000")[2] == 137
    assert client.shell("echo a; sleep 0") == (b"a\n", b"", 0)


def test_an_address_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    client = HilClient(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client.attach(f"127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(HilError, match="cannot be reached") as caught:
        client.shell("echo")
    assert not isinstance(caught.value, ToolError)


@pytest.mark.parametrize("place", _PLACES)
def test_at_the_deadline_all_that_the_command_started_is_killed(
    phone: Callable[..., str], tmp_path: Path, place: str
) -> None:
    address = phone() if place == "emulated" else _ADBD
    host, _, port = address.rpartition(":")
    settings = AdbSettings(host=host, port=int(port))
    link = AdbLink(settings, key_path=tmp_path / "adbkey")
    seconds = secrets.randbelow(10**6) + 10**6  # known again among all others
    link.open(Deadline(_SECONDS))  # so that the second is the command's alone
    with pytest.raises(LinkTimeout, match="did not end in time") as caught:
        link.shell(f"sh -c 'sleep {seconds}; echo a'; echo b", Deadline(1))
    assert str(caught.value.found).endswith("was killed on the phone")
    left = link.shell("cat /proc/[0-9]*/cmdline", Deadline(_SECONDS)).stdout
    link.close()
    assert f"sleep\0{seconds}".encode() not in left
