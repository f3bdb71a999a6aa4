"""The layout of a .tflite file: the tables, enums and operator names of its schema.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs (schema version 3). Fields
stand in the order of their ids, which is all that a FlatBuffer stores of them.

A kind is `1 2 4 8` (a scalar of so many bytes), `g` (4 bytes: the index of a
subgraph), `v1 v2 v4 v8` (a vector of such scalars), `vg` (a vector of subgraph
indices), `s` (a string), `-` (deprecated, never read), `NAME` (a table), `*NAME` (a
vector of tables) or `|NAME` (a union, whose type is the field before it).
"""

from __future__ import annotations

from dataclasses import dataclass

_CORE = """
CustomQuantization custom:v1
BlockwiseQuantization scales:4 zero_points:4 block_size:4
MultiAxisQuantization scales:4 zero_points:4 block_size:4 quantized_dimensions:v4
QuantizationParameters min:v4 max:v4 scale:v4 zero_point:v8 details_type:1
  details:|QuantizationDetails quantized_dimension:4
Int32Vector values:v4
Uint16Vector values:v2
Uint8Vector values:v1
DimensionMetadata format:1 dense_size:4 array_segments_type:1
  array_segments:|SparseIndexVector array_indices_type:1
  array_indices:|SparseIndexVector
SparsityParameters traversal_order:v4 block_map:v4 dim_metadata:*DimensionMetadata
VariantSubType shape:v4 type:1 has_rank:1
Tensor shape:v4 type:1 buffer:4 name:s quantization:QuantizationParameters
  is_variable:1 sparsity:SparsityParameters shape_signature:v4 has_rank:1
  variant_tensors:*VariantSubType external_buffer:4
OperatorCode deprecated_builtin_code:1 custom_code:s version:4 builtin_code:4
Operator opcode_index:4 inputs:v4 outputs:v4 builtin_options_type:1
  builtin_options:|BuiltinOptions custom_options:v1 custom_options_format:1
  mutating_variable_inputs:v1 intermediates:v4 large_custom_options_offset:8
  large_custom_options_size:8 builtin_options_2_type:1
  builtin_options_2:|BuiltinOptions2 debug_metadata_index:4
SubGraph tensors:*Tensor inputs:v4 outputs:v4 operators:*Operator name:s
  debug_metadata_index:4
Buffer data:v1 offset:8 size:8
ExternalBufferGroup name:s
ExternalBuffer id:4 group:4 offset:8 length:8 packing:s
Metadata name:s buffer:4
TensorMap name:s tensor_index:4
SignatureDef inputs:*TensorMap outputs:*TensorMap signature_key:s deprecated_tag:-
  subgraph_index:4
Model version:4 operator_codes:*OperatorCode subgraphs:*SubGraph description:s
  buffers:*Buffer metadata_buffer:v4 metadata:*Metadata signature_defs:*SignatureDef
  external_buffer_groups:*ExternalBufferGroup external_buffers:*ExternalBuffer
"""

