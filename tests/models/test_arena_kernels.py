"""What each kernel keeps, held against the wheel's own allocator, operator by operator.

The table's column for the wheel is proved here; the column for Cortex-M stands in the
same rows and rules, and was measured on one (docs/arena.md).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.engines.tflm import TflmEngine
from hil.models.arena import Basis, predict_arena
from hil.models.arena.layout import WHEEL
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from types import ModuleType

F, B, Q = "float32", "bool", "int8"
X = (1, 4, 4, 4)


def _ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def _names(text: str) -> list[str]:
    return text.split()


# Operator, its inputs (type, shape, data of constants), its outputs (type, shape).
CASES = [
    *(
        (name, [(F, X)], [(F, X)])
        for name in _names(
            "ABS CEIL COS ELU EXP FLOOR HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG "
            "LOGISTIC LOG_SOFTMAX NEG RELU RELU6 ROUND RSQRT SIN SQRT SQUARE TANH "
            "ZEROS_LIKE SOFTMAX"
        )
    ),
    *(
        (name, [(Q, X)], [(Q, X)])
        for name in _names("ABS ELU HARD_SWISH LEAKY_RELU RELU RELU6 RSQRT TANH")
    ),
    *(
        (name, [(F, X), (F, X)], [(F, X)])
        for name in _names(
            "ADD ADD_N DIV FLOOR_DIV FLOOR_MOD MAXIMUM MINIMUM MUL PRELU "
            "SQUARED_DIFFERENCE SUB"
        )
    ),
    *(
        (name, [(Q, X), (Q, X)], [(Q, X)])
        for name in _names("ADD ADD_N MAXIMUM MINIMUM MUL SQUARED_DIFFERENCE SUB")
    ),
    *(
        (name, [(F, X), (F, X)], [(B, X)])
        for name in _names("EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL")
    ),
    ("LOGICAL_AND", [(B, X), (B, X)], [(B, X)]),
    ("LOGICAL_OR", [(B, X), (B, X)], [(B, X)]),
    ("LOGICAL_NOT", [(B, X)], [(B, X)]),
    ("SELECT_V2", [(B, X), (F, X), (F, X)], [(F, X)]),
    ("ARG_MAX", [(F, X), ("int32", (1,), _ints(3))], [("int32", (1, 4, 4))]),
    ("ARG_MIN", [(F, X), ("int32", (1,), _ints(3))], [("int32", (1, 4, 4))]),
    ("BATCH_MATMUL", [(F, (2, 3, 4)), (F, (2, 4, 5))], [(F, (2, 3, 5))]),
    ("BATCH_MATMUL", [(Q, (2, 3, 4)), (Q, (2, 4, 5))], [(Q, (2, 3, 5))]),
    ("BROADCAST_TO", [(F, (4,)), ("int32", (2,), _ints(3, 4))], [(F, (3, 4))]),
    (
        "BATCH_TO_SPACE_ND",
        [
            (F, (4, 2, 2, 1)),
            ("int32", (2,), _ints(2, 2)),
            ("int32", (2, 2), _ints(0, 0, 0, 0)),
        ],
        [(F, (1, 4, 4, 1))],
    ),
    (
        "SPACE_TO_BATCH_ND",
        [
            (F, (1, 4, 4, 1)),
            ("int32", (2,), _ints(2, 2)),
            ("int32", (2, 2), _ints(0, 0, 0, 0)),
        ],
        [(F, (4, 2, 2, 1))],
    ),
    ("CUMSUM", [(F, (4, 4)), ("int32", (1,), _ints(1))], [(F, (4, 4))]),
    ("CUMSUM", [(Q, (4, 4)), ("int32", (1,), _ints(1))], [(Q, (4, 4))]),
    ("EMBEDDING_LOOKUP", [("int32", (2,)), (F, (3, 4), bytes(48))], [(F, (2, 4))]),
    ("EXPAND_DIMS", [(F, (4,)), ("int32", (1,), _ints(0))], [(F, (1, 4))]),
    ("FILL", [("int32", (2,), _ints(2, 3)), (F, ())], [(F, (2, 3))]),
    ("GATHER", [(F, (4, 3)), ("int32", (2,), _ints(0, 1))], [(F, (2, 3))]),
    ("GATHER_ND", [(F, (4, 3)), ("int32", (2, 1), _ints(0, 1))], [(F, (2, 3))]),
    ("MIRROR_PAD", [(F, (4, 3)), ("int32", (2, 2), _ints(1, 1, 1, 1))], [(F, (6, 5))]),
    ("PAD", [(F, (4, 3)), ("int32", (2, 2), _ints(1, 1, 1, 1))], [(F, (6, 5))]),
    (
        "PADV2",
        [(F, (4, 3)), ("int32", (2, 2), _ints(1, 1, 1, 1)), (F, (1,), bytes(4))],
        [(F, (6, 5))],
    ),
    *(
        (name, [(kind, X), ("int32", (2,), _ints(1, 2))], [(kind, (1, 4))])
        for name in ("MEAN", "SUM")
        for kind in (F, Q)
    ),
    *(
        (name, [(F, X), ("int32", (2,), _ints(1, 2))], [(F, (1, 4))])
        for name in ("REDUCE_MAX", "REDUCE_MIN")
    ),
    ("REDUCE_ALL", [(B, X), ("int32", (2,), _ints(1, 2))], [(B, (1, 4))]),
    ("RESHAPE", [(F, X), ("int32", (2,), _ints(4, 16))], [(F, (4, 16))]),
    ("RESIZE_BILINEAR", [(F, X), ("int32", (2,), _ints(8, 8))], [(F, (1, 8, 8, 4))]),
    (
        "RESIZE_NEAREST_NEIGHBOR",
        [(F, X), ("int32", (2,), _ints(8, 8))],
        [(F, (1, 8, 8, 4))],
    ),
    ("REVERSE_V2", [(F, X), ("int32", (1,), _ints(1))], [(F, X)]),
    ("SHAPE", [(F, X)], [("int32", (4,))]),
    (
        "SLICE",
        [(F, (4, 4)), ("int32", (2,), _ints(0, 0)), ("int32", (2,), _ints(2, 2))],
        [(F, (2, 2))],
    ),
    ("SPLIT", [("int32", (1,), _ints(1)), (F, (4, 4))], [(F, (4, 2)), (F, (4, 2))]),
    (
        "SPLIT_V",
        [(F, (4, 4)), ("int32", (2,), _ints(2, 2)), ("int32", (1,), _ints(1))],
        [(F, (4, 2)), (F, (4, 2))],
    ),
    ("SQUEEZE", [(F, (1, 4))], [(F, (4,))]),
    ("TRANSPOSE", [(F, (2, 3)), ("int32", (2,), _ints(1, 0))], [(F, (3, 2))]),
    ("QUANTIZE", [(F, X)], [(Q, X)]),
    ("DEQUANTIZE", [(Q, X)], [(F, X)]),
    ("CAST", [(F, X)], [("int32", X)]),
]


def _named(case: tuple[str, list[tuple], list[tuple]]) -> str:
    return f"{case[0]}-{case[1][0][0]}"


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_kernel_keeps_in_the_wheel_what_the_table_says(
    tiny: ModuleType, case: tuple[str, list[tuple], list[tuple]]
) -> None:
    model = single(tiny, *case)
    graph = read_graph(model, "m")
    engine = TflmEngine()
    engine.load(model)
    told = engine.memory()
    found = predict_arena(graph, WHEEL)
    assert found.basis is Basis.EXACT
    assert found.persistent_bytes == told["arena_persistent_bytes"]
    assert found.nonpersistent_bytes == told["arena_nonpersistent_bytes"]


def single(
    tiny: ModuleType, name: str, inputs: list[tuple], outputs: list[tuple]
) -> bytes:
    """Return a model of one operator; what has data is a constant."""
    tensors = []
    for kind, shape, *data in [*inputs, *outputs]:
        quantized = {"scales": [0.5], "zero_points": [0]} if kind == Q else {}
        value = data[0] if data else None
        tensors.append(tiny.TinyTensor(shape=shape, type=kind, data=value, **quantized))
    count = len(inputs)
    operator = tiny.TinyOperator(
        name=name,
        inputs=range(count),
        outputs=range(count, len(tensors)),
    )
    graph = tiny.TinyGraph(
        tensors=tensors,
        operators=[operator],
        inputs=[i for i, given in enumerate(inputs) if not given[2:]],
        outputs=range(count, len(tensors)),
    )
    return tiny.build(tiny.TinyModel(graphs=[graph]))
