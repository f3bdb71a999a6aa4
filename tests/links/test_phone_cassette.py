"""Phones on cassettes: what was recorded comes again, and what differs is told."""

from __future__ import annotations

import contextlib
import gzip
import json
import resource
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    ConfigError,
    HilError,
    LinkClosed,
    LinkTimeout,
    ProtocolMismatch,
    RecordingError,
    TargetError,
)
from hil.links.adb_output import ShellResult
from hil.links.adb_sync import PART_BYTES, FileRefused, RemoteFile
from hil.links.adb_tcp import Unreachable
from hil.links.cassette import Event, read_cassette, write_cassette
from hil.links.cassette_file import Header
from hil.links.cassette_player import CassetteLink
from hil.links.fake import FakeClock
from hil.links.phone import Phone
from hil.links.phone_call import read_phone_cassette
from hil.links.phone_cassette import PhoneRecorder
from hil.links.phone_cassette_player import CassettePhone

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

DONE = ShellResult(exit_code=0, stdout=b"done\n", stderr=b"", pid=7)
GONE = LinkClosed(
    "the phone is gone", where="usb", found="no", allowed="yes", remedy="the cable"
)


class FakePhone(Phone):
    """Gives out what it was told to, in that order; an error is raised."""

    address = "a fake"

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = deque(outcomes)
        self.taken: list[bytes] = []
        self.closed = 0

    def _next(self) -> object:
        outcome = self.outcomes.popleft()
        if isinstance(outcome, HilError):
            raise outcome
        return outcome

    def open(self, deadline: Deadline) -> None:
        del deadline
        self._next()

    def close(self) -> None:
        self.closed += 1

    def draw(self) -> str:
        return self._next()

    def seconds_left(self, deadline: Deadline) -> float:
        return deadline.remaining

    def shell(self, command, deadline: Deadline) -> ShellResult:
        del command, deadline
        return self._next()

    def entry(self, remote: str, deadline: Deadline) -> RemoteFile | None:
        del remote, deadline
        return self._next()

    def send(self, parts: Iterable[bytes], remote: str, *, deadline, mode) -> None:
        del remote, deadline, mode
        for part in parts:
            self._next()
            self.taken.append(part)

    def receive(self, remote: str, deadline: Deadline) -> Generator[bytes, None, None]:
        del remote, deadline
        while (part := self._next()) is not None:
            yield part


