"""Devices that refuse, and answers that cannot be."""

from __future__ import annotations

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
from hil.wire import messages as m
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.hello import HelloReply
from hil.wire.kinds import NO_DETAIL, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench

MODEL = b'{"inputs": [40, 30], "outputs": [5, 3], "arena": 900}\n' + bytes(5000)


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
