"""Operators that look at whole rows: SOFTMAX and MEAN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.arithmetic import (
    curve_table,
    exp_of_negative,
    high_multiply,
    multiplier,
)
from hil.codegen.compiled.program import Constant, Real
from hil.codegen.compiled.single import single_call
from hil.codegen.compiled.site import SUFFIXES
from hil.codegen.compiled.steps import folded, row_major

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.codegen.compiled.program import Step, Value
    from hil.codegen.compiled.site import Site

_FRACTION_BITS = 26  # of the input of exp: 5 integer bits


def softmax(site: Site) -> Step:
    """Lower SOFTMAX over the last dimension."""
    site.arity(1)
    source = site.input(0)
    site.shaped(site.output, source.shape)
    kind = site.kind(source, site.output)
    depth = source.shape[-1] if source.shape else 0
    if not depth:
        site.broken("the input has no values", found=str(list(source.shape)))
    # The option has no name in hil.models.schema: it is the first of its table.
    beta = float(site.table.scalar("0", "f")) if site.table is not None else 0.0
    fields: dict[str, Value] = {"rows": source.elements // depth, "depth": depth}
    match kind:
        case "int8":
            fields |= _exp_of_int8(site, beta)
        case "int16":
            fields |= _tables_of_int16(site, beta)
        case _:
            fields["beta"] = Real(value=beta)
    return single_call(site, f"hil_softmax_{SUFFIXES[kind]}", fields)


def _exp_of_int8(site: Site, beta: float) -> dict[str, Value]:
    if (site.zero(site.output), _near(site, 1 / 256)) != (-128, True):
        site.refuse("with another output than scale 1/256 and zero point -128")
    real = beta * site.scale(site.input(0)) * (1 << _FRACTION_BITS)
    if real <= 1:
        site.broken("the input's scale is too small", found=str(beta * real))
    fixed, shift = multiplier(min(real, 2.0**31 - 1))
    radius = math.floor(31 * (1 << _FRACTION_BITS) / (1 << shift))
    table = [
        exp_of_negative(high_multiply(-below << shift, fixed))
        for below in range(min(radius + 1, 256))
    ]
    return {
        "table_size": len(table),
        "table": Constant(values=np.array(table, dtype=np.int32)),
    }


def _tables_of_int16(site: Site, beta: float) -> dict[str, Value]:
    if not _near(site, 1 / 32768):
        site.refuse("with another output scale than 1/32768")
    product = np.float32(site.scale(site.input(0))) * np.float32(beta)
    fixed, shift = multiplier(float(product) / (10.0 / 65535.0))
    input_scale = 10.0 / 65535
    exp = curve_table(math.exp, begin=input_scale * -65535, end=input_scale * 0)
    one = 1.0 / 65535
    reciprocal = curve_table(lambda x: 1.0 / (1.0 + x), begin=one * 0, end=one * 65535)
    return {
        "multiplier": fixed,
        "shift": shift,
        "exp_table": Constant(values=exp),
        "reciprocal_table": Constant(values=reciprocal),
    }


def _near(site: Site, scale: float) -> bool:
    return abs(site.scale(site.output) - scale) <= 0.001 * scale


def mean(site: Site) -> Step:
    """Lower MEAN over constant axes."""
    site.arity(2)
    source, target = site.input(0), site.output
    kind = site.kind(source, target)
    axes = _axes(site)
    kept = [size for axis, size in enumerate(source.shape) if axis not in axes]
    whole = [1 if axis in axes else n for axis, n in enumerate(source.shape)]
    if list(target.shape) not in (kept, whole):
        site.shaped(target, kept)
    count = math.prod(source.shape[axis] for axis in axes)
    if not source.elements:
        site.refuse("of an empty tensor")
    fields = _walks(site, axes)
    if kind != "float32":
        fields |= _mean_scale(site, count)
    return single_call(
        site, f"hil_mean_{SUFFIXES[kind]}", fields, parameters="hil_mean"
    )


def _mean_scale(site: Site, count: int) -> dict[str, Value]:
    """Return the multiplier with the division in it, as QuantizedMeanOrSum does."""
    fixed, shift = multiplier(site.scale(site.input(0)) / site.scale(site.output))
    room = min(count.bit_length() - 1, 32, 31 + shift)
    return {
        "zero_sum": site.zero(site.input(0)) * count,
        "multiplier": (fixed << room) // count,
        "shift": shift - room,
        "out_zero": site.zero(site.output),
    }


def _axes(site: Site) -> set[int]:
    rank = len(site.input(0).shape)
    axes = site.whole_numbers(site.input(1))
    if any(not -rank <= axis < rank for axis in axes):
        site.broken("an axis is out of range", found=str(axes))
    return {axis % rank for axis in axes}


def _walks(site: Site, axes: set[int]) -> dict[str, Value]:
    shape = site.input(0).shape
    steps = row_major(shape)

    def walk(chosen: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        sizes, along = [shape[i] for i in chosen], [steps[i] for i in chosen]
        result = folded(sizes, along)
        if result is None:
            site.refuse(f"over {len(shape)} dimensions")
        return result

    kept = walk([axis for axis in range(len(shape)) if axis not in axes])
    reduced = walk(sorted(axes))
    return {
        "kept_size": kept[0],
        "kept_step": kept[1],
        "reduced_size": reduced[0],
        "reduced_step": reduced[1],
    }
