"""Steps and a plan as the text of hil_model.h and hil_model.c."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.program import Constant, Real
from hil.codegen.compiled.site import TYPES, constant_value
from hil.codegen.identifier import comment
from hil.codegen.templates import render as render_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from hil.codegen.compiled.program import Call, Step, Value
    from hil.models.graph import Graph, SubGraph, Tensor

_PER_LINE = 16
_GONE = "HIL_MODEL_GONE"
_C_TYPES = {
    "int8": "int8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
    "float64": "double",
}
# As in enum hil_engine_type of hil_engine.h.
_TYPE_CODES = {"int8": 1, "uint8": 2, "int16": 3, "float32": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table of tensors: where it is, what it is."""

    offset: str
    size_bytes: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the elements of an input or output mean: real = scale * (q - zero_point)."""

    type: int
    scale: str
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One operator in C: a line on what it is, and its statements."""

    index: int
    text: str
    calls: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Constants:
    """The arrays in flash; equal arrays are one."""

    _names: dict[tuple[str, bytes], str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    size_bytes: int = 0

    def name(self, values: npt.NDArray[np.generic]) -> str:
        """Return the name of an array with these values."""
        kind = values.dtype.name
        key = kind, values.tobytes()
        if key not in self._names:
            name = f"constant_{len(self._names)}"
            self._names[key] = name
            self.size_bytes += values.nbytes
            # An array of no elements is not C; nothing reads this one.
            flat = values.reshape(-1) if values.size else np.zeros(1, values.dtype)
            self.texts.append(
                f"static const _Alignas(16) {_C_TYPES[kind]} {name}[{flat.size}] = "
                f"{{\n{_body(flat)}\n}};"
            )
        return self._names[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Turns calls into C; tensors are named by where the plan put them."""

    graph: Graph
    subgraph: SubGraph
    offsets: Mapping[int, int]  # by tensor
    where: str
    constants: Constants

    def functions(self, steps: Sequence[Step]) -> list[Function]:
        """Return the function of each operator."""
        return [
            Function(
                index=operator.index,
                text=self._title(operator.index),
                calls=tuple(self._call(call) for call in step.calls),
            )
            for operator, step in zip(self.subgraph.operators, steps, strict=True)
        ]

    def row(self, index: int, *, gone: bool = False) -> Row:
        """Return the line of a tensor; one that is not in the arena is gone."""
        tensor = self.subgraph.tensors[index]
        if gone or index not in self.offsets:
            return Row(offset=_GONE, size_bytes=0, text=shape_text(tensor))
        return Row(
            offset=str(self.offsets[index]),
            size_bytes=size_bytes(tensor),
            text=shape_text(tensor),
        )

    def numbers(self, index: int) -> Numbers:
        """Return what the elements of a tensor mean."""
        tensor = self.subgraph.tensors[index]
        code = _TYPE_CODES.get(tensor.type, 0)
        quantization = tensor.quantization
        if quantization is None or len(quantization.scales) != 1:
            return Numbers(type=code, scale="0", zero_point=0)
        scale, zero_point = quantization.scales[0], quantization.zero_points[0]
        return Numbers(
            type=code, scale=f"{real_text(scale)}f", zero_point=int(zero_point)
        )

    def _title(self, index: int) -> str:
        operator = self.subgraph.operators[index]
        inputs = self.subgraph.inputs_of(operator)
        sources = [
            shape_text(tensor)
            for tensor in inputs
            if tensor is not None and not tensor.is_constant
        ]
        target = shape_text(self.subgraph.outputs_of(operator)[0])
        return f"{comment(operator.name)}: {', '.join(sources)} to {target}"

    def _call(self, call: Call) -> str:
        operands = [self._read(index) for index in call.inputs]
        target = self.subgraph.tensors[call.output]
        kind = _C_TYPES[target.type]
        operands.append(f"({kind} *)(arena + {self.offsets[call.output]})")
        fields = [
            f"      .{name} = {self._value(value)},\n"
            for name, value in call.fields.items()
        ]
        return (
            f"  static const struct {call.parameters} parameters = {{\n"
            f"{''.join(fields)}  }};\n"
            f"  {call.kernel}(&parameters, {', '.join(operands)});"
        )

    def _read(self, index: int) -> str:
        tensor = self.subgraph.tensors[index]
        if tensor.is_constant:
            values = constant_value(self.graph, tensor, self.where)
            return self.constants.name(values)
        kind = _C_TYPES[tensor.type]
        return f"(const {kind} *)(arena + {self.offsets[index]})"

    def _value(self, value: Value) -> str:
        match value:
            case Constant():
                return self.constants.name(value.values)
            case Real():
                return f"{real_text(value.value)}f"
            case tuple():
                return "{" + ", ".join(_whole(item) for item in value) + "}"
            case dict():
                inner = (f".{name} = {item}" for name, item in value.items())
                return "{" + ", ".join(inner) + "}"
            case _:
                return _whole(value)


def render(template: str, **values: object) -> str:
    """Return the compiled engine's template of that name, filled in."""
    return render_template("compiled", template, **values)


def size_bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor's values."""
    return tensor.elements * np.dtype(TYPES[tensor.type]).itemsize


def shape_text(tensor: Tensor) -> str:
    """Return "int8 [1,8,8,1]"."""
    return f"{tensor.type} [{','.join(map(str, tensor.shape))}]"


def real_text(value: float) -> str:
    """Return a float exactly, as C reads it; what is not finite as in math.h."""
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return float(value).hex()


def _body(flat: npt.NDArray[np.generic]) -> str:
    kind = flat.dtype.name
    if kind.startswith("float"):
        suffix = "f" if kind == "float32" else ""
        cells = [
            text if text.endswith(("NAN", "INFINITY")) else text + suffix
            for text in map(real_text, flat.tolist())
        ]
    else:
        cells = [_whole(value) for value in flat.tolist()]
    lines = (
        ", ".join(cells[start : start + _PER_LINE])
        for start in range(0, len(cells), _PER_LINE)
    )
    return ",\n".join(f"    {line}" for line in lines)


def _whole(value: int) -> str:
    """Return an integer as C reads it: the least of its type is no literal."""
    if value == -(2**31):
        return "INT32_MIN"
    if value == -(2**63):
        return "INT64_MIN"
    if value > 2**32 - 1 or value < -(2**31):
        return f"INT64_C({value})"
    return f"{value}u" if value > 2**31 - 1 else str(value)
