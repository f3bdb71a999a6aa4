"""Models of one operator over edge cases, by a seeded generator: always the same ones.

`models(tiny, kind)` gives names and models; *tiny* is the module tests/models/tiny.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tflite

if TYPE_CHECKING:
    from collections.abc import Iterator

DTYPES = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
}
LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
# Real multipliers: next to 1 and to a half from both sides, large and small shifts.
RATIOS = [0.99999994, 0.5, 0.50000003, 0.4999, 0.03, 0.0009, 2.0**-14, 1.7, 3.0]


def options(kind: str, **fields: object):
    """A table of options; fields by their names in the schema's Python."""

    def write(b):
        getattr(tflite, f"{kind}Start")(b)
        for name, value in fields.items():
            getattr(tflite, f"{kind}Add{name}")(b, value)
        return getattr(tflite.BuiltinOptions, kind), getattr(tflite, f"{kind}End")(b)

    return write


class Family:
    """Makes the models of one operator; every draw comes from one generator."""

    def __init__(self, tiny, *, seed: int) -> None:
        self._tiny = tiny
        self.rng = np.random.default_rng(seed)

    def pick(self, values):
        return values[int(self.rng.integers(len(values)))]

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def zero(self, kind: str) -> int:
        return self.pick([-128, 127, 0, 5, -77]) if kind == "int8" else 0

    def scale(self) -> float:
        return float(np.float32(self.pick([0.0078125, 0.05, 0.31, 1.0])))

    def tensor(self, shape, kind, *, scale=None, zero=None, data=None):
        values = {"shape": list(shape), "type": kind}
        if kind in LIMITS:
            scale = self.scale() if scale is None else scale
            zero = self.zero(kind) if zero is None else zero
            values |= {"scales": [scale], "zero_points": [zero]}
        if data is not None:
            values["data"] = np.asarray(data, DTYPES[kind]).tobytes()
        return self._tiny.TinyTensor(**values)

    def weights(self, shape, kind, *, scales, axis, zero=None):
        if kind == "float32":
            return self.tensor(shape, kind, data=self.rng.normal(size=shape))
        data = self.rng.integers(-127, 127, shape, np.int8, endpoint=True)
        return self._tiny.TinyTensor(
            shape=list(shape),
            type="int8",
            data=data.tobytes(),
            scales=scales,
            axis=axis,
            zero_points=None if zero is None else [zero],
        )

    def bias(self, count, kind, *, scales):
        if kind == "float32":
            return self.tensor([count], kind, data=self.rng.normal(size=count))
        stored = "int64" if kind == "int16" else "int32"
        data = self.rng.integers(-3000, 3000, count).astype(DTYPES[stored])
        return self._tiny.TinyTensor(
            shape=[count], type=stored, data=data.tobytes(), scales=scales
        )

    def model(self, name, tensors, *, inputs=(0,), reads=None, writes=1, option=None):
        operator = self._tiny.TinyOperator(
            name=name,
            inputs=list(reads if reads is not None else inputs),
            outputs=[writes],
            options=option,
        )
        graph = self._tiny.TinyGraph(
            tensors=tensors, operators=[operator], inputs=list(inputs), outputs=[writes]
        )
        return self._tiny.build(self._tiny.TinyModel(graphs=[graph]))

    def channel_scales(self, count: int) -> list[float]:
        if self.rng.random() < 0.3:
            return [self.scale()]
        return [float(np.float32(s)) for s in self.rng.uniform(0.01, 0.3, count)]

    def output_scale(self, before: float, scales, depth: int, kind: str) -> float:
        """An output scale that gives a ratio of RATIOS, or one that uses the range."""
        size = before * max(scales)
        if self.rng.random() < 0.5:
            ratio = self.pick(RATIOS[:7] if kind == "int16" else RATIOS)
            return float(np.float32(size / ratio))
        spread = 60.0 * np.sqrt(depth)
        return float(np.float32(size * spread * self.pick([0.5, 1.0, 4.0])))


