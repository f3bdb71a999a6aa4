from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.errors import (
    BrokenSetup,
    DeviceCrashed,
    DoesNotFit,
    FirmwareFault,
    ModelError,
    ProtocolMismatch,
    UnsupportedOp,
)
from hil.session import Session
from hil.vocab import TimeBasis
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.hello import HelloReply
from hil.wire.kinds import NO_DETAIL, ErrorCode, LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

MODEL = b'{"inputs": [40, 30], "outputs": [5, 3], "arena": 900}\n' + bytes(5000)


def scripted(*replies: m.Message) -> Callable[[bytes], bytes]:
    """A device that says HELLO, then these replies, one to each request."""
    decoder = FrameDecoder()
    hello = HelloReply(
        board="scripted",
        rx_buffer_bytes=1024,
        max_frame_bytes=256,
        input_sizes=(4,),
        output_sizes=(2,),
        arena_capacity_bytes=1000,
    )
    to_say = [hello, *replies]

    def device(data: bytes) -> bytes:
        decoder.feed(data)
        said = b""
        while (payload := decoder.next_payload()) is not None:
            sequence, _ = decode(payload)
            said += encode_frame(encode(to_say.pop(0), sequence)) if to_say else b""
        return said

    return device


@pytest.fixture
def to_script(bench: Callable[..., Bench]) -> Callable[..., Bench]:
    """Make an open bench whose device says what it is told to."""

    def make(*replies: m.Message) -> Bench:
        device = scripted(*replies)
        opened = bench(wrap=lambda _board, data: device(data))
        opened.session.open(opened.deadline())
        return opened

    return make


@pytest.fixture
def loaded(bench: Callable[..., Bench]) -> Bench:
    made = bench()
    made.session.open(made.deadline())
    made.session.load_model(MODEL, made.deadline())
    return made


def test_a_device_says_what_it_is(bench: Callable[..., Bench]) -> None:
    made = bench()
    hello = made.session.open(made.deadline())
    assert hello == made.session.device
    assert hello.board == "small"
    assert hello.engine == "tflm"
    assert hello.build_id.endswith("fake 1")
    assert hello.time_basis is TimeBasis.HOST_CLOCK
    assert hello.tick_hz == 1_000_000_000
    assert hello.arena_capacity_bytes == 16_000
    assert (hello.rx_buffer_bytes, hello.max_frame_bytes) == (1024, 256)
    assert (hello.baud, hello.max_baud) == (115200, 12_000_000)
    assert hello.model_sha256 is None
    assert hello.input_sizes == hello.output_sizes == ()


def test_a_model_is_loaded_and_then_named(bench: Callable[..., Bench]) -> None:
    made = bench()
    made.session.open(made.deadline())
    told: list[tuple[int, int | None]] = []
    figures = made.session.load_model(
        MODEL, made.deadline(), progress=lambda done, of: told.append((done, of))
    )
    assert figures == {"arena_bytes": 900}
    assert made.session.device.model_sha256 == hashlib.sha256(MODEL).digest()
    assert made.session.device.input_sizes == (40, 30)
    assert made.session.device.output_sizes == (5, 3)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (len(MODEL), len(MODEL))
    assert made.session.retries == []


def test_a_model_that_is_loaded_already_is_not_sent_again(loaded: Bench) -> None:
    told: list[int] = []
    figures = loaded.session.load_model(
        MODEL, loaded.deadline(), progress=lambda done, _: told.append(done)
    )
    assert figures == {"arena_bytes": 900}
    assert told == []


def test_runs_are_timed_and_their_outputs_read(loaded: Bench) -> None:
    ticks = loaded.session.invoke([bytes(40), b"\1" * 30], loaded.deadline(), n=3)
    assert ticks == [1000] * 3
    assert len(loaded.runs) == 3
    # The weights of the second input are 41 to 70; every run begins afresh.
    start = sum(range(41, 71)) % 251
    assert loaded.session.read_outputs(loaded.deadline()) == [
        bytes((start + i) % 251 for i in range(5)),
        bytes((start + i) % 251 for i in range(3)),
    ]


