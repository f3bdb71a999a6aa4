"""What the tools refused of quantization, with their own messages.

Sources: hil.conversion.legacy.refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.findings import Case, Finding, Severity
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.intent import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABORT = (
    "Array X, which is an input to the Y operator producing the output array Z, is "
    "lacking min/max data, which is necessary for quantization. If accuracy matters, "
    "either target a non-quantized output format, or run quantized training with your "
    "model from a floating point checkpoint to change the input graph to contain "
    "min/max information. If you don't care about accuracy, you can pass "
    "--default_ranges_min= and --default_ranges_max= for easy experimentation."
)


def mean_goes_with_std(case: Case) -> Iterator[Finding]:
    """Rule 3: mean and std come in pairs, one pair for each input."""
    if not case.reads_flags:
        return
    readings = case.readings
    means = readings.value("mean_values", "mean_value")
    stds = readings.value("std_dev_values", "std_values", "std_value")
    if not means and not stds:
        return
    remedy = "give both, one number for each input: --mean_values=128 "
    remedy += "--std_values=127" if case.is_toco else "--std_dev_values=127"
    if means and stds:
        yield from _one_pair_for_each_input(case, means, stds, remedy=remedy)
        return
    missing = "std" if not stds else "mean"
    yield Finding(
        rule="mean-with-std",
        severity=Severity.NOTE if case.is_toco else Severity.REFUSED,
        what=f"no {missing} is given"
        + (f"; TOCO took {'1' if missing == 'std' else '0'}" * case.is_toco),
        said=None
        if case.is_toco
        else "--std_dev_values and --mean_values must be used together",
        remedy=remedy,
        stops=not case.is_toco,
    )


def _one_pair_for_each_input(
    case: Case, means: str, stds: str, *, remedy: str
) -> Iterator[Finding]:
    counts = (means.count(",") + 1, stds.count(",") + 1)
    inputs = len(case.intent.input_arrays)
    if counts[0] != counts[1]:
        said = "--std_dev_values, --mean_values must have the same number of items"
    elif inputs and counts[0] != inputs:
        said = "Mismatching --input_arrays, --std_dev_values, and --mean_values. The "
        said += "flags must have the same number of items."
    else:
        return
    if case.is_toco:
        side = "mean" if counts[0] != inputs else "std"
        said = f"Check failed: {side}_values.size() == "
        said += "model_flags->input_arrays_size()"
    yield Finding(
        rule="mean-with-std",
        severity=Severity.REFUSED,
        what=f"{counts[0]} mean(s) and {counts[1]} std(s)"
        + (f" for {inputs} input(s)" if inputs else ""),
        said=said,
        remedy=remedy,
        stops=True,
    )


def default_ranges_come_in_pairs(case: Case) -> Iterator[Finding]:
    """Rule 4: one end of a range is no range."""
    ends = [case.readings.value(f"default_ranges_{end}") for end in ("min", "max")]
    if not case.reads_flags or (ends[0] is None) == (ends[1] is None):
        return
    missing = "max" if ends[1] is None else "min"
    said = "--default_ranges_min and --default_ranges_max must be used together"
    yield Finding(
        rule="default-ranges-pair",
        severity=Severity.IGNORED if case.is_toco else Severity.REFUSED,
        what=f"--default_ranges_{missing} is not there"
        + ("; TOCO used neither end" if case.is_toco else ""),
        said=None if case.is_toco else said,
        remedy=f"add --default_ranges_{missing}=NUMBER",
        stops=not case.is_toco,
    )


def quantized_needs_stats(case: Case) -> Iterator[Finding]:
    """Rule 8: a quantized input needs a mean and a std."""
    intent = case.intent
    if not case.reads_flags or intent.stats or intent.unreadable:
        return
    if case.readings.has("mean_values", "mean_value", "std_values", "std_dev_values"):
        return  # half a pair, or variables: other rules
    wanted = (intent.dtype if intent.is_quantized else None, intent.input_dtype)
    if not set(wanted) & set(LIMITS):
        return
    written = "tf.float32" if wanted[0] is None else f"tf.{wanted[0]}"
    given = f"tf.{intent.input_dtype}" if intent.input_type else None
    said = (
        "The `quantized_input_stats` flag must be defined when either `inference_type` "
        "flag or `inference_input_type` flag is set to tf.int8 or tf.uint8. Currently, "
        f"`inference_type={written}` and `inference_input_type={given}`."
    )
    if case.is_toco:
        yield Finding(
            rule="stats-required",
            severity=Severity.CHECK,
            what="no mean and std: TOCO took the range of a FakeQuant on the input; "
            "without one it aborted",
            said=_ABORT,
            today="TF 2.21 refuses it: " + said,
            remedy="add --mean_values and --std_values: std = 255 / (max - min), "
            "mean = -min * std",
        )
        return
    yield Finding(
        rule="stats-required",
        severity=Severity.REFUSED,
        what="a quantized input without mean and std",
        said=said,
        remedy="add --mean_values and --std_dev_values: std = (qmax - qmin) / (max - "
        "min), mean = qmin - min * std; 0..1 as uint8 is mean 0, std 255",
        stops=True,
    )


def every_input_needs_stats(case: Case) -> Iterator[Finding]:
    """Rule 9: several inputs without names get no stats of their own."""
    intent = case.intent
    if case.generation is not Generation.V1 or not intent.stats or intent.input_arrays:
        return
    yield Finding(
        rule="stats-by-name",
        severity=Severity.CHECK,
        what="mean and std without --input_arrays work for a model with one input only",
        said="Quantization input stats are not available for input tensors 'X'. (or: "
        "Mismatching --input_arrays, --std_dev_values, and --mean_values.)",
        remedy="add --input_arrays, in the order of the means",
    )


def quantized_inference_with_float_input(case: Case) -> Iterator[Finding]:
    """Rule 12: TOCO refused it, the MLIR converter takes it."""
    intent = case.intent
    if not intent.is_quantized or intent.input_dtype != "float32":
        return
    toco_only = "Quantized inference is not allowed with float inputs."
    yield Finding(
        rule="float-input",
        severity=Severity.REFUSED if case.is_toco else Severity.DIFFERS,
        what="quantized inference with a float input"
        + ("" if case.is_toco else ": TOCO, the converter below TF 2.2, refused it"),
        said=toco_only,
        today="TF 2.21 takes it, and then the input AND the output are float32",
        remedy="nothing, if a float boundary is meant; else leave "
        "--inference_input_type out",
    )


def every_array_needs_a_range(case: Case) -> Iterator[Finding]:
    """Rule 13: TOCO aborted, TF 2.21 leaves the model float and says nothing."""
    intent = case.intent
    has_defaults = None not in {intent.range_min, intent.range_max}
    if not intent.is_quantized or has_defaults or not case.reads_flags:
        return
    yield Finding(
        rule="lacking-min-max",
        severity=Severity.CHECK,
        what="if a FakeQuant is missing anywhere in the graph, this aborted",
        said=_ABORT,
        today="TF 2.21 ends without an error and leaves the arrays without a range "
        "float; the input still becomes " + (intent.input_dtype or "quantized"),
        remedy="--run converts and tells which operators stayed float",
    )


def weights_only_wins(case: Case) -> Iterator[Finding]:
    """Rule 14: post_training_quantize is for a float model."""
    intent = case.intent
    if not case.reads_flags or not intent.quantize_weights:
        return
    if intent.dtype not in LIMITS:
        return
    said = "--post_training_quantize quantizes a graph of inference_type FLOAT. "
    said += "Overriding inference_type to FLOAT."
    if case.is_toco:
        said = "--post_training_quantize quantizes a graph of inference_type FLOAT. "
        said += "Overriding inference type QUANTIZED_UINT8 to FLOAT."
    yield Finding(
        rule="weights-only-wins",
        severity=Severity.IGNORED,
        what=f"--inference_type={intent.inference_type} is overridden: only weights "
        "are quantized",
        said=said,
        remedy="leave out --post_training_quantize for integer arithmetic, or "
        "--inference_type for quantized weights",
    )


def float16_needs_weights_only(case: Case) -> Iterator[Finding]:
    """Rule 15: the type of weights that are not quantized says nothing."""
    intent = case.intent
    if not case.reads_flags or not intent.float16 or intent.quantize_weights:
        return
    yield Finding(
        rule="float16-alone",
        severity=Severity.IGNORED,
        what="--quantize_to_float16 alone has no effect: the model stays float32",
        said=None
        if case.is_toco
        else "--quantize_to_float16 will only take effect with the "
        "--post_training_quantize flag enabled.",
        today="the same: supported_types without optimizations is a silent no-op",
        remedy="add --post_training_quantize",
    )


RULES = (
    mean_goes_with_std,
    default_ranges_come_in_pairs,
    quantized_needs_stats,
    every_input_needs_stats,
    quantized_inference_with_float_input,
    every_array_needs_a_range,
    weights_only_wins,
    float16_needs_weights_only,
)