@pytest.fixture(params=["phone.cassette", "phone.cassette.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


@contextlib.contextmanager
def recording(path: Path, *outcomes: object, **more) -> Iterator[Phone]:
    """Lend an open phone with these outcomes, recorded."""
    recorder = PhoneRecorder(path, device="mine", profile="mine", **more)
    with contextlib.closing(recorder.wrap(FakePhone(None, *outcomes))) as phone:
        phone.open(Deadline(60))
        yield phone


def replaying(path: Path, suffix: str = "", **more) -> CassettePhone:
    phone = CassettePhone(f"cassette:{path}{suffix}", **more)
    phone.open(Deadline(60))
    return phone


def talk(phone: Phone, local: Path) -> list[object]:
    deadline = Deadline(60)
    said: list[object] = [
        phone.shell("ls 'ä' \udc80", deadline),
        phone.shell(["rm", "-f", "/x"], deadline),
        phone.entry("/x", deadline),
        phone.stat("/x", deadline),
        phone.stat("/none", deadline),
        phone.draw(),
        phone.seconds_left(deadline),
        phone.pull("/x", deadline),
    ]
    phone.push(b"content", "/y", deadline=deadline)
    phone.push(local, "/z", deadline=deadline, mode=0o755)
    phone.push(b"", "/empty", deadline=deadline)
    phone.close()
    return said


def test_what_a_phone_said_is_said_again(path: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(bytes(range(256)))
    every = bytes(range(256))
    outcomes = [
        ShellResult(exit_code=129, stdout=every, stderr=b"e", pid=None),
        DONE,
        *[RemoteFile(mode=0o100644, size_bytes=9)] * 2,
        None,
        "0123456789abcdef",
        *(every, b"more", None),
        *[None] * 2,
    ]
    with recording(path, *outcomes) as phone:
        recorded = talk(phone, local)
    assert recorded[7] == every + b"more"
    assert talk(replaying(path), local) == recorded
    header = read_phone_cassette(path).header
    assert (header.device, header.origin, header.profile, header.dialogue) == (
        "mine",
        "recorded",
        "mine",
        "phone",
    )


def test_the_lines_are_what_the_page_says(tmp_path: Path) -> None:
    path, clock = tmp_path / "t", FakeClock()
    with recording(path, DONE, None, GONE, clock=clock) as phone:
        clock.seconds += 1.5
        phone.shell(["ls"], Deadline(9))
        phone.push(b"abc", "/x", deadline=Deadline(9))
        with pytest.raises(LinkClosed):
            phone.entry("/x", Deadline(9))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {
            "cassette": 1,
            "device": "mine",
            "origin": "recorded",
            "dialogue": "phone",
            "profile": "mine",
        },
        {"at": 0.0, "seconds": 0.0, "to": {"open": True}},
        {
            "at": 1.5,
            "seconds": 0.0,
            "to": {"shell": ["ls"]},
            "from": {"exit_code": 0, "stdout": "done\n", "stderr": "", "pid": 7},
        },
        {
            "at": 1.5,
            "seconds": 0.0,
            "to": {
                "send": "/x",
                "mode": 0o644,
                "size": 3,
                "sha256": "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad",
            },
        },
        {
            "at": 1.5,
            "seconds": 0.0,
            "to": {"entry": "/x"},
            "error": {
                "class": "LinkClosed",
                "what": "the phone is gone",
                "where": "usb",
                "found": "no",
                "allowed": "yes",
                "remedy": "the cable",
            },
        },
    ]


COMMANDS = st.text() | st.lists(st.text(), min_size=1, max_size=3)
RESULTS = st.builds(
    ShellResult,
    exit_code=st.integers(0, 255),
    stdout=st.binary(max_size=60),
    stderr=st.binary(max_size=60),
    pid=st.none() | st.integers(1, 1 << 31),
)
FILES = st.builds(
    RemoteFile, mode=st.integers(0, 0o177777), size_bytes=st.integers(0, 1 << 40)
)
TEXTS = st.none() | st.text(max_size=20)
ERRORS = st.builds(
    lambda kind, what, parts: kind(what, **parts),
    st.sampled_from([ConfigError, TargetError, BrokenSetup, LinkTimeout, LinkClosed]),
    st.text(max_size=20),
    st.fixed_dictionaries(
        dict.fromkeys(("where", "found", "allowed", "remedy"), TEXTS)
    ),
)
CALLS = st.lists(
    st.tuples(st.just("shell"), COMMANDS, RESULTS | ERRORS)
    | st.tuples(st.just("entry"), st.text(), FILES | st.none() | ERRORS)
    | st.tuples(st.just("receive"), st.text(), st.binary(max_size=60) | ERRORS)
    | st.tuples(st.just("send"), st.binary(max_size=60), st.none() | ERRORS)
    | st.tuples(st.just("draw"), st.none(), st.text("0123456789abcdef")),
    max_size=12,
)


def asked(phone: Phone, calls: list[tuple]) -> list[object]:
    """Return what came of each call: a value, or the class and parts of an error."""
    deadline = Deadline(60)
    told: list[object] = []
    for kind, argument, _ in calls:
        try:
            match kind:
                case "shell":
                    told.append(phone.shell(argument, deadline))
                case "entry":
                    told.append(phone.entry(argument, deadline))
                case "receive":
                    told.append(phone.pull(argument, deadline))
                case "send":
                    phone.send([argument], "/x", deadline=deadline, mode=0o600)
                case "draw":
                    told.append(phone.draw())
        except HilError as exc:
            told.append((type(exc), str(exc)))
    return told


@given(CALLS)
def test_whatever_is_asked_a_replay_answers_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple]
) -> None:
    path = tmp_path_factory.mktemp("tape") / "t"
    outcomes: list[object] = []
    for kind, _, outcome in calls:
        outcomes.append(outcome)
        if kind == "receive" and not isinstance(outcome, HilError):
            outcomes.append(None)
    with recording(path, *outcomes) as phone:
        recorded = asked(phone, calls)
    replay = replaying(path)
    assert asked(replay, calls) == recorded
    with pytest.raises(LinkClosed, match="the cassette is at its end"):
        replay.draw()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (GONE, LinkClosed),
        (Unreachable("no way", where="usb"), BrokenSetup),
        (FileRefused("/x", "no space", where="usb"), TargetError),
    ],
)
def test_an_error_comes_again_as_the_class_that_the_tree_of_errors_has(
    path: Path, error: HilError, kind: type[HilError]
) -> None:
    with recording(path, error) as phone, pytest.raises(kind):
        phone.shell("ls", Deadline(9))
    with pytest.raises(kind) as again:
        replaying(path).shell("ls", Deadline(9))
    assert type(again.value) is kind
    assert str(again.value) == str(error)
    assert again.value.status is error.status


