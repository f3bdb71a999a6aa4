"""What a board answers to single frames; dialogues are tried in tests/session."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.links.fake import FakeClock
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    FirmwareSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.kinds import NO_DETAIL, ErrorCode, Kind

MODEL = b'{"inputs": [4], "outputs": [2], "arena": 100}'


def new_board(clock: FakeClock | None = None) -> Board:
    profile = DeviceProfile(
        name="board",
        kind=TargetKind.EMULATED_MCU,
        arch="none",
        core="fake",
        clock_hz=None,
        ram_bytes=5000,
        flash_bytes=5000,
        time_basis=TimeBasis.HOST_CLOCK,
        link=SerialSettings(baud=115200),
        firmware=FirmwareSettings(reserved_ram_bytes=1000, reserved_flash_bytes=1000),
        emulator=EmulatorSettings(rx_buffer_bytes=1024, max_frame_bytes=256),
    )
    return Board(profile, FakeKernels, clock=clock or FakeClock())


def said(data: bytes) -> list[tuple[int, m.Message]]:
    decoder = FrameDecoder()
    decoder.feed(data)
    messages = []
    while (payload := decoder.next_payload()) is not None:
        messages.append(decode(payload))
    return messages


def ask(board: Board, request: m.Message, sequence: int = 1) -> m.Message:
    """The one reply, which must have the sequence of its request."""
    [(answered, reply)] = said(board.feed(encode_frame(encode(request, sequence))))
    assert answered == sequence
    return reply


def announced(model: bytes = MODEL) -> m.LoadModelRequest:
    return m.LoadModelRequest(
        size_bytes=len(model), sha256=hashlib.sha256(model).digest()
    )


@pytest.fixture
def board() -> Board:
    """A board with the model loaded."""
    board = new_board()
    ask(board, announced(), 901)
    ask(board, m.ChunkRequest(offset=0, data=MODEL), 902)
    assert ask(board, m.CommitRequest(), 903) == m.CommitReply(
        figures={"arena_bytes": 100}
    )
    return board


def error(code: ErrorCode, detail: int = NO_DETAIL, text: str = "") -> m.ErrorReply:
    return m.ErrorReply(code=code, detail=detail, text=text)


@given(st.binary(max_size=600))
def test_any_bytes_are_taken_and_the_next_request_is_answered(noise: bytes) -> None:
    board = new_board()
    board.feed(noise + b"\0")
    assert ask(board, m.EchoRequest(data=b"x"), 7) == m.EchoReply(data=b"x")


@given(st.integers(0, 255), st.binary(max_size=100))
def test_any_payload_is_answered_or_ignored(kind: int, body: bytes) -> None:
    board = new_board()
    replies = said(board.feed(encode_frame(bytes((1, kind, 5, 0)) + body)))
    assert all(sequence == 5 for sequence, _ in replies)
    assert (replies == []) == (kind >= Kind.LOG)


def test_a_damaged_frame_is_dropped_and_counted() -> None:
    board = new_board()
    assert board.feed(b"\x03ab\0" + encode_frame(b"12")) == b""
    assert board.damaged_frames == 2


def test_a_frame_longer_than_the_board_takes_is_dropped() -> None:
    board = new_board()
    assert board.feed(encode_frame(encode(m.EchoRequest(data=bytes(300)), 1))) == b""
    assert board.damaged_frames == 1


def test_another_version_is_answered_with_ours() -> None:
    [(sequence, reply)] = said(new_board().feed(encode_frame(bytes((9, 1, 3, 0)))))
    assert (sequence, reply) == (3, error(ErrorCode.PROTOCOL_VERSION, 1))


def test_an_unknown_request_is_named() -> None:
    [(_, reply)] = said(new_board().feed(encode_frame(bytes((1, 0x60, 3, 0)))))
    assert reply == error(ErrorCode.UNKNOWN_REQUEST, 0x60)


def test_a_body_of_the_wrong_size_is_malformed() -> None:
    [(_, reply)] = said(new_board().feed(encode_frame(bytes((1, 6, 3, 0, 1)))))
    assert reply == error(
        ErrorCode.MALFORMED, Kind.INVOKE, "a InvokeRequest of the wrong size"
    )


@pytest.mark.parametrize("kind", [Kind.LOG, Kind.ERROR, Kind.HELLO | 0x80])
def test_what_is_no_request_is_not_answered(kind: int) -> None:
    assert (
        new_board().feed(encode_frame(bytes((1, kind, 0, 0, 1, 0)) + bytes(4))) == b""
    )


@pytest.mark.parametrize(
    "request_",
    [
        m.WriteInputRequest(tensor=0, offset=0, data=b""),
        m.InvokeRequest(n=1),
        m.ReadOutputRequest(tensor=0, offset=0, length=1),
        m.RunRequest(run_id=0, flags=m.REWIND, offset=0, data=b""),
        m.TensorRequest(index=0, offset=0, length=1),
    ],
)
def test_without_a_model_nothing_runs(request_: m.Message) -> None:
    assert ask(new_board(), request_) == error(ErrorCode.NO_MODEL)


def test_without_a_model_no_memory_is_measured() -> None:
    assert ask(new_board(), m.MemoryRequest()) == m.MemoryReply(figures={})


def test_a_profile_is_not_supported(board: Board) -> None:
    answer = ask(board, m.ProfileRequest(first=0))
    assert (answer.code, answer.detail) == (ErrorCode.NOT_SUPPORTED, Kind.PROFILE)
    assert answer.text == "no clock for single operators"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            m.WriteInputRequest(tensor=1, offset=0, data=b""),
            error(ErrorCode.BAD_TENSOR, 1),
        ),
        (
            m.WriteInputRequest(tensor=0, offset=2, data=b"abc"),
            error(ErrorCode.OUT_OF_RANGE, 4),
        ),
        (
            m.ReadOutputRequest(tensor=1, offset=0, length=1),
            error(ErrorCode.BAD_TENSOR, 1),
        ),
        (
            m.ReadOutputRequest(tensor=0, offset=1, length=2),
            error(ErrorCode.OUT_OF_RANGE, 2),
        ),
        (
            m.ReadOutputRequest(tensor=0, offset=0, length=1000),
            error(ErrorCode.OUT_OF_RANGE, 245),
        ),
        (m.InvokeRequest(n=31), error(ErrorCode.OUT_OF_RANGE, 30)),
        (m.TensorRequest(index=2, offset=0, length=1), error(ErrorCode.BAD_TENSOR, 2)),
        (
            m.RunRequest(run_id=0, flags=m.REWIND, offset=0, data=bytes(5)),
            error(ErrorCode.OUT_OF_RANGE, 4),
        ),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    board: Board, request_: m.Message, reply: m.Message
) -> None:
    assert ask(board, request_) == reply


@pytest.mark.parametrize(
    "request_", [m.ChunkRequest(offset=0, data=b"x"), m.CommitRequest()]
)
def test_without_a_transfer_there_is_nothing_to_take(request_: m.Message) -> None:
    assert ask(new_board(), request_) == error(ErrorCode.NO_TRANSFER, 0)


def test_a_commit_before_the_end_says_how_much_is_there() -> None:
    board = new_board()
    ask(board, announced(), 1)
    ask(board, m.ChunkRequest(offset=0, data=MODEL[:10]), 2)
    assert ask(board, m.CommitRequest(), 3) == error(ErrorCode.NO_TRANSFER, 10)


def test_a_chunk_is_taken_only_where_the_last_one_ended() -> None:
    board = new_board()
    assert ask(board, announced(), 1) == m.LoadModelReply(next_offset=0)
    for sequence, (offset, reached) in enumerate(
        [(5, 0), (0, 3), (0, 3), (2, 3), (3, 6)]
    ):
        chunk = m.ChunkRequest(offset=offset, data=MODEL[offset : offset + 3])
        assert ask(board, chunk, 10 + sequence) == m.ChunkReply(next_offset=reached)
    assert ask(board, announced(), 2) == m.LoadModelReply(next_offset=6)


def test_a_chunk_beyond_the_end_is_refused() -> None:
    board = new_board()
    ask(board, announced(), 1)
    chunk = m.ChunkRequest(offset=0, data=MODEL + b"x")
    assert ask(board, chunk, 2) == error(ErrorCode.OUT_OF_RANGE, len(MODEL))


def test_a_model_that_is_not_what_was_announced_is_dropped() -> None:
    board = new_board()
    ask(board, announced(), 1)
    ask(board, m.ChunkRequest(offset=0, data=bytes(len(MODEL))), 2)
    assert ask(board, m.CommitRequest(), 3) == error(ErrorCode.WRONG_SHA256)
    assert ask(board, announced(), 4) == m.LoadModelReply(next_offset=0)


def test_flash_and_arena_have_limits() -> None:
    board = new_board()
    too_long = m.LoadModelRequest(size_bytes=4001, sha256=bytes(32))
    assert ask(board, too_long, 1) == error(ErrorCode.DOES_NOT_FIT_FLASH, 1)
    model = b'{"inputs": [], "outputs": [], "arena": 4010}'
    ask(board, announced(model), 2)
    ask(board, m.ChunkRequest(offset=0, data=model), 3)
    assert ask(board, m.CommitRequest(), 4) == error(ErrorCode.DOES_NOT_FIT_ARENA, 10)


def test_long_words_are_cut_to_what_fits_a_frame() -> None:
    board = new_board()
    model = b'{"broken": "' + "\u00e9".encode() * 100 + b'"}'
    ask(board, announced(model), 1)
    ask(board, m.ChunkRequest(offset=0, data=model), 2)
    assert ask(board, m.CommitRequest(), 3) == error(
        ErrorCode.BAD_MODEL, text="\u00e9" * 80
    )


def test_a_repeated_request_is_answered_from_memory(board: Board) -> None:
    ask(board, m.WriteInputRequest(tensor=0, offset=0, data=b"\1\1\1\1"), 20)
    first = ask(board, m.InvokeRequest(n=1), 21)
    ask(board, m.EchoRequest(data=b"fence"), 22)
    board._slot.forget()  # so a run would be refused now
    assert ask(board, m.InvokeRequest(n=1), 21) == first
    assert ask(board, m.InvokeRequest(n=1), 23) == error(ErrorCode.NO_MODEL)


def run(run_id: int, data: bytes, *, offset: int = 0, flags: int = 0) -> m.RunRequest:
    return m.RunRequest(run_id=run_id, flags=flags, offset=offset, data=data)


def result(run_id: int, data: bytes) -> m.RunReply:
    return m.RunReply(run_id=run_id, ticks=1000, offset=0, total_bytes=2, data=data)


def test_runs_are_taken_in_order_and_a_gap_is_said_once(board: Board) -> None:
    ones = b"\1\1\1\1"
    assert ask(board, run(0, ones), 1) == result(0, b"\x0a\x0b")
    assert ask(board, run(2, ones), 2) == error(ErrorCode.OUT_OF_ORDER, 1)
    assert board.feed(encode_frame(encode(run(3, ones), 3))) == b""
    assert ask(board, run(1, ones), 4) == result(1, b"\x0a\x0b")
    assert ask(board, run(7, ones), 5) == error(ErrorCode.OUT_OF_ORDER, 2)
    assert ask(board, run(0, ones, flags=m.REWIND), 6) == result(0, b"\x0a\x0b")
    assert ask(board, run(1, ones), 7) == result(1, b"\x0a\x0b")


def test_a_sample_may_come_in_pieces_and_each_is_confirmed(board: Board) -> None:
    more = m.RunReply(run_id=0, ticks=0, offset=0, total_bytes=0, data=b"")
    assert ask(board, run(0, b"\1\1"), 1) == more
    gap = run(0, b"\1", offset=3)
    assert ask(board, gap, 2) == error(ErrorCode.OUT_OF_ORDER, 0)
    assert ask(board, run(0, b"\1", offset=2), 3) == more
    assert ask(board, run(0, b"\1", offset=3), 4) == result(0, b"\x0a\x0b")


def test_a_rewind_drops_the_pieces_of_a_sample(board: Board) -> None:
    ask(board, run(4, b"\1\1", flags=m.REWIND), 1)
    rewound = run(9, b"\1\1\1\1", flags=m.REWIND)
    assert ask(board, rewound, 2) == result(9, b"\x0a\x0b")


def test_a_rate_is_given_up_without_a_good_frame_in_a_second() -> None:
    clock = FakeClock()
    board = new_board(clock)
    assert ask(board, m.BaudRequest(baud=9600), 1) == m.BaudReply(baud=9600)
    assert (board.baud, board.next_event) == (9600, 1.0)
    clock.seconds = 0.9
    board.feed(b"\x03ab\0")
    assert board.baud == 9600
    clock.seconds = 1.0
    board.feed(b"")
    assert (board.baud, board.next_event) == (115200, None)


def test_a_rate_is_kept_after_a_good_frame() -> None:
    clock = FakeClock()
    board = new_board(clock)
    ask(board, m.BaudRequest(baud=9600), 1)
    ask(board, m.EchoRequest(data=b""), 2)
    clock.seconds = 99.0
    board.feed(b"")
    assert board.baud == 9600


def test_a_reset_board_knows_no_model_and_no_transfer(board: Board) -> None:
    assert ask(board, m.ResetRequest(), 1) == m.ResetReply()
    assert ask(board, m.InvokeRequest(n=1), 2) == error(ErrorCode.NO_MODEL)
    assert ask(board, announced(), 3) == m.LoadModelReply(next_offset=0)


def test_a_board_never_says_that_its_frames_exceed_its_buffer() -> None:
    board = new_board()
    hello = ask(board, m.HelloRequest())
    assert isinstance(hello, m.HelloReply)
    assert hello.max_frame_bytes <= hello.rx_buffer_bytes
