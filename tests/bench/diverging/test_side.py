"""Engines on this host, with all that their layers compute."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.diverging.side import HostSide, LayersUnknown, require_same_answer
from hil.deadline import Deadline


def test_an_engine_answers_all_inputs_and_gives_out_each_layer(subject):
    side = HostSide("tflm", subject)
    assert side.outputs.shape == (100, 10)
    assert side.rows.tolist() == list(range(100))
    assert side.engine.startswith("tflm, tflite")
    output = side.layer(3, subject.main.outputs[0], Deadline(10))
    np.testing.assert_array_equal(output[0], side.outputs[3])
    first = subject.main.operators[0].outputs[0]
    tensor = subject.main.tensors[first]
    assert side.layer(3, first, Deadline(10)).shape == tensor.shape
    assert not np.array_equal(
        side.layer(3, first, Deadline(10)), side.layer(4, first, Deadline(10))
    )


def test_layers_of_another_answer_are_not_shown():
    one, other = np.zeros((1, 2), np.int8), np.ones(2, np.int8)
    with pytest.raises(
        LayersUnknown, match="answers otherwise when its layers are kep"
    ):
        require_same_answer(one, other, who="tflm", row=3)
