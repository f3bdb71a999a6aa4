"""Builds tiny .tflite files, sound or broken on purpose, with the schema's own builder.

`build(TinyModel(...))` returns bytes. Every value is written as it is given: nothing
stops a test from pointing an operator at a tensor that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import flatbuffers
import tflite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TYPES = {
    name.lower(): value
    for name, value in vars(tflite.TensorType).items()
    if not name.startswith("_")
}
_CODES = {
    name: value
    for name, value in vars(tflite.BuiltinOperator).items()
    if not name.startswith("_")
}
_LAST_OLD_CODE = 126


@dataclass(kw_only=True)
class TinyTensor:
    shape: Sequence[int]
    type: str | int = "float32"
    name: str = "t"
    data: bytes | None = None
    scales: Sequence[float] = ()
    zero_points: Sequence[int] | None = None  # as many zeros as scales, if not given
    axis: int = 0
    is_variable: bool = False
    buffer: int | None = None  # a buffer index of its own choice
    sparse: bool = False


@dataclass(kw_only=True)
class TinyOperator:
    name: str  # a builtin, or what a custom operator calls itself
    inputs: Sequence[int]
    outputs: Sequence[int]
    custom: bool = False
    options: Callable[[flatbuffers.Builder], tuple[int, int]] | None = None
    opcode_index: int | None = None


@dataclass(kw_only=True)
class TinyGraph:
    tensors: Sequence[TinyTensor]
    operators: Sequence[TinyOperator]
    inputs: Sequence[int] = (0,)
    outputs: Sequence[int] = (1,)


@dataclass(kw_only=True)
class TinyModel:
    graphs: Sequence[TinyGraph]
    version: int = 3
    buffers: list[bytes | tuple[int, int]] = field(default_factory=list)
    metadata: Sequence[tuple[str, int]] = ()
    signature: tuple[int, Sequence[int]] | None = None  # subgraph, tensors


def build(model: TinyModel) -> bytes:
    """Return the file."""
    return _Writer().write(model)


def conv_options(b: flatbuffers.Builder) -> tuple[int, int]:
    tflite.Conv2DOptionsStart(b)
    tflite.Conv2DOptionsAddPadding(b, tflite.Padding.VALID)
    tflite.Conv2DOptionsAddStrideW(b, 1)
    tflite.Conv2DOptionsAddStrideH(b, 1)
    tflite.Conv2DOptionsAddFusedActivationFunction(
        b, tflite.ActivationFunctionType.RELU6
    )
    return tflite.BuiltinOptions.Conv2DOptions, tflite.Conv2DOptionsEnd(b)


def while_options(
    cond: int, body: int
) -> Callable[[flatbuffers.Builder], tuple[int, int]]:
    def options(b: flatbuffers.Builder) -> tuple[int, int]:
        tflite.WhileOptionsStart(b)
        tflite.WhileOptionsAddCondSubgraphIndex(b, cond)
        tflite.WhileOptionsAddBodySubgraphIndex(b, body)
        return tflite.BuiltinOptions.WhileOptions, tflite.WhileOptionsEnd(b)

    return options


def conv_graph(**changes: object) -> TinyGraph:
    """A float CONV_2D: [1,4,4,1] by 2 filters of 3x3 to [1,2,2,2]: 72 MACs."""
    values: dict[str, object] = {
        "tensors": [
            TinyTensor(shape=[1, 4, 4, 1], name="in"),
            TinyTensor(shape=[1, 2, 2, 2], name="out"),
            TinyTensor(shape=[2, 3, 3, 1], name="filter", data=bytes(72)),
            TinyTensor(shape=[2], name="bias", data=bytes(8)),
        ],
        "operators": [
            TinyOperator(
                name="CONV_2D", inputs=[0, 2, 3], outputs=[1], options=conv_options
            )
        ],
    }
    return TinyGraph(**(values | changes))  # type: ignore[arg-type]


def conv_model(**changes: object) -> bytes:
    """The bytes of a model with one float CONV_2D."""
    return build(TinyModel(graphs=[conv_graph(**changes)]))


def int8_conv_model(boundary: str = "int8") -> bytes:
    """One int8 CONV_2D, per channel; with float boundary QUANTIZE and DEQUANTIZE."""
    quant = {"type": "int8", "scales": [0.5], "zero_points": [3]}
    tensors = [
        TinyTensor(shape=[1, 4, 4, 1], name="in", **quant),  # type: ignore[arg-type]
        TinyTensor(shape=[1, 2, 2, 2], name="out", **quant),  # type: ignore[arg-type]
        TinyTensor(
            shape=[2, 3, 3, 1],
            name="filter",
            type="int8",
            data=bytes(18),
            scales=[0.1, 0.2],
        ),
        TinyTensor(
            shape=[2], name="bias", type="int32", data=bytes(8), scales=[0.05, 0.1]
        ),
        TinyTensor(shape=[1, 4, 4, 1], name="float_in"),
        TinyTensor(shape=[1, 2, 2, 2], name="float_out"),
    ]
    conv = TinyOperator(
        name="CONV_2D", inputs=[0, 2, 3], outputs=[1], options=conv_options
    )
    if boundary == "int8":
        return build(TinyModel(graphs=[TinyGraph(tensors=tensors, operators=[conv])]))
    into = TinyOperator(name="QUANTIZE", inputs=[4], outputs=[0])
    out = TinyOperator(name="DEQUANTIZE", inputs=[1], outputs=[5])
    graph = TinyGraph(
        tensors=tensors, operators=[into, conv, out], inputs=[4], outputs=[5]
    )
    return build(TinyModel(graphs=[graph]))


class _Writer:
    def __init__(self) -> None:
        self._b = flatbuffers.Builder(1024)
        self._codes: list[tuple[str, bool]] = []
        self._buffers: list[bytes | tuple[int, int]] = [b""]

    def write(self, model: TinyModel) -> bytes:
        b = self._b
        self._buffers += model.buffers
        graphs = [self._graph(graph) for graph in model.graphs]
        codes = [self._code(name, custom=custom) for name, custom in self._codes]
        buffers = [self._buffer(data) for data in self._buffers]
        metadata = [self._metadata(name, buffer) for name, buffer in model.metadata]
        signatures = [self._signature(*model.signature)] if model.signature else []
        description = b.CreateString("tiny")
        lists = [
            self._offsets(items)
            for items in (codes, graphs, buffers, metadata, signatures)
        ]
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, model.version)
        tflite.ModelAddOperatorCodes(b, lists[0])
        tflite.ModelAddSubgraphs(b, lists[1])
        tflite.ModelAddDescription(b, description)
        tflite.ModelAddBuffers(b, lists[2])
        tflite.ModelAddMetadata(b, lists[3])
        tflite.ModelAddSignatureDefs(b, lists[4])
        b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _graph(self, graph: TinyGraph) -> int:
        b = self._b
        tensors = self._offsets([self._tensor(tensor) for tensor in graph.tensors])
        operators = self._offsets([self._operator(op) for op in graph.operators])
        inputs, outputs = self._ints(graph.inputs), self._ints(graph.outputs)
        name = b.CreateString("main")
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, inputs)
        tflite.SubGraphAddOutputs(b, outputs)
        tflite.SubGraphAddOperators(b, operators)
        tflite.SubGraphAddName(b, name)
        return int(tflite.SubGraphEnd(b))

    def _tensor(self, tensor: TinyTensor) -> int:
        b = self._b
        buffer = tensor.buffer
        if buffer is None and tensor.data is not None:
            self._buffers.append(tensor.data)
            buffer = len(self._buffers) - 1
        shape, name = self._ints(tensor.shape), b.CreateString(tensor.name)
        quantization = self._quantization(tensor) if tensor.scales else None
        sparsity = self._sparsity() if tensor.sparse else None
        kind = tensor.type
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, _TYPES[kind] if isinstance(kind, str) else kind)
        tflite.TensorAddBuffer(b, buffer or 0)
        tflite.TensorAddName(b, name)
        if quantization is not None:
            tflite.TensorAddQuantization(b, quantization)
        tflite.TensorAddIsVariable(b, tensor.is_variable)
        if sparsity is not None:
            tflite.TensorAddSparsity(b, sparsity)
        return int(tflite.TensorEnd(b))

    def _sparsity(self) -> int:
        order = self._ints([0])
        tflite.SparsityParametersStart(self._b)
        tflite.SparsityParametersAddTraversalOrder(self._b, order)
        return int(tflite.SparsityParametersEnd(self._b))

    def _quantization(self, tensor: TinyTensor) -> int:
        b = self._b
        zeros = tensor.zero_points
        if zeros is None:
            zeros = [0] * len(tensor.scales)
        b.StartVector(4, len(tensor.scales), 4)
        for scale in reversed(tensor.scales):
            b.PrependFloat32(scale)
        scales = b.EndVector()
        b.StartVector(8, len(zeros), 8)
        for zero in reversed(zeros):
            b.PrependInt64(zero)
        zero_points = b.EndVector()
        tflite.QuantizationParametersStart(b)
        tflite.QuantizationParametersAddScale(b, scales)
        tflite.QuantizationParametersAddZeroPoint(b, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(b, tensor.axis)
        return int(tflite.QuantizationParametersEnd(b))

    def _operator(self, operator: TinyOperator) -> int:
        b = self._b
        key = (operator.name, operator.custom)
        if key not in self._codes:
            self._codes.append(key)
        options = operator.options(b) if operator.options else None
        inputs, outputs = self._ints(operator.inputs), self._ints(operator.outputs)
        index = operator.opcode_index
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(
            b, self._codes.index(key) if index is None else index
        )
        tflite.OperatorAddInputs(b, inputs)
        tflite.OperatorAddOutputs(b, outputs)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(b, options[0])
            tflite.OperatorAddBuiltinOptions(b, options[1])
        return int(tflite.OperatorEnd(b))

    def _code(self, name: str, *, custom: bool) -> int:
        b = self._b
        number = _CODES["CUSTOM"] if custom else _CODES.get(name)
        if number is None:
            number = int(name)  # a code that no schema has
        text = b.CreateString(name) if custom else None
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, _LAST_OLD_CODE + 1))
        tflite.OperatorCodeAddBuiltinCode(b, number)
        tflite.OperatorCodeAddVersion(b, 1)
        if text is not None:
            tflite.OperatorCodeAddCustomCode(b, text)
        return int(tflite.OperatorCodeEnd(b))

    def _buffer(self, data: bytes | tuple[int, int]) -> int:
        b = self._b
        if isinstance(data, tuple):
            tflite.BufferStart(b)
            tflite.BufferAddOffset(b, data[0])
            tflite.BufferAddSize(b, data[1])
            return int(tflite.BufferEnd(b))
        vector = b.CreateByteVector(data) if data else None
        tflite.BufferStart(b)
        if vector is not None:
            tflite.BufferAddData(b, vector)
        return int(tflite.BufferEnd(b))

    def _metadata(self, name: str, buffer: int) -> int:
        text = self._b.CreateString(name)
        tflite.MetadataStart(self._b)
        tflite.MetadataAddName(self._b, text)
        tflite.MetadataAddBuffer(self._b, buffer)
        return int(tflite.MetadataEnd(self._b))

    def _signature(self, subgraph: int, tensors: Sequence[int]) -> int:
        maps = []
        for tensor in tensors:
            tflite.TensorMapStart(self._b)
            tflite.TensorMapAddTensorIndex(self._b, tensor)
            maps.append(int(tflite.TensorMapEnd(self._b)))
        inputs = self._offsets(maps)
        tflite.SignatureDefStart(self._b)
        tflite.SignatureDefAddInputs(self._b, inputs)
        tflite.SignatureDefAddSubgraphIndex(self._b, subgraph)
        return int(tflite.SignatureDefEnd(self._b))

    def _offsets(self, offsets: Sequence[int]) -> int:
        self._b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._b.PrependUOffsetTRelative(offset)
        return int(self._b.EndVector())

    def _ints(self, values: Sequence[int]) -> int:
        self._b.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._b.PrependInt32(value)
        return int(self._b.EndVector())