# In the order of the union BuiltinOptions, from 1; only what is read has a name.
_OPTIONS = """
Conv2DOptions padding:1 stride_w:4 stride_h:4 activation:1 dilation_w_factor:4
  dilation_h_factor:4 quantized_bias_type:1
DepthwiseConv2DOptions padding:1 stride_w:4 stride_h:4 depth_multiplier:4 activation:1
  dilation_w_factor:4 dilation_h_factor:4
ConcatEmbeddingsOptions 4 v4 v4
LSHProjectionOptions 1
Pool2DOptions padding:1 stride_w:4 stride_h:4 filter_width:4 filter_height:4
  activation:1
SVDFOptions rank:4 activation:1 asymmetric_quantize_inputs:1
RNNOptions 1 1
FullyConnectedOptions activation:1 weights_format:1 keep_num_dims:1
  asymmetric_quantize_inputs:1 quantized_bias_type:1
SoftmaxOptions 4
ConcatenationOptions axis:4 activation:1
AddOptions activation:1 pot_scale_int16:1
L2NormOptions activation:1
LocalResponseNormalizationOptions 4 4 4 4
LSTMOptions 1 4 4 1 1
ResizeBilinearOptions 4 4 1 1
CallOptions g
ReshapeOptions v4
SkipGramOptions 4 4 1
SpaceToDepthOptions 4
EmbeddingLookupSparseOptions 1
MulOptions activation:1
PadOptions
GatherOptions 4 4
BatchToSpaceNDOptions
SpaceToBatchNDOptions
TransposeOptions
ReducerOptions 1
SubOptions activation:1 pot_scale_int16:1
DivOptions activation:1
SqueezeOptions v4
SequenceRNNOptions 1 1 1
StridedSliceOptions 4 4 4 4 4 1
ExpOptions
TopKV2Options
SplitOptions 4
LogSoftmaxOptions
CastOptions 1 1
DequantizeOptions
MaximumMinimumOptions
ArgMaxOptions 1
LessOptions
NegOptions
PadV2Options
GreaterOptions
GreaterEqualOptions
LessEqualOptions
SelectOptions
SliceOptions
TransposeConvOptions padding:1 stride_w:4 stride_h:4 activation:1
  quantized_bias_type:1
SparseToDenseOptions 1
TileOptions
ExpandDimsOptions
EqualOptions
NotEqualOptions
ShapeOptions 1
PowOptions
ArgMinOptions 1
FakeQuantOptions 4 4 4 1
PackOptions 4 4
LogicalOrOptions
OneHotOptions 4
LogicalAndOptions
LogicalNotOptions
UnpackOptions 4 4
FloorDivOptions
SquareOptions
ZerosLikeOptions
FillOptions
BidirectionalSequenceLSTMOptions 1 4 4 1 1 1
BidirectionalSequenceRNNOptions 1 1 1 1
UnidirectionalSequenceLSTMOptions 1 4 4 1 1 1
FloorModOptions
RangeOptions
ResizeNearestNeighborOptions 1 1
LeakyReluOptions 4
SquaredDifferenceOptions
MirrorPadOptions 1
AbsOptions
SplitVOptions 4
UniqueOptions 1
ReverseV2Options
AddNOptions
GatherNdOptions
CosOptions
WhereOptions
RankOptions
ReverseSequenceOptions 4 4
MatrixDiagOptions
QuantizeOptions
MatrixSetDiagOptions
HardSwishOptions
IfOptions g g
WhileOptions g g
DepthToSpaceOptions 4
NonMaxSuppressionV4Options
NonMaxSuppressionV5Options
ScatterNdOptions
SelectV2Options
DensifyOptions
SegmentSumOptions
BatchMatMulOptions adj_x:1 adj_y:1 asymmetric_quantize_inputs:1
CumsumOptions 1 1
CallOnceOptions g
BroadcastToOptions
Rfft2dOptions
Conv3DOptions padding:1 stride_d:4 stride_w:4 stride_h:4 activation:1
  dilation_d_factor:4 dilation_w_factor:4 dilation_h_factor:4
HashtableOptions 4 1 1
HashtableFindOptions
HashtableImportOptions
HashtableSizeOptions
VarHandleOptions s s
ReadVariableOptions
AssignVariableOptions
RandomOptions 8 8
BucketizeOptions v4
GeluOptions 1
DynamicUpdateSliceOptions
UnsortedSegmentProdOptions
UnsortedSegmentMaxOptions
UnsortedSegmentMinOptions
UnsortedSegmentSumOptions
ATan2Options
SignOptions
BitcastOptions
BitwiseXorOptions
RightShiftOptions
"""

# In the order of the union BuiltinOptions2, from 1.
_OPTIONS_2 = """
StablehloConcatenateOptions 8
StablehloBroadcastInDimOptions v8
StablehloSliceOptions v8 v8 v8
StablehloConvolutionOptions v8 v8 v8 v8 v1 8 8 v8 8 8 v8 8 8 v8 8 8 v4
StablehloCustomCallOptions s 1 s 4 v4 v1
StablehloReduceOptions v8 g
StablehloScatterOptions 1 v8 v8 v8 8 1 g
StablehloCompareOptions 4 4
StablehloDynamicSliceOptions v8
StablehloPadOptions v8 v8 v8
StablehloIotaOptions 8
StablehloDotGeneralOptions v8 v8 v8 v8 v4
StablehloReduceWindowOptions v8 v8 v8 v8 v8 g
StablehloSortOptions 8 1 g
StablehloWhileOptions g g
StablehloGatherOptions v8 v8 v8 8 v8 1
StablehloTransposeOptions v8
DilateOptions
StablehloRngBitGeneratorOptions 1
ReduceWindowOptions
StableHLOCompositeOptions s g v1 1 4
StablehloShiftLeftOptions
StablehloCaseOptions vg
"""

