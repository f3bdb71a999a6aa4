"""Every side held against every other: figures, and the layer where they part."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.distance import real_rows
from hil.accuracy.divergence import diverge
from hil.accuracy.divergence_found import Pair
from hil.bench.diverging.first_layer import find_first_layer
from hil.bench.diverging.side import LayersUnknown
from hil.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from hil.bench.diverging.side import Side
    from hil.bench.diverging.subject import Subject
    from hil.vocab import Deadline


def hold_together(
    subject: Subject,
    sides: Sequence[Side],
    deadline: Deadline,
    *,
    layer_rows: int,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Pair]:
    """Return all pairs of *sides*, in their order.

    Of *layer_rows* inputs that differ the layers are compared; with 0 none is.
    """
    found = []
    for left, right in combinations(sides, 2):
        pair = _pair(subject, left, right)
        if pair.differing and layer_rows:
            progress(f"{left.name} and {right.name}: looking for the layer")
            pair = _with_layer(subject, pair, (left, right), layer_rows, deadline)
        found.append(pair)
    return [_lent(pair, found) for pair in found]


def _pair(subject: Subject, left: Side, right: Side) -> Pair:
    rows, ours, theirs = np.intersect1d(
        left.rows, right.rows, assume_unique=True, return_indices=True
    )
    if not len(rows):
        raise ConfigError(
            "two sides answered none of the inputs both",
            found=f"{left.name}: {len(left.rows)}, {right.name}: {len(right.rows)}",
            remedy="more inputs: leave --samples out",
        )
    tolerance = max(left.tolerance, right.tolerance)
    one, other = left.outputs[ours], right.outputs[theirs]
    if tolerance:
        one, other = (_real(subject, rows) for rows in (one, other))
    divergence = diverge(one, other, tolerance=tolerance)
    return Pair(
        left=left.name,
        right=right.name,
        rows=tuple(int(row) for row in rows),
        divergence=divergence,
        differing=tuple(int(rows[place]) for place in divergence.differing),
        flipped=tuple(int(rows[place]) for place in divergence.flipped),
    )


def _lent(pair: Pair, pairs: Sequence[Pair]) -> Pair:
    """Return *pair* with the layers of another that gave the same answers, if needed.

    A recording or a phone has no layers, but an engine that gives every answer of it
    has them.
    """
    if pair.layers_unknown is None:
        return pair
    same = {(each.left, each.right) for each in pairs if not each.differing}

    def alike(one: str, other: str) -> bool:
        return one == other or (one, other) in same or (other, one) in same

    for each in pairs:
        if each.first_layer is None or each.layers_of is not None:
            continue
        same_way = alike(pair.left, each.left) and alike(pair.right, each.right)
        turned = alike(pair.left, each.right) and alike(pair.right, each.left)
        if same_way or turned:
            return dataclasses.replace(
                pair, first_layer=each.first_layer, layers_of=(each.left, each.right)
            )
    return pair


def _with_layer(
    subject: Subject,
    pair: Pair,
    sides: tuple[Side, Side],
    layer_rows: int,
    deadline: Deadline,
) -> Pair:
    try:
        first = find_first_layer(subject, sides, pair.differing[:layer_rows], deadline)
    except LayersUnknown as exc:
        why = exc.what if exc.found is None else f"{exc.what}: {exc.found}"
        return dataclasses.replace(pair, layers_unknown=why)
    except TargetError as exc:
        return dataclasses.replace(pair, layers_unknown=exc.what)
    if first is None:
        return dataclasses.replace(
            pair, layers_unknown="no layer differs where the layers are kept"
        )
    return dataclasses.replace(pair, first_layer=first)


def _real(
    subject: Subject, outputs: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    """Return answers as real values; those of a log are that already."""
    quantization = subject.output.quantization
    if outputs.dtype.kind == "f" or quantization is None or not quantization.scales:
        return outputs.reshape(len(outputs), -1).astype(np.float64)
    points = quantization.zero_points
    return real_rows(
        outputs,
        scale=quantization.scales[0],
        zero_point=points[0] if points else 0,
    )
