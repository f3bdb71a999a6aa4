"""Whether a model is what its name says, or what was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ConfigError, nearest
from hil.models.label import Kind

if TYPE_CHECKING:
    from hil.models.label import Label

_INTEGER_KINDS = frozenset(
    {Kind.INT8, Kind.UINT8, Kind.INT16X8, Kind.INT16, Kind.INT4, Kind.INTEGER}
)
_QUANTIZED_KINDS = _INTEGER_KINDS | {Kind.DYNAMIC_RANGE, Kind.WEIGHT_ONLY, Kind.MIXED}
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a word asks for: one of `kinds`, and a boundary where it says one."""

    name: str
    kinds: frozenset[Kind]
    boundary: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An expectation held against a label; no difference means that it holds."""

    expected: str
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the model is as expected."""
        return not self.differences


def _of(name: str, *kinds: Kind, boundary: str | None = None) -> Expectation:
    return Expectation(name=name, kinds=frozenset(kinds), boundary=boundary)


# The names of recipes (docs/recipes.md) mean what the recipes make.
EXPECTATIONS = {
    expectation.name: expectation
    for expectation in (
        _of("float32", Kind.FLOAT32, boundary="float"),
        _of("float16", Kind.FLOAT16, boundary="float"),
        _of("dynamic", Kind.DYNAMIC_RANGE, boundary="float"),
        _of("weight-only-int8", Kind.WEIGHT_ONLY, boundary="float"),
        _of("int8", Kind.INT8, boundary="int8"),
        _of("int8-float-io", Kind.INT8, boundary="float"),
        _of("int16x8", Kind.INT16X8, boundary="int16"),
        _of("uint8", Kind.UINT8, boundary="uint8"),
        _of("int4", Kind.INT4, Kind.DYNAMIC_RANGE),
        _of("quantized", *_QUANTIZED_KINDS),
    )
}
# What names of files say, first match first; a name never tells the boundary.
_WORDS = (
    (r"weight[-_]?only", "weight-only", frozenset({Kind.WEIGHT_ONLY})),
    (
        r"dynamic|drq|dyn[-_]?range|hybrid",
        "dynamic range",
        frozenset({Kind.DYNAMIC_RANGE}),
    ),
    (r"(?:int)?16x8|w8a16", "16x8", frozenset({Kind.INT16X8})),
    (r"int4|i4|w4", "int4", frozenset({Kind.INT4, Kind.DYNAMIC_RANGE})),
    (r"uint8|u8", "uint8", frozenset({Kind.UINT8})),
    (
        r"int8|i8|full[-_]?integer(?:[-_]?quant)?|full[-_]?quant",
        "int8",
        frozenset({Kind.INT8}),
    ),
    (r"float16|fp16|f16|half", "float16", frozenset({Kind.FLOAT16})),
    (r"float32|fp32|f32|float", "float32", frozenset({Kind.FLOAT32})),
    (r"quant|quantized|quantised|ptq|qat", "quantized", _QUANTIZED_KINDS),
)


def find_expectation(name: str) -> Expectation:
    """Return what *name* asks for, or raise ConfigError with the nearest name."""
    if name not in EXPECTATIONS:
        raise ConfigError(
            "unknown expectation",
            found=repr(name),
            allowed=", ".join(EXPECTATIONS),
            remedy=nearest(name, EXPECTATIONS),
        )
    return EXPECTATIONS[name]


def name_says(stem: str) -> Expectation | None:
    """Return what the name of a file says of its content; None where it says nothing.

    Words count where no letter or digit touches them, so "uint8" does not say "int8".
    """
    for pattern, name, kinds in _WORDS:
        if re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", stem.lower()):
            return Expectation(name=name, kinds=kinds)
    return None


def hold(expectation: Expectation, label: Label) -> Verdict:
    """Return what of *label* is not as expected."""
    differences = []
    if label.kind not in expectation.kinds:
        differences.append(f"it is {label.text}")
        differences += _causes(expectation, label)
    if expectation.boundary not in {None, label.boundary}:
        differences.append(
            f"its boundary is {label.boundary}, not {expectation.boundary}"
        )
    if expectation.name == "int4" and "int4" not in label.weights.types:
        differences.append("no weight is int4")
    return Verdict(
        expected=expectation.name, differences=tuple(dict.fromkeys(differences))
    )


def _causes(expectation: Expectation, label: Label) -> list[str]:
    causes = []
    if expectation.kinds <= _INTEGER_KINDS and label.floats:
        shown = ", ".join(
            f"{place.name} (operator {place.operator})"
            for place in label.floats[:_SHOWN]
        )
        more = len(label.floats) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        causes.append(f"these operators compute in float: {shown}{rest}")
    weights = label.weights
    if expectation.kinds & _QUANTIZED_KINDS and weights.quantized < weights.total:
        left = weights.total - weights.quantized
        causes.append(f"{left} of {weights.total} weights are no integers")
    told = label.kind in {Kind.DYNAMIC_RANGE, Kind.WEIGHT_ONLY}  # by its text
    if not expectation.kinds & _QUANTIZED_KINDS and weights.quantized and not told:
        causes.append(f"{weights.quantized} of {weights.total} weights are integers")
    return causes
