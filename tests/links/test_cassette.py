from __future__ import annotations

import gzip
import json

import pytest

from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.errors import (
    BrokenSetup,
    ConfigError,
    LinkClosed,
    LinkTimeout,
    ProtocolMismatch,
    RecordingError,
)
from hil.links.cassette import Event, Header, Recorder, read_cassette, write_cassette
from hil.links.cassette_player import CassetteLink, is_cassette
from hil.links.fake import FakeClock, FakeLink
from hil.profiles import find_profile
from hil.session import Session

MODEL = b'{"inputs": [40], "outputs": [5], "arena": 900}\n' + bytes(range(256)) * 8


class OnlyALink:
    """A link without a rate; it loses the device at the word `die`."""

    def open(self, deadline):
        pass

    def read(self, deadline):
        return b"said"

    def write(self, data, deadline):
        if data == b"die":
            raise LinkClosed("the port went away")

    def close(self):
        pass


@pytest.fixture(params=["tape.cassette", "tape.cassette.gz"])
def path(request, tmp_path):
    return tmp_path / request.param


def talk(link, deadline):
    """A whole dialogue in frames: hello, a model, runs, a rate, hello again."""
    session = Session(link)
    session.open(deadline)
    session.load_model(MODEL, deadline)
    answers = list(session.run_samples([bytes([i]) * 40 for i in range(30)], deadline))
    ticks = session.invoke([bytes(40)], deadline, n=5)
    baud = session.set_baud(921_600, deadline)
    session.close()
    again = Session(link)
    again.open(deadline)
    build = again.device.build_id
    again.close()
    return answers, ticks, baud, build


def test_a_dialogue_in_frames_is_replayed_bit_by_bit(path):
    board = Board(find_profile("emulated-mcu"), FakeKernels)
    recorder = Recorder(path, device="emulated-mcu")
    deadline = Deadline(60)
    recorded = talk(recorder.wrap(FakeLink(board.feed)), deadline)
    assert talk(CassetteLink(f"cassette:{path}"), deadline) == recorded
    header, events = read_cassette(path)
    assert (header.device, header.origin, header.baud) == (
        "emulated-mcu",
        "recorded",
        115200,
    )
    assert sum(event.opened for event in events) == 2
    assert [event.baud for event in events if event.baud] == [921_600]


def test_a_link_without_a_rate_is_recorded_with_its_end(tmp_path):
    path = tmp_path / "tape"
    link = Recorder(path, device="x").wrap(OnlyALink())
    deadline = Deadline(10)
    link.open(deadline)
    link.write(b"hi", deadline)
    assert link.read(deadline) == b"said"
    with pytest.raises(LinkClosed):
        link.write(b"die", deadline)
    link.close()
    replay = CassetteLink(str(path))
    replay.open(deadline)
    replay.write(b"h", deadline)
    replay.write(b"i", deadline)
    assert replay.read(deadline) == b"said"
    replay.write(b"die", deadline)
    with pytest.raises(LinkClosed, match="the port went away") as lost:
        replay.read(deadline)
    assert lost.value.found == "so recorded"


def test_where_hil_was_killed_the_dialogue_until_then_is_kept(path):
    link = Recorder(path, device="x").wrap(OnlyALink())
    deadline = Deadline(10)
    link.open(deadline)
    link.write(b"hi", deadline)
    link.read(deadline)
    replay = CassetteLink(str(path))  # the file is not closed, nor has gzip its end
    link.close()
    replay.open(deadline)
    replay.write(b"hi", deadline)
    assert replay.read(deadline) == b"said"
    with pytest.raises(LinkClosed, match="the cassette is at its end"):
        replay.read(deadline)


def test_a_last_line_that_was_cut_is_told_where_the_host_comes_to_it(path):
    link = Recorder(path, device="x").wrap(OnlyALink())
    deadline = Deadline(10)
    link.open(deadline)
    link.write(b"hi", deadline)
    link.read(deadline)
    link.write(b"more", deadline)
    link.close()
    is_packed = path.suffix == ".gz"
    data = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
    kept = data[:-8]
    path.write_bytes(gzip.compress(kept) if is_packed else kept)
    for come_to_it in (
        lambda replay: replay.write(b"more", deadline),
        lambda replay: replay.read(deadline),
    ):
        replay = CassetteLink(str(path))
        replay.open(deadline)
        replay.write(b"hi", deadline)
        assert replay.read(deadline) == b"said"
        with pytest.raises(LinkClosed, match="the cassette was cut off here") as found:
            come_to_it(replay)
        assert found.value.where == f"{path}, line 5"
        assert found.value.found == "the recording was broken off"