def test_more_runs_than_a_reply_can_hold_are_asked_for_in_parts(loaded: Bench) -> None:
    ticks = loaded.session.invoke([bytes(40), bytes(30)], loaded.deadline(), n=100)
    assert len(ticks) == len(loaded.runs) == 100


def test_inputs_and_outputs_may_be_larger_than_a_frame(
    bench: Callable[..., Bench],
) -> None:
    made = bench()
    made.session.open(made.deadline())
    model = b'{"inputs": [3000], "outputs": [2500]}'
    made.session.load_model(model, made.deadline())
    sample = bytes(range(250)) * 12
    made.session.invoke([sample], made.deadline(), n=1)
    [output] = made.session.read_outputs(made.deadline())
    [(ticks, streamed)] = made.session.run_samples([sample], made.deadline())
    assert len(output) == 2500
    assert streamed == output
    assert ticks == 1000
    assert made.session.tensor(1, made.deadline()) == output


def test_samples_are_streamed_in_order(loaded: Bench) -> None:
    samples = [bytes([i % 256] * 70) for i in range(300)]
    told: list[tuple[int, int | None]] = []
    results = list(
        loaded.session.run_samples(
            samples,
            loaded.deadline(),
            progress=lambda done, of: told.append((done, of)),
        )
    )
    starts = [i % 256 * sum(range(1, 71)) % 251 for i in range(300)]
    assert [output[0] for _, output in results] == starts
    assert told == [(done, 300) for done in range(1, 301)]
    assert len(loaded.runs) == 300
    assert loaded.session.retries == []


def test_samples_are_read_as_they_are_needed(loaded: Bench) -> None:
    read: list[int] = []

    def samples():
        for i in range(1000):
            read.append(i)
            yield bytes(70)

    results = loaded.session.run_samples(samples(), loaded.deadline())
    next(results)
    assert 1 < len(read) < 40


def test_no_samples_give_no_results_at_once(loaded: Bench) -> None:
    before = loaded.link.clock()
    assert list(loaded.session.run_samples([], loaded.deadline())) == []
    assert loaded.link.clock() == before


def test_a_stream_that_was_left_does_not_spoil_what_follows(loaded: Bench) -> None:
    samples = [bytes(70)] * 20
    next(loaded.session.run_samples(samples, loaded.deadline()))
    assert loaded.session.echo(b"still here", loaded.deadline()) == b"still here"
    assert len(list(loaded.session.run_samples(samples, loaded.deadline()))) == 20


def test_memory_tensors_and_echo_are_answered(loaded: Bench) -> None:
    assert loaded.session.memory(loaded.deadline()) == {"arena_bytes": 900}
    loaded.session.invoke([b"\2" * 40, b"\3" * 30], loaded.deadline(), n=1)
    assert loaded.session.tensor(0, loaded.deadline()) == b"\2" * 40
    assert loaded.session.tensor(1, loaded.deadline()) == b"\3" * 30
    assert loaded.session.echo(b"", loaded.deadline()) == b""


def test_an_echo_that_fits_no_frame_is_refused(loaded: Bench) -> None:
    with pytest.raises(ValueError, match="carries at most 245 bytes, not 300"):
        loaded.session.echo(bytes(300), loaded.deadline())


def test_a_reset_device_has_no_model(loaded: Bench) -> None:
    assert loaded.session.reset(loaded.deadline()).model_sha256 is None
    assert loaded.session.device.input_sizes == ()


