"""The text protocol byte for byte, as the reference firmware answers it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.emulators.mlperf_board import MlperfBoard
from hil.emulators.mlperf_text import MlperfText, model_id
from hil.emulators.slot import ModelSlot
from hil.engines.spec import TensorSpec
from hil.errors import ConfigError
from hil.profiles import find_profile
from hil.wire.codec import decode, encode
from hil.wire.framing import FrameDecoder, encode_frame
from hil.wire.messages import EchoReply, EchoRequest

MODEL = b'{"inputs": [4], "outputs": [2]}'
READY = "m-ready\r\n"


class Quantized(FakeKernels):
    """The fake engine with tensors of the benchmark's own kinds."""

    input_spec = TensorSpec(
        name="in", dtype=np.dtype(np.int8), shape=(1, 3072), scale=1.0, zero_point=-128
    )
    output_spec = TensorSpec(
        name="out", dtype=np.dtype(np.int8), shape=(1, 4), scale=0.5, zero_point=-1
    )
    seen = b""

    def load(self, model):
        self.inputs, self.outputs = (self.input_spec,), (self.output_spec,)

    def invoke(self, inputs):
        type(self).seen = inputs[0].tobytes()
        size = self.output_spec.shape[1]
        return [(np.arange(size) % 100 - 2).astype(np.int8).reshape(1, size)]


def text_of(kernels=FakeKernels, model=MODEL):
    slot = ModelSlot(flash_bytes=1 << 20, arena_bytes=1 << 20, engine=kernels)
    slot.begin(len(model), hashlib.sha256(model).digest())
    slot.write(0, model)
    slot.commit()
    times = iter(range(1000))
    return MlperfText(slot, name="me", clock=lambda: next(times) / 1000)


def said(text, *commands):
    return [b"".join(text.answer(each)).decode() for each in commands]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("name", "m-name-dut-[me]\r\n"),
        ("  name  extra words", "m-name-dut-[me]\r\n"),
        ("timestamp", "m-lap-us-0\r\n"),
        (
            "profile",
            "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[custom]\r\n",
        ),
        ("Name", "e-[Unknown command: Name]\r\n"),
        ("n ame", "e-[Unknown command: n]\r\n"),
        ("", ""),
        ("   ", ""),
        ("db", "e-[Command 'db' requires a subcommand]\r\n"),
        ("db load", "e-[Command 'db load' requires the # of bytes]\r\n"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]\r\n"),
        ("db load x", "e-[Command 'db load' must be >0 bytes]\r\n"),
        ("db load 4", "m-[Expecting 4 bytes]\r\n"),
        ("db load 4x", "m-[Expecting 4 bytes]\r\n"),
        ("db load 27649", "Supplied buffer size 27649 exceeds maximum of 27648\n"),
        ("db load -5", "Supplied buffer size -5 exceeds maximum of 27648\n"),
        ("db 123", "e-[Insufficent number of hex digits]\r\n"),  # codespell:ignore
        ("db 12g4", "e-[Invalid hex digit 'g4']\r\n"),
        ("db 1_", "e-[Invalid hex digit '1_']\r\n"),
        ("infer 0", "e-[Inference iterations must be >0]\r\n"),
        ("infer abc", "e-[Inference iterations must be >0]\r\n"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]\r\n"),
        ("results", "m-results-[0.000,0.000]\r\n"),
    ],
)
def test_an_answer_is_the_references(command, answer):
    assert said(text_of(), command) == [answer + READY]


def test_help_has_the_profile_a_line_and_ten_of_usage():
    (answer,) = said(text_of(), "help")
    lines = answer.split("\r\n")
    assert lines[:3] == [
        "ULPMark for tinyML Firmware V0.0.1",
        "",
        "help         : Print this information",
    ]
    assert len(lines) == 14


def test_an_input_is_loaded_printed_and_inferred():
    answers = said(
        text_of(), "db load 4", "db 0102", "db 03FF99", "db print", "infer 2 1"
    )
    assert answers[1:4] == [
        READY,
        "m-load-done\r\n" + READY,
        "m-buffer-01-02-03-ff\r\n\r\n" + READY,
    ]
    # 1*1 + 2*2 + 3*3 + 4*255 = 1034 = 4 * 251 + 30, and one more with each element.
    assert answers[4].split("\r\n") == [
        "m-warmup-start-1",
        "m-warmup-done",
        "m-infer-start-2",
        "m-lap-us-0",
        "m-lap-us-1000",
        "m-infer-done",
        "m-results-[30.000,31.000]",
        "m-ready",
        "",
    ]


def test_infer_alone_runs_once_behind_ten():
    (answer,) = said(text_of(), "infer")
    assert "m-warmup-start-10\r\n" in answer
    assert "m-infer-start-1\r\n" in answer


