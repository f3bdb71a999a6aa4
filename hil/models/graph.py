"""The graph of a .tflite: its subgraphs, tensors and operators as plain values.

It is read with hil.models.flatbuffer and not with the `tflite` package, which tests
hold it against: that package needs 0.15 s to import, does not know the fields that
came after version 2.18, and resolves old operator codes unlike the runtimes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.schema import (
    ACTIVATIONS,
    LAYOUTS,
    OPERATORS,
    PADDING,
    TENSOR_TYPES,
)
from hil.models.verify import operator_code, verified_structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.models.flatbuffer import Table

_CUSTOM = OPERATORS.index("CUSTOM")
_FLAGS = {"adj_x", "adj_y", "keep_num_dims", "pot_scale_int16"}
_NAMED = {"padding": PADDING, "activation": ACTIVATIONS}
# What the schema gives an absent field, where that is not zero.
_DEFAULTS = {
    "dilation_w_factor": 1,
    "dilation_h_factor": 1,
    "dilation_d_factor": 1,
    "pot_scale_int16": 1,
}
_CODES = {1: "b", 4: "i", 8: "q"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How stored integers become real values: real = scale * (q - zero_point).

    `axis` is the dimension that the scales run along; None where one scale holds for
    the whole tensor. `details` names a scheme beyond scales ("BlockwiseQuantization").
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None
    details: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor; `buffer_bytes` is the size of its constant data, else 0."""

    index: int
    name: str
    type: str  # "int8", "float32", ...: a name of hil.models.schema.TENSOR_TYPES
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]  # -1 where a size is open; empty where absent
    buffer: int
    buffer_bytes: int
    is_constant: bool
    is_variable: bool
    is_sparse: bool
    quantization: Quantization | None

    @property
    def elements(self) -> int:
        """The number of elements; 1 for a scalar."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator; absent optional inputs are -1.

    `name` is the builtin name ("CONV_2D"), or what a custom operator calls itself.
    `options` has those that matter for counting and codegen: `padding`, `activation`,
    `stride_w`, ... by their names in the schema.
    """

    index: int
    name: str
    is_custom: bool
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int | bool | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubGraph:
    """One subgraph; inputs and outputs are indices into its tensors."""

    index: int
    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]

    def inputs_of(self, operator: Operator) -> tuple[Tensor | None, ...]:
        """Return the input tensors of *operator*; None where one is left out."""
        return tuple(
            self.tensors[index] if index >= 0 else None for index in operator.inputs
        )

    def outputs_of(self, operator: Operator) -> tuple[Tensor, ...]:
        """Return the output tensors of *operator*."""
        return tuple(self.tensors[index] for index in operator.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A whole model. `metadata` maps a name to its bytes.

    `bytes_by_field` says where the bytes of lists and texts are in the file, by the
    field of the schema ("Tensor.name"); hil.models.facts makes the anatomy of it.
    `unknown_fields` are stored fields that the schema here does not know.
    """

    version: int
    description: str
    subgraphs: tuple[SubGraph, ...]
    buffers: tuple[bytes, ...]
    metadata: Mapping[str, bytes]
    size_bytes: int
    bytes_by_field: Mapping[str, int]
    unknown_fields: tuple[str, ...] = ()

    def data_of(self, tensor: Tensor) -> bytes:
        """Return the constant data of *tensor*, empty where it has none."""
        return self.buffers[tensor.buffer]


def read_graph(data: bytes, where: str) -> Graph:
    """Verify *data* and read it; raises ModelError as hil.models.verify does."""
    structure = verified_structure(data, where)
    model = structure.root
    buffers = tuple(_buffer(table, data) for table in model.tables("buffers"))
    codes = model.tables("operator_codes")
    return Graph(
        version=model.scalar("version", "I"),
        description=model.text("description"),
        subgraphs=tuple(
            _subgraph(table, index=index, buffers=buffers, codes=codes)
            for index, table in enumerate(model.tables("subgraphs"))
        ),
        buffers=buffers,
        metadata={
            entry.text("name"): buffers[entry.scalar("buffer", "I")]
            for entry in model.tables("metadata")
        },
        size_bytes=len(data),
        bytes_by_field=structure.bytes_by_field,
        unknown_fields=structure.unknown_fields,
    )


def _buffer(table: Table, data: bytes) -> bytes:
    inside = table.blob("data")
    offset = table.scalar("offset", "Q")
    if inside or offset <= 1:
        return inside
    return data[offset : offset + table.scalar("size", "Q")]


def _subgraph(
    table: Table, *, index: int, buffers: Sequence[bytes], codes: Sequence[Table]
) -> SubGraph:
    return SubGraph(
        index=index,
        name=table.text("name"),
        tensors=tuple(
            _tensor(tensor, index=position, buffers=buffers)
            for position, tensor in enumerate(table.tables("tensors"))
        ),
        inputs=table.integers("inputs"),
        outputs=table.integers("outputs"),
        operators=tuple(
            _operator(operator, index=position, codes=codes)
            for position, operator in enumerate(table.tables("operators"))
        ),
    )


def _tensor(table: Table, *, index: int, buffers: Sequence[bytes]) -> Tensor:
    buffer = table.scalar("buffer", "I")
    shape = table.integers("shape")
    is_variable = bool(table.scalar("is_variable", "b"))
    return Tensor(
        index=index,
        name=table.text("name"),
        type=TENSOR_TYPES[table.scalar("type", "b")],
        shape=shape,
        shape_signature=table.integers("shape_signature"),
        buffer=buffer,
        buffer_bytes=len(buffers[buffer]),
        is_constant=bool(buffers[buffer]) and not is_variable,
        is_variable=is_variable,
        is_sparse=table.has("sparsity"),
        quantization=_quantization(table.table("quantization"), rank=len(shape)),
    )


def _quantization(table: Table | None, *, rank: int) -> Quantization | None:
    if table is None:
        return None
    scales = table.reals("scale")
    details = table.union("details")
    if not scales and details is None:
        return None
    axis = table.scalar("quantized_dimension", "i")
    return Quantization(
        scales=scales,
        zero_points=table.integers("zero_point", "q"),
        axis=min(axis, max(rank - 1, 0)) if len(scales) > 1 else None,
        details=details.kind if details is not None else None,
    )


def _operator(table: Table, *, index: int, codes: Sequence[Table]) -> Operator:
    code = codes[table.scalar("opcode_index", "I")]
    builtin = operator_code(code)
    is_custom = builtin == _CUSTOM
    return Operator(
        index=index,
        name=code.text("custom_code") if is_custom else OPERATORS[builtin],
        is_custom=is_custom,
        version=code.scalar("version", "i", default=1),
        inputs=table.integers("inputs"),
        outputs=table.integers("outputs"),
        options=_options(table.union("builtin_options")),
    )


def _options(table: Table | None) -> dict[str, int | bool | str]:
    """Return the options whose names the schema of hil knows."""
    if table is None:
        return {}
    options: dict[str, int | bool | str] = {}
    for field in LAYOUTS[table.kind]:
        if field.kind != "scalar" or not field.name.isidentifier():
            continue
        value = table.scalar(
            field.name,
            _CODES[field.size_bytes],
            default=_DEFAULTS.get(field.name, 0),
        )
        names = _NAMED.get(field.name)
        if names is not None:
            options[field.name] = names[value] if 0 <= value < len(names) else value
        else:
            options[field.name] = bool(value) if field.name in _FLAGS else value
    return options