def test_a_profile_is_gathered_over_several_replies(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(
        m.ProfileReply(operators=3, ticks=(10, 20)),
        m.ProfileReply(operators=3, ticks=(30,)),
    )
    assert made.session.profile(made.deadline()) == [10, 20, 30]


def test_an_empty_piece_of_a_profile_is_a_fault(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.ProfileReply(operators=3, ticks=()))
    with pytest.raises(FirmwareFault, match="a piece of the wrong size"):
        made.session.profile(made.deadline())


def test_logs_are_put_aside(bench: Callable[..., Bench]) -> None:
    log = encode_frame(encode(m.LogMessage(level=LogLevel.WARNING, text="hot"), 0))
    made = bench(wrap=lambda board, data: log + board.feed(data) + log)
    made.session.open(made.deadline())
    assert made.session.logs[0] == m.LogMessage(level=2, text="hot")
    made.session.close()


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        (
            b'{"inputs": [1], "outputs": [1], "arena": 17000}',
            DoesNotFit,
            (
                "arena: 1,000 bytes missing\n  where:   small\n"
                "  found:   17,000 bytes needed\n  allowed: 16,000 bytes available"
            ),
        ),
        (
            bytes(50_007),
            DoesNotFit,
            (
                "flash: 7 bytes missing\n  where:   small\n"
                "  found:   50,007 bytes needed\n  allowed: 50,000 bytes available"
            ),
        ),
        (
            b'{"unsupported": "SVDF"}',
            UnsupportedOp,
            (
                "the device cannot run the model\n  where:   small\n"
                "  found:   no kernel for SVDF"
            ),
        ),
        (b"junk", ModelError, "the device rejects the model"),
    ],
)
def test_a_model_that_cannot_run_is_refused(
    bench: Callable[..., Bench], model: bytes, error: type[Exception], text: str
) -> None:
    made = bench()
    made.session.open(made.deadline())
    with pytest.raises(error) as raised:
        made.session.load_model(model, made.deadline())
    assert type(raised.value) is error
    assert str(raised.value).startswith(text)
    # and the device is still there for the next one
    assert made.session.load_model(MODEL, made.deadline()) == {"arena_bytes": 900}


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        (ErrorCode.MALFORMED, FirmwareFault, "answers Memory with malformed (11)"),
        (ErrorCode.UNKNOWN_REQUEST, FirmwareFault, "with unknown_request (11)"),
        (ErrorCode.PROTOCOL_VERSION, ProtocolMismatch, "found:   version 11"),
        (ErrorCode.UNSUPPORTED_OP, UnsupportedOp, "run the model, operator 11"),
        (ErrorCode.BAD_MODEL, ModelError, "rejects the model"),
        (ErrorCode.WRONG_SHA256, FirmwareFault, "with wrong_sha256"),
        (ErrorCode.NO_MODEL, DeviceCrashed, "Memory: the device has no model"),
        (ErrorCode.OUT_OF_ORDER, FirmwareFault, "with out_of_order"),
        (ErrorCode.NO_TRANSFER, FirmwareFault, "with no_transfer"),
        (ErrorCode.BAD_TENSOR, FirmwareFault, "with bad_tensor"),
        (ErrorCode.OUT_OF_RANGE, FirmwareFault, "with out_of_range"),
        (ErrorCode.NOT_SUPPORTED, FirmwareFault, "with not_supported"),
        (ErrorCode.INVOKE_FAILED, FirmwareFault, "with invoke_failed"),
        (ErrorCode.BAD_BAUD, FirmwareFault, "with bad_baud"),
        (ErrorCode.INTERNAL, FirmwareFault, "with internal"),
        (999, FirmwareFault, "with error 999"),
    ],
)
def test_each_error_of_a_device_becomes_one_of_ours(
    to_script: Callable[..., Bench], code: int, error: type[Exception], text: str
) -> None:
    made = to_script(m.ErrorReply(code=code, detail=11, text="why"))
    with pytest.raises(error) as raised:
        made.session.memory(made.deadline())
    assert type(raised.value) is error
    assert text in str(raised.value)
    assert "scripted" in str(raised.value)
    if code != ErrorCode.PROTOCOL_VERSION:
        assert "why" in str(raised.value)


@pytest.mark.parametrize(
    ("code", "region", "needed"),
    [
        (ErrorCode.DOES_NOT_FIT_FLASH, "flash", 100),
        (ErrorCode.DOES_NOT_FIT_ARENA, "arena", 1011),
    ],
)
def test_missing_bytes_become_needed_and_available_ones(
    to_script: Callable[..., Bench], code: int, region: str, needed: int
) -> None:
    made = to_script(m.ErrorReply(code=code, detail=11))
    with pytest.raises(DoesNotFit, match=f"{region}: 11 bytes missing") as raised:
        made.session.load_model(bytes(100), made.deadline())
    assert raised.value.needed_bytes == needed
    assert raised.value.available_bytes == needed - 11


def test_an_error_without_a_detail_or_text_says_less(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.ErrorReply(code=ErrorCode.INTERNAL, detail=NO_DETAIL))
    with pytest.raises(FirmwareFault) as raised:
        made.session.memory(made.deadline())
    assert str(raised.value) == (
        "the device answers Memory with internal\n  where:   scripted"
    )