def test_what_came_of_a_file_before_the_error_comes_again(path: Path) -> None:
    def ask(phone: Phone) -> None:
        parts = phone.receive("/x", Deadline(9))
        assert next(parts) == b"half of it"
        with pytest.raises(LinkClosed, match="the phone is gone"):
            next(parts)

    with recording(path, b"half of it", GONE) as phone:
        ask(phone)
    ask(replaying(path))


def test_a_file_that_was_left_early_may_be_left_again(path: Path) -> None:
    def leave(phone: Phone) -> None:
        with contextlib.closing(phone.receive("/x", Deadline(9))) as parts:
            assert next(parts) == b"one"
        assert phone.shell("ls", Deadline(9)) == DONE

    with recording(path, b"one", DONE) as phone:
        leave(phone)
    leave(replaying(path))


def test_a_large_file_comes_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "t"
    large = bytes(PART_BYTES + 5)
    with recording(path, large[:-5], large[-5:], None) as phone:
        phone.pull("/x", Deadline(9))
    parts = [*replaying(path).receive("/x", Deadline(9))]
    assert [len(part) for part in parts] == [PART_BYTES, 5]


def test_the_whole_of_a_file_is_known_that_the_phone_did_not_take(path: Path) -> None:
    with recording(path, GONE) as phone, pytest.raises(LinkClosed):
        phone.send([b"one", b"two"], "/x", deadline=Deadline(9), mode=0o600)
    with pytest.raises(LinkClosed, match="the phone is gone"):
        replaying(path).send([b"onetwo"], "/x", deadline=Deadline(9), mode=0o600)


def test_another_command_than_was_recorded_is_told_with_both_and_the_place(
    path: Path,
) -> None:
    with recording(path, DONE) as phone:
        phone.shell("cat /proc/uptime", Deadline(9))
    replay = replaying(path)
    with pytest.raises(ProtocolMismatch, match="from character 21 on") as found:
        replay.shell("cat /proc/loadavg", Deadline(9))
    assert found.value.found == '"shell": "cat /proc/loadavg"}'
    assert found.value.allowed == '"shell": "cat /proc/uptime"}'
    assert found.value.where == f"{path}, line 3"
    assert found.value.remedy == (
        "replay with the model, inputs and settings of the recording"
    )
    # The same call is still the next one: each that follows is told the same.
    assert replay.shell("cat /proc/uptime", Deadline(9)) == DONE


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [(b"other", 0o600, "sha256"), (b"mine!", 0o700, "mode"), (b"mine", 0o600, "size")],
)
def test_a_file_of_another_content_size_or_mode_is_told(
    tmp_path: Path, content: bytes, mode: int, told: str
) -> None:
    path = tmp_path / "t"
    with recording(path, None) as phone:
        phone.send([b"mine!"], "/x", deadline=Deadline(9), mode=0o600)
    replay = replaying(path)
    with pytest.raises(ProtocolMismatch, match="asks something else") as found:
        replay.send([content], "/x", deadline=Deadline(9), mode=mode)
    place = int(found.value.what.split()[-2])
    asked = read_phone_cassette(path).calls[1].to
    assert told in json.dumps(asked)[:place].rpartition(", ")[2]


