"""A real board, played by a pty: recognized, flashed, restarted, and never mistaken."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import termios
import threading
import tty

import pytest

from hil.bench.jobs import plan_jobs
from hil.bench.plan import Measure, PlannedModel
from hil.bench.variants import build_variants
from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.emulators.slot import Refusal
from hil.errors import (
    BrokenSetup,
    LinkClosed,
    LinkTimeout,
    ModelError,
    ProtocolMismatch,
    ToolError,
    ToolMissing,
)
from hil.firmware.flash import FlashImage
from hil.links.serial_identity import PortIdentity
from hil.profiles import find_profile, read_profile
from hil.results.run_folder import RunFolder
from hil.targets.attached_board import BoardLink, ask_port
from hil.targets.board import BoardTarget
from hil.targets.emulated import emulator_argv
from hil.tools import Child
from hil.wire.codec import decode_header, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.kinds import ErrorCode
from hil.wire.messages import ErrorReply

PROFILE = """
name = "desk-board"
kind = "mcu"
arch = "armv7e-m"
core = "Cortex-M4F"
ram_bytes = 262144
flash_bytes = 1048576
time_basis = "host_clock"
[link]
{link}
[firmware]
{firmware}
{tables}
"""
IMAGE = 'image = "hil.elf"\nbuild_id = "new"'


class PlayedBoard(Board):
    """Answers with a name and build of its own, and switches only to some rates."""

    def __init__(self, profile, *, name, build):
        super().__init__(profile, FakeKernels)
        self.name, self.build = name, build
        self.refuses, self.deaf = set(), set()

    def _hello(self):
        build_id = self.build.read_text() if self.build.exists() else "old"
        return dataclasses.replace(
            super()._hello(), board=self.name, build_id=build_id, time_basis=self.basis
        )

    @property
    def basis(self):
        return self._profile.time_basis

    def _switch(self, baud):
        if baud in self.refuses:
            raise Refusal(ErrorCode.BAD_BAUD, 115200)
        return super()._switch(baud)

    def answer(self, data):
        """Answer, unless the rate that a switch led to is one it cannot hear."""
        if self.baud in self.deaf:
            self.step()
            data = b"" if self.baud in self.deaf else data
        return self.feed(data)


class Desk:
    """Ports with boards on them, as USB would list them, and the files of one test."""

    def __init__(self, folder):
        self.folder = folder
        self.build = folder / "build"  # what the flash tool has written
        self.ports = []
        self._stack = contextlib.ExitStack()
        (folder / "hil.elf").write_bytes(b"image")

    def close(self):
        self._stack.close()

    def plug(self, answer, *, usb_serial="A1"):
        """Put a device that answers bytes with bytes on a new port."""
        board, port = os.openpty()
        tty.setraw(port)
        stop, stopped = os.pipe()

        def serve():
            while True:
                ready, _, _ = select.select([board, stop], [], [])
                if stop in ready:
                    return
                said = answer(os.read(board, 65536))
                if said:
                    os.write(board, said)

        thread = threading.Thread(target=serve)
        thread.start()
        for fd in (board, port, stop):
            self._stack.callback(os.close, fd)
        self._stack.callback(thread.join)
        self._stack.callback(os.close, stopped)
        return self.list_port(os.ttyname(port), usb_serial)

    def list_port(self, path, usb_serial="A1"):
        self.ports.append(
            PortIdentity(device=path, usb_serial=usb_serial, vid_pid="0483:374b")
        )
        return path

    def board(self, *, name="desk-board", usb_serial="A1"):
        played = PlayedBoard(self.profile(), name=name, build=self.build)
        self.plug(played.answer, usb_serial=usb_serial)
        return played

    def script(self, name, text):
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.log\n{text}\n')
        path.chmod(0o755)
        return path

    def ran(self, name):
        log = self.folder / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def flasher(self, text=""):
        """A [flash] table whose tool leaves the new build on the board."""
        path = self.script("flash", text or f"printf new > {self.build}")
        return f"[flash]\ntool = '{path}'\narguments = ['{{image}}', '{{usb_serial}}']"

    def resetter(self, text=""):
        return f"[reset]\ntool = '{self.script('reset', text)}'\narguments = ['now']"

    def profile(self, *tables, link='usb_serial = "A1"', firmware=""):
        path = self.folder / "desk-board.toml"
        path.write_text(
            PROFILE.format(link=link, firmware=firmware, tables="\n".join(tables))
        )
        return read_profile(path)

    def target(self, *tables, **parts):
        made = BoardTarget(self.profile(*tables, **parts), attached=lambda: self.ports)
        self._stack.callback(made.close)
        return made


@pytest.fixture
def desk(tmp_path):
    with contextlib.closing(Desk(tmp_path)) as made:
        yield made


def test_the_right_board_is_opened_and_not_flashed(desk):
    desk.board()
    desk.build.write_text("new")
    target = desk.target(desk.flasher(), desk.resetter(), firmware=IMAGE)
    target.open(Deadline(20))
    assert desk.ran("flash") == desk.ran("reset") == []


def test_without_an_image_any_build_of_the_board_is_taken(desk):
    desk.board()
    desk.target(desk.flasher()).open(Deadline(20))
    assert desk.ran("flash") == []


def test_an_old_build_is_flashed_and_restarted(desk):
    desk.board()
    target = desk.target(desk.flasher(), desk.resetter(), firmware=IMAGE)
    target.open(Deadline(20))
    assert desk.ran("flash") == [f"{desk.folder}/hil.elf A1"]
    assert desk.ran("reset") == ["now"]


def test_a_board_of_another_name_is_never_flashed(desk):
    desk.board(name="other")
    target = desk.target(desk.flasher(), desk.resetter(), firmware=IMAGE)
    with pytest.raises(BrokenSetup, match="another board answers") as caught:
        target.open(Deadline(20))
    assert caught.value.found == "other, build old"
    assert caught.value.allowed == "desk-board"
    assert desk.ran("flash") == desk.ran("reset") == []


def test_a_board_of_another_protocol_is_never_flashed(desk):
    decoder = FrameDecoder()

    def answer(data):
        decoder.feed(data)
        payload = decoder.next_payload()
        if payload is None:
            return b""
        _, _, sequence = decode_header(payload)
        refused = ErrorReply(code=ErrorCode.PROTOCOL_VERSION, detail=9, text="")
        return encode_frame(encode(refused, sequence))

    desk.plug(answer)
    with pytest.raises(ProtocolMismatch, match="another version"):
        desk.target(desk.flasher(), firmware=IMAGE).open(Deadline(20))
    assert desk.ran("flash") == []


def test_a_silent_board_is_flashed_where_its_number_is_known(desk):
    played = PlayedBoard(desk.profile(), name="desk-board", build=desk.build)
    desk.plug(lambda data: played.answer(data) if desk.build.exists() else b"")
    target = desk.target(desk.flasher(), firmware=IMAGE)
    target.open(Deadline(30))
    assert len(desk.ran("flash")) == 1


def test_a_board_that_writes_text_is_flashed_where_its_number_is_known(desk):
    played = PlayedBoard(desk.profile(), name="desk-board", build=desk.build)
    desk.plug(
        lambda data: played.answer(data) if desk.build.exists() else b"Hello world\r\n"
    )
    desk.target(desk.flasher(), firmware=IMAGE).open(Deadline(30))
    assert len(desk.ran("flash")) == 1


def test_a_silent_board_that_could_be_any_of_its_kind_is_not_flashed(desk):
    desk.plug(lambda _: b"")
    target = desk.target(desk.flasher(), link='vid_pid = "0483:374b"', firmware=IMAGE)
    with pytest.raises(BrokenSetup, match="which individual board") as caught:
        target.open(Deadline(20))
    assert 'add link.usb_serial = "A1"' in caught.value.remedy
    assert desk.ran("flash") == []


def test_a_silent_board_without_an_image_is_restarted(desk):
    played = PlayedBoard(desk.profile(), name="desk-board", build=desk.build)
    awake = desk.folder / "awake"
    desk.plug(lambda data: played.answer(data) if awake.exists() else b"")
    desk.target(desk.resetter(f"touch {awake}")).open(Deadline(30))
    assert desk.ran("reset") == ["now"]


def test_a_board_that_hangs_is_restarted_and_not_flashed(desk):
    desk.build.write_text("new")
    played = PlayedBoard(desk.profile(), name="desk-board", build=desk.build)
    awake = desk.folder / "awake"
    desk.plug(lambda data: played.answer(data) if awake.exists() else b"")
    tables = (desk.flasher(), desk.resetter(f"touch {awake}"))
    # Which individual it is need not be known: nothing is written to it.
    link = 'vid_pid = "0483:374b"'
    desk.target(*tables, link=link, firmware=IMAGE).open(Deadline(30))
    assert desk.ran("reset") == ["now"]
    assert desk.ran("flash") == []


def test_a_silent_board_that_nothing_can_wake_is_told(desk):
    desk.plug(lambda _: b"")
    with pytest.raises(LinkTimeout, match="the board does not answer"):
        desk.target().open(Deadline(20))


def test_another_build_without_a_way_to_flash_is_told(desk):
    desk.board()
    with pytest.raises(BrokenSetup, match="no image or no way to flash") as caught:
        desk.target(firmware='build_id = "new"').open(Deadline(20))
    assert (caught.value.found, caught.value.allowed) == ("old", "new")


def test_a_board_that_stays_silent_after_flashing_is_told(desk):
    desk.plug(lambda _: b"")
    target = desk.target(desk.flasher(), firmware=IMAGE)
    with pytest.raises(LinkTimeout, match="was flashed and does not answer"):
        target.open(Deadline(6))


def test_a_flash_that_leaves_the_old_build_is_told(desk):
    desk.board()
    target = desk.target(desk.flasher("exit 0"), firmware=IMAGE)
    with pytest.raises(BrokenSetup, match="but another build answers") as caught:
        target.open(Deadline(30))
    assert (caught.value.found, caught.value.allowed) == ("old", "new")


def test_a_flash_tool_that_fails_is_told_with_its_words(desk):
    desk.board()
    target = desk.target(desk.flasher("echo no target >&2; exit 3"), firmware=IMAGE)
    with pytest.raises(ToolError, match=r"status 3[\s\S]*no target"):
        target.open(Deadline(20))


def test_a_flash_tool_that_hangs_ends_at_the_deadline(desk):
    desk.board()
    target = desk.target(desk.flasher("exec sleep 600"), firmware=IMAGE)
    with pytest.raises(ToolError, match="did not end in time"):
        target.open(Deadline(2))


def test_a_flash_tool_that_is_missing_is_told(desk):
    desk.board()
    flash = "[flash]\ntool = 'no-such-tool'\narguments = ['{image}']"
    with pytest.raises(ToolMissing, match="no-such-tool"):
        desk.target(flash, firmware=IMAGE).open(Deadline(20))


def test_a_port_that_comes_back_by_another_name_is_found_again(desk):
    desk.board()
    played = PlayedBoard(desk.profile(), name="desk-board", build=desk.build)
    moved = desk.folder / "moved"
    old = desk.ports[0]
    new = desk.plug(played.answer)
    asked = []

    def attached():
        if not moved.exists():
            return [old]
        asked.append(1)
        # USB takes a moment: the port is gone before it is there again.
        return [] if len(asked) < 3 else [dataclasses.replace(old, device=new)]

    tables = (desk.flasher(), desk.resetter(f"touch {moved}"))
    target = BoardTarget(desk.profile(*tables, firmware=IMAGE), attached=attached)
    target.open(Deadline(30))
    assert target.board.link.port == new
    target.close()


def test_a_board_that_never_comes_back_is_told(desk):
    desk.board()
    target = desk.target(
        desk.flasher(f"printf new > {desk.build}"), desk.resetter(), firmware=IMAGE
    )
    there = list(desk.ports)
    flashed = desk.folder / "flash.log"
    target.board._attached = lambda: [] if flashed.exists() else there
    with pytest.raises(LinkTimeout, match="was flashed and does not answer"):
        target.open(Deadline(4))


def test_of_two_equal_boards_the_one_with_the_number_is_flashed(desk):
    desk.board(usb_serial="B2")
    desk.board()
    desk.target(desk.flasher(), firmware=IMAGE).open(Deadline(20))
    assert desk.ran("flash") == [f"{desk.folder}/hil.elf A1"]
    with pytest.raises(BrokenSetup, match="2 ports could be"):
        desk.target(link='vid_pid = "0483:374b"').open(Deadline(20))


def test_the_rate_is_raised_to_the_profiles(desk):
    played = desk.board()
    link = 'usb_serial = "A1"\nbaud = 3000000'
    target = desk.target(link=link)
    target.open(Deadline(20))
    assert played.baud == target.board.link.baud == 3_000_000
    assert target.board.steps["baud"] == 3_000_000


def test_a_rate_that_is_refused_is_stepped_down(desk):
    played = desk.board()
    played.baud = 115200
    played.refuses = {3_000_000}
    target = desk.target(link='usb_serial = "A1"\nbaud = 3000000')
    target.open(Deadline(20))
    assert played.baud == target.board.link.baud == 921_600
    assert target.board.steps["baud_refused"] == [
        "3000000 baud: the device answers Baud with bad_baud (115200)"
    ]


def test_a_rate_at_which_nothing_is_heard_is_given_up(desk):
    played = desk.board()
    played.baud = 115200
    played.deaf = {3_000_000}
    target = desk.target(link='usb_serial = "A1"\nbaud = 3000000')
    target.open(Deadline(30))
    assert played.baud == target.board.link.baud == 921_600
    assert target.board.steps["baud_refused"] == [
        "3000000 baud: no echo, so 115200 was kept"
    ]


def test_power_is_switched_on_and_the_port_awaited(desk):
    on = desk.folder / "on"
    power = f"[power]\ntool = '{desk.script('power', f'touch {on}')}'"
    desk.board()
    target = desk.target(power)
    there = list(desk.ports)
    asked = []

    def attached():
        asked.append(on.exists())
        return there if len(asked) > 2 else []

    target.board._attached = attached
    target.open(Deadline(20))
    assert len(asked) == 3
    assert all(asked)


def test_a_port_that_goes_away_while_it_is_set_up_is_closed(desk, monkeypatch):
    def gone(*_):
        raise termios.error(5, "Input/output error")

    port = desk.plug(lambda _: b"")
    open_link = BoardLink(port, 115200)
    open_link.open(Deadline(5))
    # Between two calls of pyserial's, which cannot be hit on purpose.
    monkeypatch.setattr(termios, "tcsetattr", gone)
    with pytest.raises(LinkClosed, match="went away while it was set up"):
        open_link.set_baud(921600)
    open_link.close()
    with pytest.raises(LinkClosed, match="went away while it was set up"):
        BoardLink(port, 115200).open(Deadline(5))


def test_asking_a_port_changes_nothing(desk):
    desk.board(name="other")
    assert ask_port(desk.ports[0], [115200], Deadline(5)).board == "other"
    desk.plug(lambda _: b"text\r\n", usb_serial="Q")
    assert ask_port(desk.ports[1], [115200], Deadline(0.5)) is None


@pytest.fixture
def emulated(desk):
    """The emulated microcontroller as a child process, listed as a USB port."""
    child = Child(emulator_argv(find_profile("emulated-mcu")))
    desk.list_port(child.read_line(Deadline(60)))
    yield desk
    child.stop()


@pytest.fixture
def job(digits, tmp_path):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=digits / "digits_test.npz",
        calibration=None,
        metric="top1",
        variants=("as-is",),
    )
    folder = RunFolder.create(tmp_path / "runs", "t")
    variants = build_variants(planned, folder, samples=5)
    measure = Measure(warmup=0, min_runs=3, min_seconds=0, windows=1)
    return next(plan_jobs(variants, [find_profile("emulated-mcu")], measure))[1]


def test_a_reached_board_is_measured_like_any_microcontroller(emulated, job):
    target = emulated.target(firmware='board = "emulated-mcu"')
    target.open(Deadline(30))
    seen = target.measure(job, Deadline(60))
    assert seen.outputs.shape == (5, 10)
    assert len(seen.timing.invoke_ticks) == 3
    assert seen.evidence["board"] == "emulated-mcu"
    assert seen.evidence["baud"] == 115200
    assert "usb_serial A1" in seen.evidence["port"]


def test_firmware_that_is_built_for_a_job_is_flashed_before_it(desk, job):
    desk.board()
    built = []

    def image_for(job, deadline):
        assert not deadline.expired
        built.append(job.model.sha256)
        return FlashImage(path=desk.folder / "hil.elf", build_id="new")

    target = BoardTarget(
        desk.profile(desk.flasher()), image_for=image_for, attached=lambda: desk.ports
    )
    target.open(Deadline(20))
    assert desk.ran("flash") == []
    # The fake kernels know no .tflite; the board was flashed and asked all the same.
    with pytest.raises(ModelError, match="the device rejects the model"):
        target.measure(job, Deadline(30))
    assert built == [job.model.sha256]
    assert len(desk.ran("flash")) == 1
    target.close()
