"""What a line did then and what TF 2.21 makes of it, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.findings import Severity
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.intent import (
    LIMITS,
    Source,
    implied_range,
    stats_of_range,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.conversion.legacy.findings import Case, Finding
    from hil.conversion.legacy.intent import Intent


def then(case: Case, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what the tool did with the line."""
    refused = [f for f in findings if f.severity is Severity.REFUSED]
    if refused:
        message = (refused[0].said or refused[0].what).strip()
        return (f"it ended with an error and wrote no file: {message}",)
    intent = case.intent
    source = intent.source.value if intent.source else "nothing"
    lines = [f"read {source}: {intent.path}"]
    if case.generation is Generation.V2:
        return (*lines, "wrote a float model; v2 looks at no flag but input and output")
    if intent.output_format != "TFLITE":
        return (*lines, f"wrote {intent.output_format}")
    if intent.is_quantized:
        ranges = "an array without one aborted it"
        if intent.range_min is not None and intent.range_max is not None:
            ranges = "an array without one got "
            ranges += f"{intent.range_min:g}..{intent.range_max:g}"
        lines.append(
            f"made every real-number array {intent.dtype}, outputs too, with the "
            f"ranges of FakeQuant nodes; {ranges}"
        )
    elif intent.quantize_weights:
        kind = "float16" if intent.float16 else "8 bits"
        lines.append(f"stored weights as {kind}; computed in float")
    else:
        lines.append("made a float model")
    if intent.input_dtype in LIMITS and intent.stats:
        lines.append("gave the input the scale and zero point of mean and std")
    return tuple(lines)


def now(case: Case, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what the converter of today makes of the line's meaning."""
    stopped = [f.today or f.remedy or f.what for f in findings if f.stops]
    if stopped:
        return (f"nothing, before the line is mended: {stopped[0]}",)
    intent = case.intent
    if intent.is_quantized:
        made = intent.input_dtype if intent.input_dtype in LIMITS else intent.dtype
        v1 = "the v1 converter (--enable_v1_converter, and --run) makes "
        v1 += f"{made} of every array that has a range, and leaves the others float "
        lines = [v1 + "without a word"]
        if intent.range_min is None or intent.range_max is None:
            lines.append(
                "the v2 converter (the code below) makes int8 inside"
                + (" and uint8 at the boundary" * (intent.dtype == "uint8"))
            )
        return tuple(lines)
    if intent.quantize_weights and intent.float16:
        return ("float16 weights, arithmetic in float",)
    if intent.quantize_weights:
        return ("int8 weights from 1024 elements up, arithmetic in float",)
    if intent.source is Source.KERAS:
        return ("a float model, from Python; the flag itself is broken",)
    return ("a float model, as then",)


def boundary(intent: Intent) -> tuple[str, ...]:
    """Return scale, zero point and range of each input, by real = (q - mean) / std."""
    dtype = intent.input_dtype
    if dtype not in LIMITS or any(std <= 0 for std in intent.stds):
        return ()
    lines = []
    for index, (mean, std) in enumerate(intent.stats):
        name = (*intent.input_arrays, *["input"] * (index + 1))[index]
        low, high = implied_range(mean, std, dtype)
        mean_back, std_back = stats_of_range(low, high, dtype)
        lines.append(
            f"{name}: real = (q - {mean:g}) / {std:g}: scale {1 / std:.7g}, "
            f"zero point {mean:g}, {dtype} {LIMITS[dtype][0]}..{LIMITS[dtype][1]} is "
            f"{low:.6g}..{high:.6g} (back: std {std_back:g}, mean {mean_back:g})"
        )
    return tuple(lines)