def test_a_host_that_asks_where_it_did_not_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with recording(path, DONE) as phone:
        phone.shell(["ls"], Deadline(9))
    replay = replaying(path)
    calls = {
        "open": lambda: replay.open(Deadline(9)),
        "draw": replay.draw,
        "seconds_left": lambda: replay.seconds_left(Deadline(9)),
        "entry": lambda: replay.entry("/x", Deadline(9)),
        "receive": lambda: replay.pull("/x", Deadline(9)),
        "shell": lambda: replay.shell("ls", Deadline(9)),
    }
    for name, call in calls.items():
        with pytest.raises(ProtocolMismatch, match="asks something else") as found:
            call()
        assert found.value.found.startswith(f'{{"{name}": ')
        assert found.value.allowed == '{"shell": ["ls"]}'


def test_several_connections_are_one_recording(path: Path) -> None:
    recorder = PhoneRecorder(path, device="mine")
    first = recorder.wrap(FakePhone(None, DONE))
    first.open(Deadline(9))
    first.shell("one", Deadline(9))
    first.close()
    second = recorder.wrap(FakePhone(GONE, None, DONE))
    with pytest.raises(LinkClosed):
        second.open(Deadline(9))
    second.open(Deadline(9))
    second.shell("two", Deadline(9))
    second.close()
    replay = replaying(path)
    assert replay.shell("one", Deadline(9)) == DONE
    replay.close()
    with pytest.raises(LinkClosed, match="the phone is gone"):
        replay.open(Deadline(9))
    replay.open(Deadline(9))
    assert replay.shell("two", Deadline(9)) == DONE
    assert len(read_phone_cassette(path).calls) == 5


def test_a_phone_that_is_never_reached_leaves_no_file(path: Path) -> None:
    phone = PhoneRecorder(path, device="x").wrap(FakePhone(GONE, None))
    with pytest.raises(LinkClosed):
        phone.open(Deadline(9))
    assert not path.exists()
    phone.open(Deadline(9))
    phone.close()
    assert len(read_phone_cassette(path).calls) == 1


def test_a_recording_of_a_phone_is_never_written_over(path: Path) -> None:
    path.write_text("mine")
    with (
        pytest.raises(RecordingError, match="the cassette cannot be written") as found,
        recording(path),
    ):
        pass
    assert found.value.where == str(path)
    assert found.value.found == "File exists"
    assert (
        found.value.remedy == "name a file that is not there yet, in a folder that is"
    )
    assert path.read_text() == "mine"


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 4000 bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_once_and_the_phone_is_left_in_good_order(
    tmp_path: Path, small_files: None
) -> None:
    del small_files
    path = tmp_path / "t"
    large = ShellResult(exit_code=0, stdout=bytes(4000), stderr=b"", pid=None)
    fake = FakePhone(None, DONE, large, DONE)
    phone = PhoneRecorder(path, device="x").wrap(fake)
    phone.open(Deadline(9))
    phone.shell("small", Deadline(9))
    with pytest.raises(RecordingError, match="the cassette cannot be written") as found:
        phone.shell("large", Deadline(9))
    assert found.value.found == "File too large"
    assert phone.shell("clean up", Deadline(9)) == DONE
    phone.close()
    assert (fake.closed, len(fake.outcomes)) == (1, 0)
    # What was recorded until then is there.
    assert replaying(path).shell("small", Deadline(9)) == DONE


