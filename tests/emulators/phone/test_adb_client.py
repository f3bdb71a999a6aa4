"""Debian's adb, the real client, against the emulated phone."""

from __future__ import annotations

import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.tools import ToolOutput
from hil.tools import run as run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hil.tools import Child

pytestmark = [
    pytest.mark.adb,
    pytest.mark.skipif(shutil.which("adb") is None, reason="adb is not installed"),
]
TMP = "/data/local/tmp"


class Adb:
    """An adb with a server, a home and so a key of its own."""

    def __init__(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.env = {
            "HOME": str(home),
            "ANDROID_USER_HOME": str(home / ".android"),
            "ANDROID_ADB_SERVER_PORT": str(port),
            "ADB_MDNS": "0",
            "ANDROID_SERIAL": "",
        }

    def run(self, *arguments: str, stdin: bytes = b"") -> ToolOutput:
        return run_tool(
            ["adb", *arguments],
            deadline=Deadline(60),
            env=self.env,
            stdin=stdin,
            check=False,
        )

    def text(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.stdout + done.stderr
        return done.stdout.decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    adb = Adb(tmp_path_factory.mktemp("home"))
    yield adb
    adb.run("kill-server")


@pytest.fixture(scope="module")
def adb(server: Adb, port: int) -> Adb:
    """An adb that is connected to the shared phone and to no other."""
    assert f"connected to 127.0.0.1:{port}" in server.text(
        "connect", f"127.0.0.1:{port}"
    )
    server.env["ANDROID_SERIAL"] = f"127.0.0.1:{port}"
    server.text("wait-for-device")
    return server


def test_the_phone_is_listed_with_its_names(adb: Adb, port: int) -> None:
    lines = adb.text("devices", "-l").splitlines()
    (line,) = [line for line in lines if line.startswith(f"127.0.0.1:{port} ")]
    for word in (
        "device",
        "product:emulated_phone",
        "model:Emulated_Phone",
        "device:emulated_phone",
    ):
        assert word in line.split()
    assert adb.text("get-state") == "device\n"


def test_the_features_are_those_of_the_banner(adb: Adb) -> None:
    assert adb.text("features").split() == [
        "shell_v2",
        "cmd",
        "stat_v2",
        "ls_v2",
        "fixed_push_mkdir",
    ]


def test_a_shell_keeps_output_errors_and_status_apart(adb: Adb) -> None:
    done = adb.run("shell", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.exit_code) == (b"out\n", b"err\n", 7)


def test_a_shell_reads_what_adb_is_given(adb: Adb) -> None:
    assert adb.run("shell", "cat", stdin=b"given\n").stdout == b"given\n"
    assert adb.run("shell", stdin=b"echo typed\nexit 3\n").stdout == b"typed\n"


def test_exec_out_gives_bytes_as_they_are(adb: Adb) -> None:
    assert adb.run("exec-out", "head", "-c", "5000", "/dev/zero").stdout == bytes(5000)


def test_five_megabytes_go_and_come_back_identical(adb: Adb, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    (tmp_path / "big").write_bytes(data)
    os.utime(tmp_path / "big", (1_000_000_000, 1_000_000_000))
    (tmp_path / "big").chmod(0o754)
    assert "1 file pushed" in adb.text(
        "push", str(tmp_path / "big"), f"{TMP}/new/folder/big"
    )
    assert (
        adb.text("shell", f"stat -c '%s %a %Y' {TMP}/new/folder/big")
        == "5000000 754 1000000000\n"
    )
    assert "1 file pulled" in adb.text(
        "pull", "-a", f"{TMP}/new/folder/big", str(tmp_path / "back")
    )
    assert (tmp_path / "back").read_bytes() == data
    assert int((tmp_path / "back").stat().st_mtime) == 1_000_000_000


def test_a_folder_goes_and_comes_back(adb: Adb, tmp_path: Path) -> None:
    (tmp_path / "tree/inner").mkdir(parents=True)
    for name in ("a", "inner/b", "inner/blank name"):
        (tmp_path / "tree" / name).write_text(name, encoding="utf-8")
    adb.text("push", str(tmp_path / "tree"), f"{TMP}/pushed")
    adb.text("pull", f"{TMP}/pushed", str(tmp_path / "pulled"))
    found = {
        path.relative_to(tmp_path / "pulled").as_posix(): path.read_text(
            encoding="utf-8"
        )
        for path in (tmp_path / "pulled").rglob("*")
        if path.is_file()
    }
    assert found == {name: name for name in ("a", "inner/b", "inner/blank name")}


def test_a_folder_is_listed(adb: Adb) -> None:
    names = [line.split()[3] for line in adb.text("ls", "/").splitlines()]
    assert {".", "..", "data", "proc", "sys", "system"} <= set(names)


def test_a_missing_file_is_named(adb: Adb, tmp_path: Path) -> None:
    done = adb.run("pull", "/nothing", str(tmp_path / "x"))
    assert done.exit_code == 1
    assert (
        b"failed to stat remote object '/nothing': No such file or directory"
        in done.stderr + done.stdout
    )


def test_a_refused_push_is_told_with_androids_text(adb: Adb, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3_000_000))
    done = adb.run("push", str(tmp_path / "big"), "/system/big")
    assert done.exit_code == 1
    assert b"Read-only file system" in done.stderr + done.stdout


def test_benchmark_model_runs(adb: Adb, digits: Path) -> None:
    adb.text("push", str(digits / "digits.tflite"), f"{TMP}/m.tflite")
    printed = adb.text(
        "shell",
        f"cd {TMP} && ./benchmark_model --graph=m.tflite --num_runs=3 --min_secs=0",
    )
    assert "Inference timings in us: Init:" in printed
    done = adb.run("shell", f"{TMP}/benchmark_model --graph=/nothing")
    assert done.exit_code == 1


def test_root_is_refused_in_words(adb: Adb) -> None:
    done = adb.run("root")
    assert b"adbd cannot run as root in production builds" in done.stdout + done.stderr


def test_an_unknown_key_is_offered_and_then_known(
    server: Adb,
    start_phone: Callable[..., tuple[Child, int]],
    profile_file: Callable[..., Path],
) -> None:
    _, port = start_phone(profile_file(require_auth="true"))
    serial = f"127.0.0.1:{port}"
    for _ in range(2):
        server.text("connect", serial)
        server.text("-s", serial, "wait-for-device")
        assert server.text("-s", serial, "shell", "echo signed") == "signed\n"
        server.text("disconnect", serial)


def test_the_first_version_of_sync_and_shell_serves_a_phone_without_features(
    server: Adb,
    start_phone: Callable[..., tuple[Child, int]],
    profile_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    _, port = start_phone(profile_file(features="[]"))
    serial = f"127.0.0.1:{port}"
    server.text("connect", serial)
    server.text("-s", serial, "wait-for-device")
    (tmp_path / "a").write_bytes(b"abc")
    server.text("-s", serial, "push", str(tmp_path / "a"), f"{TMP}/a")
    server.text("-s", serial, "pull", f"{TMP}/a", str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"abc"
    assert " a" in server.text("-s", serial, "ls", TMP)
    assert server.run("-s", serial, "shell", "echo e >&2; exit 7").stdout == b"e\n"
