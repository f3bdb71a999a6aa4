"""The figures of `hil diverge` as short texts, the same in every document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.accuracy.divergence import Divergence, Share
    from hil.accuracy.divergence_found import (
        Comparison,
        Fingerprint,
        FirstLayer,
        Pair,
    )

_PERCENT: Final = 100
# Upper ends of the buckets of a histogram: steps of 8-bit outputs, then of 16-bit ones.
_ENDS: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128, 255, 4095, 65535)
_DEFAULTS: Final = {("dilation_w_factor", "1"), ("dilation_h_factor", "1")}
_NOT_PARAMETERS: Final = {"input", "weights", "bias", "output"}


def title(found: Comparison) -> str:
    """Return what was compared."""
    return f"{found.model} on {found.inputs:,} inputs of {found.dataset}"


def groups(found: Comparison) -> str:
    """Return who gave the same answers."""
    same = [", ".join(group) for group in found.groups if len(group) > 1]
    alone = [group[0] for group in found.groups if len(group) == 1]
    texts = [f"same answers to every input: {names}" for names in same]
    if alone:
        texts.append(f"like no other: {', '.join(alone)}")
    return "\n".join(texts)


def predictions(found: Comparison, engines: Sequence[str]) -> list[str]:
    """Return which of *engines* predicts each of the others, a line each."""
    lines = []
    for group in found.groups:
        others = ", ".join(name for name in group if name not in engines)
        known = ", ".join(name for name in group if name in engines)
        names = ", ".join(s.name for s in found.sides if s.name in engines)
        if others and known:
            lines.append(f"{others}: predicted by {known}")
        elif others and names:
            lines.append(f"{others}: predicted by none of the engines here: {names}")
    return lines


def identical(divergence: Divergence) -> str:
    """Return how many rows are identical, and the share: 636 of 1,000, 63.6 %."""
    share = divergence.identical
    percent = _PERCENT * share.count / share.n
    return f"{share.count:,} of {share.n:,}, {percent:.1f} %"


def largest(divergence: Divergence) -> str:
    """Return the largest difference, in steps of the output or relative."""
    if divergence.largest_lsb is not None:
        return f"{divergence.largest_lsb:,} LSB"
    relative = divergence.largest_relative
    if relative is None:
        return "-"
    return "not finite" if math.isinf(relative) else f"{relative:.2g} relative"


def flips(share: Share | None) -> str:
    """Return how many labels flip, with the interval of their share."""
    if share is None:
        return "no labels"
    low, high = _PERCENT * share.low, _PERCENT * share.high
    return f"{share.count:,}; {low:.1f} .. {high:.1f} %"


def layer(pair: Pair) -> str:
    """Return the first layer that differs, or why it is not known."""
    if not pair.differing:
        return "none"
    first = pair.first_layer
    if first is not None:
        return f"{first.operator} {first.name}"
    return "not known" if pair.layers_unknown else "not looked for"


def layer_found(first: FirstLayer) -> str:
    """Return where and how often the layer differs."""
    most = "" if first.largest_lsb is None else f", by {first.largest_lsb} LSB at most"
    others = ""
    if first.others:
        each = ", ".join(f"{index} in {n}" for index, n in first.others.items())
        others = f"; the first is another one elsewhere: operator {each}"
    return (
        f"first in {first.rows} of {first.examined} inputs looked into: "
        f"{first.differing:,} of {first.values:,} values differ{most}{others}"
    )


def cause(first: FirstLayer) -> str:
    """Return how sure the cause is."""
    if first.cause.is_proved:
        return "cause, proved"
    return "cause" if first.cause.text.startswith("not known") else "likely cause"


def options(first: FirstLayer) -> str:
    """Return the operator's options, those left out that say nothing."""
    told = (
        f"{name} {value}"
        for name, value in first.parameters.items()
        if value not in {"0", "False"}
        and (name, value) not in _DEFAULTS
        and name not in _NOT_PARAMETERS
        and not name.startswith("input ")
    )
    return ", ".join(told) or "none"


def tensors(first: FirstLayer) -> list[tuple[str, str]]:
    """Return the operator's tensors with shape, type and scales."""
    return [
        (name, value)
        for name, value in first.parameters.items()
        if name in _NOT_PARAMETERS or name.startswith("input ")
    ]


def histogram(rows_by_lsb: Mapping[int, int]) -> list[tuple[str, int]]:
    """Return rows by their largest difference, in buckets that double."""
    buckets, before = [], -1
    for end in _ENDS:
        count = sum(n for lsb, n in rows_by_lsb.items() if before < lsb <= end)
        name = f"{end}" if end - before == 1 else f"{before + 1}..{end}"
        if count:
            buckets.append((name, count))
        before = end
    return buckets


def verdict(found: Fingerprint) -> str:
    """Return in a sentence which engine the device equals, or why that is unknown."""
    if found.input_overwritten:
        return (
            "equals none: each answer is that of a repeated inference, and not the one "
            "to its input, as where the first inference overwrites the input. Such "
            "answers tell nothing of the engine"
        )
    if not found.pairs:
        return f"not known: {found.inputs_unknown}"
    n = found.pairs[0].divergence.identical.n
    if not found.equals:
        nearest = min(found.pairs, key=lambda pair: len(pair.differing))
        return (
            f"equals no engine of this host; the nearest is {nearest.right}: "
            f"{len(nearest.differing):,} of {n:,} answers differ"
        )
    how = "bit for bit"
    if not found.is_exact:
        how = "within the printed decimals, which do not tell a step from the next"
    others = [len(pair.differing) for pair in found.pairs if pair.differing]
    apart = (
        f"; {min(others):,} of them tell it from the nearest other" if others else ""
    )
    if len(found.equals) > 1:
        apart += "; these inputs do not tell the equal ones apart, more might"
    answers = f"all {n:,} answers" if n > 1 else "the one answer"
    return f"equals {', '.join(found.equals)}: {answers}, {how}{apart}"