def test_where_hil_was_killed_all_that_was_said_is_kept(path: Path) -> None:
    with recording(path, DONE, DONE) as phone:
        phone.shell("one", Deadline(9))
        phone.shell("two", Deadline(9))
        replay = replaying(path)  # of what is there before the file is closed
    for word in ("one", "two"):
        assert replay.shell(word, Deadline(9)) == DONE
    told = "was cut off here" if path.suffix == ".gz" else "is at its end"
    with pytest.raises(LinkClosed, match=told):
        replay.shell("three", Deadline(9))


def test_a_last_line_that_was_cut_is_told_where_the_host_comes_to_it(
    path: Path,
) -> None:
    with recording(path, DONE, DONE) as phone:
        phone.shell("one", Deadline(9))
        phone.shell("two", Deadline(9))
    is_packed = path.suffix == ".gz"
    data = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
    for cut in (1, 2, 3, 30):
        kept = data[:-cut]
        path.write_bytes(gzip.compress(kept) if is_packed else kept)
        replay = replaying(path)
        assert replay.shell("one", Deadline(9)) == DONE
        if cut == 1:  # only the end of the line is missing
            assert replay.shell("two", Deadline(9)) == DONE
            continue
        with pytest.raises(LinkClosed, match="the cassette was cut off here") as found:
            replay.shell("two", Deadline(9))
        assert found.value.where == f"{path}, line 4"
        assert found.value.found == "the recording was broken off"


def test_a_file_that_gzip_cannot_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    with recording(path, DONE) as phone:
        phone.shell("ls", Deadline(9))
    data = bytearray(path.read_bytes())
    data[20:60] = bytes(40)
    path.write_bytes(bytes(data))
    with pytest.raises(ConfigError, match="the cassette cannot be read"):
        CassettePhone(f"cassette:{path}")


def test_where_the_deadline_was_over_it_is_waited_for_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "t", FakeClock()

    def sleep(seconds: float) -> None:
        clock.seconds += seconds

    class Slow(FakePhone):
        def shell(self, command, deadline):
            clock.seconds += deadline.remaining
            return super().shell(command, deadline)

    phone = PhoneRecorder(path, device="x").wrap(
        Slow(None, LinkTimeout("nothing came in time"))
    )
    phone.open(Deadline(60, now=clock))
    with pytest.raises(LinkTimeout):
        phone.shell("ls", Deadline(60, now=clock))
    phone.close()
    replay = replaying(path, sleep=sleep)
    deadline = Deadline(5, now=clock)
    with pytest.raises(LinkTimeout, match="nothing came in time"):
        replay.shell("ls", deadline)
    assert deadline.expired


