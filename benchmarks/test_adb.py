"""The cost of a phone on loopback: shell commands, and files beside the real adb."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.links.adb import AdbLink
from hil.links.adb_files import PhoneFiles
from hil.tools import Child, run
from hil.vocab import AdbSettings

PHONE = """
import sys
from hil.emulators.phone.adbd import run
from hil.profiles import find_profile
sys.exit(run(find_profile("emulated-phone"), port=0, watch_stdin=True))
"""
TMP = "/data/local/tmp"
SIZE_BYTES = 50_000_000
ROUNDS = 5


@pytest.fixture(scope="module")
def address():
    child = Child([sys.executable, "-c", PHONE])
    yield child.read_line(Deadline(60))
    child.stop()


@pytest.fixture(scope="module")
def link(address, tmp_path_factory):
    host, _, port = address.rpartition(":")
    settings = AdbSettings(host=host, port=int(port))
    link = AdbLink(settings, key_path=tmp_path_factory.mktemp("key") / "adbkey")
    yield link
    link.close()


def test_a_shell_command_takes_at_most_5_ms(benchmark, link):
    def twenty():
        for _ in range(20):
            assert link.shell("true", Deadline(60)).exit_code == 0

    benchmark.pedantic(twenty, rounds=7, warmup_rounds=1)
    milliseconds = 1000 * benchmark.stats["median"] / 20
    benchmark.extra_info["milliseconds"] = milliseconds
    print(f"\nshell, there and back: {milliseconds:.2f} ms")
    assert milliseconds <= 5


@pytest.fixture
def real_push(address, tmp_path):
    """Push a file by Debian's adb; a server and a key of its own."""
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed: apt-get install adb")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {
        "HOME": str(tmp_path),
        "ANDROID_ADB_SERVER_PORT": str(port),
        "ADB_MDNS": "0",
        "ANDROID_SERIAL": address,
    }

    def adb(*words):
        run(["adb", *words], deadline=Deadline(120), env=env)

    adb("connect", address)
    adb("wait-for-device")
    yield lambda path, remote: adb("push", str(path), remote)
    adb("kill-server")


def test_50_mb_take_at_most_2_5_times_as_long_as_adb_push(
    benchmark, link, real_push, tmp_path
):
    """Space checked before, content by SHA-256 after: adb does neither."""
    files = PhoneFiles(link)
    contents = [os.urandom(SIZE_BYTES) for _ in range(2)]
    for name, content in zip("ab", contents, strict=True):
        (tmp_path / name).write_bytes(content)
    ours, plain, theirs = [], [], []

    def timed(into, push):
        start = time.perf_counter()
        push()
        into.append(time.perf_counter() - start)

    def one_of_each():
        path = tmp_path / "ab"[len(ours) % 2]  # never what is there already
        timed(theirs, lambda: real_push(path, f"{TMP}/adb"))
        timed(ours, lambda: files.push(path, f"{TMP}/hil", deadline=Deadline(120)))
        timed(
            plain, lambda: link.push(path, f"{TMP}/hil-plain", deadline=Deadline(120))
        )

    benchmark.pedantic(one_of_each, rounds=ROUNDS, warmup_rounds=0)
    ratio = float(np.median(np.array(ours) / np.array(theirs)))
    ratio_plain = float(np.median(np.array(plain) / np.array(theirs)))
    benchmark.extra_info["times_adb_push"] = ratio
    benchmark.extra_info["times_adb_push_unproved"] = ratio_plain
    print(
        f"\n50 MB pushed and proved: {np.median(ours):.2f} s, {ratio:.2f} times adb's "
        f"{np.median(theirs):.2f} s; unproved {ratio_plain:.2f} times"
    )
    assert ratio <= 2.5


def test_an_unchanged_50_mb_file_costs_less_than_sending_it(benchmark, link):
    files = PhoneFiles(link)
    content = os.urandom(SIZE_BYTES)
    start = time.perf_counter()
    assert files.push(content, f"{TMP}/kept", deadline=Deadline(120)).sent
    first = time.perf_counter() - start

    def again():
        assert not files.push(content, f"{TMP}/kept", deadline=Deadline(120)).sent

    benchmark.pedantic(again, rounds=3)
    print(f"\nsent {first:.2f} s, unchanged {benchmark.stats['median']:.2f} s")
    assert benchmark.stats["median"] <= first
