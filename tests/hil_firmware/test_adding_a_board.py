"""docs/adding-a-board.md, followed step by step: files written, commands run."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest

from hil.deadline import Deadline
from hil.tools import Child, run

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-board.md"
PORT = "4321"
# A path in backquotes with a colon, alone on its line, names the file of a block.
_BLOCK = re.compile(
    r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)

pytestmark = pytest.mark.qemu


def free_port():
    """A port that stays free until QEMU takes it: none that the system deals out."""
    for port in random.sample(range(20000, 30000), 20):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("none of 20 ports is free")


class Reader:
    """Someone who does what the page says, in an empty folder."""

    def __init__(self, folder):
        self.port = free_port()
        page = PAGE.read_text(encoding="utf-8").replace(PORT, str(self.port))
        self.folder = folder
        self.files = {}
        self.commands = []
        for name, language, text in _BLOCK.findall(page):
            if name:
                self.files[name] = text
            else:
                assert language == "sh"
                self.commands.append(text)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {"PATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
        self.folder.mkdir()

    def write_files(self):
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    def run(self, command, *, check=True):
        output = run(
            ["sh", "-e", "-c", command],
            deadline=Deadline(240),
            cwd=self.folder,
            env=self.env,
            check=check,
        )
        return output.stdout.decode()

    def start(self, command):
        """Run *command* beside us until the machine's serial line can be reached."""
        child = Child(["sh", "-e", "-c", command], cwd=self.folder, env=self.env)
        deadline = Deadline(120)
        while child.exit_code is None and not deadline.expired:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                break
        return child


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    for tool in ("qemu-system-arm", "arm-none-eabi-gcc", "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return Reader(tmp_path_factory.mktemp("page") / "desk")


def test_the_board_of_the_page_is_built_booted_and_qualified(reader):
    assert set(reader.files) == {
        "lm3s6965/board.cmake",
        "lm3s6965/memory.ld",
        "lm3s6965/port.c",
        "lm3s6965/README.md",
        "lm3s6965.toml",
    }
    build, start, probe, flash, qualify = reader.commands
    reader.write_files()
    elf, *sizes = reader.run(build).splitlines()
    assert Path(elf).is_file()
    assert sizes[-1].startswith("  flash ")
    machine = reader.start(start)
    try:
        assert "lm3s6965, build " in reader.run(probe)
        flashed = reader.run(flash)
        assert "flashed: nothing" in flashed
        assert "\nanswers: lm3s6965, build " in flashed
        # Drift and repeatability are the host's; see the page.
        items = reader.run(qualify, check=False)
    finally:
        machine.stop()
    passed = set(
        re.findall(r"^pass +(link errors|timer \w+|parity)", items, re.MULTILINE)
    )
    assert passed >= {"link errors", "timer monotonic", "timer resolution", "parity"}
    assert re.search(r"parity +\d+ of 50 identical", items)


def test_the_sources_that_the_page_names_are_there():
    templates = PAGE.parents[1] / "firmware_templates"
    named = set(re.findall(r"`((?:boards|common|port)/[\w./]+)`", PAGE.read_text()))
    assert len(named) > 4
    for name in named:
        inside = templates / name, templates / "boards" / name
        assert any(path.exists() for path in inside), name
