"""Facts about a .tflite that follow from its graph: identity, work, anatomy."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.vocab import ModelArtifact

if TYPE_CHECKING:
    from pathlib import Path

    from hil.models.graph import Graph, Operator, SubGraph, Tensor

_NAMES = (
    "Tensor.name",
    "SubGraph.name",
    "SignatureDef.signature_key",
    "TensorMap.name",
)
_METADATA = ("Metadata.name", "Model.description")


@dataclass(frozen=True, slots=True, kw_only=True)
class Macs:
    """Multiply-accumulates of one inference of the main subgraph.

    `uncounted` names the operators that stand in `per_operator` with 0: the ones that
    multiply nothing, and the ones for which there is no formula here (recurrent
    layers, custom operators).
    """

    per_operator: tuple[int, ...]
    total: int
    uncounted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationBytes:
    """What quantization costs beside the weights; min and max are never read."""

    scale_bytes: int
    zero_point_bytes: int
    min_max_bytes: int

    @property
    def total(self) -> int:
        """All three together."""
        return self.scale_bytes + self.zero_point_bytes + self.min_max_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """Where the bytes of the file are; the five parts in bytes add up to the file.

    `weight_bytes` are all constants of tensors. `quantization` says what
    `quantization_bytes` are. `rest_bytes` is the structure of the graph and padding.
    """

    weight_bytes: int
    quantization_bytes: int
    name_bytes: int
    metadata_bytes: int
    rest_bytes: int
    quantization: QuantizationBytes


def read_model(path: Path) -> bytes:
    """Return the bytes of the file; ModelError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ModelError(
            "the model cannot be read",
            where=str(path),
            found=exc.strerror or str(exc),
            remedy="give the path of a .tflite file",
        ) from exc


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of *data* in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def artifact(path: Path, variant: str = "as-is") -> ModelArtifact:
    """Read and verify the file, and return what is known without running it."""
    data = read_model(path)
    graph = read_graph(data, str(path))
    return ModelArtifact(
        name=path.stem,
        variant=variant,
        path=path,
        sha256=sha256_of(data),
        size_bytes=len(data),
        ops=operator_names(graph),
    )


def operator_names(graph: Graph) -> tuple[str, ...]:
    """Return the names of all operators, each once, in alphabetical order."""
    return tuple(
        sorted({op.name for subgraph in graph.subgraphs for op in subgraph.operators})
    )


def count_macs(graph: Graph) -> Macs:
    """Count the multiply-accumulates of the main subgraph's operators."""
    main = graph.subgraphs[0]
    counts = [operator_macs(main, operator) for operator in main.operators]
    return Macs(
        per_operator=tuple(count or 0 for count in counts),
        total=sum(count or 0 for count in counts),
        uncounted=tuple(
            sorted(
                {
                    operator.name
                    for operator, count in zip(main.operators, counts, strict=True)
                    if count is None
                }
            )
        ),
    )


def operator_macs(subgraph: SubGraph, operator: Operator) -> int | None:
    """Return the multiply-accumulates of one operator; None without a formula."""
    formula = _FORMULAS.get(operator.name) if not operator.is_custom else None
    if formula is None:
        return None
    inputs, outputs = subgraph.inputs_of(operator), subgraph.outputs_of(operator)
    needed = 3 if operator.name == "TRANSPOSE_CONV" else 2
    present = [tensor for tensor in inputs[:needed] if tensor is not None]
    if len(present) < needed or not outputs:
        return None
    return formula(operator, present, outputs[0])


def anatomy(graph: Graph) -> Anatomy:
    """Return where the bytes of the file are."""
    constants = {
        tensor.buffer: tensor.buffer_bytes
        for subgraph in graph.subgraphs
        for tensor in subgraph.tensors
    }
    fields = graph.bytes_by_field
    weights = sum(constants.values())
    quantization = QuantizationBytes(
        scale_bytes=fields.get("QuantizationParameters.scale", 0),
        zero_point_bytes=fields.get("QuantizationParameters.zero_point", 0),
        min_max_bytes=fields.get("QuantizationParameters.min", 0)
        + fields.get("QuantizationParameters.max", 0),
    )
    names = sum(fields.get(name, 0) for name in _NAMES)
    left = max(0, graph.size_bytes - weights - quantization.total - names)
    metadata = sum(len(data) for data in graph.metadata.values())
    metadata += sum(fields.get(name, 0) for name in _METADATA)
    metadata = min(metadata, left)  # a file may name one buffer twice
    return Anatomy(
        weight_bytes=weights,
        quantization_bytes=quantization.total,
        name_bytes=names,
        metadata_bytes=metadata,
        rest_bytes=left - metadata,
        quantization=quantization,
    )


def _conv(operator: Operator, inputs: list[Tensor], output: Tensor) -> int:
    """Filter [out, height, width, in]; *in* is already that of one group."""
    del operator
    return output.elements * math.prod(inputs[1].shape[1:])


def _depthwise(operator: Operator, inputs: list[Tensor], output: Tensor) -> int:
    """Filter [1, height, width, out]."""
    del operator
    return output.elements * math.prod(inputs[1].shape[1:-1])


def _transposed(operator: Operator, inputs: list[Tensor], output: Tensor) -> int:
    """Inputs: output shape, filter [out, height, width, in], data."""
    del operator, output
    return inputs[2].elements * math.prod(inputs[1].shape[:-1])


def _dense(operator: Operator, inputs: list[Tensor], output: Tensor) -> int:
    """Filter [out, in]."""
    del operator
    return output.elements * math.prod(inputs[1].shape[-1:])


def _matmul(operator: Operator, inputs: list[Tensor], output: Tensor) -> int:
    """The inner dimension is the last of the left side, or the one before it."""
    shape = inputs[0].shape[-2:]
    inner = shape[:1] if operator.options.get("adj_x") else shape[-1:]
    return output.elements * math.prod(inner)


_FORMULAS = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _matmul,
}
