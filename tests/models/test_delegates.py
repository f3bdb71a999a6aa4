"""What delegates take, by their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.models.delegates import delegate_coverage
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from types import ModuleType

    from hil.models.delegates import Coverage


def by_name(data: bytes) -> dict[str, Coverage]:
    coverages = delegate_coverage(read_graph(data, "m"))
    return {coverage.delegate.split()[0]: coverage for coverage in coverages}


def one(tiny: ModuleType, name: str, kind: str, **changes: object) -> dict[str, str]:
    """Return why each delegate refuses one operator of that type."""
    quant: dict[str, object] = {"type": kind}
    if kind not in {"float32", "float16", "int32"}:
        quant |= {"scales": [0.5], "zero_points": [0]}
    shape = changes.pop("shape", [1, 4, 4, 2])
    tensors = [
        tiny.TinyTensor(shape=shape, name="in", **quant),
        tiny.TinyTensor(shape=shape, name="out", **quant),
    ]
    operator = tiny.TinyOperator(name=name, inputs=[0], outputs=[1], **changes)
    graph = tiny.TinyGraph(tensors=tensors, operators=[operator])
    found = by_name(tiny.build(tiny.TinyModel(graphs=[graph])))
    return {
        key: coverage.first_blocker.reason
        for key, coverage in found.items()
        if coverage.first_blocker is not None
    }


def test_every_source_is_named(tiny: ModuleType) -> None:
    for coverage in by_name(tiny.conv_model()).values():
        assert coverage.source
        assert coverage.total == 1


def test_a_float_convolution_is_for_all_but_the_npu(tiny: ModuleType) -> None:
    found = by_name(tiny.conv_model())
    taken = {name: coverage.taken for name, coverage in found.items()}
    assert taken == {"XNNPACK": 1, "GPU": 1, "NNAPI": 1, "Ethos-U": 0}
    blocker = found["Ethos-U"].first_blocker
    assert blocker is not None
    assert (blocker.name, blocker.reason) == ("CONV_2D", "float32 activations")


def test_an_int8_convolution_is_for_all(tiny: ModuleType) -> None:
    found = by_name(tiny.int8_conv_model())
    assert {coverage.taken for coverage in found.values()} == {1}


def test_int16_is_for_the_npu_only(tiny: ModuleType) -> None:
    refused = one(tiny, "ADD", "int16")
    assert refused == {
        "XNNPACK": "int16 activations",
        "GPU": "int16 activations",
        "NNAPI": "int16 activations",
    }


def test_a_custom_operator_is_in_no_table(tiny: ModuleType) -> None:
    assert set(one(tiny, "CONV_2D", "float32", custom=True).values()) == {
        "not in the table"
    }


def test_what_is_in_the_table_of_floats_only_is_told(tiny: ModuleType) -> None:
    assert one(tiny, "AVERAGE_POOL_2D", "int8")["XNNPACK"] == (
        "in the table for float32, not for int8"
    )


def test_five_dimensions_are_too_many(tiny: ModuleType) -> None:
    refused = one(tiny, "ADD", "int8", shape=[1, 2, 2, 2, 2])
    assert refused["GPU"] == "a tensor of 5 dimensions, above 4"
    assert refused["Ethos-U"] == "a tensor of 5 dimensions, above 4"


def test_a_batch_is_not_for_the_npu(tiny: ModuleType) -> None:
    assert one(tiny, "ADD", "int8", shape=[3, 2, 2, 2])["Ethos-U"] == "a batch of 3"


@pytest.mark.parametrize("name", ["EXP", "GATHER_ND"])
def test_what_no_table_has_is_left_to_the_cpu(name: str, tiny: ModuleType) -> None:
    assert one(tiny, name, "float32")["XNNPACK"] == "not in the table"


def test_integer_weights_in_a_float_operator_are_told(tiny: ModuleType) -> None:
    tensors = [
        tiny.TinyTensor(shape=[1, 4, 4, 1]),
        tiny.TinyTensor(shape=[1, 2, 2, 2]),
        tiny.TinyTensor(shape=[2, 3, 3, 1], type="int8", data=bytes(18), scales=[0.1]),
        tiny.TinyTensor(shape=[2], data=bytes(8)),
    ]
    blocker = by_name(tiny.conv_model(tensors=tensors))["XNNPACK"].first_blocker
    assert blocker is not None
    assert blocker.reason == "int8 weights with float input"


def test_dense_weights_with_a_scale_a_channel_are_not_for_the_npu(
    tiny: ModuleType,
) -> None:
    quant = {"type": "int8", "scales": [0.5]}
    tensors = [
        tiny.TinyTensor(shape=[1, 4], **quant),
        tiny.TinyTensor(shape=[1, 2], **quant),
        tiny.TinyTensor(shape=[2, 4], type="int8", data=bytes(8), scales=[0.1, 0.2]),
    ]
    dense = tiny.TinyOperator(name="FULLY_CONNECTED", inputs=[0, 2], outputs=[1])
    graph = tiny.TinyGraph(tensors=tensors, operators=[dense])
    found = by_name(tiny.build(tiny.TinyModel(graphs=[graph])))
    blocker = found["Ethos-U"].first_blocker
    assert blocker is not None
    assert blocker.reason == "weights with a scale a channel"
