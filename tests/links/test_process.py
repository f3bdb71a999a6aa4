from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import DeviceCrashed, LinkClosed, LinkTimeout, ToolMissing
from hil.links.process import ProcessLink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ECHO = "import os\nwhile data := os.read(0, 4096): os.write(1, data)"


@pytest.fixture
def links() -> Iterator[list[ProcessLink]]:
    opened: list[ProcessLink] = []
    yield opened
    for link in opened:
        link.close()


def started(links: list[ProcessLink], code: str) -> ProcessLink:
    link = ProcessLink([sys.executable, "-c", code])
    links.append(link)
    link.open(Deadline(10))
    return link


def read_to_end(link: ProcessLink) -> None:
    """Read until it raises."""
    while True:
        link.read(Deadline(10))


def test_bytes_go_in_and_out(links: list[ProcessLink]) -> None:
    link = started(links, ECHO)
    link.write(b"a\0b", Deadline(10))
    data = b""
    while len(data) < 3:
        data += link.read(Deadline(10))
    assert data == b"a\0b"
    assert link.pid


def test_silence_ends_at_the_deadline(links: list[ProcessLink]) -> None:
    link = started(links, ECHO)
    with pytest.raises(LinkTimeout, match="nothing came in time"):
        link.read(Deadline(0.05))


def test_a_process_that_fails_has_crashed_with_its_status_and_last_words(
    links: list[ProcessLink],
) -> None:
    link = started(links, "import sys; sys.exit('out of coffee')")
    with pytest.raises(DeviceCrashed, match="ended with status 1") as raised:
        read_to_end(link)
    assert "out of coffee" in str(raised.value)


def test_what_it_wrote_last_stands_for_absent_words(links: list[ProcessLink]) -> None:
    link = started(links, "import os; os.write(1, b'dying'); os._exit(3)")
    with pytest.raises(DeviceCrashed, match="ended with status 3") as raised:
        read_to_end(link)
    assert "dying" in str(raised.value)


def test_frames_are_no_words(links: list[ProcessLink]) -> None:
    link = started(links, "import os; os.write(1, b'\\x04\\x01\\0'); os._exit(3)")
    with pytest.raises(DeviceCrashed) as raised:
        read_to_end(link)
    assert raised.value.found == "no output"


def test_words_of_an_earlier_process_are_not_told_again(
    links: list[ProcessLink], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    for words in ("first", "second"):
        code = f"import sys; sys.exit({words!r})"
        link = ProcessLink([sys.executable, "-c", code], log_path=log)
        links.append(link)
        link.open(Deadline(10))
        with pytest.raises(DeviceCrashed) as raised:
            read_to_end(link)
        assert raised.value.found == words
    assert log.read_text().split() == ["first", "second"]


def test_a_process_that_is_killed_names_the_signal(links: list[ProcessLink]) -> None:
    link = started(links, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(DeviceCrashed, match="ended by signal 9") as raised:
        read_to_end(link)
    assert "no output" in str(raised.value)


def test_a_process_that_just_ends_has_closed_the_link(links: list[ProcessLink]) -> None:
    link = started(links, "pass")
    with pytest.raises(LinkClosed, match="ended with status 0"):
        read_to_end(link)


def test_a_process_that_closes_its_output_has_closed_the_link(
    links: list[ProcessLink],
) -> None:
    link = started(links, "import os, sys; os.close(1); sys.stdin.read()")
    with pytest.raises(LinkClosed, match="closed its output"):
        read_to_end(link)


def write_for_ever(link: ProcessLink) -> None:
    """Write until it raises: the pipe takes some before it is known to be broken."""
    while True:
        link.write(b"x" * 65536, Deadline(10))


def test_writing_to_a_process_that_ended_says_how_it_ended(
    links: list[ProcessLink],
) -> None:
    link = started(links, "import os; os._exit(4)")
    with pytest.raises(DeviceCrashed, match="ended with status 4"):
        write_for_ever(link)


def test_standard_error_does_not_mix_with_the_frames(links: list[ProcessLink]) -> None:
    link = started(
        links, "import os; os.write(2, b'noise'); os.write(1, b'data'); input()"
    )
    assert link.read(Deadline(10)) == b"data"


def test_a_program_that_is_not_there_is_missing() -> None:
    link = ProcessLink(["hil-no-such-program"])
    with pytest.raises(ToolMissing):
        link.open(Deadline(10))
    link.close()


def test_a_link_that_is_not_open_is_closed() -> None:
    link = ProcessLink(["true"])
    with pytest.raises(LinkClosed, match="not started"):
        link.read(Deadline(1))
    with pytest.raises(LinkClosed, match="not started"):
        link.write(b"", Deadline(1))
    assert link.pid is None


def test_no_time_left_starts_nothing() -> None:
    link = ProcessLink(["true"])
    with pytest.raises(LinkTimeout, match="no time was left"):
        link.open(Deadline(0))
    assert link.pid is None


def test_the_process_ends_with_the_link(links: list[ProcessLink]) -> None:
    link = started(links, ECHO)
    child = link._child
    link.close()
    link.close()
    assert child is not None
    assert child.exit_code is not None
