"""Jobs on a device that speaks text, and the dialect that is found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.mcu import VerifiedTflm
from hil.emulators.mlperf_board import MlperfBoard
from hil.emulators.mlperf_text import MlperfText
from hil.engines.tflm import TflmEngine
from hil.errors import BrokenSetup, ConfigError, FirmwareFault, LinkTimeout
from hil.links.fake import FakeLink
from hil.profiles import find_profile
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES
from hil.targets.mcu import McuTarget
from hil.targets.mlperf import DialectTarget, MlperfTarget
from hil.vocab import Job, ModelArtifact, TimeBasis
from hil.wire.mlperf import CommandReader


@pytest.fixture(scope="module")
def model(digits, tmp_path_factory):
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="calibration", x=data["x"])
    path = tmp_path_factory.mktemp("model") / "digits_int8.tflite"
    source = (digits / "digits.tflite").read_bytes()
    made = quantize(source, RECIPES["int8"], calibration, where="digits")
    path.write_bytes(made.data)
    return path


def profile(**link):
    found = find_profile("emulated-mcu")
    return dataclasses.replace(found, link=dataclasses.replace(found.link, **link))


def line(model):
    board = MlperfBoard(
        Board(profile(), VerifiedTflm), name="hil", max_frame_bytes=8192
    )
    if model is not None:
        board.load(model.read_bytes())

    def feed(data):
        board.receive(data)
        said = bytearray()
        while (piece := board.step()) is not None:
            said += piece
        return bytes(said)

    return FakeLink(feed)


def job(model, samples):
    return Job(
        id="j",
        model=ModelArtifact(
            name="digits",
            variant="int8",
            path=model,
            sha256="0" * 64,
            size_bytes=1,
            ops=(),
        ),
        device=profile(),
        window=0,
        warmup=2,
        min_runs=5,
        min_seconds=0.0,
        probe=samples[:1],
        samples=samples,
    )


def test_outputs_are_the_engines_to_the_bit(model):
    samples = np.random.default_rng(1).integers(-128, 128, (8, 8, 8, 1), np.int8)
    engine = TflmEngine()
    engine.load(model.read_bytes())
    expected = np.stack([engine.invoke([row[None]])[0][0] for row in samples])
    target = MlperfTarget(profile(), line(model))
    target.open(Deadline(60))
    seen = target.measure(job(model, samples), Deadline(60))
    target.close()
    assert seen.outputs.dtype == np.int8
    np.testing.assert_array_equal(seen.outputs, expected)
    np.testing.assert_array_equal(seen.probe_output, expected[:1])
    assert (seen.timing.basis, seen.timing.tick_hz) == (TimeBasis.HOST_CLOCK, 5_000_000)
    assert len(seen.timing.invoke_ticks) == 1
    assert seen.evidence["firmware_model"] == "custom"
    assert seen.evidence["window_inferences"] == 5


def test_a_profile_with_cycles_is_refused():
    wrong = dataclasses.replace(profile(), time_basis=TimeBasis.CPU_CYCLES)
    with pytest.raises(BrokenSetup, match="tells microseconds") as told:
        MlperfTarget(wrong, line(None)).open(Deadline(1))
    assert told.value.allowed == "device_clock, host_clock"


@pytest.mark.parametrize(
    ("protocol", "kind"), [("auto", McuTarget), ("mlperf", MlperfTarget)]
)
def test_a_device_of_both_dialects_is_driven_by_frames_unless_told(
    model, protocol, kind
):
    target = DialectTarget(profile(protocol=protocol), lambda: line(model))
    target.open(Deadline(60))
    assert isinstance(target.target, kind)
    target.close()


def text_alone(model, left, end_of_frame):
    """Return a firmware that takes each byte for text, those of frames too.

    It holds *left* of an earlier host; *end_of_frame* is what it reads the zero as.
    """
    board = Board(profile(), VerifiedTflm)
    MlperfBoard(board, name="hil", max_frame_bytes=8192).load(model.read_bytes())
    text, reader = MlperfText(board.slot, name="hil"), CommandReader()

    def feed(data):
        read = data.replace(b"\0", end_of_frame)
        commands = [reader.take(byte) for byte in read]
        said = (text.answer(command) for command in commands if command is not None)
        return b"".join(piece for answer in said for piece in answer)

    feed(left)
    return FakeLink(feed)


@pytest.mark.parametrize("left", [b"", b"infer 1", b"db 00"])
@pytest.mark.parametrize("end_of_frame", [b"\0", b"%"])
def test_a_device_of_text_alone_is_found_by_its_name(model, left, end_of_frame):
    link = text_alone(model, left, end_of_frame)
    target = DialectTarget(profile(protocol="auto"), lambda: link)
    target.open(Deadline(60, now=link.clock))
    assert isinstance(target.target, MlperfTarget)
    seen = target.measure(
        job(model, np.zeros((1, 8, 8, 1), np.int8)), Deadline(60, now=link.clock)
    )
    assert seen.outputs.shape == (1, 10)


def test_a_device_of_neither_dialect_is_told():
    link = FakeLink(lambda _: b"")
    target = DialectTarget(profile(protocol="auto"), lambda: link)
    with pytest.raises(LinkTimeout, match="nothing answers name%"):
        target.open(Deadline(60, now=link.clock))


def named(device, name):
    def feed(data):
        return device._device(data).replace(b"[custom]", f"[{name}]".encode())

    return FakeLink(feed)


def test_another_model_in_the_device_is_told(model):
    target = MlperfTarget(profile(), named(line(model), "kws01"))
    target.open(Deadline(60))
    with pytest.raises(ConfigError, match="the device runs another model") as told:
        target.measure(job(model, np.zeros((1, 8, 8, 1), np.int8)), Deadline(60))
    assert told.value.found == "kws01, which takes 490 bytes"


def test_an_answer_with_other_values_is_told(model):
    inner = line(model)

    def short(data):
        return inner._device(data).replace(b",0.000]", b"]")

    target = MlperfTarget(profile(), FakeLink(short))
    target.open(Deadline(60))
    with pytest.raises(FirmwareFault, match="another number of values"):
        target.measure(job(model, np.zeros((1, 8, 8, 1), np.int8)), Deadline(60))
