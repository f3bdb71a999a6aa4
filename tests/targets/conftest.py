"""A phone whose shell is this machine's own: scripts meet real sh semantics."""

from __future__ import annotations

import json
import secrets
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.errors import LinkClosed, TargetError
from hil.links.adb_output import ShellResult
from hil.links.adb_sync import RemoteFile
from hil.links.phone import local_file
from hil.models.facts import artifact
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.targets.phone_conditions import PhoneConditions
from hil.tools import run
from hil.vocab import Job

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from hil.vocab import Deadline

REPORT = """\
INFO: STARTING!
INFO: Initialized session in 1.5ms.
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate \
if exceeding 150 seconds.
INFO: count=1 curr=40 p5=40 median=40 p95=40

INFO: Running benchmark for at least 5 iterations and at least 0 seconds but terminate \
if exceeding 150 seconds.
INFO: count=5 first=30 curr=32 min=29 max=33 avg=31 std=1 p5=29 median=31 p95=33

INFO: Inference timings in us: Init: 1500, First inference: 40, Warmup (avg): 40, \
Inference (avg): 31
INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.5
INFO: Overall peak memory footprint (MB) via periodic monitoring: 12.5
"""
# It writes ten floats as the answer: the sum of the input, then zeros.
_TOOL = """\
import array, json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/runs", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
with open(here + "/runs") as log:
    count = len(log.readlines())
with open(here + "/play.json") as file:
    play = json.load(file)
flags = dict(w[2:].split("=", 1) for w in sys.argv[1:])
time.sleep(play["seconds"])
def looks():
    with open(here + "/../bin/calls") as log:
        return log.read().count("dumpsys battery")
if play["looks"]:
    enough, deadline = looks() + play["looks"], time.monotonic() + 60
    while looks() < enough and time.monotonic() < deadline:
        time.sleep(0.02)
in_turn = count > play["after"]
if in_turn and play["signal"]:
    os.kill(os.getpid(), play["signal"])
path = flags.get("input_layer_value_files", "").rpartition(":")[2]
if path and "output_filepath" in flags and not (in_turn and play["mute"]):
    values = array.array("f", open(path, "rb").read())
    out = array.array("f", [sum(values)] + [0] * 9).tobytes()
    with open(flags["output_filepath"], "wb") as file:
        file.write(out[: play["answer_bytes"]])
profiled = "enable_op_profiling" in flags
sys.stdout.write(play["profile"] if profiled and play["profile"] else play["report"])
sys.stderr.write(play["stderr"] if in_turn else "")
sys.exit(play["code"] if in_turn else 0)
"""
_PLAY = {
    "report": REPORT,
    "profile": None,
    "stderr": "",
    "code": 0,
    "after": 0,  # so many runs go well first
    "signal": 0,
    "mute": False,
    "seconds": 0.0,
    "looks": 0,  # it goes on until the watch has begun so many; all but one are whole
    "answer_bytes": 40,
}
_TMP = "/data/local/tmp"
_ASK = """#!/bin/sh
echo "{name} $*" >>{folder}/calls
cat "{folder}/{name}-$1" 2>/dev/null && exit
echo "Can't find service: $1"
exit {miss}
"""


