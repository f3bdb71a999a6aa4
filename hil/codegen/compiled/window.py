"""Operators that slide a window over an image: convolutions and pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.arithmetic import (
    activation_range,
    float_range,
    multiplier,
)
from hil.codegen.compiled.program import Constant, Real
from hil.codegen.compiled.single import single_call
from hil.codegen.compiled.site import SUFFIXES

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.codegen.compiled.program import Step, Value
    from hil.codegen.compiled.site import Site
    from hil.models.graph import Tensor

_RANK = 4
_INT32 = 2  # TensorType_INT32, in the option quantized_bias_type


def conv(site: Site) -> Step:
    """Lower CONV_2D."""
    site.arity(2, 3)
    filters = site.input(1)
    if len(filters.shape) != _RANK:
        site.broken("the filter has not 4 dimensions", found=str(list(filters.shape)))
    out_c, k_h, k_w, filter_c = filters.shape
    in_c = site.input(0).shape[-1]
    if not filter_c or in_c % filter_c or out_c % (in_c // filter_c):
        site.broken(
            "the filter does not fit the input's channels",
            found=f"{in_c} channels, filter {list(filters.shape)}",
        )
    window = _window(site, taps=(k_h, k_w), out_c=out_c)
    return _convolution(site, "conv", window, filter_c=filter_c, axis=0)


def depthwise(site: Site) -> Step:
    """Lower DEPTHWISE_CONV_2D; the depth multiplier follows from the shapes."""
    site.arity(2, 3)
    filters, in_c = site.input(1), site.input(0).shape[-1]
    if len(filters.shape) != _RANK or not in_c or filters.shape[3] % in_c:
        site.broken(
            "the filter does not fit the input's channels",
            found=f"{in_c} channels, filter {list(filters.shape)}",
        )
    _, k_h, k_w, out_c = filters.shape
    window = _window(site, taps=(k_h, k_w), out_c=out_c)
    return _convolution(site, "depthwise", window, filter_c=out_c // in_c, axis=3)


def dense(site: Site) -> Step:
    """Lower FULLY_CONNECTED."""
    site.arity(2, 3)
    source, filters, target = site.input(0), site.input(1), site.output
    kind = site.kind(source, target)
    if len(filters.shape) != 2 or site.operator.options.get("weights_format", 0):  # noqa: PLR2004
        site.refuse("with weights in another format")
    out_c, in_c = filters.shape
    batches = source.elements // in_c if in_c else 0
    if batches * in_c != source.elements or batches * out_c != target.elements:
        site.broken(
            "the weights do not fit the tensors",
            found=f"{list(source.shape)} by {list(filters.shape)} "
            f"to {list(target.shape)}",
        )
    fields: dict[str, Value] = {"batches": batches, "in_c": in_c, "out_c": out_c}
    fields |= _weights(site, kind, out_c=out_c)
    if kind != "float32":
        fields |= _dense_scales(site, kind)
    return single_call(site, f"hil_dense_{SUFFIXES[kind]}", fields)


def _dense_scales(site: Site, kind: str) -> dict[str, Value]:
    """Return the scales as doubles, for LiteRT rescales these layers in double."""
    filters = site.input(1)
    scales = site.scales(filters)
    ratio = site.scale(site.input(0)), site.scale(site.output)
    zeros = filters.quantization.zero_points if filters.quantization else ()
    if len(scales) > 1 and any(zeros):
        site.refuse("with zero points for each channel")
    fields: dict[str, Value] = {
        "filter_offset": -zeros[0] if zeros else 0,
        "scale": Constant(values=np.array([ratio[0] * s / ratio[1] for s in scales])),
        "scale_step": int(len(scales) > 1),
    }
    if kind == "int8":
        fields["in_offset"] = -site.zero(site.input(0))
    return fields


def average_pool(site: Site) -> Step:
    """Lower AVERAGE_POOL_2D."""
    return _pool(site, "average_pool")


def max_pool(site: Site) -> Step:
    """Lower MAX_POOL_2D."""
    return _pool(site, "max_pool")


def _pool(site: Site, name: str) -> Step:
    site.arity(1)
    source, target = site.input(0), site.output
    kind = site.kind(source, target)
    taps = _positive(site, "filter_height"), _positive(site, "filter_width")
    fields: dict[str, Value] = {
        "window": _window(site, taps=taps, out_c=source.shape[-1])
    }
    if kind != "float32" and (site.scale(source), site.zero(source)) != (
        site.scale(target),
        site.zero(target),
    ):
        site.refuse("that changes the scale")
    fields |= _range(site, kind)
    parameters = "hil_pool_f32" if kind == "float32" else "hil_pool"
    return single_call(
        site, f"hil_{name}_{SUFFIXES[kind]}", fields, parameters=parameters
    )


def _convolution(
    site: Site, name: str, window: dict[str, int], *, filter_c: int, axis: int
) -> Step:
    source, filters, target = site.input(0), site.input(1), site.output
    kind = site.kind(source, target)
    fields: dict[str, Value] = {"window": window, "filter_c": filter_c}
    fields |= _weights(site, kind, out_c=window["out_c"])
    if kind != "float32":
        zeros = filters.quantization.zero_points if filters.quantization else ()
        if any(zeros):
            site.refuse("with a filter that has zero points")
        fields |= _channel_scales(site, window["out_c"], axis=axis)
    if kind == "int8":
        fields["in_offset"] = -site.zero(source)
    suffix = SUFFIXES[kind]
    return single_call(
        site, f"hil_{name}_{suffix}", fields, parameters=f"hil_conv_{suffix}"
    )


def _channel_scales(site: Site, out_c: int, *, axis: int) -> dict[str, Value]:
    filters = site.input(1)
    scales = site.scales(filters)
    along = filters.quantization.axis if filters.quantization else None
    if len(scales) not in {1, out_c} or (len(scales) > 1 and along != axis):
        site.refuse(f"with {len(scales)} scales along dimension {along}")
    before, after = site.scale(site.input(0)), site.scale(site.output)
    pairs = [multiplier(before * scale / after) for scale in scales]
    pairs *= out_c // len(pairs)
    return {
        "multiplier": Constant(values=np.array([m for m, _ in pairs], dtype=np.int32)),
        "shift": Constant(values=np.array([s for _, s in pairs], dtype=np.int8)),
    }


def _weights(site: Site, kind: str, *, out_c: int) -> dict[str, Value]:
    """Return the filter, the bias and the range of the output."""
    filters, bias = site.input(1), site.optional(2)
    if filters.type != ("float32" if kind == "float32" else "int8"):
        site.refuse(f"with {filters.type} weights on {kind}")
    if bias is not None and bias.elements != out_c:
        site.broken(
            "the bias has the wrong size",
            found=str(bias.elements),
            allowed=str(out_c),
        )
    fields: dict[str, Value] = {
        "filter": Constant(values=site.value(filters)),
        "bias": Constant(values=_bias(site, kind, bias, out_c=out_c)),
    }
    if kind == "int8":
        fields["out_offset"] = site.zero(site.output)
    if kind == "int16":
        fields["narrow"] = int(
            site.operator.options.get("quantized_bias_type", 0) == _INT32
        )
    return fields | _range(site, kind)


def _bias(
    site: Site, kind: str, bias: Tensor | None, *, out_c: int
) -> npt.NDArray[np.generic]:
    narrow = site.operator.options.get("quantized_bias_type", 0) == _INT32
    stored = {
        "int8": "int32",
        "int16": "int32" if narrow else "int64",
        "float32": "float32",
    }[kind]
    wide = {"int8": np.int32, "int16": np.int64, "float32": np.float32}[kind]
    if bias is None:
        return np.zeros(out_c, dtype=wide)
    if bias.type != stored:
        site.refuse(f"with a bias of {bias.type} on {kind}")
    return site.value(bias).astype(wide)


def _range(site: Site, kind: str) -> dict[str, Value]:
    activation = site.operator.options.get("activation", "NONE")
    if activation not in {"NONE", "RELU", "RELU6", "RELU_N1_TO_1"}:
        site.refuse(f"with the activation {activation}")
    if kind == "float32":
        low, high = float_range(activation)
        return {"low": Real(value=low), "high": Real(value=high)}
    target = site.output
    limits = activation_range(
        activation, kind=kind, scale=site.scale(target), zero=site.zero(target)
    )
    return {"low": limits[0], "high": limits[1]}


def _window(site: Site, *, taps: tuple[int, int], out_c: int) -> dict[str, int]:
    source, target = site.input(0), site.output
    if len(source.shape) != _RANK:
        site.broken("the input has not 4 dimensions", found=str(list(source.shape)))
    batches, in_h, in_w, in_c = source.shape
    rows = _axis(site, in_h, taps[0], letter="h")
    columns = _axis(site, in_w, taps[1], letter="w")
    site.shaped(target, (batches, rows["out_h"], columns["out_w"], out_c))
    first = {"batches": batches, "in_h": in_h, "in_w": in_w, "in_c": in_c}
    return first | {"out_c": out_c} | rows | columns


def _axis(site: Site, size: int, taps: int, *, letter: str) -> dict[str, int]:
    stride = _positive(site, f"stride_{letter}")
    dilation = int(site.operator.options.get(f"dilation_{letter}_factor", 1))
    if dilation < 1:
        site.broken("a dilation is not positive", found=str(dilation))
    reach = (taps - 1) * dilation + 1
    same = site.operator.options.get("padding") == "SAME"
    out = -(-(size if same else size - reach + 1) // stride)
    if out < 0:
        site.broken("the window is larger than the image", found=f"{reach} of {size}")
    return {
        f"k_{letter}": taps,
        f"stride_{letter}": stride,
        f"dilation_{letter}": dilation,
        f"out_{letter}": out,
        f"pad_{letter}": max((out - 1) * stride + reach - size, 0) // 2,
    }


def _positive(site: Site, option: str) -> int:
    value = int(site.operator.options.get(option, 0))
    if value < 1:
        site.broken(f"{option} is not positive", found=str(value), allowed="1 or more")
    return value
