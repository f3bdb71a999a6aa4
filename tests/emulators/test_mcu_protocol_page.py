"""The examples and tables of docs/protocol.md, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)
from hil.wire.codec import MEMORY_KEYS
from hil.wire.hello import _ENTRIES
from hil.wire.kinds import TIME_BASIS_NUMBERS, ErrorCode, Kind

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")


def dialogue() -> list[tuple[bytes, bytes]]:
    """What the host sends and what the device answers to it, from the whole page."""
    lines = "\n".join(re.findall(r"```wire\n(.*?)```", PAGE, re.DOTALL))
    turns: list[tuple[bytes, bytes]] = []
    for mark, text in re.findall(r"^([<>]) ((?:[0-9a-f ]+\n?)+)", lines, re.MULTILINE):
        data = bytes.fromhex(text)
        if mark == ">":
            turns.append((data, b""))
        else:
            turns[-1] = (turns[-1][0], turns[-1][1] + data)
    return turns


def test_the_examples_are_what_a_board_answers() -> None:
    profile = DeviceProfile(
        name="example",
        kind=TargetKind.EMULATED_MCU,
        arch="none",
        core="fake",
        clock_hz=None,
        ram_bytes=5000,
        flash_bytes=5000,
        time_basis=TimeBasis.HOST_CLOCK,
        link=SerialSettings(),
        emulator=EmulatorSettings(rx_buffer_bytes=1024, max_frame_bytes=256),
    )
    board = Board(profile, FakeKernels)
    turns = dialogue()
    assert len(turns) == 16
    for sent, answered in turns:
        assert board.feed(sent).hex(" ") == answered.hex(" ")


def test_the_page_names_every_message() -> None:
    section = PAGE.partition("## 3. Messages")[2].partition("## 4.")[0]
    listed = dict(re.findall(r"^\| (\w{2}) \| ([A-Z_]+)", section, re.MULTILINE))
    assert {int(number, 16): name for number, name in listed.items()} == {
        int(kind): kind.name for kind in Kind
    }


def test_the_page_names_every_error() -> None:
    section = PAGE.partition("## 5. Errors")[2].partition("## 6.")[0]
    listed = re.findall(r"^\| (\d+) \| ([a-z0-9_]+)", section, re.MULTILINE)
    assert {int(number): name for number, name in listed} == {
        int(code): code.name.lower() for code in ErrorCode
    }


def test_the_page_numbers_the_entries_and_time_bases() -> None:
    section = PAGE.partition("## 4.")[2].partition("## 5.")[0].partition("HELLO:")[2]
    numbers = {int(n) for n in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert numbers == {key for key, _ in _ENTRIES.values()}
    for name, key in MEMORY_KEYS.items():
        assert f"{key} {name}" in section
    for basis, number in TIME_BASIS_NUMBERS.items():
        assert f"{number} {basis.value}" in section