def test_a_cassette_is_never_written_over(tmp_path):
    path = tmp_path / "tape"
    path.write_text("mine")
    link = Recorder(path, device="x").wrap(OnlyALink())
    with pytest.raises(RecordingError, match="the cassette cannot be written") as found:
        link.open(Deadline(1))
    assert (
        found.value.remedy == "name a file that is not there yet, in a folder that is"
    )
    assert path.read_text() == "mine"


def written(path, *events, **header):
    write_cassette(path, Header(device="x", origin="test", **header), events)
    link = CassetteLink(f"cassette:{path}")
    link.open(Deadline(10))
    return link


OPEN = Event(at=0.0, opened=True)


def test_another_word_than_was_recorded_is_told_with_both(tmp_path):
    link = written(tmp_path / "t", OPEN, Event(at=0.1, to=b"infer 10 0%"))
    with pytest.raises(ProtocolMismatch, match="from byte 7 on") as found:
        link.write(b"infer 11 0%", Deadline(1))
    assert found.value.found == "b'infer 11 0%'"
    assert found.value.allowed == "b'infer 10 0%'"
    assert found.value.where.endswith("t, line 3")


def test_a_host_that_speaks_where_it_did_not_is_told(tmp_path):
    link = written(tmp_path / "t", OPEN, Event(at=0.1, baud=9600), baud=115200)
    with pytest.raises(ProtocolMismatch) as found:
        link.write(b"x", Deadline(1))
    assert found.value.allowed == "nothing"


def test_bytes_that_nobody_knows_may_be_any(tmp_path):
    known = Event(at=0.1, to=b"db 0000%", any_bytes=((3, 4),))
    link = written(tmp_path / "t", OPEN, known, Event(at=0.2, said=b"ok"))
    link.write(b"db beef%", Deadline(1))
    assert link.read(Deadline(1)) == b"ok"
    link = written(tmp_path / "u", OPEN, known)
    with pytest.raises(ProtocolMismatch, match="from byte 0 on"):
        link.write(b"xb beef%", Deadline(1))


def test_an_exchange_that_need_not_be_is_left_out(tmp_path):
    events = (
        OPEN,
        Event(at=0.1, to=b"name%", optional=True),
        Event(at=0.1, said=b"me"),
        Event(at=0.2, to=b"infer%"),
        Event(at=0.3, said=b"done"),
    )
    asked = written(tmp_path / "t", *events)
    asked.write(b"name%infer%", Deadline(1))
    assert [asked.read(Deadline(1)) for _ in range(2)] == [b"me", b"done"]
    silent = written(tmp_path / "u", *events)
    silent.write(b"infer%", Deadline(1))
    assert silent.read(Deadline(1)) == b"done"


def test_the_end_of_a_cassette_is_told(tmp_path):
    link = written(tmp_path / "t", OPEN)
    for call in (
        lambda: link.read(Deadline(1)),
        lambda: link.write(b"x", Deadline(1)),
        lambda: link.open(Deadline(1)),
    ):
        with pytest.raises(LinkClosed, match="the cassette is at its end"):
            call()


def test_where_the_host_waited_in_vain_it_waits_again(tmp_path):
    path = tmp_path / "t"
    clock = FakeClock()

    def sleep(seconds):
        clock.seconds += seconds

    written(path, OPEN, Event(at=0.5, to=b"again"))
    link = CassetteLink(str(path), clock=clock, sleep=sleep)
    link.open(Deadline(1, now=clock))
    with pytest.raises(LinkTimeout, match="nothing came in time"):
        link.read(Deadline(3, now=clock))
    assert clock() == 3
    for call in (link.open, lambda late: link.write(b"again", late)):
        with pytest.raises(LinkTimeout, match="no time was left"):
            call(Deadline(0, now=clock))


