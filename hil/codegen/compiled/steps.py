"""Walks over several dimensions, with as few dimensions as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIMS = 6  # HIL_MAX_DIMS of hil_kernels.h


def row_major(shape: Sequence[int]) -> list[int]:
    """Return the steps between neighbours of each dimension, the last one 1."""
    steps = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        steps[axis] = steps[axis + 1] * shape[axis + 1]
    return steps


def folded(
    sizes: Sequence[int], *steps: Sequence[int]
) -> tuple[tuple[int, ...], ...] | None:
    """Return the sizes and the steps of the same walk with exactly MAX_DIMS dimensions.

    Dimensions of size 1 go, and two that every walker steps through as through one
    become one. None where more than MAX_DIMS are left.
    """
    kept: list[tuple[int, tuple[int, ...]]] = []
    for size, *along in zip(sizes, *steps, strict=True):
        if size == 1:
            continue
        outer = kept[-1] if kept else None
        if outer and all(
            wide == narrow * size for wide, narrow in zip(outer[1], along, strict=True)
        ):
            kept[-1] = (outer[0] * size, tuple(along))
        else:
            kept.append((size, tuple(along)))
    if len(kept) > MAX_DIMS:
        return None
    padding = MAX_DIMS - len(kept)
    columns = [tuple(step[i] for _, step in kept) for i in range(len(steps))]
    return (
        (1,) * padding + tuple(size for size, _ in kept),
        *((0,) * padding + column for column in columns),
    )
