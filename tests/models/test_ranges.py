"""Where a graph has ranges and where it has none, as the converter sees it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from hil.errors import ModelError
from hil.models.graphdef import parse_graphdef
from hil.models.ranges import nudged, range_coverage

if TYPE_CHECKING:
    from types import ModuleType

    from hil.models.ranges import RangeCoverage


def covered(data: bytes) -> RangeCoverage:
    return range_coverage(parse_graphdef(data, "m"), where="m")


def gaps(coverage: RangeCoverage) -> list[tuple[str, str]]:
    return [(gap.name, gap.op) for gap in coverage.uncovered]


def test_a_graph_with_all_ranges_is_covered(messages: ModuleType) -> None:
    coverage = covered(messages.graph(messages.network()))
    assert (coverage.layers, coverage.uncovered, coverage.faults) == (1, (), ())
    assert coverage.bare_weights == 0
    assert [(item.name, item.minimum, item.maximum) for item in coverage.ranges] == [
        ("x_q", -6.0, 6.0),
        ("w_q", -6.0, 6.0),
        ("conv_q", -6.0, 6.0),
    ]


def test_a_convolution_without_a_range_is_named(messages: ModuleType) -> None:
    coverage = covered(messages.graph(messages.network(ranges=("x", "w"))))
    assert gaps(coverage) == [("conv", "Conv2D")]
    assert coverage.uncovered[0].reason == "no range follows its output"


def test_a_weight_without_a_range_is_counted_and_no_gap(messages: ModuleType) -> None:
    coverage = covered(messages.graph(messages.network(ranges=("x", "conv"))))
    assert (coverage.uncovered, coverage.bare_weights) == ((), 1)


def test_an_input_without_a_range_is_named(messages: ModuleType) -> None:
    coverage = covered(messages.graph(messages.network(ranges=("w", "conv"))))
    assert gaps(coverage) == [("x", "Placeholder")]
    assert "the first layer stays in float" in coverage.uncovered[0].reason


@pytest.mark.parametrize("op", ["MaxPool", "AvgPool", "Reshape", "Pad", "ConcatV2"])
def test_a_range_serves_through_what_moves_values(
    op: str, messages: ModuleType
) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += [messages.node("moved", op, ["relu"])]
    nodes += messages.fake_quant("q", "moved")
    assert covered(messages.graph(nodes)).uncovered == ()


def test_a_range_behind_leaky_relu_comes_too_late(messages: ModuleType) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += [messages.node("leaky", "LeakyRelu", ["bias"])]
    nodes += messages.fake_quant("q", "leaky")
    assert gaps(covered(messages.graph(nodes))) == [("conv", "Conv2D")]


def test_a_second_reader_before_the_range_is_told(messages: ModuleType) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += [
        *messages.fake_quant("q", "conv"),
        messages.node("other", "Relu6", ["conv"]),
        messages.node("sum", "AddV2", ["q", "other"]),
        *messages.fake_quant("sum_q", "sum"),
    ]
    coverage = covered(messages.graph(nodes))
    assert ("conv", "Conv2D") in gaps(coverage)
    assert "another reader takes its output" in coverage.uncovered[0].reason


def test_an_activation_behind_the_range_needs_another(messages: ModuleType) -> None:
    nodes = messages.network()
    nodes += [
        messages.node("late", "Relu", ["conv_q"]),
        messages.node("next", "MatMul", ["late", "w"]),
        *messages.fake_quant("next_q", "next"),
    ]
    assert gaps(covered(messages.graph(nodes))) == [("late", "Relu")]


def test_an_addition_of_two_values_needs_a_range_and_a_bias_does_not(
    messages: ModuleType,
) -> None:
    nodes = messages.network()
    nodes += [messages.node("sum", "AddV2", ["conv_q", "x_q"])]
    assert gaps(covered(messages.graph(nodes))) == [("sum", "AddV2")]
    nodes = messages.network()
    nodes += [messages.node("shifted", "AddV2", ["conv_q", "b"])]
    assert covered(messages.graph(nodes)).uncovered == ()


def test_a_range_that_lacks_0_is_moved(messages: ModuleType) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += messages.fake_quant("q", "relu", 1.0, 3.0)
    item = covered(messages.graph(nodes)).ranges[-1]
    assert (item.minimum, item.maximum) == (1.0, 3.0)
    assert (item.nudged_minimum, item.nudged_maximum) == (0.0, pytest.approx(2.0))


def test_nudging_is_that_of_the_kernel() -> None:
    assert nudged(-1.0, 1.0) == pytest.approx((-128 / 127.5, 127 / 127.5))
    assert nudged(-3.0, -1.0) == pytest.approx((-2.0, 0.0))
    assert nudged(-1.0, 1.0, narrow=True) == pytest.approx((-1.0, 1.0))
    assert nudged(0.0, 15.0, bits=4) == (0.0, 15.0)
    assert nudged(2.0, 2.0) == (2.0, 2.0)
    low, _ = nudged(math.nan, 1.0)
    assert math.isnan(low)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (2.0, 2.0, "minimum and maximum are both 2; the converter takes that without"),
        (3.0, -1.0, "the minimum 3 is above the maximum -1"),
        (-math.inf, 1.0, "the range is not finite"),
    ],
)
def test_a_range_that_cannot_be_meant_is_a_fault(
    low: float, high: float, says: str, messages: ModuleType
) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += messages.fake_quant("q", "relu", low, high)
    (fault,) = covered(messages.graph(nodes)).faults
    assert says in fault


def test_limits_in_attributes_have_the_defaults_of_the_operation(
    messages: ModuleType,
) -> None:
    attributes = {"min": messages.real(4, 0.5), "num_bits": messages.field(3, 4)}
    nodes = [
        messages.node("x", "Placeholder"),
        messages.node("q", "FakeQuantWithMinMaxArgs", ["x"], attributes),
    ]
    (item,) = covered(messages.graph(nodes)).ranges
    assert (item.minimum, item.maximum, item.bits) == (0.5, 6.0, 4)


def test_limits_a_channel_are_told_by_the_widest(messages: ModuleType) -> None:
    nodes = [
        messages.node("x", "Placeholder"),
        messages.const("lo", -1.0, -2.0),
        messages.const("hi", 1.0, 0.5),
        messages.node("q", "FakeQuantWithMinMaxVarsPerChannel", ["x", "lo", "hi"]),
    ]
    (item,) = covered(messages.graph(nodes)).ranges
    assert (item.channels, item.minimum, item.maximum) == (2, -2.0, 1.0)


def test_limits_in_variables_are_absent(messages: ModuleType) -> None:
    nodes = [
        messages.node("x", "Placeholder"),
        messages.node("v", "VarHandleOp"),
        messages.node("lo", "ReadVariableOp", ["v"]),
        messages.node("q", "FakeQuantWithMinMaxVars", ["x", "lo", "lo"]),
    ]
    (item,) = covered(messages.graph(nodes)).ranges
    assert (item.channels, item.minimum) == (0, None)


def test_layers_in_functions_are_followed_across_the_calls(
    messages: ModuleType,
) -> None:
    conv = messages.function(
        "conv",
        ["data", "weight"],
        [messages.node("inner", "Conv2D", ["data", "weight"])],
        {"out": "inner:output:0"},
    )
    for ranged in (True, False):
        nodes = messages.network()
        nodes += [messages.call("layer", "conv", ["conv_q", "w_q", "^x"])]
        nodes += messages.fake_quant("layer_q", "layer") if ranged else []
        coverage = covered(messages.graph(nodes, [conv]))
        assert coverage.layers == 2
        expected = [] if ranged else [("layer/inner", "Conv2D")]
        assert gaps(coverage) == expected


def test_a_function_that_calls_itself_ends(messages: ModuleType) -> None:
    loop = messages.function(
        "loop", ["v"], [messages.call("again", "loop", ["v"])], {"o": "again:output:0"}
    )
    nodes = [messages.node("x", "Placeholder"), messages.call("c", "loop", ["x"])]
    assert covered(messages.graph(nodes, [loop])).layers == 0


def test_functions_that_multiply_are_refused(messages: ModuleType) -> None:
    functions = [
        messages.function(
            f"f{depth}",
            ["v"],
            [messages.call(f"c{i}", f"f{depth + 1}", ["v"]) for i in range(10)],
            {"o": "c0:output:0"},
        )
        for depth in range(8)
    ]
    nodes = [messages.node("x", "Placeholder"), messages.call("c", "f0", ["x"])]
    with pytest.raises(ModelError, match="call each other too often"):
        covered(messages.graph(nodes, functions))


def test_a_loop_in_the_graph_ends(messages: ModuleType) -> None:
    nodes = messages.network(ranges=("x", "w"))
    nodes += [
        messages.node("a", "Identity", ["relu", "b2"]),
        messages.node("b2", "Identity", ["a"]),
    ]
    assert gaps(covered(messages.graph(nodes))) == [("conv", "Conv2D")]