def test_an_error_in_the_middle_of_a_stream_ends_it(
    bench: Callable[..., Bench],
) -> None:
    made = bench()
    made.session.open(made.deadline())
    model = b'{"inputs": [4], "outputs": [1], "fails": true}'
    made.session.load_model(model, made.deadline())
    with pytest.raises(FirmwareFault, match="answers Run with invoke_failed") as raised:
        list(made.session.run_samples([bytes(4)], made.deadline()))
    assert "the fake model fails" in str(raised.value)
    with pytest.raises(FirmwareFault, match="answers Invoke with invoke_failed"):
        made.session.invoke([bytes(4)], made.deadline(), n=1)


def test_a_device_that_restarts_in_a_stream_has_crashed(loaded: Bench) -> None:
    results = loaded.session.run_samples([bytes(70)] * 50, loaded.deadline())
    next(results)
    loaded.board._slot.forget()
    with pytest.raises(DeviceCrashed, match="Run: the device has no model") as raised:
        list(results)
    assert "the device has restarted" in str(raised.value)


def test_a_device_of_another_version_is_a_mismatch(bench: Callable[..., Bench]) -> None:
    def newer(_board: object, data: bytes) -> bytes:
        return encode_frame(bytes((2, 0xFF, 0, 0)) + b"?") if data else b""

    made = bench(wrap=newer)
    with pytest.raises(ProtocolMismatch, match="another version") as raised:
        made.session.open(made.deadline())
    assert "version 2" in str(raised.value)


def test_buffers_that_cannot_be_are_a_fault(bench: Callable[..., Bench]) -> None:
    hello = HelloReply(rx_buffer_bytes=100, max_frame_bytes=50)

    def tiny(_board: object, data: bytes) -> bytes:
        decoder = FrameDecoder()
        decoder.feed(data)
        payload = decoder.next_payload()
        return encode_frame(encode(hello, decode(payload)[0])) if payload else b""

    made = bench(wrap=tiny)
    with pytest.raises(FirmwareFault, match="sizes that cannot be") as raised:
        made.session.open(made.deadline())
    assert "max_frame_bytes 50, rx_buffer_bytes 100" in str(raised.value)


@pytest.mark.parametrize("sample", [b"", bytes(69), bytes(71)])
def test_a_sample_of_another_size_is_refused_before_it_is_sent(
    loaded: Bench, sample: bytes
) -> None:
    with pytest.raises(ModelError, match="other sizes than the model's") as raised:
        list(loaded.session.run_samples([sample], loaded.deadline()))
    assert "allowed: 70 bytes" in str(raised.value)
    with pytest.raises(ModelError, match="other sizes than the model's") as raised:
        loaded.session.invoke([sample], loaded.deadline(), n=1)
    assert "allowed: 40, 30 bytes" in str(raised.value)
    assert not loaded.runs


def test_another_count_of_ticks_than_runs_is_a_fault(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.WriteInputReply(staged_bytes=4), m.InvokeReply(ticks=(1, 2)))
    with pytest.raises(FirmwareFault, match="another number of times"):
        made.session.invoke([bytes(4)], made.deadline(), n=3)


def test_an_output_of_the_wrong_size_is_a_fault(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.ReadOutputReply(data=b"abc"))
    with pytest.raises(FirmwareFault, match="a piece of the wrong size"):
        made.session.read_outputs(made.deadline())


def test_a_reply_of_the_wrong_type_is_no_answer(
    to_script: Callable[..., Bench],
) -> None:
    made = to_script(m.ResetReply(), m.EchoReply(data=b""), m.MemoryReply(figures={}))
    assert made.session.memory(made.deadline()) == {}
    assert made.session.retries == ["the answer to Memory was lost and asked for again"]


def test_a_link_without_a_rate_cannot_switch() -> None:
    class Plain:
        def __str__(self) -> str:
            return "a plain pipe"

    with pytest.raises(BrokenSetup, match="no baud rate") as raised:
        Session(Plain()).set_baud(9600, None)  # type: ignore[arg-type]
    assert "a plain pipe" in str(raised.value)
