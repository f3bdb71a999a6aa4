"""One operator in its graph: what the lowering of an operator looks at and checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from hil.codegen.identifier import comment
from hil.codegen.op_resolver import BUILTIN_METHODS, CUSTOM_METHODS
from hil.errors import ModelError, UnsupportedOp

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.models.flatbuffer import Table
    from hil.models.graph import Graph, Operator, SubGraph, Tensor

TYPES = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
}
SUFFIXES = {"int8": "s8", "int16": "s16", "float32": "f32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An operator, its tensors and its options; `where` is the model's file."""

    graph: Graph
    subgraph: SubGraph
    operator: Operator
    table: Table | None  # the stored options, also those that Operator leaves out
    where: str

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.subgraph.outputs_of(self.operator)[0]

    def arity(self, least: int, most: int | None = None) -> None:
        """Refuse the model unless the operator has so many inputs, and one output."""
        count = len(self.operator.inputs)
        upper = least if most is None else most
        if not least <= count <= upper or len(self.operator.outputs) != 1:
            self.broken(
                "the operator has the wrong number of tensors",
                found=f"{count} inputs, {len(self.operator.outputs)} outputs",
                allowed=f"{least} to {upper} inputs, 1 output",
            )

    def input(self, position: int) -> Tensor:
        """Return an input that must be there."""
        tensor = self.optional(position)
        if tensor is None:
            self.broken("an input is missing", found=f"input {position}")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """Return an input that may be left out."""
        inputs = self.subgraph.inputs_of(self.operator)
        return inputs[position] if position < len(inputs) else None

    def value(self, tensor: Tensor) -> npt.NDArray[np.generic]:
        """Return the data of a constant tensor in its shape."""
        if not tensor.is_constant or tensor.is_sparse or tensor.type not in TYPES:
            self.refuse(f"tensor {tensor.index} is no plain constant")
        return constant_value(self.graph, tensor, self.where)

    def whole_numbers(self, tensor: Tensor) -> list[int]:
        """Return the values of a constant list (axes, sizes, paddings)."""
        return [int(value) for value in self.value(tensor).reshape(-1)]

    def scale(self, tensor: Tensor) -> float:
        """Return the one scale of a quantized tensor."""
        scales = self.scales(tensor)
        if len(scales) != 1:
            self.refuse(f"tensor {tensor.index} has {len(scales)} scales, not 1")
        return scales[0]

    def scales(self, tensor: Tensor) -> tuple[float, ...]:
        """Return all scales of a quantized tensor."""
        quantization = tensor.quantization
        if (
            quantization is None
            or not quantization.scales
            or quantization.details is not None
        ):
            self.refuse(f"tensor {tensor.index} ({tensor.type}) has no plain scale")
        if not all(0 < scale < np.inf for scale in quantization.scales):
            self.broken(
                "a scale is not positive",
                found=f"tensor {tensor.index}: {min(quantization.scales)}",
            )
        return quantization.scales

    def zero(self, tensor: Tensor) -> int:
        """Return the one zero point of a quantized tensor."""
        self.scale(tensor)
        assert tensor.quantization is not None
        zero = (tensor.quantization.zero_points or (0,))[0]
        low, high = (-32768, 32767) if tensor.type == "int16" else (-128, 127)
        if not low <= zero <= high:
            self.broken("a zero point is out of range", found=str(zero))
        return zero

    def kind(self, *tensors: Tensor) -> str:
        """Return the type that all *tensors* share: int8, int16 or float32."""
        types = {tensor.type for tensor in tensors}
        if len(types) != 1 or not types <= SUFFIXES.keys():
            self.refuse("for types " + ", ".join(tensor.type for tensor in tensors))
        (kind,) = types
        if kind == "int16" and any(self.zero(tensor) for tensor in tensors):
            self.refuse("with int16 zero points that are not 0")
        return kind

    def shaped(self, tensor: Tensor, shape: Sequence[int]) -> None:
        """Refuse the model unless *tensor* has the shape that follows from others."""
        if tensor.shape != tuple(shape):
            self.broken(
                f"tensor {tensor.index} has another shape than its operator gives",
                found=str(list(tensor.shape)),
                allowed=str(list(shape)),
            )

    def refuse(self, reason: str) -> NoReturn:
        """Raise UnsupportedOp: *reason* says which form of the operator this is."""
        name = comment(self.operator.name)
        raise UnsupportedOp(
            f"the compiled engine has no kernel for {name} {reason}".rstrip(),
            where=self.place(),
            found=name,
            remedy=other_engines(self.operator),
        )

    def broken(self, what: str, *, found: str, allowed: str | None = None) -> NoReturn:
        """Raise ModelError: no engine could run this operator."""
        raise ModelError(
            what,
            where=self.place(),
            found=found,
            allowed=allowed,
            remedy="convert the model again",
        )

    def place(self) -> str:
        """Return the operator's place for messages."""
        name = comment(self.operator.name)
        return f"{self.where}: operator {self.operator.index} ({name})"


def constant_value(graph: Graph, tensor: Tensor, where: str) -> npt.NDArray[np.generic]:
    """Return the data of a constant tensor; ModelError where its size is wrong."""
    dtype = np.dtype(TYPES[tensor.type])
    data = graph.data_of(tensor)
    if len(data) != tensor.elements * dtype.itemsize:
        raise ModelError(
            f"tensor {tensor.index} has data of another size than its shape",
            where=where,
            found=f"{len(data):,} bytes",
            allowed=f"{tensor.elements * dtype.itemsize:,} bytes",
            remedy="convert the model again",
        )
    little = np.frombuffer(data, dtype=dtype.newbyteorder("<"))
    return little.astype(dtype).reshape(tensor.shape)


def other_engines(operator: Operator) -> str:
    """Return which engine can run an operator that this one cannot."""
    if operator.is_custom:
        if operator.name in CUSTOM_METHODS:
            return "TFLite Micro has a kernel for it (engine tflm)"
        return "only an engine with its own kernel for it can run it"
    litert = "LiteRT runs it on a phone or on this machine (engine litert)"
    if operator.name in BUILTIN_METHODS:
        return f"TFLite Micro has a kernel for it (engine tflm); {litert}"
    return litert
