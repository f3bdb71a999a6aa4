"""The firmware's text protocol: the bytes of the emulator, beside frames."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.emulators.fake_kernels import FakeKernels
from hil.emulators.mlperf_text import MlperfText
from hil.emulators.slot import ModelSlot
from hil.links.process import ProcessLink
from hil.session import Session
from hil.session.mlperf import MlperfSession

if TYPE_CHECKING:
    from conftest import Builder

COMMANDS = [
    "name",
    "  name  extra",
    "profile",
    "help",
    "Name",
    "n ame",
    "",
    "   ",
    "db",
    "db load",
    "db load 0",
    "db load x",
    "db load 3x",
    "db -",
    "db 123",
    "db 12g4",
    "db 1_",
    "db aBfF",
    "db print",
    "infer 0",
    "infer abc",
    "infer 1 -1",
    "db load 64",
    "db " + bytes(range(38)).hex(),
    "db " + bytes(range(38, 64)).hex() + "ff",
    "db print",
    "infer 2 1",
    "results",
    "infer",
    "x" * 200,
    "db load 2",
    "db 0102",
    "infer 1 0",
]
_LAP = re.compile(rb"m-lap-us-[0-9]+")


def asked(link: ProcessLink, command: str) -> bytes:
    deadline = Deadline(20)
    link.write(f"{command}%".encode(), deadline)
    said = b""
    while not said.endswith(b"m-ready\r\n"):
        said += link.read(deadline)
    return _LAP.sub(b"m-lap-us-T", said)


def emulated(model: bytes) -> MlperfText:
    slot = ModelSlot(flash_bytes=1 << 20, arena_bytes=1 << 20, engine=FakeKernels)
    slot.begin(len(model), hashlib.sha256(model).digest())
    slot.write(0, model)
    slot.commit()
    return MlperfText(slot, name="hil")


@pytest.fixture
def link(build: Builder):
    made = ProcessLink([str(build.device(with_builtin=True))])
    made.open(Deadline(20))
    yield made
    made.close()


def test_every_answer_is_the_emulators(build: Builder, link: ProcessLink) -> None:
    emulator = emulated(build.builtin)
    for command in COMMANDS:
        expected = b"".join(emulator.answer(command[:80]))
        said = asked(link, command)
        # Its fake engine tells no type, so its bytes are printed with a sign.
        if b"m-results" in expected:
            expected, said = (re.sub(rb"\[.*\]", b"[]", x) for x in (expected, said))
        assert said == _LAP.sub(b"m-lap-us-T", expected), command


def test_a_load_beyond_the_memory_says_how_much_there_is(link: ProcessLink) -> None:
    assert asked(link, "db load 27649") == (
        b"Supplied buffer size 27649 exceeds maximum of 8192\nm-ready\r\n"
    )
    assert asked(link, "db load -5") == (
        b"Supplied buffer size -5 exceeds maximum of 8192\nm-ready\r\n"
    )


def test_frames_and_text_take_turns(build: Builder, link: ProcessLink) -> None:
    session = Session(link)
    assert asked(link, "name") == b"m-name-dut-[hil]\r\nm-ready\r\n"
    session._dialogue.send([b"\0"], Deadline(20))
    assert session.hello(Deadline(20)).board == "native"
    session.load_model(build.builtin, Deadline(20))
    # Unknown text is noise behind a frame, and a known word brings the text back.
    link.write(b"nme%", Deadline(20))
    assert asked(link, "name") == b"m-name-dut-[hil]\r\nm-ready\r\n"
    assert asked(link, "nme") == b"e-[Unknown command: nme]\r\nm-ready\r\n"
    session._dialogue.send([b"\0"], Deadline(20))
    ticks = session.invoke([bytes(64)], Deadline(20), n=3)
    assert len(ticks) == 3


def test_a_firmware_without_a_model_knows_no_text(build: Builder) -> None:
    session = Session(ProcessLink([str(build.device())]))
    session.open(Deadline(20))
    session._dialogue.send([b"name%name%\0"], Deadline(20))
    assert session.hello(Deadline(20)).board == "native"
    assert session.retries == []
    session.close()


def test_the_hosts_session_drives_it(build: Builder) -> None:
    session = MlperfSession(ProcessLink([str(build.device(with_builtin=True))]))
    deadline = Deadline(30)
    assert session.open(deadline).model == "custom"
    done = session.infer(bytes(64), deadline, n=5, warmup=2)
    assert (done.n, done.warmup, len(done.results)) == (5, 2, 10)
    assert session.timestamp_us(deadline) is not None
    assert session.retries == []
    session.close()
