"""Operators that move values and compute nothing.

All but RESIZE_NEAREST_NEIGHBOR become one kernel, which moves blocks of bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.codegen.compiled.arithmetic import round_half_away
from hil.codegen.compiled.program import Call, Constant, Step
from hil.codegen.compiled.site import SUFFIXES, TYPES
from hil.codegen.compiled.steps import folded, row_major

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.codegen.compiled.program import Value
    from hil.codegen.compiled.site import Site
    from hil.models.graph import Tensor


def reshape(site: Site) -> Step:
    """Lower RESHAPE: the output is the input, unless that is a constant."""
    site.arity(1, 2)
    source, target = site.input(0), site.output
    _item_bytes(site, source, target)
    if source.elements != target.elements:
        site.shaped(target, source.shape)
    if not source.is_constant:
        return Step(calls=(), alias=(target.index, source.index))
    count = [source.elements]
    return Step(calls=(_move(site, source, count, from_steps=[1], to_steps=[1]),))


def concatenation(site: Site) -> Step:
    """Lower CONCATENATION, which needs one scale for all tensors."""
    site.arity(1, len(site.operator.inputs))
    target = site.output
    sources = [site.input(i) for i in range(len(site.operator.inputs))]
    _item_bytes(site, *sources, target)
    if site.operator.options.get("activation", "NONE") != "NONE":
        site.refuse("with an activation")
    _one_scale(site, *sources)
    axis = int(site.operator.options.get("axis", 0))
    rank = len(target.shape)
    if not -rank <= axis < rank:
        site.broken("the axis is out of range", found=str(axis))
    axis %= rank
    if any(len(source.shape) != rank for source in sources):
        site.broken("the inputs have other numbers of dimensions", found=str(rank))
    total = list(sources[0].shape)
    total[axis] = sum(source.shape[axis] for source in sources)
    calls, place, to_steps = [], 0, row_major(target.shape)
    for source in sources:
        site.shaped(source, [*total[:axis], source.shape[axis], *total[axis + 1 :]])
        from_steps = row_major(source.shape)
        if source.elements:
            to = place * to_steps[axis]
            calls.append(_move(site, source, source.shape, from_steps, to_steps, to=to))
        place += source.shape[axis]
    site.shaped(target, total)
    return Step(calls=tuple(calls))


def pad(site: Site) -> Step:
    """Lower PAD: the zero point, and the input in the middle of it."""
    site.arity(2)
    source, target = site.input(0), site.output
    item_bytes = _item_bytes(site, source, target)
    widths = site.whole_numbers(site.input(1))
    if len(widths) != 2 * len(source.shape) or min(widths, default=0) < 0:
        site.broken("the paddings do not fit the input", found=str(widths))
    sides = list(zip(widths[::2], widths[1::2], strict=True))
    shape = [
        before + size + after
        for size, (before, after) in zip(source.shape, sides, strict=True)
    ]
    site.shaped(target, shape)
    _one_scale(site, source)
    zero = site.zero(target) if target.type in {"int8", "int16"} else 0
    steps = row_major(target.shape)
    start = sum(side[0] * step for side, step in zip(sides, steps, strict=True))
    fill = Call(
        kernel="hil_fill",
        parameters="hil_fill",
        fields={
            "count": target.elements,
            "size": item_bytes,
            "value": zero % (1 << (8 * item_bytes)),
        },
        inputs=(),
        output=target.index,
    )
    source_steps = row_major(source.shape)
    move = _move(site, source, source.shape, source_steps, steps, to=start)
    return Step(calls=(fill, move) if source.elements else (fill,))


def transpose(site: Site) -> Step:
    """Lower TRANSPOSE by a constant permutation."""
    site.arity(2)
    source = site.input(0)
    _item_bytes(site, source, site.output)
    order = site.whole_numbers(site.input(1))
    rank = len(source.shape)
    if sorted(axis % rank if rank else axis for axis in order) != list(range(rank)):
        site.broken("the permutation is none", found=str(order))
    order = [axis % rank for axis in order]
    shape = [source.shape[axis] for axis in order]
    site.shaped(site.output, shape)
    steps = row_major(source.shape)
    from_steps = [steps[axis] for axis in order]
    return Step(calls=(_move(site, source, shape, from_steps, row_major(shape)),))


def strided_slice(site: Site) -> Step:
    """Lower STRIDED_SLICE with constant begin, end and strides."""
    site.arity(4)
    source, target = site.input(0), site.output
    _item_bytes(site, source, target)
    lists = [site.whole_numbers(site.input(i)) for i in (1, 2, 3)]
    # The options have no names in hil.models.schema; they stand in this order there.
    names = ("begin", "end", "ellipsis", "new_axis", "shrink", "offset")
    table = site.table
    masks = {
        name: table.scalar(str(i), "b" if name == "offset" else "i") if table else 0
        for i, name in enumerate(names)
    }
    rank = len(source.shape)
    if masks["ellipsis"] or masks["new_axis"] or masks["offset"]:
        site.refuse("with an ellipsis, a new axis or offsets")
    if {len(values) for values in lists} != {rank} or 0 in lists[2]:
        site.refuse(f"with {len(lists[0])} of {rank} dimensions, or a stride of 0")
    steps = row_major(source.shape)
    start, sizes, walk, shape = 0, [], [], []
    for axis, size in enumerate(source.shape):
        begin, end, stride = (values[axis] for values in lists)
        bits = {name: bool(mask >> axis & 1) for name, mask in masks.items()}
        first, count = _span(size, begin, end, stride, bits)
        sizes.append(count)
        walk.append(stride * steps[axis])
        start += first * steps[axis]
        if not bits["shrink"]:
            shape.append(count)
    site.shaped(target, shape)
    move = _move(site, source, sizes, walk, row_major(sizes), start=start)
    return Step(calls=(move,) if math.prod(sizes) else ())


def _span(
    size: int, begin: int, end: int, stride: int, bits: dict[str, bool]
) -> tuple[int, int]:
    """Return the first index and the number of values along one dimension."""
    low, high = (0, size) if stride > 0 else (-1, size - 1)
    first = min(max(begin + size if begin < 0 else begin, low), high)
    if bits["begin"]:
        first = 0 if stride > 0 else size - 1
    if bits["shrink"]:
        return first, int(0 <= first < size)
    last = min(max(end + size if end < 0 else end, low), high)
    if bits["end"]:
        last = size if stride > 0 else -1
    return first, max(-((first - last) // stride), 0)


def resize_nearest(site: Site) -> Step:
    """Lower RESIZE_NEAREST_NEIGHBOR to a constant size, by tables of indices."""
    site.arity(2)
    source, target = site.input(0), site.output
    item_bytes = _item_bytes(site, source, target)
    size = site.whole_numbers(site.input(1))
    if len(source.shape) != 4 or len(size) != 2 or min(size) < 1:  # noqa: PLR2004 (an image, and its height and width)
        site.broken("the input is no image, or its size none", found=str(size))
    batches, in_h, in_w, depth = source.shape
    site.shaped(target, (batches, *size, depth))
    table = site.table
    corners, centers = (
        bool(table.scalar(name, "b")) if table else False for name in ("0", "1")
    )
    lists = [
        [
            _nearest(i, before, after, corners=corners, centers=centers)
            for i in range(after)
        ]
        for before, after in zip((in_h, in_w), size, strict=True)
    ]
    fields: dict[str, Value] = {
        "batches": batches,
        "in_h": in_h,
        "in_w": in_w,
        "out_h": size[0],
        "out_w": size[1],
        "block": depth * item_bytes,
        "rows": Constant(values=np.array(lists[0], dtype=np.uint16)),
        "columns": Constant(values=np.array(lists[1], dtype=np.uint16)),
    }
    call = Call(
        kernel="hil_resize_nearest",
        parameters="hil_resize",
        fields=fields,
        inputs=(source.index,),
        output=target.index,
    )
    return Step(calls=(call,))


def _nearest(
    index: int, before: int, after: int, *, corners: bool, centers: bool
) -> int:
    """Return the index to read from, with the floats that LiteRT computes it with."""
    if corners and after > 1:
        scale = np.float32(before - 1) / np.float32(after - 1)
    else:
        scale = np.float32(before) / np.float32(after)
    place = float((np.float32(index) + np.float32(0.5 if centers else 0)) * scale)
    chosen = round_half_away(place) if corners else math.floor(place)
    return min(chosen, before - 1)


def _item_bytes(site: Site, *tensors: Tensor) -> int:
    """Return the size of one value; all tensors must be of one type that is known."""
    types = {tensor.type for tensor in tensors}
    if len(types) != 1 or not types <= TYPES.keys():
        site.refuse("for types " + ", ".join(tensor.type for tensor in tensors))
    return np.dtype(TYPES[tensors[0].type]).itemsize


def _one_scale(site: Site, *sources: Tensor) -> None:
    target = site.output
    if target.type not in SUFFIXES or target.type == "float32":
        return
    wanted = site.scale(target), site.zero(target)
    if any((site.scale(source), site.zero(source)) != wanted for source in sources):
        site.refuse("that changes the scale")


def _move(
    site: Site,
    source: Tensor,
    sizes: Sequence[int],
    from_steps: Sequence[int],
    to_steps: Sequence[int],
    *,
    start: int = 0,
    to: int = 0,
) -> Call:
    """Return the call that moves values; what lies together is a block."""
    item_bytes = np.dtype(TYPES[source.type]).itemsize
    walk = folded(sizes, from_steps, to_steps)
    if walk is None:
        site.refuse(f"over {len(sizes)} dimensions")
    size, from_walk, to_walk = (list(part) for part in walk)
    block = item_bytes
    if from_walk[-1] == to_walk[-1] == 1:
        block, size[-1] = size[-1] * item_bytes, 1
    return Call(
        kernel="hil_move",
        parameters="hil_move",
        fields={
            "size": tuple(size),
            "from_step": tuple(step * item_bytes for step in from_walk),
            "to_step": tuple(step * item_bytes for step in to_walk),
            "from": start * item_bytes,
            "to": to * item_bytes,
            "block": block,
        },
        inputs=(source.index,),
        output=site.output.index,
    )
