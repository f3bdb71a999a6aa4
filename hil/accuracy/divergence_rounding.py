"""The ways in which kernels turn a 32-bit sum into a stored value; pure.

A layer's sum is multiplied by a real factor (input scale * weight scale / output scale)
and rounded. Kernels differ in how often and where they round, and nowhere else.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Sums = npt.NDArray[np.int64]
    # Scales of input, weights and output: the factor is the first two over the last.
    Scales = tuple[float, float, float]

_FRACTION_BITS = 31


class Rounding(enum.Enum):
    """How a sum is scaled; the value says it in words.

    TWICE is gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT
    (fixedpoint.h); TWICE_UP the same with ties upward, as ruy has it
    (apply_multiplier.cc), which LiteRT's own optimized kernels use; ONCE is
    TensorFlow's MultiplyByQuantizedMultiplier under TFLITE_SINGLE_ROUNDING
    (kernels/internal/common.cc); FLOAT is XNNPACK's fp32 requantization: a float32
    product, rounded to nearest, ties to even.
    """

    TWICE = "two roundings in fixed point (gemmlowp)"
    TWICE_UP = "two roundings in fixed point, halves upward (ruy)"
    ONCE = "one rounding in fixed point"
    FLOAT = "one rounding of a float32 product"


def scaled(sums: Sums, scales: Sequence[Scales], rounding: Rounding) -> Sums:
    """Return *sums* [..., channels] times the factors of *scales*, rounded so."""
    return _RULES[rounding](sums, scales)


def matching(
    sums: Sums,
    scales: Sequence[Scales],
    stored: Sums,
    *,
    zero_point: int,
    limits: tuple[int, int],
) -> dict[Rounding, int]:
    """Return how many of the *stored* values each way gives.

    *limits* are those of the activation function, in stored values.
    """
    low, high = limits
    return {
        rounding: int(
            (
                np.clip(scaled(sums, scales, rounding) + zero_point, low, high)
                == stored
            ).sum()
        )
        for rounding in Rounding
    }


def _fixed(scales: Scales) -> tuple[int, int]:
    """Return the multiplier of 31 bits and the exponent, as QuantizeMultiplier does."""
    given, weight, stored = scales
    mantissa, exponent = math.frexp(given * weight / stored)
    # Halves away from zero, as std::round; Python's round takes them to even.
    multiplier = math.floor(mantissa * (1 << _FRACTION_BITS) + 0.5)
    if multiplier == 1 << _FRACTION_BITS:
        return multiplier // 2, exponent + 1
    return multiplier, exponent


def _twice(sums: Sums, scales: Sequence[Scales]) -> Sums:
    out = np.empty_like(sums)
    for channel, each in enumerate(scales):
        high, right = _high(sums[..., channel], each)
        mask = (1 << right) - 1
        threshold = (mask >> 1) + (high < 0)
        out[..., channel] = (high >> right) + ((high & mask) > threshold)
    return out


def _twice_up(sums: Sums, scales: Sequence[Scales]) -> Sums:
    out = np.empty_like(sums)
    for channel, each in enumerate(scales):
        high, right = _high(sums[..., channel], each)
        out[..., channel] = (high + ((1 << right) >> 1)) >> right
    return out


def _high(sums: Sums, scales: Scales) -> tuple[Sums, int]:
    """Return the product as rounded first, halves upward, and the shift to come."""
    multiplier, exponent = _fixed(scales)
    product = (sums << max(exponent, 0)) * multiplier
    return (product + (1 << (_FRACTION_BITS - 1))) >> _FRACTION_BITS, max(-exponent, 0)


def _once(sums: Sums, scales: Sequence[Scales]) -> Sums:
    out = np.empty_like(sums)
    for channel, each in enumerate(scales):
        multiplier, exponent = _fixed(each)
        right = _FRACTION_BITS - exponent
        product = sums[..., channel] * multiplier
        out[..., channel] = (product + (1 << (right - 1))) >> right
    return out


def _float(sums: Sums, scales: Sequence[Scales]) -> Sums:
    given, weight, stored = np.array(scales, np.float32).T
    product = sums.astype(np.float32) * (given * weight / stored)
    rounded: Sums = np.rint(product).astype(np.int64)
    return rounded


_RULES: dict[Rounding, Callable[[Sums, Sequence[Scales]], Sums]] = {
    Rounding.TWICE: _twice,
    Rounding.TWICE_UP: _twice_up,
    Rounding.ONCE: _once,
    Rounding.FLOAT: _float,
}
