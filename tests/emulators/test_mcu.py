"""The emulator as it is used: a process of its own behind a real pty."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, DoesNotFit, LinkClosed, ModelError, UnsupportedOp
from hil.links.serial_port import SerialLink
from hil.session import Session
from hil.tools import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from hil.emulators.mcu import serve
from hil.profiles import find_profile
baud, link, watch = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "watch"
profile = find_profile("emulated-mcu")
profile = replace(profile, link=replace(profile.link, baud=baud))
link_path = Path(link) if link else None
raise SystemExit(serve(profile, link_path=link_path, watch_stdin=watch))
"""


def started(
    *, baud: int = 3_000_000, link: Path | None = None, watch: bool = True
) -> tuple[Child, str]:
    """Start an emulator; return it with the path that it printed."""
    argv = [sys.executable, "-c", PROGRAM, str(baud), str(link or "")]
    child = Child([*argv, "watch" if watch else "alone"])
    return child, child.read_line(Deadline(60))


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Child, str]]]:
    """Start emulators of one's own, which end with the test."""
    children: list[Child] = []

    def start(**how: object) -> tuple[Child, str]:
        child, line = started(**how)
        children.append(child)
        return child, line

    yield start
    for child in children:
        child.stop()


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """The port of one emulator for all tests that leave it alive."""
    child, path = started()
    yield path
    assert child.stop() == 0


@pytest.fixture
def session(port: str) -> Iterator[Session]:
    """A session with that emulator, which has forgotten the test before."""
    session = Session(SerialLink(port, 3_000_000))
    session.open(Deadline(60))
    session.reset(Deadline(60))
    yield session
    session.close()


def test_the_first_line_is_the_path_of_a_port(
    start: Callable[..., tuple[Child, str]],
) -> None:
    _, path = start()
    assert path.startswith("/dev/")
    assert os.path.exists(path)  # noqa: PTH110 - it is a text that names a device


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(
    start: Callable[..., tuple[Child, str]], number: int
) -> None:
    child, _ = start(watch=False)
    os.kill(child.pid, number)
    assert child.wait(Deadline(60)) == 0


def test_it_does_not_outlive_the_program_that_started_it(
    start: Callable[..., tuple[Child, str]],
) -> None:
    child, _ = start()
    assert child._process.stdin is not None
    child._process.stdin.close()
    assert child.wait(Deadline(60)) == 0


def test_the_link_leads_to_the_port_and_is_removed(
    start: Callable[..., tuple[Child, str]], tmp_path: Path
) -> None:
    link = tmp_path / "board"
    link.symlink_to("/dev/left-by-an-emulator-that-was-killed")
    child, path = start(link=link)
    assert str(link.readlink()) == path
    session = Session(SerialLink(str(link)))
    assert session.open(Deadline(60)).board == "emulated-mcu"
    session.close()
    assert child.stop() == 0
    assert not link.is_symlink()


def test_a_link_never_replaces_a_file(
    start: Callable[..., tuple[Child, str]], tmp_path: Path
) -> None:
    file = tmp_path / "precious"
    file.write_text("text")
    _, line = start(link=file)
    assert "Traceback" in line  # here nobody catches BrokenSetup as the CLI does
    assert file.read_text() == "text"


def test_hosts_may_come_and_go(port: str) -> None:
    for _ in range(3):
        session = Session(SerialLink(port))
        assert session.open(Deadline(60)).board == "emulated-mcu"
        session.close()


@pytest.mark.usefixtures("session")
def test_a_second_host_finds_the_port_busy(port: str) -> None:
    with pytest.raises(BrokenSetup, match="port busy"):
        Session(SerialLink(port)).open(Deadline(60))


def test_an_emulator_that_is_killed_closes_the_link(
    start: Callable[..., tuple[Child, str]], digits: Path
) -> None:
    child, path = start()
    session = Session(SerialLink(path))
    session.open(Deadline(60))
    model = (digits / "digits.tflite").read_bytes()

    def kill(done: int, _of: int | None) -> None:
        if done:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(Deadline(60))

    with pytest.raises(LinkClosed, match="the port went away"):
        session.load_model(model, Deadline(60), progress=kill)
    session.close()


def test_the_digits_run_and_are_right(session: Session, digits: Path) -> None:
    data = np.load(digits / "digits_test.npz")
    images, labels = data["x"][:50], data["y"][:50]
    session.load_model((digits / "digits.tflite").read_bytes(), Deadline(60))
    samples = [image.astype(np.float32).tobytes() for image in images]
    results = list(session.run_samples(samples, Deadline(60)))
    answers = [np.frombuffer(output, np.float32).argmax() for _, output in results]
    assert np.mean(np.array(answers) == labels) > 0.9
    assert all(ticks > 0 for ticks, _ in results)


def test_the_rate_of_the_line_is_kept(
    start: Callable[..., tuple[Child, str]],
) -> None:
    _, path = start(baud=9600)
    session = Session(SerialLink(path))
    session.open(Deadline(60))
    deadline = Deadline(60)
    session.echo(bytes(200), deadline)
    session.close()
    # 200 bytes and their frame, there and back, at 960 bytes a second.
    assert 60 - deadline.remaining > 2 * 200 / 960


@pytest.mark.parametrize("model", [b"", b"no model", bytes(5000)])
def test_what_is_no_model_is_refused_and_the_board_lives_on(
    session: Session, model: bytes
) -> None:
    with pytest.raises(ModelError, match="the device rejects the model"):
        session.load_model(model, Deadline(60))
    assert session.echo(b"well", Deadline(60)) == b"well"


def test_a_file_larger_than_flash_does_not_fit(
    session: Session,
) -> None:
    with pytest.raises(DoesNotFit, match="flash: 88,008 bytes missing"):
        session.load_model(bytes(1_000_000), Deadline(60))


@pytest.mark.shared
def test_the_reference_keyword_model_gets_901_of_1000_right(
    session: Session, shared: Path
) -> None:
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    data = np.load(shared / "data" / "kws" / "kws01.npz")
    memory = session.load_model(model, Deadline(60))
    assert memory == {
        "arena_bytes": 22868,
        "arena_persistent_bytes": 6868,
        "arena_nonpersistent_bytes": 16000,
    }
    assert session.memory(Deadline(60)) == memory
    samples = [sample.tobytes() for sample in data["x"]]
    results = list(session.run_samples(samples, Deadline(120)))
    answers = [np.frombuffer(output, np.int8).argmax() for _, output in results]
    assert np.count_nonzero(np.array(answers) == data["y"]) == 901
    assert session.retries == []
    # One sample invoked by itself, more than once, gives what the stream gave.
    assert len(session.invoke([samples[3]], Deadline(60), n=10)) == 10
    assert session.read_outputs(Deadline(60)) == [results[3][1]]


@pytest.mark.shared
def test_an_operator_without_a_kernel_is_named(session: Session, shared: Path) -> None:
    model = (shared / "models" / "kws_ref_model_float32.tflite").read_bytes()
    with pytest.raises(UnsupportedOp, match="tflm cannot run CONV_2D"):
        session.load_model(model, Deadline(60))
