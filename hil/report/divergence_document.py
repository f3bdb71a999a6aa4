"""The pairs of `hil diverge`, and a device's fingerprint, as plain JSON values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hil.report import divergence_words as words

if TYPE_CHECKING:
    from hil.accuracy.divergence import Divergence, Share
    from hil.accuracy.divergence_found import Comparison, Fingerprint, FirstLayer, Pair

SCHEMA: Final = 1


def document(found: Comparison) -> dict[str, object]:
    """Return everything that was found."""
    return {
        "schema": SCHEMA,
        "model": found.model,
        "model_sha256": found.sha256,
        "dataset": found.dataset,
        "inputs": found.inputs,
        "sides": [
            {"name": side.name, "engine": side.engine, "answered": side.answered}
            for side in found.sides
        ],
        "same_answers": found.groups,
        "pairs": [_pair(pair) for pair in found.pairs],
    }


def fingerprint_document(found: Fingerprint) -> dict[str, object]:
    """Return the verdict and the figures that it rests on."""
    return {
        "schema": SCHEMA,
        "source": found.source,
        "engine": found.engine,
        "verdict": words.verdict(found),
        "equals": list(found.equals),
        "is_exact": found.is_exact,
        "inputs_unknown": found.inputs_unknown,
        "input_overwritten": found.input_overwritten,
        "clock_disagrees": found.clock is not None,
        "pairs": [_pair(pair) for pair in found.pairs],
        "doubts": [
            {"item": doubt.item, "found": doubt.found, "advice": doubt.advice}
            for doubt in found.doubts
        ],
    }


def _pair(pair: Pair) -> dict[str, object]:
    return {
        "left": pair.left,
        "right": pair.right,
        "inputs": len(pair.rows),
        **_divergence(pair.divergence),
        "differing": list(pair.differing),
        "flipped": list(pair.flipped),
        "first_layer": _layer(pair.first_layer) if pair.first_layer else None,
        "layers_of": list(pair.layers_of) if pair.layers_of else None,
        "layers_unknown": pair.layers_unknown,
    }


def _divergence(found: Divergence) -> dict[str, object]:
    relative = found.largest_relative
    return {
        "identical": _share(found.identical),
        "label_flips": _share(found.flips) if found.flips else None,
        "largest_lsb": found.largest_lsb,
        # JSON knows no infinity: a value that is not finite differs.
        "largest_relative": None
        if relative is None or math.isinf(relative)
        else relative,
        "not_finite": relative is not None and math.isinf(relative),
        "rows_by_lsb": _histogram(found.rows_by_lsb),
        "values_by_lsb": _histogram(found.values_by_lsb),
    }


def _histogram(counts: object) -> dict[str, int] | None:
    if not isinstance(counts, dict):
        return None
    return {str(lsb): count for lsb, count in counts.items()}


def _share(share: Share) -> dict[str, object]:
    return {
        "count": share.count,
        "n": share.n,
        "share": share.count / share.n,
        "low": share.low,
        "high": share.high,
    }


def _layer(first: FirstLayer) -> dict[str, object]:
    cause = first.cause
    return {
        "operator": first.operator,
        "name": first.name,
        "tensor": first.tensor,
        "parameters": dict(first.parameters),
        "rows": first.rows,
        "examined": first.examined,
        "others": {str(index): n for index, n in first.others.items()},
        "values": first.values,
        "differing": first.differing,
        "largest_lsb": first.largest_lsb,
        "cause": {
            "text": cause.text,
            "is_proved": cause.is_proved,
            "left": [rounding.value for rounding in cause.left],
            "right": [rounding.value for rounding in cause.right],
            "values": cause.values,
        },
    }
