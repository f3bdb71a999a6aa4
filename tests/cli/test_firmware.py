"""`hil firmware`: folders, images, and a board that the verb flashes on its port."""

from __future__ import annotations

import json
import os
import shutil
import threading
import tty

import pytest

from hil.cli.main import main
from hil.codegen.templates import shipped_templates
from hil.deadline import Deadline
from hil.tools import Child, run

PROFILE = """
name = "desk-board"
kind = "mcu"
arch = "host"
core = "host CPU"
ram_bytes = 4194304
flash_bytes = 4194304
time_basis = "host_clock"
[link]
port = "{folder}/tty"
[firmware]
template = "native"
engine = "compiled"
[flash]
tool = "{folder}/flash"
arguments = ["{{image}}"]
[reset]
tool = "{folder}/reset"
"""
MODEL = ("--model", "example:digits.tflite")

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("cmake")), reason="no C compiler or CMake"
)


class Desk:
    """One path on which runs what was flashed last; a reset starts it anew."""

    def __init__(self, folder):
        self.folder = folder
        self.flashed = folder / "flashed.elf"
        self.tty = folder / "tty"
        self.resets = folder / "resets"
        os.mkfifo(self.resets)
        # Open for both from the start: no word is lost, whoever comes first.
        self.line = self.resets.open("r+b", buffering=0)
        self.script("flash", f'cp --remove-destination "$1" {self.flashed}')
        self.script("reset", f"echo reset > {self.resets}")
        (folder / "desk-board.toml").write_text(PROFILE.format(folder=folder))
        self.profile = ("--profile", str(folder / "desk-board.toml"))
        self.child = None
        self.thread = threading.Thread(target=self._restart_at_each_reset)
        self.thread.start()

    def script(self, name, text):
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.log\n{text}\n')
        path.chmod(0o755)

    def ran(self, name):
        log = self.folder / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def start(self):
        if self.child is not None:
            self.child.stop()
        self.child = Child([str(self.flashed), "--pty", "--watch-stdin"])
        self.put(self.child.read_line(Deadline(60)))

    def put(self, path):
        """Let the board's path lead to *path*, from one moment to the next."""
        link = self.folder / "new-tty"
        link.symlink_to(path)
        link.rename(self.tty)

    def _restart_at_each_reset(self):
        while self.line.readline() == b"reset\n":
            self.start()

    def close(self):
        self.line.write(b"end\n")
        self.thread.join()
        self.line.close()
        if self.child is not None:
            self.child.stop()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache of images for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def built(capsys, *words):
    """The path of an image that `hil firmware build` made."""
    assert main(["firmware", "build", *MODEL, *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def running(desk, capsys):
    """A desk whose board runs an older build: the same with other limits."""
    old = built(capsys, *desk.profile, "--set", "ram_bytes=4000000")
    shutil.copy(old["elf"], desk.flashed)
    desk.start()
    return desk


def test_another_build_is_flashed_restarted_and_answers(running, capsys):
    assert main(["firmware", "flash", *running.profile, *MODEL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    image = built(capsys, *running.profile)
    assert running.ran("flash") == [image["elf"]]
    assert len(running.ran("reset")) == 1
    assert document["was_flashed"] is True
    assert document["steps"]["flashed"].endswith(f"/flash {image['elf']}")
    assert (document["board"], document["engine"]) == ("desk-board", "compiled")
    assert document["build_id"] == image["build_id"]


def test_the_build_that_runs_already_is_flashed_by_force_only(running, capsys):
    words = ["firmware", "flash", *running.profile, *MODEL]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert f"flashed: {running.folder}/flash /" in shown
    assert f"reset: {running.folder}/reset" in shown
    assert "\nanswers: desk-board, build " in shown
    assert main(words) == 0
    assert "flashed: nothing, the board runs this build" in capsys.readouterr().out
    assert len(running.ran("flash")) == 1
    assert main([*words, "--force"]) == 0
    assert len(running.ran("flash")) == 2


def test_the_wrong_board_is_never_flashed(running, capsys):
    words = ["firmware", "flash", *running.profile, *MODEL, "--force"]
    assert main([*words, "--set", "firmware.board='other'"]) == 3
    shown = capsys.readouterr()
    assert "another board answers; it is left as it is" in shown.err
    assert "desk-board, build " in shown.err
    assert shown.out == ""
    assert running.ran("flash") == running.ran("reset") == []


def test_without_the_named_board_nothing_is_flashed(running, capsys):
    words = ["firmware", "flash", *running.profile, *MODEL]
    assert main([*words, "--set", "link.usb_serial='none'"]) == 3
    assert "usb_serial none" in capsys.readouterr().err
    assert running.ran("flash") == running.ran("reset") == []


def test_what_does_not_fit_is_told_before_the_board_is_looked_for(desk, capsys):
    words = ["firmware", "flash", *desk.profile, *MODEL, "--set", "ram_bytes=20000"]
    assert main(words) == 1
    assert "RAM: " in capsys.readouterr().err
    assert desk.ran("flash") == desk.ran("reset") == []


def test_a_silent_board_without_an_identity_is_not_flashed(desk, capsys):
    board, port = os.openpty()
    tty.setraw(port)
    desk.put(os.ttyname(port))
    desk.script("reset", "exit 0")
    assert main(["firmware", "flash", *desk.profile, *MODEL]) == 3
    assert "which individual board may be flashed" in capsys.readouterr().err
    assert desk.ran("flash") == []
    os.close(board)
    os.close(port)


def test_a_flash_tool_that_fails_is_told_with_its_words(running, capsys):
    running.script("flash", "echo no probe >&2; exit 3")
    assert main(["firmware", "flash", *running.profile, *MODEL]) == 3
    assert "no probe" in capsys.readouterr().err


def test_a_board_that_keeps_the_old_build_is_told(running, capsys):
    running.script("flash", "exit 0")
    assert main(["firmware", "flash", *running.profile, *MODEL]) == 3
    assert "was flashed, but another build answers" in capsys.readouterr().err


def test_the_profiles_own_image_is_flashed_where_no_model_is_given(running, capsys):
    image = built(capsys, *running.profile)
    own = ["--set", f"firmware.image='{image['elf']}'"]
    own += ["--set", f"firmware.build_id='{image['build_id']}'"]
    assert main(["firmware", "flash", *running.profile, *own]) == 0
    assert f"image: {image['elf']}" in capsys.readouterr().out
    assert running.ran("flash") == [image["elf"]]


def test_nothing_to_flash_and_no_way_to_flash_are_told(desk, capsys):
    assert main(["firmware", "flash", *desk.profile]) == 2
    assert "neither --model nor firmware.image" in capsys.readouterr().err
    assert main(["firmware", "flash", "--profile", "emulated-mcu", *MODEL]) == 2
    assert "only boards on a serial port" in capsys.readouterr().err
    path = desk.folder / "plain.toml"
    path.write_text(PROFILE.format(folder=desk.folder).partition("[flash]")[0])
    assert main(["firmware", "flash", "--profile", str(path), *MODEL]) == 2
    assert "no table [flash]" in capsys.readouterr().err


def test_a_folder_for_a_profile_builds_with_cmake_alone(desk, tmp_path, capsys):
    folder = tmp_path / "firmware"
    assert main(["firmware", "new", str(folder), *MODEL, *desk.profile]) == 0
    told = capsys.readouterr().out
    assert (
        told == f"cmake -S {folder} -B {folder}/build && cmake --build {folder}/build\n"
    )
    run(["sh", "-c", told], deadline=Deadline(120))
    assert b"desk-board" in (folder / "build" / "hil.elf").read_bytes()


def test_a_folder_takes_a_board_of_the_users_own(tmp_path, capsys):
    board = tmp_path / "boards" / "mine"
    shutil.copytree(shipped_templates() / "boards" / "native", board)
    words = ["firmware", "new", str(tmp_path / "firmware"), *MODEL]
    assert main([*words, "--board", str(board), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arena_bytes"] > 0
    assert (tmp_path / "firmware" / "boards" / "mine" / "port.c").is_file()


def test_a_folder_needs_a_board_or_a_profile(desk, tmp_path, capsys):
    words = ["firmware", "new", str(tmp_path / "firmware"), *MODEL]
    assert main(words) == 2
    assert main([*words, *desk.profile, "--board", "native"]) == 2
    assert "either --board or --profile" in capsys.readouterr().err


def test_a_profile_without_a_template_has_no_firmware(capsys):
    assert main(["firmware", "build", "--profile", "emulated-mcu", *MODEL]) == 2
    assert "no firmware.template" in capsys.readouterr().err