class ShellPhone:
    """A phone of a folder: `/data/local/tmp` and a few commands are its own."""

    address = "a folder"

    def __init__(self, root: Path) -> None:
        self.root = root / "tmp"
        self.commands = root / "bin"
        self.root.mkdir(parents=True)
        self.commands.mkdir()
        self.pushed: list[str] = []
        self.scripts: list[str] = []
        self.closed = False
        self.gone_at: str | None = None  # a script with this text breaks the link
        self._play = dict(_PLAY)
        self.play()
        (self.root / "tool.py").write_text(_TOOL)
        tool = f'#!/bin/sh\nexec {sys.executable} -S -E {self.root}/tool.py "$@"\n'
        self._write(self.root / "benchmark_model", tool)
        for name, miss in (("getprop", 0), ("dumpsys", 0), ("cmd", 20)):
            text = _ASK.format(name=name, folder=self.commands, miss=miss)
            self._write(self.commands / name, text)
        self.answer("getprop", "", "[ro.product.model]: [Fake]\n")

    def play(self, **parts: object) -> None:
        """Let the program behave otherwise from now on."""
        assert parts.keys() <= _PLAY.keys()
        self._play |= parts
        (self.root / "play.json").write_text(json.dumps(self._play))

    def answer(self, command: str, word: str, text: str) -> None:
        """Let a command answer *text* where *word* is its first argument."""
        (self.commands / f"{command}-{word}").write_text(text)

    @property
    def runs(self) -> list[list[str]]:
        """The arguments of each run of the program."""
        log = self.root / "runs"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def calls(self) -> list[str]:
        """Each call of getprop, dumpsys and cmd."""
        log = self.commands / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def host(self, remote: str) -> Path:
        """Return where a path of the phone lies on this machine."""
        assert remote.startswith(_TMP)
        return Path(remote.replace(_TMP, str(self.root)))

    def open(self, deadline: Deadline) -> None:
        assert not deadline.expired

    def close(self) -> None:
        self.closed = True

    def draw(self) -> str:
        return secrets.token_hex(8)

    def seconds_left(self, deadline: Deadline) -> float:
        return deadline.remaining

    def shell(self, command: str | Sequence[str], deadline: Deadline) -> ShellResult:
        assert not deadline.expired
        script = command if isinstance(command, str) else shlex.join(command)
        self.scripts.append(script)
        if self.gone_at is not None and self.gone_at in script:
            raise LinkClosed("the connection to the phone is gone")
        done = run(
            ["sh", "-c", script.replace(_TMP, str(self.root))],
            deadline=deadline,
            env={"PATH": f"{self.commands}:/usr/bin:/bin"},
            check=False,
        )
        return ShellResult(
            exit_code=done.exit_code if done.exit_code >= 0 else 128 - done.exit_code,
            stdout=done.stdout.replace(str(self.root).encode(), _TMP.encode()),
            stderr=done.stderr.replace(str(self.root).encode(), _TMP.encode()),
            pid=77,
        )

    def entry(self, remote: str, deadline: Deadline) -> RemoteFile | None:
        del deadline
        path = self.host(remote)
        if not path.is_file():
            return None
        return RemoteFile(mode=path.stat().st_mode, size_bytes=path.stat().st_size)

    def stat(self, remote: str, deadline: Deadline) -> int | None:
        found = self.entry(remote, deadline)
        return None if found is None else found.size_bytes

    def pull(self, remote: str, deadline: Deadline) -> bytes:
        return b"".join(self.receive(remote, deadline))

    def receive(self, remote: str, deadline: Deadline) -> Generator[bytes, None, None]:
        del deadline
        if not self.host(remote).is_file():
            raise TargetError("the phone refused the file", where=remote)
        yield self.host(remote).read_bytes()

    def push(
        self, local: Path | bytes, remote: str, *, deadline: Deadline, mode: int = 0o644
    ) -> None:
        with local_file(local) as file:
            self.send([file.read()], remote, deadline=deadline, mode=mode)

    def send(
        self, parts: Iterable[bytes], remote: str, *, deadline: Deadline, mode: int
    ) -> None:
        del deadline
        self.pushed.append(remote)
        self.host(remote).write_bytes(b"".join(parts))
        self.host(remote).chmod(mode)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


CONDITIONS = PhoneConditions(temperature_gate=False)


@pytest.fixture
def job(digits: Path) -> Job:
    return Job(
        id="j",
        model=artifact(digits / "digits.tflite"),
        device=find_profile("emulated-phone"),
        window=0,
        warmup=1,
        min_runs=5,
        min_seconds=0.0,
        probe=np.full((1, 8, 8, 1), 2, dtype=np.float32),
    )


@pytest.fixture
def phone(tmp_path: Path) -> ShellPhone:
    return ShellPhone(tmp_path / "phone")


@pytest.fixture
def make_target(phone: ShellPhone):
    """Make a target of the phone, without a temperature gate unless told otherwise."""

    def make(**conditions: object) -> PhoneTarget:
        return PhoneTarget(
            find_profile("emulated-phone"), phone, replace(CONDITIONS, **conditions)
        )

    return make
