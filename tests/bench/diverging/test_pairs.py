"""Every side against every other, on a small model and on MLPerf Tiny's."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.divergence_found import groups
from hil.accuracy.divergence_rounding import Rounding
from hil.bench.diverging.pairs import hold_together
from hil.bench.diverging.recorded import RecordedSide
from hil.bench.diverging.side import HostSide
from hil.deadline import Deadline
from hil.errors import ConfigError

FIRST_CONVOLUTION = 0
FULLY_CONNECTED = 11


def recorded(name, outputs, rows=None, tolerance=0.0):
    rows = range(len(outputs)) if rows is None else rows
    return RecordedSide(
        name, engine="", rows=list(rows), outputs=outputs, tolerance=tolerance
    )


def together(subject, *sides, layer_rows=4):
    return hold_together(subject, sides, Deadline(60), layer_rows=layer_rows)


@pytest.fixture(scope="module")
def tflm(subject):
    return HostSide("tflm", subject)


@pytest.mark.shared
def test_xnnpack_and_tflite_micro_differ_as_the_reference_figures_say(kws, engines):
    litert, _, tflm = engines
    (pair,) = together(kws, litert, tflm)
    assert len(pair.differing) == 364
    assert pair.divergence.largest_lsb == 22
    assert pair.divergence.flips is not None
    assert pair.divergence.flips.count == 7
    assert len(pair.flipped) == 7


@pytest.mark.shared
def test_the_first_layer_is_the_first_convolution_and_rounding_is_proved(kws, engines):
    litert, _, tflm = engines
    (pair,) = together(kws, litert, tflm)
    first = pair.first_layer
    assert (first.operator, first.name) == (FIRST_CONVOLUTION, "CONV_2D")
    assert (first.rows, first.examined, first.others) == (4, 4, {})
    assert first.largest_lsb == 1
    assert 0 < first.differing < first.values == 4 * 25 * 5 * 64
    assert first.parameters["padding"] == "SAME"
    assert first.parameters["stride_w"] == "2"
    assert first.parameters["weights"].startswith("[64, 10, 4, 1] int8, 64 scales 0.0")
    assert first.parameters["input"].endswith("scale 0.584703, zero point 83")
    assert first.cause.is_proved
    assert first.cause.values == first.values
    assert first.cause.left == (Rounding.ONCE, Rounding.FLOAT)
    # No sum of these four inputs is a negative tie, which alone tells the two apart.
    assert first.cause.right == (Rounding.TWICE, Rounding.TWICE_UP)
    assert "of tflm by two roundings in fixed point (gemmlowp's" in first.cause.text


@pytest.mark.shared
def test_litert_without_xnnpack_rounds_negative_ties_upward(kws, engines):
    tflm = engines[-1]
    (pair,) = together(kws, HostSide("litert-builtin", kws), tflm)
    assert len(pair.differing) == 4
    assert pair.divergence.largest_lsb == 1
    first = pair.first_layer
    assert first.operator == FULLY_CONNECTED
    assert first.cause.is_proved
    assert first.cause.left == (Rounding.TWICE_UP,)
    assert first.cause.right == (Rounding.TWICE,)


@pytest.mark.shared
def test_the_reference_kernels_differ_from_tflite_micro_in_the_last_layer(kws, engines):
    _, reference, tflm = engines
    (pair,) = together(kws, reference, tflm)
    assert len(pair.differing) == 9
    assert pair.divergence.largest_lsb == 7
    assert pair.first_layer.operator == FULLY_CONNECTED
    assert pair.first_layer.cause.is_proved


def test_a_recording_has_no_layers_and_says_so(subject, tflm):
    changed = tflm.outputs.copy()
    changed[5, 0] ^= 1
    (pair,) = together(subject, tflm, recorded("log", changed))
    assert pair.differing == (5,)
    assert pair.first_layer is None
    assert pair.layers_unknown == "log is a recording of answers alone"


@pytest.mark.shared
@pytest.mark.parametrize("turned", [False, True])
def test_a_recording_borrows_the_layers_of_an_engine_with_its_answers(
    kws, engines, turned
):
    litert, _, tflm = engines
    log = recorded("log", tflm.outputs)
    sides = [log, litert] if turned else [litert, log]
    pairs = together(kws, tflm, *sides, layer_rows=1)
    (pair,) = (p for p in pairs if {p.left, p.right} == {"log", "litert"})
    assert pair.layers_of == ("tflm", "litert")
    assert pair.first_layer.operator == FIRST_CONVOLUTION
    assert groups(["tflm", "litert", "log"], pairs) == [["tflm", "log"], ["litert"]]


def test_layers_are_not_looked_for_where_nobody_wants_them(subject, tflm):
    changed = tflm.outputs ^ 1
    (pair,) = together(subject, tflm, recorded("log", changed), layer_rows=0)
    assert (pair.first_layer, pair.layers_unknown) == (None, None)


def test_only_inputs_that_both_answered_are_compared(subject, tflm):
    few = recorded("few", tflm.outputs[[9, 7, 90]] ^ np.int8(1), rows=[9, 7, 90])
    (pair,) = together(subject, tflm, few, layer_rows=0)
    assert pair.rows == pair.differing == (7, 9, 90)


def test_two_sides_without_a_common_input_cannot_be_compared(subject, tflm):
    one = recorded("one", tflm.outputs[:2], rows=[0, 1])
    other = recorded("other", tflm.outputs[2:4], rows=[2, 3])
    with pytest.raises(ConfigError, match="answered none of the inputs both"):
        together(subject, one, other)


def test_printed_floats_are_held_against_the_real_values_of_integers(subject, tflm):
    output = subject.output.quantization
    real = (tflm.outputs.astype(np.float64) - output.zero_points[0]) * output.scales[0]
    near = recorded("near", real + 0.004, tolerance=0.01)
    (pair,) = together(subject, tflm, near, layer_rows=0)
    assert pair.differing == ()
    far = recorded("far", real + 0.02, tolerance=0.01)
    (pair,) = together(subject, far, tflm, layer_rows=0)
    assert len(pair.differing) == 100
