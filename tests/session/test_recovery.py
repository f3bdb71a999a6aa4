"""What happens when frames are lost, doubled or damaged, or the device is not well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.errors import LinkClosed, LinkTimeout
from hil.links.fake import drop, duplicate, flip
from hil.session import Session
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

    from hil.emulators.board import Board
    from hil.links.fake import Fault

MODEL = b'{"inputs": [70], "outputs": [3], "arena": 900}\n' + bytes(3000)
SAMPLES = [bytes([i]) * 70 for i in range(40)]
OUTPUTS = [bytes((i * 2485 + j) % 251 for j in range(3)) for i in range(40)]
FAULTS = st.lists(
    st.one_of(
        st.integers(0, 90).map(drop),
        st.integers(0, 90).map(duplicate),
        st.builds(flip, st.integers(0, 90), bit=st.integers(0, 2000)),
    ),
    max_size=8,
)


def only(kind: type[m.Message], nth: int, fault: Callable[[bytes], bytes]) -> Fault:
    """Do *fault* to the nth frame that holds a message of this kind."""
    seen = 0

    def apply(_number: int, frame: bytes) -> bytes:
        nonlocal seen
        decoder = FrameDecoder()
        decoder.feed(frame)
        payload = decoder.next_payload()
        if payload is None or not isinstance(decode(payload)[1], kind):
            return frame
        seen += 1
        return fault(frame) if seen == nth + 1 else frame

    return apply


def lose(kind: type[m.Message], nth: int = 0) -> Fault:
    return only(kind, nth, lambda _: b"")


def damage(kind: type[m.Message], nth: int = 0) -> Fault:
    return only(kind, nth, lambda frame: bytes([frame[0] ^ 0x80]) + frame[1:])


def double(kind: type[m.Message], nth: int = 0) -> Fault:
    return only(kind, nth, lambda frame: frame * 2)


def work_through(made: Bench) -> None:
    """Open, load, invoke and stream, and hold every answer against the right one."""
    session, deadline = made.session, made.deadline()
    session.open(deadline)
    assert session.load_model(MODEL, deadline) == {"arena_bytes": 900}
    assert session.invoke([SAMPLES[7]], deadline, n=2) == [1000, 1000]
    assert session.read_outputs(deadline) == [OUTPUTS[7]]
    results = list(session.run_samples(SAMPLES, deadline))
    assert results == [(1000, output) for output in OUTPUTS]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(to_device=FAULTS, from_device=FAULTS)
def test_whatever_happens_to_single_frames_every_answer_is_right(
    bench: Callable[..., Bench], to_device: list[Fault], from_device: list[Fault]
) -> None:
    work_through(bench(to_device=to_device, from_device=from_device))


@pytest.mark.parametrize("fault", [lose, damage])
@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        (m.HelloRequest, "the answer to Hello was lost and asked for again"),
        (m.LoadModelRequest, "the answer to LoadModel was lost and asked for again"),
        (m.CommitRequest, "the answer to Commit was lost and asked for again"),
        (m.WriteInputRequest, "the answer to WriteInput was lost and asked for again"),
        (m.InvokeRequest, "the answer to Invoke was lost and asked for again"),
        (m.ReadOutputRequest, "the answer to ReadOutput was lost and asked for again"),
        (m.ChunkRequest, "the answer to Chunk at byte 0 was lost and asked for again"),
        (m.RunRequest, "the answer to Run 0 was lost and asked for again"),
    ],
)
def test_a_lost_request_is_sent_again_and_recorded(
    bench: Callable[..., Bench],
    fault: Callable[[type[m.Message]], Fault],
    kind: type[m.Message],
    retry: str,
) -> None:
    made = bench(to_device=[fault(kind)])
    work_through(made)
    assert made.session.retries == [retry]


@pytest.mark.parametrize("fault", [lose, damage])
@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        (m.LoadModelReply, "the answer to LoadModel was lost and asked for again"),
        (m.CommitReply, "the answer to Commit was lost and asked for again"),
        (m.InvokeReply, "the answer to Invoke was lost and asked for again"),
        (m.ReadOutputReply, "the answer to ReadOutput was lost and asked for again"),
        (m.RunReply, "the answer to Run 0 was lost and asked for again"),
    ],
)
def test_a_lost_reply_is_asked_for_again_and_recorded(
    bench: Callable[..., Bench],
    fault: Callable[[type[m.Message]], Fault],
    kind: type[m.Message],
    retry: str,
) -> None:
    made = bench(from_device=[fault(kind)])
    work_through(made)
    assert made.session.retries == [retry]


def test_a_lost_confirmation_of_a_chunk_is_made_good_by_the_next_one(
    bench: Callable[..., Bench],
) -> None:
    made = bench(from_device=[lose(m.ChunkReply)])
    work_through(made)
    assert made.session.retries == []


@pytest.mark.parametrize("lost", [m.InvokeRequest, m.InvokeReply])
def test_the_device_runs_once_although_it_was_asked_twice(
    bench: Callable[..., Bench], lost: type[m.Message]
) -> None:
    made = bench(to_device=[lose(lost)], from_device=[lose(lost)])
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    assert len(made.session.invoke([SAMPLES[0]], made.deadline(), n=5)) == 5
    assert len(made.session.retries) == 1
    assert len(made.runs) == 5


@pytest.mark.parametrize(
    "kind", [m.InvokeRequest, m.ChunkRequest, m.CommitRequest, m.ReadOutputRequest]
)
def test_a_doubled_request_is_worked_through_once(
    bench: Callable[..., Bench], kind: type[m.Message]
) -> None:
    made = bench(to_device=[double(kind)])
    work_through(made)
    assert made.session.retries == []
    assert len(made.runs) == 2 + len(SAMPLES)


@pytest.mark.parametrize("kind", [m.InvokeReply, m.ChunkReply, m.RunReply])
def test_a_doubled_reply_is_taken_once(
    bench: Callable[..., Bench], kind: type[m.Message]
) -> None:
    made = bench(from_device=[double(kind, 1), double(kind, 0)])
    work_through(made)
    assert made.session.retries == []


def test_a_doubled_run_costs_one_error_and_nothing_else(
    bench: Callable[..., Bench],
) -> None:
    made = bench(to_device=[double(m.RunRequest, 5)])
    work_through(made)
    assert made.session.retries in (
        [],
        ["the answer to Run 6 was lost and asked for again"],
    )


@pytest.mark.parametrize("fault", [lose, damage])
def test_a_chunk_lost_in_the_middle_is_sent_again_at_once(
    bench: Callable[..., Bench], fault: Callable[[type[m.Message], int], Fault]
) -> None:
    made = bench(to_device=[fault(m.ChunkRequest, 5)])
    made.session.open(made.deadline())
    before = made.link.clock()
    made.session.load_model(MODEL, made.deadline())
    assert len(made.session.retries) == 1
    assert made.session.retries[0].startswith("the answer to Chunk at byte 1,")
    assert made.link.clock() == before  # the next confirmation told, no silence did


@pytest.mark.parametrize("fault", [lose, damage])
def test_a_run_lost_in_the_middle_is_sent_again_at_once(
    bench: Callable[..., Bench], fault: Callable[[type[m.Message], int], Fault]
) -> None:
    made = bench(to_device=[fault(m.RunRequest, 3)])
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    before = made.link.clock()
    results = list(made.session.run_samples(SAMPLES, made.deadline()))
    assert [output for _, output in results] == OUTPUTS
    assert made.session.retries == ["the answer to Run 3 was lost and asked for again"]
    assert made.link.clock() == before
    assert len(made.runs) == len(SAMPLES)


def test_where_the_error_for_a_lost_run_is_lost_too_a_fence_tells(
    bench: Callable[..., Bench],
) -> None:
    made = bench(to_device=[lose(m.RunRequest, 3)], from_device=[lose(m.ErrorReply)])
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    before = made.link.clock()
    results = list(made.session.run_samples(SAMPLES, made.deadline()))
    assert [output for _, output in results] == OUTPUTS
    assert made.session.retries == ["the answer to Run 3 was lost and asked for again"]
    assert made.link.clock() > before


def test_a_lost_fence_is_followed_by_another(bench: Callable[..., Bench]) -> None:
    made = bench(
        to_device=[lose(m.InvokeRequest), lose(m.EchoRequest)],
        from_device=[lose(m.EchoReply)],
    )
    work_through(made)
    assert made.session.retries == ["the answer to Invoke was lost and asked for again"]


def test_a_sample_of_many_pieces_is_sent_again_from_its_first(
    bench: Callable[..., Bench],
) -> None:
    made = bench(to_device=[lose(m.RunRequest, 7)], from_device=[lose(m.RunReply, 20)])
    made.session.open(made.deadline())
    made.session.load_model(b'{"inputs": [2000], "outputs": [900]}', made.deadline())
    samples = [bytes([i]) * 2000 for i in range(4)]
    results = list(made.session.run_samples(samples, made.deadline()))
    starts = [i * 2001000 % 251 for i in range(4)]
    assert [output[0] for _, output in results] == starts
    assert [len(output) for _, output in results] == [900] * 4
    assert 1 <= len(made.session.retries) <= 2


def test_the_device_never_gets_more_than_its_buffer_holds(
    bench: Callable[..., Bench],
) -> None:
    waiting: list[bytes] = []
    fullest = 0

    def slow(board: Board, data: bytes) -> bytes:
        """Take one frame from the buffer only when nothing comes any more."""
        nonlocal fullest
        buffered = b"".join([*waiting, data])
        fullest = max(fullest, len(buffered))
        first, zero, rest = buffered.partition(b"\0")
        if data:
            waiting[:] = [buffered]
            return b""
        waiting[:] = [rest]
        return board.feed(first + zero)

    made = bench(wrap=slow)
    work_through(made)
    assert 900 < fullest <= 1024
    assert made.session.retries == []


def test_a_device_that_computes_for_long_is_waited_for_and_not_asked_twice(
    bench: Callable[..., Bench],
) -> None:
    held: list[bytes] = []

    def slow(board: Board, data: bytes) -> bytes:
        """Answer only when a minute has passed."""
        held.append(data)
        if made.link.clock() < 60:
            return b""
        taken, held[:] = b"".join(held), []
        return board.feed(taken)

    made = bench(wrap=slow)
    made.session.open(made.deadline())
    assert made.link.clock() < 70
    assert made.session.retries == []


def test_what_is_lost_again_and_again_is_given_up(bench: Callable[..., Bench]) -> None:
    def deaf(_number: int, frame: bytes) -> bytes:
        decoder = FrameDecoder()
        decoder.feed(frame)
        payload = decoder.next_payload()
        is_invoke = payload and isinstance(decode(payload)[1], m.InvokeRequest)
        return b"" if is_invoke else frame

    made = bench(to_device=[deaf])
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    with pytest.raises(LinkTimeout, match="Invoke was lost 9 times in a row") as raised:
        made.session.invoke([SAMPLES[0]], made.deadline(1000), n=1)
    assert "answers an ECHO, but not this" in str(raised.value)
    assert len(made.session.retries) == 8


def test_a_device_that_always_expects_another_run_is_given_up(
    bench: Callable[..., Bench],
) -> None:
    def confused(board: Board, data: bytes) -> bytes:
        board._expect_first_run()
        board._in_gap = False
        return board.feed(data)

    made = bench(wrap=confused)
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())

    def never(_board: Board, data: bytes) -> bytes:
        decoder = FrameDecoder()
        decoder.feed(data)
        payload = decoder.next_payload()
        if payload is None:
            return b""
        error = m.ErrorReply(code=10, detail=99)
        return encode_frame(encode(error, decode(payload)[0]))

    made.link._device = lambda data: never(made.board, data)
    with pytest.raises(LinkTimeout, match="Run 0 was lost 9 times in a row"):
        list(made.session.run_samples(SAMPLES, made.deadline()))


def test_a_model_that_arrived_damaged_is_sent_again(
    bench: Callable[..., Bench],
) -> None:
    damaged = False

    def worn(board: Board, data: bytes) -> bytes:
        nonlocal damaged
        if not damaged and len(board._slot._flash) > 500:
            board._slot._flash[100] ^= 1
            damaged = True
        return board.feed(data)

    made = bench(wrap=worn)
    work_through(made)
    assert made.session.retries == ["the model arrived damaged and was sent again"]


def test_flash_that_is_always_damaged_is_a_fault(bench: Callable[..., Bench]) -> None:
    def worn(board: Board, data: bytes) -> bytes:
        if len(board._slot._flash) > 500:
            board._slot._flash[100] = 99
        return board.feed(data)

    made = bench(wrap=worn)
    made.session.open(made.deadline())
    with pytest.raises(Exception, match="answers Commit with wrong_sha256"):
        made.session.load_model(MODEL, made.deadline())
    assert len(made.session.retries) == 2


def test_a_transfer_that_broke_off_is_resumed(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.session.open(made.deadline())

    def break_off(done: int, _of: int | None) -> None:
        if done > 1500:
            raise LinkClosed("the port went away")

    with pytest.raises(LinkClosed):
        made.session.load_model(MODEL, made.deadline(), progress=break_off)
    made.session.close()

    again = Session(made.link)
    again.open(made.deadline())
    assert again.device.model_sha256 is None
    told: list[int] = []
    again.load_model(MODEL, made.deadline(), progress=lambda done, _: told.append(done))
    assert told[0] > 1500
    assert told[-1] == len(MODEL)


def test_another_model_begins_afresh_where_a_transfer_broke_off(
    bench: Callable[..., Bench],
) -> None:
    made = bench()
    made.session.open(made.deadline())
    other = m.LoadModelRequest(size_bytes=500, sha256=bytes(32))
    made.board.feed(encode_frame(encode(other, 1)))
    made.board.feed(encode_frame(encode(m.ChunkRequest(offset=0, data=b"abc"), 2)))
    work_through(made)


def test_half_a_frame_of_an_earlier_session_does_not_spoil_the_first_one(
    bench: Callable[..., Bench],
) -> None:
    made = bench()
    made.board.feed(encode_frame(bytes(50))[:-10])
    made.session.open(made.deadline())
    assert made.board.damaged_frames == 1
    assert made.session.retries == []


def test_answers_to_an_earlier_session_are_no_answers(
    bench: Callable[..., Bench],
) -> None:
    stale = encode_frame(
        encode(m.RunReply(run_id=0, ticks=1, offset=0, total_bytes=1, data=b"x"), 5)
    )
    made = bench(wrap=lambda board, data: stale + board.feed(data) if data else b"")
    work_through(made)
    assert made.session.retries == []