def test_a_replay_of_a_phone_takes_the_recorded_time_where_it_is_asked_to(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "t", FakeClock()

    class Slow(FakePhone):
        def shell(self, command, deadline):
            clock.seconds += 2.5
            return super().shell(command, deadline)

    recorder = PhoneRecorder(path, device="x", clock=clock)
    phone = recorder.wrap(Slow(None, DONE, DONE))
    phone.open(Deadline(60))
    for _ in range(2):
        phone.shell("ls", Deadline(60))
    phone.close()
    for suffix, seconds in (("", []), ("?timed", [0.0, 2.5, 1.0])):
        slept: list[float] = []
        replay = replaying(path, suffix, sleep=slept.append)
        replay.shell("ls", Deadline(60, now=clock))
        replay.shell("ls", Deadline(1, now=clock))
        assert slept == seconds


def test_the_time_that_was_left_is_the_recordings(tmp_path: Path) -> None:
    path = tmp_path / "t"
    clock = FakeClock()
    deadline = Deadline(600, now=clock)
    clock.seconds += 1.00049
    with recording(path) as phone:
        assert phone.seconds_left(deadline) == 599.0  # whole milliseconds
    assert replaying(path).seconds_left(Deadline(3)) == 599.0


def test_the_address_is_the_phones_or_the_file(tmp_path: Path) -> None:
    with recording(tmp_path / "t") as phone:
        assert phone.address == "a fake"
    assert replaying(tmp_path / "t").address == f"the cassette {tmp_path / 't'}"


GOOD = '{"cassette": 1, "device": "x", "origin": "t", "dialogue": "phone"}\n'


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "[]",
        "{}",
        '{"at": 0}',
        '{"at": "0", "to": {"open": true}}',
        '{"at": 0, "to": "open"}',
        '{"at": 0, "to": {"dance": true}}',
        '{"at": 0, "to": {"shell": "ls"}}',
        '{"at": 0, "to": {"shell": "ls"}, "from": []}',
        '{"at": 0, "to": {"shell": "ls"}, "from": {"exit_code": "0"}}',
        '{"at": 0, "to": {"shell": "ls"}, "from": {"exit_code": 0, "stdout": 5}}',
        '{"at": 0, "to": {"receive": "/x"}, "from": {"content": "\\u0100"}}',
        '{"at": 0, "to": {"entry": "/x"}, "from": {"mode": 5}}',
        '{"at": 0, "to": {"draw": true}, "from": {"token": 5}}',
        '{"at": 0, "to": {"seconds_left": true}, "from": {"seconds": "5"}}',
        '{"at": 0, "to": {"open": true}, "error": "gone"}',
        '{"at": 0, "to": {"open": true}, "error": {"class": "LinkClosed"}}',
        '{"at": 0, "to": {"open": true}, "error": {"class": "Ape", "what": "x"}}',
        '{"at": 0, "to": {"open": true}, "error": {"class": "HilError", "what": 5}}',
    ],
)
def test_a_line_that_no_phone_has_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "t"
    path.write_text(f'{GOOD}{{"at": 0, "to": {{"open": true}}}}\n{line}\n')
    with pytest.raises(ConfigError, match="this is no cassette") as found:
        CassettePhone(str(path))
    assert found.value.where == f"{path}, line 3"


def test_the_cassette_of_a_board_is_no_phone_and_the_other_way_round(
    tmp_path: Path,
) -> None:
    board, phone = tmp_path / "board", tmp_path / "phone"
    header = Header(device="my-board", origin="recorded", baud=9600)
    write_cassette(board, header, [Event(at=0, opened=True)])
    with pytest.raises(ConfigError, match="this cassette is not of a phone") as found:
        CassettePhone(f"cassette:{board}")
    assert found.value.where == str(board)
    assert found.value.found == "a dialogue in bytes, with my-board"
    assert found.value.allowed == "a recording of a phone, by link.record or --record"
    with recording(phone):
        pass
    with pytest.raises(ConfigError, match="this cassette is not of a board") as found:
        CassetteLink(f"cassette:{phone}")
    assert found.value.found == "the dialogue of a phone"
    assert found.value.allowed == "what was said on a serial line, a pty or a pipe"
    assert found.value.remedy == f"hil bench MODEL --device cassette:{phone}"
    with pytest.raises(ConfigError, match="this cassette is not of a board"):
        read_cassette(phone)


def test_the_page_shows_a_cassette_that_can_be_read(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "cassettes.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    shown = [line.strip() for line in lines if line.startswith("    {")]
    start = next(i for i, line in enumerate(shown) if '"dialogue"' in line)
    path = tmp_path / "t"
    path.write_text("\n".join(shown[start:]) + "\n")
    calls = read_phone_cassette(path).calls
    asked = [next(iter(call.to)) for call in calls]
    assert asked == ["open", "draw", "shell", "entry"]
    assert isinstance(calls[-1].error, LinkClosed)
