"""Operators of one tensor, value by value: activations, QUANTIZE and DEQUANTIZE.

What maps int8 to int8 becomes a table of 256 values, computed here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.arithmetic import (
    FLOAT_MAX,
    LIMITS,
    activation_range,
    high_multiply,
    multiplier,
    round_half_away,
    round_shift,
    scaled,
)
from hil.codegen.compiled.program import Constant, Real
from hil.codegen.compiled.single import single_call
from hil.codegen.compiled.site import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.codegen.compiled.program import Step, Value
    from hil.codegen.compiled.site import Site

_INT8 = range(-128, 128)


def relu(site: Site) -> Step:
    """Lower RELU."""
    return _clamp(site, "RELU", high=FLOAT_MAX)


def relu6(site: Site) -> Step:
    """Lower RELU6."""
    return _clamp(site, "RELU6", high=6.0)


def logistic(site: Site) -> Step:
    """Lower LOGISTIC."""
    return _curve(site, "logistic", lambda x: _one_over(_float(1 + _float(_exp(-x)))))


def tanh(site: Site) -> Step:
    """Lower TANH."""
    return _curve(site, "tanh", lambda x: _float(math.tanh(x)))


def hard_swish(site: Site) -> Step:
    """Lower HARD_SWISH."""
    kind = _same_shape(site)
    if kind == "float32":
        return _float_step(site, "hil_hard_swish_f32")
    if kind == "int16":
        site.refuse("for types int16")
    scale = np.float32(site.scale(site.input(0)))
    fine = np.float32(1 / 128) * scale
    out = multiplier(float(fine / np.float32(site.scale(site.output))))
    relu_ish = multiplier(float(fine / np.float32(3 / 32768)))
    if out[1] > 0:
        site.broken("the output's scale is too small", found=str(site.output.index))
    zeros = site.zero(site.input(0)), site.zero(site.output)
    return _table(
        site, [_hard_swish(q - zeros[0], out, relu_ish) + zeros[1] for q in _INT8]
    )


def quantize(site: Site) -> Step:
    """Lower QUANTIZE: from float, or from one scale or integer type to another."""
    site.arity(1)
    source, target = site.input(0), site.output
    site.shaped(target, source.shape)
    if target.type not in LIMITS:
        site.refuse(f"to {target.type}")
    if source.type == "float32":
        low, high = LIMITS[target.type]
        extra: dict[str, Value] = {"low": low, "high": high}
        return _conversion(site, "quantize", site.scale(target), target.type, extra)
    if source.type not in LIMITS:
        site.refuse(f"from {source.type}")
    fixed, shift = multiplier(site.scale(source) / site.scale(target))
    if source.type == target.type == "int8":
        zeros = site.zero(source), site.zero(target)
        return _table(
            site, [scaled(q - zeros[0], fixed, shift) + zeros[1] for q in _INT8]
        )
    kinds = list(dict.fromkeys((source.type, target.type)))
    name = "_".join(SUFFIXES[kind] for kind in kinds)
    return _rescale(site, f"hil_rescale_{name}", (fixed, shift), LIMITS[target.type])


def dequantize(site: Site) -> Step:
    """Lower DEQUANTIZE."""
    site.arity(1)
    source = site.input(0)
    site.shaped(site.output, source.shape)
    if source.type not in LIMITS or site.output.type != "float32":
        site.refuse(f"from {source.type} to {site.output.type}")
    return _conversion(site, "dequantize", site.scale(source), source.type, {})


def _conversion(
    site: Site, name: str, scale: float, kind: str, extra: dict[str, Value]
) -> Step:
    tensor = site.output if name == "quantize" else site.input(0)
    fields: dict[str, Value] = {
        "count": tensor.elements,
        "scale": Real(value=scale),
        "zero": site.zero(tensor),
    }
    return single_call(
        site, f"hil_{name}_{SUFFIXES[kind]}", fields | extra, parameters="hil_quantize"
    )


def _clamp(site: Site, name: str, *, high: float) -> Step:
    kind = _same_shape(site)
    if kind == "float32":
        return _float_step(site, "hil_clamp_f32", high=high)
    source, target = site.input(0), site.output
    # LiteRT divides the scales as floats.
    ratio = np.float32(site.scale(source)) / np.float32(site.scale(target))
    fixed, shift = multiplier(float(ratio))
    limits = activation_range(
        name, kind=kind, scale=site.scale(target), zero=site.zero(target)
    )
    if kind == "int16":
        return _rescale(site, "hil_rescale_s16", (fixed, shift), limits)
    zeros = site.zero(source), site.zero(target)
    values = (scaled(q - zeros[0], fixed, shift) + zeros[1] for q in _INT8)
    return _table(site, [min(max(value, limits[0]), limits[1]) for value in values])


def _curve(site: Site, name: str, curve: Callable[[np.float32], np.float32]) -> Step:
    kind = _same_shape(site)
    if kind == "float32":
        return _float_step(site, f"hil_{name}_f32")
    source, target = site.input(0), site.output
    if kind == "int16":
        return _sigmoid(site, f"hil_{name}_s16", whole_shifts=1 + (name == "tanh"))
    if name == "logistic" and site.scale(target) != 1 / 256:
        site.broken("the output's scale is not 1/256", found=str(site.scale(target)))
    scale, inverse = np.float32(site.scale(source)), _one_over(site.scale(target))
    values = []
    for q in _INT8:
        value = curve(scale * np.float32(q - site.zero(source)))
        values.append(round_half_away(float(value * inverse)) + site.zero(target))
    return _table(site, values)


def _sigmoid(site: Site, kernel: str, *, whole_shifts: int) -> Step:
    """Bring int16 to the scale of the table of sigmoid, which is 1 / (3 * 4096)."""
    if site.scale(site.output) != 1 / 32768:
        site.broken(
            "the output's scale is not 1/32768", found=str(site.scale(site.output))
        )
    scale = site.scale(site.input(0))
    log = math.log2(scale)
    shift = 12 + round(log)
    if abs(log - round(log)) < 1e-3 and 0 <= shift < whole_shifts:  # noqa: PLR2004 (CheckedLog2's tolerance)
        fixed, shift = 3 << shift, 0
    else:
        real, shift = scale * 4096 * 3, 0
        while real <= 32767 / 2 and shift <= 30:  # noqa: PLR2004 (as SigmoidPrepare)
            real, shift = real * 2, shift + 1
        fixed = int(real)
        if fixed > 65535:  # noqa: PLR2004 (value times multiplier must fit 32 bits)
            site.refuse(f"with an input scale of {scale}")
    fields: dict[str, Value] = {
        "count": site.output.elements,
        "multiplier": fixed,
        "shift": shift,
    }
    return single_call(site, kernel, fields, parameters="hil_sigmoid_s16")


def _hard_swish(value: int, out: tuple[int, int], relu_ish: tuple[int, int]) -> int:
    """Return hard swish in 16-bit fixed point, as reference/hard_swish.h does."""
    fine = value * 128
    on_output = high_multiply(fine, _short(out[0]), bits=16)
    share, exponent = fine, relu_ish[1]
    if exponent > 0:
        share = _saturated(share << (exponent - 1))
    share = high_multiply(share, _short(relu_ish[0]), bits=16)
    share = _saturated(share << 1) if exponent > 0 else round_shift(share, -exponent)
    share = (share + 32768) >> 1
    product = share * on_output
    whole = abs(product) >> 15
    return round_shift(whole if product >= 0 else -whole, -out[1])


def _short(fixed: int) -> int:
    """Return a 31-bit multiplier as one of 15 bits."""
    return min((fixed + (1 << 15)) >> 16, 32767)


def _saturated(value: int) -> int:
    return min(max(value, -32768), 32767)


def _rescale(
    site: Site, kernel: str, ratio: tuple[int, int], limits: tuple[int, int]
) -> Step:
    fields: dict[str, Value] = {
        "count": site.output.elements,
        "in_zero": site.zero(site.input(0)),
        "multiplier": ratio[0],
        "shift": ratio[1],
        "out_zero": site.zero(site.output),
        "low": limits[0],
        "high": limits[1],
    }
    return single_call(site, kernel, fields, parameters="hil_rescale")


def _table(site: Site, values: list[int]) -> Step:
    table = np.clip(values, -128, 127).astype(np.int8)
    fields: dict[str, Value] = {
        "count": site.output.elements,
        "table": Constant(values=table),
    }
    return single_call(site, "hil_table_s8", fields)


def _float_step(site: Site, kernel: str, *, high: float = FLOAT_MAX) -> Step:
    fields: dict[str, Value] = {
        "count": site.output.elements,
        "low": Real(value=0.0),
        "high": Real(value=high),
    }
    return single_call(site, kernel, fields, parameters="hil_unary_f32")


def _same_shape(site: Site) -> str:
    site.arity(1)
    site.shaped(site.output, site.input(0).shape)
    return site.kind(site.input(0), site.output)


def _float(value: float | np.floating) -> np.float32:
    return np.float32(value)


def _one_over(value: float | np.float32) -> np.float32:
    return np.float32(1) / np.float32(value)


def _exp(value: np.float32) -> float:
    """Return e to the power of *value*; infinity where C's expf overflows."""
    return math.exp(value) if value < 88.73 else math.inf  # noqa: PLR2004 (log of FLT_MAX)