# In the order of the enum BuiltinOperator, from 0.
_OPERATORS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU
RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH
CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN
SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN
TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT
SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT
LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL
FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS
SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4
NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG
REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS
RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE
RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC
STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE
STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION
STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND
STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM
STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT
STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD
STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT
STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT
STABLEHLO_CBRT STABLEHLO_CASE
"""


_TENSOR_TYPES = """
float32:32 float16:16 int32:32 uint8:8 int64:64 string:0 bool:8 int16:16 complex64:64
int8:8 float64:64 complex128:128 uint64:64 resource:0 variant:0 uint32:32 uint16:16
int4:4 bfloat16:16 int2:2 uint4:4 float8_e4m3fn:8 float8_e5m2:8
"""

VERSION = 3
IDENTIFIER = b"TFL3"
PADDING = ("SAME", "VALID")
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a table: what it is called and what stands at its place."""

    name: str
    kind: str  # "scalar", "vector", "string", "table", "tables", "union", "skip"
    size_bytes: int  # of a scalar, or of one element of a vector
    target: str = ""  # the table or union that it leads to
    is_subgraph: bool = False  # holds indices of subgraphs


Layout = tuple[Field, ...]


def _field(token: str, index: int) -> Field:
    name, _, kind = token.rpartition(":")
    name = name or str(index)
    digits = kind.removeprefix("v")
    if digits.isdigit() or digits == "g":
        return Field(
            name=name,
            kind="vector" if kind.startswith("v") else "scalar",
            size_bytes=int(digits) if digits != "g" else 4,
            is_subgraph=digits == "g",
        )
    if kind in {"s", "-"}:
        return Field(name=name, kind={"s": "string", "-": "skip"}[kind], size_bytes=4)
    target = kind.lstrip("*|")
    kinds = {"*": "tables", "|": "union"}
    return Field(
        name=name, kind=kinds.get(kind[0], "table"), size_bytes=4, target=target
    )


def _layouts(text: str) -> dict[str, Layout]:
    rows: list[list[str]] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):  # goes on with the row above
            rows[-1] += line.split()
        else:
            rows.append(line.split())
    return {
        row[0]: tuple(_field(token, index) for index, token in enumerate(row[1:]))
        for row in rows
    }


_options, _options_2 = _layouts(_OPTIONS), _layouts(_OPTIONS_2)

LAYOUTS: dict[str, Layout] = _layouts(_CORE) | _options | _options_2
FIELD_INDEX: dict[str, dict[str, int]] = {
    table: {field.name: index for index, field in enumerate(layout)}
    for table, layout in LAYOUTS.items()
}
UNIONS: dict[str, tuple[str, ...]] = {
    "BuiltinOptions": ("NONE", *_options),
    "BuiltinOptions2": ("NONE", *_options_2),
    "QuantizationDetails": (
        "NONE",
        "CustomQuantization",
        "BlockwiseQuantization",
        "MultiAxisQuantization",
    ),
    "SparseIndexVector": ("NONE", "Int32Vector", "Uint16Vector", "Uint8Vector"),
}
OPERATORS: tuple[str, ...] = tuple(_OPERATORS.split())
TENSOR_TYPES: tuple[str, ...] = tuple(
    token.partition(":")[0] for token in _TENSOR_TYPES.split()
)
# Bits of one element; 0 where elements have no fixed size.
TYPE_BITS: dict[str, int] = {
    name: int(bits)
    for name, _, bits in (token.partition(":") for token in _TENSOR_TYPES.split())
}
