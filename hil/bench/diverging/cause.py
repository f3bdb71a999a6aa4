"""Why a layer gives two outputs for one input: proved by its sums, or what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.divergence_found import Cause
from hil.accuracy.divergence_rounding import Rounding, matching
from hil.bench.diverging.layer_sums import summed_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from hil.models.graph import Graph, Operator

# Who rounds so: measured here for LiteRT, XNNPACK and TFLite Micro's wheel, by their
# sources for the build options (docs/diverge.md).
_TWICE = "two roundings in fixed point (gemmlowp's, the default of TFLite Micro)"
_TWICE_UP = "two roundings in fixed point, halves upward (ruy's: LiteRT's own kernels)"
_EITHER_TWICE = (
    "two roundings in fixed point (gemmlowp's, the default of TFLite Micro, or ruy's)"
)
_ONCE = "one rounding in fixed point (as built for single rounding)"
_FLOAT = "one rounding of a float32 product (XNNPACK's)"
_EITHER = "one rounding (XNNPACK's, or fixed point built for single rounding)"
_WORDS = {
    frozenset({Rounding.TWICE}): _TWICE,
    frozenset({Rounding.TWICE_UP}): _TWICE_UP,
    frozenset({Rounding.TWICE, Rounding.TWICE_UP}): _EITHER_TWICE,
    frozenset({Rounding.ONCE}): _ONCE,
    frozenset({Rounding.FLOAT}): _FLOAT,
    frozenset({Rounding.ONCE, Rounding.FLOAT}): _EITHER,
}
_FLOAT_TYPES = {"float32", "float16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One input of the layer that both sides had, and what each made of it."""

    given: npt.NDArray[np.generic]
    left: npt.NDArray[np.generic]
    right: npt.NDArray[np.generic]


def find_cause(
    graph: Graph,
    operator: Operator,
    examples: Sequence[Example],
    *,
    left: str,
    right: str,
) -> Cause:
    """Return why *operator* differs between the sides named *left* and *right*."""
    output = graph.subgraphs[0].outputs_of(operator)[0]
    if output.type in _FLOAT_TYPES:
        return Cause(
            text="floats: kernels add in another order, or fuse a multiplication and "
            "an addition; differences of a few units in the last place are no fault"
        )
    counts = _counts(graph, operator, examples)
    if counts is None:
        return Cause(text=_unproved(operator))
    values, ours, theirs = counts
    by_left, by_right = _exact(ours, values), _exact(theirs, values)
    if not by_left or not by_right:
        who = " and ".join(
            name for name, found in ((left, by_left), (right, by_right)) if not found
        )
        return Cause(
            text=f"not known: {who} gives values that no known way of rounding the "
            "layer's sums does; other weights, other scales, or a faulty kernel",
            left=by_left,
            right=by_right,
            values=values,
        )
    return Cause(
        text=f"rounding: from the layer's 32-bit sums, computed anew, all {values:,} "
        f"values of {left} follow by {_words(by_left)}, all of {right} by "
        f"{_words(by_right)}",
        is_proved=True,
        left=by_left,
        right=by_right,
        values=values,
    )


def _counts(
    graph: Graph, operator: Operator, examples: Sequence[Example]
) -> tuple[int, dict[Rounding, int], dict[Rounding, int]] | None:
    """Return how many values there are, and how many each way of rounding gives."""
    values = 0
    ours, theirs = dict.fromkeys(Rounding, 0), dict.fromkeys(Rounding, 0)
    for example in examples:
        layer = summed_layer(graph, operator, example.given)
        if layer is None:
            return None
        values += layer.sums.size
        for total, stored in ((ours, example.left), (theirs, example.right)):
            found = matching(
                layer.sums,
                layer.scales,
                stored.reshape(layer.sums.shape).astype(np.int64),
                zero_point=layer.zero_point,
                limits=layer.limits,
            )
            for rounding, count in found.items():
                total[rounding] += count
    return (values, ours, theirs) if values else None


def _exact(counts: Mapping[Rounding, int], values: int) -> tuple[Rounding, ...]:
    return tuple(rounding for rounding, count in counts.items() if count == values)


def _words(found: Sequence[Rounding]) -> str:
    known = _WORDS.get(frozenset(found))
    return known or " or ".join(rounding.value for rounding in found)


def _unproved(operator: Operator) -> str:
    return (
        f"not known: hil does not compute {operator.name} anew; the two kernels round, "
        "or approximate, in another way"
    )
