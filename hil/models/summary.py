"""Everything that `hil inspect` shows of a model, as one value and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hil.models.facts import (
    Anatomy,
    Macs,
    anatomy,
    count_macs,
    operator_macs,
    sha256_of,
)
from hil.models.graph import read_graph
from hil.models.label import Label, label
from hil.models.liveness import Peak, peak_of
from hil.models.tensor_table import TensorRow, tensor_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.models.graph import Graph, Operator, SubGraph, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorLine:
    """One input or output; scale and zero point only where one pair holds for it."""

    name: str
    type: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLine:
    """One operator; `macs` is absent where there is no formula for it."""

    subgraph: int
    index: int
    name: str
    version: int
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    macs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """What is known of a model without running it."""

    name: str
    path: Path
    size_bytes: int
    sha256: str
    description: str
    label: Label
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    operators: tuple[OperatorLine, ...]
    histogram: Mapping[str, int]
    macs: Macs
    anatomy: Anatomy
    tensors: tuple[TensorRow, ...]
    peak: Peak


def summarize(data: bytes, path: Path) -> ModelSummary:
    """Verify *data*, read it and sum it up; *path* is named in errors (ModelError)."""
    return summary_of(read_graph(data, str(path)), data, path)


def summary_of(graph: Graph, data: bytes, path: Path) -> ModelSummary:
    """Sum up *graph*, which was read from *data*."""
    main = graph.subgraphs[0]
    operators = _operators(graph)
    counts = Counter(operator.name for operator in operators)
    return ModelSummary(
        name=path.stem,
        path=path,
        size_bytes=len(data),
        sha256=sha256_of(data),
        description=graph.description,
        label=label(graph),
        inputs=tuple(tensor_line(main.tensors[index]) for index in main.inputs),
        outputs=tuple(tensor_line(main.tensors[index]) for index in main.outputs),
        operators=operators,
        histogram=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        macs=count_macs(graph),
        anatomy=anatomy(graph),
        tensors=tensor_rows(graph),
        peak=peak_of(graph),
    )


def to_json(summary: ModelSummary) -> dict[str, object]:
    """Return the summary in plain JSON types; what is not known is left out."""
    verdict = summary.label
    return {
        "name": summary.name,
        "path": str(summary.path),
        "size_bytes": summary.size_bytes,
        "sha256": summary.sha256,
        "description": summary.description,
        "label": {
            "text": verdict.text,
            "kind": verdict.kind.value,
            "boundary": verdict.boundary,
            "per_channel": verdict.per_channel,
            "float_islands": verdict.islands,
            "float_operators": [asdict(place) for place in verdict.floats],
            "weights": {
                "quantized": verdict.weights.quantized,
                "total": verdict.weights.total,
                "types": dict(verdict.weights.types),
            },
        },
        "inputs": [_tensor_json(line) for line in summary.inputs],
        "outputs": [_tensor_json(line) for line in summary.outputs],
        "operators": [_operator_json(line) for line in summary.operators],
        "histogram": dict(summary.histogram),
        "macs": {
            "total": summary.macs.total,
            "uncounted": list(summary.macs.uncounted),
        },
        "anatomy": asdict(summary.anatomy),
        "peak_activations": asdict(summary.peak),
        "tensors": [_row_json(row) for row in summary.tensors],
    }


def _operators(graph: Graph) -> tuple[OperatorLine, ...]:
    return tuple(
        _operator(subgraph, operator)
        for subgraph in graph.subgraphs
        for operator in subgraph.operators
    )


def _operator(subgraph: SubGraph, operator: Operator) -> OperatorLine:
    inputs = (tensor for tensor in subgraph.inputs_of(operator) if tensor is not None)
    return OperatorLine(
        subgraph=subgraph.index,
        index=operator.index,
        name=operator.name,
        version=operator.version,
        inputs=tuple(tensor_line(tensor) for tensor in inputs),
        outputs=tuple(tensor_line(tensor) for tensor in subgraph.outputs_of(operator)),
        macs=operator_macs(subgraph, operator),
    )


def tensor_line(tensor: Tensor) -> TensorLine:
    """Return *tensor* as a line; scale and zero point where it has one of each."""
    quantization = tensor.quantization
    single = quantization is not None and len(quantization.scales) == 1
    return TensorLine(
        name=tensor.name,
        type=tensor.type,
        shape=tensor.shape,
        scale=quantization.scales[0] if single and quantization else None,
        zero_point=quantization.zero_points[0] if single and quantization else None,
    )


def _tensor_json(line: TensorLine) -> dict[str, object]:
    known = {
        "name": line.name,
        "type": line.type,
        "shape": list(line.shape),
        "scale": line.scale,
        "zero_point": line.zero_point,
    }
    return {name: value for name, value in known.items() if value is not None}


def _row_json(row: TensorRow) -> dict[str, object]:
    known = {name: value for name, value in asdict(row).items() if value is not None}
    return {**known, "shape": list(row.shape)}


def _operator_json(line: OperatorLine) -> dict[str, object]:
    known = {
        "subgraph": line.subgraph,
        "index": line.index,
        "name": line.name,
        "version": line.version,
        "inputs": [_tensor_json(tensor) for tensor in line.inputs],
        "outputs": [_tensor_json(tensor) for tensor in line.outputs],
        "macs": line.macs,
    }
    return {name: value for name, value in known.items() if value is not None}
