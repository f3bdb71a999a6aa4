from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.emulators.phone.adbd import run
from hil.errors import BrokenSetup
from hil.profiles import read_profile
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Host

    from hil.vocab import DeviceProfile

TMP = "/data/local/tmp"


def descendants(pid: int) -> set[int]:
    """Return the processes below *pid*."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {pid for pid in parents if parents[pid] in found} - found:
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] != "Z"


def wait_until_gone(pids: set[int]) -> None:
    deadline = Deadline(60)
    while any(alive(pid) for pid in pids):
        assert not deadline.expired, pids


@pytest.fixture
def busy(
    start_phone: Callable[..., tuple[Child, int]],
    new_host: Callable[[int], Host],
    digits: Path,
) -> tuple[Child, set[int]]:
    """A phone in the middle of a long run, with the processes below it."""
    child, port = start_phone()
    host = new_host(port)
    host.connect()
    data = (digits / "digits.tflite").read_bytes()
    ours, theirs = host.open(f"exec:head -c {len(data)} > {TMP}/m.tflite")
    host.write(ours, theirs, data)
    assert host.read() is None
    host.open(f"exec:{TMP}/benchmark_model --graph={TMP}/m.tflite --min_secs=120")
    other = new_host(port)
    other.connect()
    other.shell(
        "while ! grep -q VmHWM /proc/$(pidof benchmark_model)/status;"
        " do sleep 0.01; done"
    )
    below = descendants(child.pid)
    assert len(below) == 2  # the runtime and its child
    return child, below


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a phone started from here keeps its temporary folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_terminated_phone_leaves_neither_processes_nor_files(
    scratch: Path, busy: tuple[Child, set[int]]
) -> None:
    child, below = busy
    assert len(list(scratch.glob("hil-phone-*"))) == 1
    os.kill(child.pid, signal.SIGTERM)
    assert child.wait(Deadline(60)) == 0
    wait_until_gone(below)
    assert list(scratch.iterdir()) == []


def test_the_end_of_standard_input_ends_the_phone(
    scratch: Path, busy: tuple[Child, set[int]]
) -> None:
    child, below = busy
    assert child._process.stdin is not None
    child._process.stdin.close()
    assert child.wait(Deadline(60)) == 0
    wait_until_gone(below)
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("scratch")  # a killed phone cannot delete its folder
def test_a_killed_phone_leaves_no_orphan(busy: tuple[Child, set[int]]) -> None:
    child, below = busy
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(Deadline(60)) == -signal.SIGKILL
    wait_until_gone(below)


def test_a_killed_runtime_ends_its_runs_and_is_started_again(
    busy: tuple[Child, set[int]], new_host: Callable[[int], Host]
) -> None:
    child, below = busy
    runtime = min(below)
    port = listening_port(child.pid)
    os.kill(runtime, signal.SIGKILL)
    wait_until_gone(below)
    host = new_host(port)
    host.connect()
    done = host.shell(
        f"{TMP}/benchmark_model --graph={TMP}/m.tflite --min_secs=0 --warmup_min_secs=0"
    )
    assert done.status == 0


def listening_port(pid: int) -> int:
    """Return the TCP port that *pid* listens on."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    inodes = {str(link.readlink()) for link in links if link.is_symlink()}
    for line in (
        Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ):
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            assert fields[1].split(":")[0] == "0100007F"  # 127.0.0.1 and no other
            return int(fields[1].split(":")[1], 16)
    pytest.fail("the phone listens on no port of 127.0.0.1")


def test_the_phone_listens_on_this_machine_only(
    start_phone: Callable[..., tuple[Child, int]],
) -> None:
    child, port = start_phone()
    assert listening_port(child.pid) == port


def test_a_busy_port_is_named_with_the_remedy(profile: DeviceProfile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokenSetup) as caught:
            run(profile, port=port, watch_stdin=False)
    assert str(caught.value) == (
        "the emulated phone cannot listen on its port\n"
        f"  where:   127.0.0.1:{port}\n"
        "  found:   Address already in use\n"
        "  allowed: a free port from 1 to 65535\n"
        "  remedy:  --port 0 takes any free port"
    )


def test_a_storage_too_small_for_the_phone_itself_is_named(
    scratch: Path, profile_file: Callable[..., Path]
) -> None:
    profile = read_profile(profile_file(storage_bytes="4096"))
    with pytest.raises(BrokenSetup, match="cannot keep its files") as caught:
        run(profile, port=0, watch_stdin=False)
    assert (
        caught.value.found
        == "No space left on device, with emulator.storage_bytes = 4,096"
    )
    assert list(scratch.iterdir()) == []


def test_files_in_a_folder_of_ones_own_stay(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from hil.emulators.phone.adbd import serve\n"
        "from hil.profiles import find_profile\n"
        "async def main():\n"
        "    phone = asyncio.current_task()\n"
        "    def ready(port):\n        print(port)\n        phone.cancel()\n"
        "    await serve(find_profile('emulated-phone'), port=0, ready=ready,"
        " storage=Path(sys.argv[1]))\n"
        "try:\n    asyncio.run(main())\n"
        "except asyncio.CancelledError:\n    print('ended')\n"
    )
    child = Child([sys.executable, "-c", script, str(tmp_path / "phone")])
    assert child.wait(Deadline(60)) == 0
    assert child.read_line(Deadline(1)).isdigit()
    assert child.read_line(Deadline(1)) == "ended"
    child.stop()
    assert (tmp_path / "phone/data/local/tmp/benchmark_model").exists()