def test_a_replay_takes_the_recorded_time_where_it_is_asked_to(tmp_path):
    path = tmp_path / "t"
    events = (Event(at=2.0, to=b"a"), Event(at=3.5, said=b"b"))
    for suffix, seconds in (("", 0.0), ("?timed", 1.5)):
        clock = FakeClock()

        def sleep(seconds, clock=clock):
            clock.seconds += seconds

        written(path, OPEN, *events)
        link = CassetteLink(f"cassette:{path}{suffix}", clock=clock, sleep=sleep)
        deadline = Deadline(10, now=clock)
        link.open(deadline)
        link.write(b"a", deadline)
        assert link.read(deadline) == b"b"
        assert clock() == pytest.approx(seconds)


def test_a_timed_answer_may_come_behind_the_deadline(tmp_path):
    path = tmp_path / "t"
    written(path, OPEN, Event(at=0.0, to=b"a"), Event(at=9.0, said=b"b"))
    clock = FakeClock()

    def sleep(seconds):
        clock.seconds += seconds

    link = CassetteLink(f"cassette:{path}?timed", clock=clock, sleep=sleep)
    link.open(Deadline(1, now=clock))
    link.write(b"a", Deadline(1, now=clock))
    with pytest.raises(LinkTimeout):
        link.read(Deadline(1, now=clock))
    assert link.read(Deadline(20, now=clock)) == b"b"


def test_another_rate_than_was_recorded_is_refused(tmp_path):
    link = written(tmp_path / "t", OPEN, Event(at=0.1, baud=9600), baud=115200)
    with pytest.raises(BrokenSetup, match="the rate was not changed so") as found:
        link.set_baud(19200)
    assert (found.value.found, found.value.allowed) == ("19200 baud", "9600 baud")
    link.set_baud(9600)
    assert link.baud == 9600
    with pytest.raises(BrokenSetup) as found:
        link.set_baud(19200)
    assert found.value.allowed == "no change"


GOOD = '{"cassette": 1, "device": "x", "origin": "t"}\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("hello\n", "line 1"),
        ("[]\n", "line 1"),
        ('{"cassette": 2}\n', "line 1"),
        ('{"cassette": 1, "seed": "x"}\n', "line 1"),
        (GOOD + '{"to": "x"}\n', "line 2"),
        (GOOD + '{"at": 0, "open": true}\n{"at": 0, "to": "\\u0100"}\n', "line 3"),
        (GOOD + '{"at": 0, "to": 5}\n', "line 2"),
        (GOOD + '{"at": "x", "to": "a"}\n', "line 2"),
        (GOOD + '{"at": 0, "to": "a", "any": [1]}\n', "line 2"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_with_its_line(tmp_path, text, where):
    path = tmp_path / "t"
    path.write_text(text)
    with pytest.raises(ConfigError, match="this is no cassette") as found:
        read_cassette(path)
    assert found.value.where.endswith(where)


def test_a_cassette_that_is_missing_or_empty_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the cassette cannot be read"):
        CassetteLink(f"cassette:{tmp_path / 'none'}")
    (tmp_path / "empty").write_text("")
    with pytest.raises(ConfigError, match="the cassette is empty"):
        read_cassette(tmp_path / "empty")
    with pytest.raises(RecordingError, match="the cassette cannot be written"):
        write_cassette(tmp_path / "no" / "t", Header(device="x", origin="y"), [])


def test_every_byte_survives_the_file(tmp_path):
    path = tmp_path / "t"
    every = bytes(range(256))
    event = Event(at=1.25, to=every, any_bytes=((1, 2),), optional=True, made=True)
    write_cassette(path, Header(device="x", origin="t", profile="p"), [event])
    header, (read,) = read_cassette(path)
    assert read == event
    assert header.profile == "p"
    assert json.loads(path.read_text().splitlines()[1])["to"] == every.decode("latin-1")


def test_a_cassette_is_named_by_its_prefix():
    assert is_cassette("cassette:x")
    assert not is_cassette("/dev/ttyACM0")
    assert not is_cassette(None)
