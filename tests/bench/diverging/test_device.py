"""Devices whose layers are read by TENSOR, some of which keep outputs alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.bench.diverging.device import DeviceSide
from hil.bench.diverging.exposed import layers
from hil.bench.diverging.side import HostSide, LayersUnknown
from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.slot import Refusal
from hil.engines.tflm import TflmEngine
from hil.errors import FirmwareFault
from hil.links.fake import FakeLink
from hil.models.graph import read_graph
from hil.profiles import find_profile
from hil.targets.mcu import McuTarget
from hil.vocab import Measurement
from hil.wire.kinds import ErrorCode

PROFILE = find_profile("emulated-mcu")


class Forgetful(Board):
    """Reuses the memory of whatever is no output, as firmware does."""

    def _tensor(self, request):
        model = read_graph(bytes(self.slot._flash), "flash")
        if request.index not in model.subgraphs[0].outputs:
            raise Refusal(ErrorCode.BAD_TENSOR, 0)
        return super()._tensor(request)


class Silent(Board):
    """Gives out no tensor at all."""

    def _tensor(self, request):
        raise Refusal(ErrorCode.NOT_SUPPORTED, int(request.index))


class Fickle(Board):
    """Answers otherwise where it is asked for tensors."""

    def _tensor(self, request):
        reply = super()._tensor(request)
        return dataclasses.replace(reply, data=bytes(len(reply.data)))


@pytest.fixture
def side(subject, tmp_path):
    kept = []

    def make(board):
        target = McuTarget(PROFILE, FakeLink(board(PROFILE, TflmEngine).feed))
        target.open(Deadline(60))

        def keep(model, sha256):
            path = tmp_path / f"{sha256}.tflite"
            path.write_bytes(model)
            kept.append(path)
            return path

        found = DeviceSide(target, subject, Deadline(60), keep_model=keep)
        return found, kept

    return make


@pytest.mark.parametrize("board", [Board, Forgetful])
def test_a_device_gives_out_the_layers_of_its_engine(subject, side, board):
    device, _ = side(board)
    host = HostSide("tflm", subject)
    np.testing.assert_array_equal(device.outputs, host.outputs)
    for row in (2, 1):
        for _, tensor in layers(subject.graph):
            np.testing.assert_array_equal(
                device.layer(row, tensor, Deadline(60)),
                host.layer(row, tensor, Deadline(60)),
            )


def test_the_model_stays_as_it_is_where_every_tensor_is_kept(subject, side):
    device, kept = side(Board)
    device.layer(0, subject.main.operators[0].outputs[0], Deadline(60))
    assert [path.read_bytes() for path in kept] == [subject.data]


def test_layers_become_outputs_where_memory_is_reused(subject, side, monkeypatch):
    monkeypatch.setattr("hil.bench.diverging.device._MOST_EXPOSED", 2)
    device, kept = side(Forgetful)
    order = [index for _, index in layers(subject.graph)]
    for tensor in order[:4]:
        device.layer(0, tensor, Deadline(60))
    given_out = [set(read_graph(p.read_bytes(), "").subgraphs[0].outputs) for p in kept]
    answer = subject.main.outputs[0]
    assert given_out == [{answer}, {*order[:2], answer}, {*order[2:4], answer}]


def test_a_device_without_tensor_messages_says_so(subject, side):
    device, _ = side(Silent)
    with pytest.raises(
        LayersUnknown, match="emulated-mcu does not give out its layers"
    ):
        device.layer(0, subject.main.outputs[0], Deadline(60))


def test_layers_of_another_answer_are_not_believed(subject, side):
    device, _ = side(Fickle)
    with pytest.raises(LayersUnknown, match="answers otherwise when its layers are"):
        device.layer(0, subject.main.outputs[0], Deadline(60))


class Answering:
    """A target that gives *outputs* and nothing else, as a phone does."""

    profile = find_profile("emulated-phone")

    def __init__(self, outputs):
        self.outputs = outputs

    def measure(self, job, deadline):
        assert (job.warmup, job.min_runs, job.min_seconds) == (0, 1, 0)
        return Measurement(engine="benchmark_model", outputs=self.outputs)


def test_a_phone_has_answers_but_no_layers(subject, tmp_path):
    target = Answering(np.zeros((100, 10), np.int8))
    device = DeviceSide(target, subject, Deadline(9), keep_model=lambda *_: tmp_path)
    assert device.engine == "benchmark_model"
    with pytest.raises(
        LayersUnknown, match="emulated-phone gives out its answers only"
    ):
        device.layer(0, subject.main.outputs[0], Deadline(9))


def test_a_device_that_gives_no_answers_is_refused(subject, tmp_path):
    with pytest.raises(FirmwareFault, match="the device gave no answers"):
        DeviceSide(
            Answering(None), subject, Deadline(9), keep_model=lambda *_: tmp_path
        )