def convolution(tiny, kind: str, name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """CONV_2D (also grouped) and DEPTHWISE_CONV_2D."""
    f = Family(tiny, seed=len(name) * 10 + len(kind))
    for index in range(count):
        yield f"{name} {kind} {index}", _convolution(f, kind, name)


def _convolution(f: Family, kind: str, name: str) -> bytes:
    batches, k_h, k_w = f.number(1, 2), f.number(1, 4), f.number(1, 4)
    strides, dilations = (f.number(1, 3), f.number(1, 3)), (1, 1)
    if f.number(0, 2) == 0:
        strides, dilations = (1, 1), (f.number(1, 3), f.number(1, 3))
    same = bool(f.number(0, 1))
    reach = [(k - 1) * d + 1 for k, d in zip((k_h, k_w), dilations, strict=True)]
    size = [f.number(1 if same else r, r + 6) for r in reach]
    out = [
        -(-(n if same else n - r + 1) // s)
        for n, r, s in zip(size, reach, strides, strict=True)
    ]
    in_c, activation = f.number(1, 9), f.pick(list(ACTIVATIONS))
    if name == "CONV_2D":
        groups = f.number(1, 3) if kind != "float32" and f.number(0, 4) == 0 else 1
        in_c *= groups
        out_c = groups * f.number(1, 9)
        shape, axis = (out_c, k_h, k_w, in_c // groups), 0
    else:
        out_c = in_c * f.pick([1, 1, 1, 2, 3])
        shape, axis = (1, k_h, k_w, out_c), 3
    scales, before = f.channel_scales(out_c), f.scale()
    depth = int(np.prod(shape)) // out_c
    tensors = [
        f.tensor((batches, *size, in_c), kind, scale=before),
        f.tensor(
            (batches, *out, out_c),
            kind,
            scale=f.output_scale(before, scales, depth, kind),
        ),
        f.weights(shape, kind, scales=scales, axis=axis),
        f.bias(out_c, kind, scales=[before * s for s in scales]),
    ]
    fields = {
        "Padding": 0 if same else 1,
        "StrideH": strides[0],
        "StrideW": strides[1],
        "DilationHFactor": dilations[0],
        "DilationWFactor": dilations[1],
        "FusedActivationFunction": ACTIVATIONS[activation],
    }
    if name == "DEPTHWISE_CONV_2D":
        fields["DepthMultiplier"] = out_c // in_c
    table = "Conv2DOptions" if name == "CONV_2D" else "DepthwiseConv2DOptions"
    option = options(table, **fields)
    return f.model(name, tensors, reads=(0, 2, 3), option=option)


def dense(tiny, kind: str, count: int) -> Iterator[tuple[str, bytes]]:
    """FULLY_CONNECTED, with and without a bias."""
    f = Family(tiny, seed=70 + len(kind))
    for index in range(count):
        batches, in_c, out_c = f.number(1, 3), f.number(1, 40), f.number(1, 11)
        scales, before = f.channel_scales(out_c), f.scale()
        after = f.output_scale(before, scales, in_c, kind)
        # LiteRT still takes weights with a zero point where there is one scale.
        zero = f.pick([0, 3, -128]) if len(scales) == 1 else None
        tensors = [
            f.tensor((batches, in_c), kind, scale=before),
            f.tensor((batches, out_c), kind, scale=after),
            f.weights((out_c, in_c), kind, scales=scales, axis=0, zero=zero),
            f.bias(out_c, kind, scales=[before * s for s in scales]),
        ]
        option = options(
            "FullyConnectedOptions",
            FusedActivationFunction=f.number(0, 3),
        )
        reads = (0, 2, 3) if f.number(0, 3) else (0, 2, -1)
        yield (
            f"dense {kind} {index}",
            f.model("FULLY_CONNECTED", tensors, reads=reads, option=option),
        )


def pools(tiny, kind: str, name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    f = Family(tiny, seed=90 + len(kind) + len(name))
    for index in range(count):
        taps = f.number(1, 4), f.number(1, 4)
        strides, same = (f.number(1, 3), f.number(1, 3)), bool(f.number(0, 1))
        size = [f.number(1 if same else k, k + 6) for k in taps]
        out = [
            -(-(n if same else n - k + 1) // s)
            for n, k, s in zip(size, taps, strides, strict=True)
        ]
        batches, depth, scale = f.number(1, 2), f.number(1, 6), f.scale()
        zero = f.zero(kind)
        tensors = [
            f.tensor((batches, *size, depth), kind, scale=scale, zero=zero),
            f.tensor((batches, *out, depth), kind, scale=scale, zero=zero),
        ]
        option = options(
            "Pool2DOptions",
            Padding=0 if same else 1,
            StrideH=strides[0],
            StrideW=strides[1],
            FilterHeight=taps[0],
            FilterWidth=taps[1],
            FusedActivationFunction=f.number(0, 3),
        )
        yield f"{name} {kind} {index}", f.model(name, tensors, option=option)


def pairs(tiny, kind: str, name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """ADD, SUB and MUL: equal shapes, broadcasting on either side, a constant."""
    f = Family(tiny, seed=110 + len(kind) + sum(map(ord, name)))
    for index in range(count):
        shape = [f.number(1, 5) for _ in range(f.number(1, 4))]
        other = [n if f.number(0, 2) else 1 for n in shape][f.number(0, 1) :]
        sides = [shape, other or [1]]
        if f.number(0, 1):
            sides.reverse()
        option = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[name]
        fields = {"FusedActivationFunction": f.pick([0, 0, 1, 2, 3])}
        if name != "MUL" and kind == "int16":
            fields["PotScaleInt16"] = False
        constant = None
        if index % 4 == 3:
            low, high = LIMITS.get(kind, (-9, 9))
            constant = f.rng.integers(low, high, sides[1])
        tensors = [
            f.tensor(sides[0], kind),
            f.tensor(shape, kind, scale=float(np.float32(f.scale() * 2.5))),
            f.tensor(sides[1], kind, data=constant),
        ]
        yield (
            f"{name} {kind} {index}",
            f.model(
                name,
                tensors,
                inputs=(0,) if constant is not None else (0, 2),
                reads=(0, 2),
                option=options(option, **fields),
            ),
        )


def activations(tiny, kind: str) -> Iterator[tuple[str, bytes]]:
    """Activations over all int8 values, over many int16 values, and on floats."""
    f = Family(tiny, seed=130 + len(kind))
    names = ["RELU", "RELU6", "LOGISTIC", "TANH"]
    names += ["HARD_SWISH"] if kind != "int16" else []
    scales = [0.003, 0.023529, 0.0625, 0.1, 0.7]
    if kind == "int16":
        scales = [2.0**-12, 2.0**-11, 0.0001, 0.00037, 0.0012]
    for name in names:
        for index, scale in enumerate(scales):
            zero = [-128, 5, 0, -77, 127][index] if kind == "int8" else 0
            after, out_zero = scale * f.pick([0.6, 1.0, 1.3]), 0
            if kind == "int8":
                out_zero = [-100, -128, 3, 127, 0][index]
            if name in {"LOGISTIC", "TANH"}:
                after = 1 / 128 if name == "TANH" else 1 / 256
                out_zero = 0 if name == "TANH" else -128
                if kind == "int16":
                    after, out_zero = 1 / 32768, 0
            shape = (1, 1500)
            tensors = [
                f.tensor(shape, kind, scale=scale, zero=zero),
                f.tensor(shape, kind, scale=after, zero=out_zero),
            ]
            yield f"{name} {kind} {index}", f.model(name, tensors)


def softmaxes(tiny, kind: str) -> Iterator[tuple[str, bytes]]:
    """SOFTMAX over rows of one to 20 values."""
    f = Family(tiny, seed=150 + len(kind))
    after, zero = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}.get(kind, (1, 0))
    for index, scale in enumerate([0.001, 0.02, 0.11, 0.5, 2.0, 1 / 32768]):
        for beta in (1.0, 0.5):
            depth = f.pick([1, 2, 7, 10, 20])
            size = scale / 100 if kind == "int16" else scale
            tensors = [
                f.tensor((9, depth), kind, scale=size),
                f.tensor((9, depth), kind, scale=after, zero=zero),
            ]
            yield (
                f"SOFTMAX {kind} {index} {beta}",
                f.model(
                    "SOFTMAX", tensors, option=options("SoftmaxOptions", Beta=beta)
                ),
            )


def means(tiny, kind: str) -> Iterator[tuple[str, bytes]]:
    """MEAN over several sets of axes, with dimensions kept and not."""
    f = Family(tiny, seed=170 + len(kind))
    for index, axes in enumerate([(1, 2), (0,), (-1,), (1,), (2, 1), (0, 1, 2, 3)]):
        for keep in (False, True):
            shape = [f.number(1, 6) for _ in range(4)]
            chosen = {axis % 4 for axis in axes}
            out = [1 if i in chosen else n for i, n in enumerate(shape)]
            if not keep:
                out = [n for i, n in enumerate(shape) if i not in chosen]
            tensors = [
                f.tensor(shape, kind),
                f.tensor(out, kind),
                f.tensor([len(axes)], "int32", data=axes),
            ]
            yield (
                f"MEAN {kind} {index} {keep}",
                f.model(
                    "MEAN",
                    tensors,
                    reads=(0, 2),
                    option=options("ReducerOptions", KeepDims=keep),
                ),
            )


def conversions(tiny) -> Iterator[tuple[str, bytes]]:
    """QUANTIZE and DEQUANTIZE between all the types."""
    f = Family(tiny, seed=190)
    kinds = ["int8", "int16"]
    for before in [*kinds, "float32"]:
        for after in kinds:
            for index in range(3):
                tensors = [f.tensor((1, 700), before), f.tensor((1, 700), after)]
                name = f"QUANTIZE {before} {after} {index}"
                yield name, f.model("QUANTIZE", tensors)
    for kind in kinds:
        tensors = [f.tensor((1, 700), kind), f.tensor((1, 700), "float32")]
        yield f"DEQUANTIZE {kind}", f.model("DEQUANTIZE", tensors)


def movements(tiny, kind: str) -> Iterator[tuple[str, bytes]]:
    """RESHAPE, CONCATENATION, PAD, TRANSPOSE, STRIDED_SLICE and resizing."""
    f = Family(tiny, seed=210 + len(kind))
    same = {"scale": 0.25, "zero": f.zero(kind)}
    source = f.tensor((2, 3, 4, 5), kind, **same)
    shape = f.tensor((2,), "int32", data=(6, 20))
    yield (
        f"RESHAPE {kind}",
        f.model(
            "RESHAPE", [source, f.tensor((6, 20), kind, **same), shape], reads=(0, 2)
        ),
    )
    for axis in (0, 1, 3, -2):
        other = [2, 3, 4, 5]
        other[axis] = 2
        total = [2, 3, 4, 5]
        total[axis] += 2
        tensors = [
            source,
            f.tensor(total, kind, **same),
            f.tensor(other, kind, **same),
        ]
        option = options("ConcatenationOptions", Axis=axis)
        yield (
            f"CONCATENATION {kind} {axis}",
            f.model("CONCATENATION", tensors, inputs=(0, 2), option=option),
        )
    for index, widths in enumerate(
        [(0, 0, 1, 2, 3, 0, 0, 0), (1, 1, 0, 0, 0, 2, 2, 1)]
    ):
        out = [
            n + widths[2 * i] + widths[2 * i + 1] for i, n in enumerate((2, 3, 4, 5))
        ]
        tensors = [
            source,
            f.tensor(out, kind, **same),
            f.tensor((4, 2), "int32", data=widths),
        ]
        yield f"PAD {kind} {index}", f.model("PAD", tensors, reads=(0, 2))
    for order in [(0, 2, 1, 3), (3, 2, 1, 0), (0, 1, 2, 3), (1, 0, 3, 2)]:
        out = [(2, 3, 4, 5)[axis] for axis in order]
        tensors = [
            source,
            f.tensor(out, kind, **same),
            f.tensor((4,), "int32", data=order),
        ]
        yield f"TRANSPOSE {kind} {order}", f.model("TRANSPOSE", tensors, reads=(0, 2))
    yield from _slices(f, kind, source, same)
    yield from _resizes(f, kind, same)


def _slices(f: Family, kind: str, source, same) -> Iterator[tuple[str, bytes]]:
    cases = [
        ((0, 1, 0, -2), (2, 3, 4, 5), (1, 1, 2, 1), {}, (2, 2, 2, 2)),
        ((0, 2, 3, 4), (2, 0, 0, 0), (1, -1, -2, -1), {"EndMask": 2}, (2, 3, 2, 4)),
        ((1, 0, 0, 0), (2, 1, 9, 9), (1, 1, 1, 1), {"ShrinkAxisMask": 3}, (4, 5)),
        ((1, 1, 1, 1), (2, 2, 2, 2), (1, 1, 1, 1), {"BeginMask": 15}, (2, 2, 2, 2)),
    ]
    for index, (begin, end, strides, masks, shape) in enumerate(cases):
        lists = [f.tensor((4,), "int32", data=v) for v in (begin, end, strides)]
        tensors = [source, f.tensor(shape, kind, **same), *lists]
        yield (
            f"STRIDED_SLICE {kind} {index}",
            f.model(
                "STRIDED_SLICE",
                tensors,
                reads=(0, 2, 3, 4),
                option=options("StridedSliceOptions", **masks),
            ),
        )


def _resizes(f: Family, kind: str, same) -> Iterator[tuple[str, bytes]]:
    for index, (corners, centers) in enumerate([(0, 0), (1, 0), (0, 1)]):
        for size in [(7, 9), (2, 3), (1, 1), (5, 4)]:
            tensors = [
                f.tensor((2, 5, 4, 3), kind, **same),
                f.tensor((2, *size, 3), kind, **same),
                f.tensor((2,), "int32", data=size),
            ]
            option = options(
                "ResizeNearestNeighborOptions",
                AlignCorners=bool(corners),
                HalfPixelCenters=bool(centers),
            )
            yield (
                f"RESIZE {kind} {index} {size}",
                f.model(
                    "RESIZE_NEAREST_NEIGHBOR", tensors, reads=(0, 2), option=option
                ),
            )


def empties(tiny, kind: str) -> Iterator[tuple[str, bytes]]:
    """Tensors without values, which must not be touched."""
    f = Family(tiny, seed=230)
    for name in ("ADD", "MUL"):
        tensors = [f.tensor((2, 0, 3), kind) for _ in range(3)]
        option = {"ADD": "AddOptions", "MUL": "MulOptions"}[name]
        fields = {"PotScaleInt16": False} if name == "ADD" else {}
        yield (
            f"{name} {kind} empty",
            f.model(name, tensors, inputs=(0, 2), option=options(option, **fields)),
        )
    tensors = [f.tensor((0, 5), kind), f.tensor((0, 5), kind)]
    yield f"RELU {kind} empty", f.model("RELU", tensors)
    same = {"scale": 0.25, "zero": f.zero(kind)}
    tensors = [
        f.tensor((2, 3), kind, **same),
        f.tensor((2, 3), kind, **same),
        f.tensor((2, 0), kind, **same),
    ]
    yield (
        f"CONCATENATION {kind} empty",
        f.model(
            "CONCATENATION",
            tensors,
            inputs=(0, 2),
            option=options("ConcatenationOptions", Axis=1),
        ),
    )


def models(tiny, kind: str) -> dict[str, bytes]:
    """Every model of one type; conversions stand with int8."""
    few = 12 if kind == "int8" else 6
    groups = [
        convolution(tiny, kind, "CONV_2D", 4 * few),
        convolution(tiny, kind, "DEPTHWISE_CONV_2D", 3 * few),
        dense(tiny, kind, 2 * few),
        pools(tiny, kind, "AVERAGE_POOL_2D", few),
        pools(tiny, kind, "MAX_POOL_2D", few),
        *(pairs(tiny, kind, name, 2 * few) for name in ("ADD", "SUB", "MUL")),
        activations(tiny, kind),
        softmaxes(tiny, kind),
        means(tiny, kind),
        movements(tiny, kind),
        empties(tiny, kind),
    ]
    if kind == "int8":
        groups.append(conversions(tiny))
    return {name: model for group in groups for name, model in group}
