"""Operators of two tensors, value by value, with broadcasting: ADD, SUB and MUL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.arithmetic import (
    activation_range,
    float_range,
    multiplier,
)
from hil.codegen.compiled.program import Real
from hil.codegen.compiled.single import single_call
from hil.codegen.compiled.site import SUFFIXES
from hil.codegen.compiled.steps import folded, row_major

if TYPE_CHECKING:
    from hil.codegen.compiled.program import Step, Value
    from hil.codegen.compiled.site import Site
    from hil.models.graph import Tensor


def add(site: Site) -> Step:
    """Lower ADD."""
    return _sum(site, sign=1)


def sub(site: Site) -> Step:
    """Lower SUB."""
    return _sum(site, sign=-1)


def mul(site: Site) -> Step:
    """Lower MUL."""
    site.arity(2)
    left, right, target = site.input(0), site.input(1), site.output
    kind = site.kind(left, right, target)
    if kind == "float32":
        return single_call(
            site,
            "hil_mul_f32",
            _common(site, kind),
            parameters="hil_pair_f32",
            inputs=2,
        )
    # LiteRT multiplies and divides the scales as floats.
    scales = [np.float32(site.scale(tensor)) for tensor in (left, right, target)]
    fixed, shift = multiplier(float(scales[0] * scales[1] / scales[2]))
    fields = _common(site, kind) | {
        "a_offset": -site.zero(left),
        "b_offset": -site.zero(right),
        "out_offset": site.zero(target),
        "multiplier": fixed,
        "shift": shift,
    }
    return single_call(
        site, f"hil_mul_{SUFFIXES[kind]}", fields, parameters="hil_mul", inputs=2
    )


def _sum(site: Site, *, sign: int) -> Step:
    site.arity(2)
    left, right, target = site.input(0), site.input(1), site.output
    kind = site.kind(left, right, target)
    if kind == "float32":
        name = "hil_add_f32" if sign == 1 else "hil_sub_f32"
        return single_call(
            site, name, _common(site, kind), parameters="hil_pair_f32", inputs=2
        )
    if kind == "int16" and _stored_as_powers_of_two(site):
        site.refuse("with int16 scales that are powers of two (pot_scale_int16)")
    scales = [site.scale(tensor) for tensor in (left, right, target)]
    left_shift = 20 if kind == "int8" else 15
    twice = 2 * max(scales[:2])
    fields: dict[str, Value] = {
        "sign": sign,
        "left_shift": left_shift,
        "out_offset": site.zero(target),
    }
    reals = {
        "a": scales[0] / twice,
        "b": scales[1] / twice,
        "out": twice / ((1 << left_shift) * scales[2]),
    }
    for prefix, real in reals.items():
        fields[f"{prefix}_multiplier"], fields[f"{prefix}_shift"] = multiplier(real)
    fields |= {"a_offset": -site.zero(left), "b_offset": -site.zero(right)}
    if reals["out"] >= 1 and sign == 1:
        site.broken("the output's scale is too small for its inputs", found=str(twice))
    fields |= _common(site, kind)
    return single_call(
        site, f"hil_add_{SUFFIXES[kind]}", fields, parameters="hil_add", inputs=2
    )


def _stored_as_powers_of_two(site: Site) -> bool:
    """Return whether LiteRT would take its kernel for scales that are powers of two."""
    flagged = site.table is None or bool(
        site.table.scalar("pot_scale_int16", "b", default=1)
    )
    tensors = (site.input(0), site.input(1), site.output)
    logs = [np.log2(site.scale(tensor)) for tensor in tensors]
    return flagged and all(abs(log - round(log)) < 1e-3 for log in logs)  # noqa: PLR2004 (CheckedLog2's tolerance)


def _common(site: Site, kind: str) -> dict[str, Value]:
    """Return the walk over both tensors, and the range of the output."""
    target = site.output
    activation = site.operator.options.get("activation", "NONE")
    if activation not in {"NONE", "RELU", "RELU6", "RELU_N1_TO_1"}:
        site.refuse(f"with the activation {activation}")
    pairing = _pairing(site, site.input(0), site.input(1))
    fields: dict[str, Value] = dict(pairing)
    if kind == "float32":
        low, high = float_range(activation)
        return fields | {"low": Real(value=low), "high": Real(value=high)}
    limits = activation_range(
        activation, kind=kind, scale=site.scale(target), zero=site.zero(target)
    )
    return fields | {"low": limits[0], "high": limits[1]}


def _pairing(site: Site, left: Tensor, right: Tensor) -> dict[str, Value]:
    rank = max(len(left.shape), len(right.shape))
    shapes = [(1,) * (rank - len(t.shape)) + t.shape for t in (left, right)]
    both = list(zip(*shapes, strict=True))
    if any(a != b and 1 not in {a, b} for a, b in both):
        site.broken(
            "the shapes cannot be broadcast",
            found=f"{list(left.shape)} and {list(right.shape)}",
        )
    sizes = [b if a == 1 else a for a, b in both]
    site.shaped(site.output, sizes)
    steps = [
        [0 if size == 1 else step for size, step in zip(shape, row, strict=True)]
        for shape, row in ((shape, row_major(shape)) for shape in shapes)
    ]
    walk = folded(sizes, *steps)
    if walk is None:
        site.refuse(f"over {rank} dimensions")
    return {
        "pairing.size": walk[0],
        "pairing.step_a": walk[1],
        "pairing.step_b": walk[2],
    }
