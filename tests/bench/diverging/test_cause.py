"""Why a layer differs: proved for sums, said to be unknown for what is not computed."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.divergence_rounding import Rounding, scaled
from hil.bench.diverging.cause import Example, find_cause
from hil.bench.diverging.layer_sums import summed_layer
from hil.bench.diverging.side import HostSide
from hil.deadline import Deadline
from hil.models.graph import read_graph

SUMMED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def layer(side, subject, operator, row=0):
    """Return what went into an operator and what came out of it."""
    data = operator.inputs[0]
    given = (
        subject.samples[row][None]
        if data in subject.main.inputs
        else side.layer(row, data, Deadline(10))
    )
    return given, side.layer(row, operator.outputs[0], Deadline(10))


def rounded(found, rounding):
    values = scaled(found.sums, found.scales, rounding) + found.zero_point
    return np.clip(values, *found.limits)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("number", "rounding"), [(0, Rounding.FLOAT), (2, Rounding.TWICE)]
)
def test_the_sums_give_every_layer_of_an_engine_bit_for_bit(
    kws, engines, number, rounding
):
    side, seen = engines[number], 0
    for operator in kws.main.operators:
        if operator.name in SUMMED:
            given, stored = layer(side, kws, operator)
            found = summed_layer(kws.graph, operator, given)
            np.testing.assert_array_equal(rounded(found, rounding), stored)
            seen += 1
    assert seen == 10


def test_other_operators_have_no_sums(subject):
    for operator in subject.main.operators:
        if operator.name not in SUMMED:
            given = np.zeros((1, 8, 8, 1), np.int8)
            assert summed_layer(subject.graph, operator, given) is None


@pytest.fixture(scope="module")
def convolution(subject):
    operator = subject.main.operators[0]
    assert operator.name == "CONV_2D"
    side = HostSide("tflm", subject)
    given, stored = layer(side, subject, operator)
    once = rounded(summed_layer(subject.graph, operator, given), Rounding.FLOAT)
    return operator, given, stored, once.astype(np.int8)


def test_each_side_is_named_with_its_way_of_rounding(subject, convolution):
    operator, given, stored, once = convolution
    cause = find_cause(
        subject.graph,
        operator,
        [Example(given=given, left=stored, right=once)],
        left="board",
        right="phone",
    )
    assert cause.is_proved
    assert Rounding.TWICE in cause.left
    assert Rounding.FLOAT in cause.right
    assert cause.values == stored.size
    assert f"all {stored.size:,} values of board follow by " in cause.text
    assert "all of phone by " in cause.text


def test_a_value_that_no_rounding_gives_is_not_explained(subject, convolution):
    operator, given, stored, once = convolution
    wrong = stored.copy()
    wrong.flat[0] ^= 64
    cause = find_cause(
        subject.graph,
        operator,
        [Example(given=given, left=wrong, right=once)],
        left="board",
        right="phone",
    )
    assert not cause.is_proved
    assert cause.text.startswith("not known: board gives values that no known way of")


def test_what_hil_does_not_compute_is_not_explained(subject):
    operator = subject.main.operators[-1]
    assert operator.name == "SOFTMAX"
    some = np.zeros((1, 10), np.int8)
    cause = find_cause(
        subject.graph,
        operator,
        [Example(given=some, left=some, right=some)],
        left="a",
        right="b",
    )
    assert cause.text.startswith("not known: hil does not compute SOFTMAX anew")


@pytest.mark.shared
def test_floats_differ_by_the_order_of_their_sums(shared):
    path = shared / "models" / "hello_world_float.tflite"
    graph = read_graph(path.read_bytes(), str(path))
    cause = find_cause(graph, graph.subgraphs[0].operators[0], [], left="", right="")
    assert cause.text.startswith("floats: kernels add in another order")