def test_an_input_of_another_size_is_told_and_the_old_one_stays():
    answers = said(text_of(), "db load 2", "db 0102", "infer 1 0")
    assert answers[2].startswith("Input db has 2 elemented, expected 4\nm-warmup-")
    assert "m-results-[0.000,1.000]" in answers[2]


def test_what_is_too_much_for_the_buffer_is_dropped():
    text = text_of()
    answers = said(text, "db load 27648", *["db " + "00" * 38] * 730)
    assert answers[728] == "m-load-done\r\n" + READY
    assert answers[730] == READY
    assert len(said(text, "db print")[0].split("\r\n")) == 27648 // 8 + 2


def test_rows_of_eight_bytes_need_no_empty_line():
    assert said(text_of(), "db load 8", "db 00", "db print")[2] == (
        "m-buffer-00-00-00-00-00-00-00-00\r\n" + READY
    )


def test_pixels_are_sent_from_0_to_255_and_answers_are_real_numbers():
    text = text_of(Quantized)
    said(text, "db load 3072", *["db " + "00ff80" * 10] * 103)
    (answer,) = said(text, "infer 1 0")
    assert Quantized.seen[:3] == bytes([0x80, 0x7F, 0x00])
    assert "m-results-[-0.500,0.000,0.500,1.000]" in answer


class Anomaly(Quantized):
    input_spec = TensorSpec(
        name="in", dtype=np.dtype(np.int8), shape=(1, 640), scale=0.5, zero_point=3
    )
    output_spec = TensorSpec(
        name="out", dtype=np.dtype(np.int8), shape=(1, 640), scale=0.25, zero_point=0
    )


def test_the_anomaly_model_takes_floats_and_answers_the_squared_error():
    text = text_of(Anomaly)
    sent = np.array([0.25, -0.25, 1000, -1000] + [0.6] * 636, "<f4")
    data = sent.tobytes()
    pieces = [data[i : i + 32].hex() for i in range(0, len(data), 32)]
    said(text, "db load 2560", *[f"db {piece}" for piece in pieces])
    (answer,) = said(text, "infer 1 0")
    # Half away from zero: 0.25 / 0.5 is one step, not none.
    assert list(np.frombuffer(Anomaly.seen, np.int8)[:5]) == [4, 2, 127, -128, 4]
    values = (np.arange(640) % 100 - 2) * 0.25
    error = np.mean((values - sent.astype(np.float64)) ** 2)
    assert f"m-results-[{error:.3f}]\r\n" in answer


def spec(elements, dtype=np.int8):
    return (TensorSpec(name="x", dtype=np.dtype(dtype), shape=(1, elements)),)


@pytest.mark.parametrize(
    ("inputs", "outputs", "name"),
    [
        (490, 12, "kws01"),
        (27_648, 2, "vww01"),
        (3072, 10, "ic01"),
        (640, 640, "ad01"),
        (640, 2, "custom"),
        (64, 10, "custom"),
    ],
)
def test_the_sizes_of_a_model_tell_which_it_is(inputs, outputs, name):
    assert model_id(spec(inputs), spec(outputs)) == name


def speaking(model=MODEL):
    profile = find_profile("emulated-mcu")
    board = MlperfBoard(Board(profile, FakeKernels), name="hil", max_frame_bytes=8192)
    if model is not None:
        board.load(model)

    def feed(data):
        board.receive(data)
        answer = bytearray()
        while (piece := board.step()) is not None:
            answer += piece
        return bytes(answer)

    return feed


ECHO = encode_frame(encode(EchoRequest(data=b"x"), 7))


def is_echo(frame):
    decoder = FrameDecoder()
    decoder.feed(frame)
    return decode(decoder.next_payload()) == (7, EchoReply(data=b"x"))


def test_both_dialects_are_answered_on_one_line():
    feed = speaking()
    assert feed(b"name%") == b"m-name-dut-[hil]\r\nm-ready\r\n"
    assert is_echo(feed(b"\0" + ECHO))
    assert feed(b"na") == b""
    assert feed(b"me%") == b"m-name-dut-[hil]\r\nm-ready\r\n"
    assert is_echo(feed(b"\0" + ECHO))  # as every host of frames begins


def test_unknown_text_between_frames_is_noise():
    feed = speaking()
    assert feed(b"nme%") == b"e-[Unknown command: nme]\r\nm-ready\r\n"
    assert is_echo(feed(b"\0" + ECHO))
    assert feed(b"nme%") == b""
    assert feed(b"name%").startswith(b"m-name")
    assert feed(b"nme%") == b"e-[Unknown command: nme]\r\nm-ready\r\n"


def test_a_board_without_a_model_knows_no_text():
    assert speaking(None)(b"name%") == b""


def test_a_model_that_the_board_cannot_take_is_refused():
    with pytest.raises(ConfigError, match="cannot take the model") as refused:
        speaking(b'{"unsupported": "NOVELTY"}')
    assert refused.value.found == "unsupported_op no kernel for NOVELTY"
