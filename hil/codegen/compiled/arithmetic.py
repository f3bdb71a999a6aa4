"""The arithmetic that LiteRT's reference kernels do before they run, bit by bit.

Sources: tensorflow/lite/kernels/kernel_util.cc, internal/quantization_util.cc and
internal/common.h, and gemmlowp's fixedpoint.h (all Apache-2.0). LiteRT is built with
double rounding (TFLITE_SINGLE_ROUNDING is 0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}
FLOAT_MAX = float(np.finfo(np.float32).max)
_ONE = 1 << 31


def round_half_away(value: float) -> int:
    """Return the nearest whole number; halves go away from zero, as C's round."""
    size = abs(value)
    whole = math.floor(size)
    whole += size - whole >= 0.5  # noqa: PLR2004 (a half is what the name says)
    return int(math.copysign(whole, value))


def multiplier(real: float) -> tuple[int, int]:
    """Return *real* as m and shift: real = m * 2^(shift - 31), m in [2^30, 2^31)."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    fixed = round_half_away(fraction * _ONE)
    if fixed == _ONE:
        fixed //= 2
        shift += 1
    return (0, 0) if shift < -31 else (fixed, shift)  # noqa: PLR2004 (bits of int32)


def high_multiply(left: int, right: int, *, bits: int = 32) -> int:
    """Return left * right / 2^(bits - 1), rounded to nearest and saturated."""
    top = 1 << (bits - 1)
    if left == right == -top:
        return top - 1
    return (left * right + top // 2) >> (bits - 1)


def round_shift(value: int, exponent: int) -> int:
    """Return value / 2^exponent, rounded to nearest, halves away from zero."""
    if exponent == 0:
        return value
    half = 1 << (exponent - 1)
    return (value + half - (value < 0)) >> exponent


def scaled(value: int, fixed: int, shift: int) -> int:
    """Return value times a multiplier, as MultiplyByQuantizedMultiplier does."""
    wide = _wrapped(value << max(shift, 0))
    return round_shift(high_multiply(wide, fixed), max(-shift, 0))


def activation_range(
    activation: object, *, kind: str, scale: float, zero: int
) -> tuple[int, int]:
    """Return the least and the largest integer that a fused activation lets pass."""
    low, high = LIMITS[kind]
    bounds = {"RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
    lower, upper = bounds.get(str(activation), (None, None))
    if lower is not None:
        low = max(low, zero + _quantized(lower, scale))
    if upper is not None:
        high = min(high, zero + _quantized(upper, scale))
    return low, high


def float_range(activation: object) -> tuple[float, float]:
    """Return the same for float tensors."""
    return {
        "RELU": (0.0, FLOAT_MAX),
        "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }.get(str(activation), (-FLOAT_MAX, FLOAT_MAX))


def exp_of_negative(value: int) -> int:
    """Return exp(value / 2^26) with 31 fractional bits; *value* is not positive."""
    if value == 0:
        return _ONE - 1
    quarter = 1 << 24
    inside = (value & (quarter - 1)) - quarter
    result = _exp_in_quarter(inside << 5)
    remainder = inside - value
    for exponent, factor in zip(range(-2, 5), _EXP_FACTORS, strict=True):
        if remainder & (1 << (26 + exponent)):
            result = high_multiply(result, factor)
    return result


# exp(-2^n) for n = -2 to 4, with 31 fractional bits.
_EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def _exp_in_quarter(value: int) -> int:
    """Return exp for [-1/4, 0): the Taylor series around -1/8."""
    base, third = 1895147668, 715827883  # exp(-1/8) and 1/3
    x = value + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4 = high_multiply(x2, x2)
    tail = high_multiply(round_shift(x4, 2) + x3, third) + x2
    return base + high_multiply(base, x + round_shift(tail, 1))


def curve_table(
    curve: Callable[[float], float],
    *,
    begin: float,
    end: float,
) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return 513 points of *curve*, with 15 fractional bits, for linear interpolation.

    Each point is moved by half the error that the line has in the middle of its step,
    as LUTPopulate does.
    """
    steps = 512
    step = (end - begin) / steps
    # The output range is [-1, 1], written as LiteRT does: the last bit depends on it.
    output_scale = 2.0 / 65535
    factor = 65536 / (output_scale * 32767 - output_scale * -32768)
    points = []
    for index in range(steps):
        value = curve(begin + index * step) * factor
        middle = round_half_away(curve(begin + index * step + step / 2) * factor)
        after = curve(begin + (index + 1) * step) * factor
        line = round_half_away((after + round_half_away(value)) / 2)
        points.append(round_half_away(value) - round_half_away((line - middle) / 2))
    points.append(round_half_away(curve(end) * factor))
    return np.clip(points, -32768, 32767).astype(np.int16)


def _quantized(value: float, scale: float) -> int:
    return round_half_away(float(np.float32(value) / np.float32(scale)))


def _wrapped(value: int) -> int:
    return (value + _ONE) % (2 * _ONE) - _ONE
