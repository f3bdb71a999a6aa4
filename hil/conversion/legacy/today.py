"""Where TF 2.21 does something else with a line than the tool it was written for.

All of it was measured with TF 2.21 (docs/toco.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.findings import Case, Finding, Severity
from hil.conversion.legacy.flags import Generation, flags_of
from hil.conversion.legacy.intent import LIMITS, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

# v1 flags without which v2 makes the same file.
_HARMLESS = {"output_format", "inference_type", "drop_control_dependency"}
_HARMLESS |= {"dump_graphviz_dir", "dump_graphviz_video", "conversion_summary_dir"}
_HARMLESS |= {"input_arrays", "output_arrays", "inference_input_type"}


def pasted_today(case: Case) -> Iterator[Finding]:
    """Both commands of TF 2.21 are v2; without a switch they pass v1's flags over."""
    intent = case.intent
    names = {use.name for use in case.command.uses}
    if "enable_v1_converter" in names or case.generation is Generation.TOCO:
        return
    ignored = sorted(
        name
        for name in names & set(flags_of(Generation.V1))
        if name not in flags_of(Generation.V2)
    )
    if not ignored:
        return
    if intent.source not in {Source.SAVED_MODEL, Source.KERAS}:
        yield Finding(
            rule="pasted",
            severity=Severity.NOTE,
            what="pasted into TF 2.21 as it is, the line is refused",
            said="tflite_convert: error: one of the arguments --saved_model_dir "
            "--keras_model_file is required",
            remedy="add --enable_v1_converter, or take the code",
        )
        return
    plain = not intent.is_quantized and not intent.quantize_weights
    plain = plain and intent.input_dtype not in LIMITS
    harmless = plain and set(ignored) <= _HARMLESS
    listed = ", ".join(f"--{name}" for name in ignored)
    v2 = case.generation is Generation.V2
    yield Finding(
        rule="pasted",
        severity=Severity.NOTE
        if harmless
        else (Severity.IGNORED if v2 else Severity.DIFFERS),
        what=("v2 passes over " if v2 else "pasted into TF 2.21 it passes over ")
        + f"{listed} without a word: a float model, and exit status 0",
        remedy="add --enable_v1_converter, or take the code",
    )


def keras_file_is_broken(case: Case) -> Iterator[Finding]:
    """--keras_model_file does not work any more."""
    if case.intent.source is not Source.KERAS:
        return
    yield Finding(
        rule="keras-file",
        severity=Severity.DIFFERS,
        what="--keras_model_file is broken in TF 2.21, v1 and v2 alike",
        said="TypeError: 'NoneType' object is not callable",
        today="tf.keras.models.load_model and from_keras_model still work",
        remedy="take the code, or hil convert",
    )


def the_old_converter_is_gone(case: Case) -> Iterator[Finding]:
    """experimental_new_converter=false chose TOCO."""
    if case.intent.new_converter:
        return
    yield Finding(
        rule="old-converter",
        severity=Severity.DIFFERS,
        what="--experimental_new_converter=false chose TOCO, which is gone",
        said="Please consider switching to the new converter by setting "
        "experimental_new_converter=True. The old converter is deprecated.",
        today="TF 2.21 prints this and converts by MLIR all the same",
        remedy="leave it out",
    )


def other_forms_are_gone(case: Case) -> Iterator[Finding]:
    """GRAPHVIZ_DOT, TENSORFLOW_GRAPHDEF and reading a .tflite."""
    intent = case.intent
    if intent.output_format == "GRAPHVIZ_DOT" and case.reads_flags:
        yield Finding(
            rule="output-format",
            severity=Severity.DIFFERS,
            what="GRAPHVIZ_DOT wrote a picture of the graph",
            today="TF 2.21 writes a .tflite into the file instead, without a word",
            remedy="hil inspect shows the operators of the .tflite",
        )
    if intent.output_format == "TENSORFLOW_GRAPHDEF" and case.is_toco:
        yield Finding(
            rule="output-format",
            severity=Severity.DIFFERS,
            what="TENSORFLOW_GRAPHDEF wrote the simplified graph as a GraphDef",
            today="no converter of today does; the v1 flag refuses the value",
            remedy="tf.grappler, or freeze the graph again from its source",
            stops=True,
        )
    if intent.source is Source.TFLITE:
        yield Finding(
            rule="input-format",
            severity=Severity.DIFFERS,
            what="TOCO read a .tflite, for example to quantize it again",
            today="no converter of TensorFlow reads one any more",
            remedy="hil quantize MODEL.tflite --recipe int8 --calibration DATA",
            stops=True,
        )


def uint8_inside(case: Case) -> Iterator[Finding]:
    """uint8 arithmetic is legacy: written by the v1 converter only, run by few."""
    intent = case.intent
    if not intent.is_quantized or not case.reads_flags:
        return
    if intent.dtype == "int16":
        yield Finding(
            rule="int16-inside",
            severity=Severity.DIFFERS,
            what="QUANTIZED_INT16 made int16 arrays",
            today="tflite_convert refuses the value; 16x8 (int16 activations, int8 "
            "weights) needs a representative dataset",
            remedy="hil convert with int16x8",
            stops=True,
        )
    if "uint8" in {intent.dtype, intent.input_dtype}:
        yield Finding(
            rule="uint8-inside",
            severity=Severity.CHECK,
            what="uint8 inside the model has no equivalent in the v2 converter, which "
            "quantizes to int8 only",
            today="the v1 converter of TF 2.21 still writes uint8; LiteRT runs it, "
            "TFLite Micro does not (Hybrid models are not supported on TFLite Micro.)",
            remedy="the code makes int8 inside and uint8 at the boundary, with the "
            "same scale and zero point there",
        )


def quantized_input_of_a_float_model(case: Case) -> Iterator[Finding]:
    """FLOAT inference on a quantized input: the input's type now rules all."""
    intent = case.intent
    if intent.dtype != "float32" or intent.input_dtype not in LIMITS:
        return
    if not case.reads_flags:
        return
    yield Finding(
        rule="float-with-quantized-input",
        severity=Severity.CHECK,
        what=f"float inference on a {intent.input_dtype} input: the input was turned "
        "into floats first",
        today="the same where the graph has no FakeQuant; where it has, TF 2.21 "
        f"quantizes the WHOLE graph to {intent.input_dtype}",
        remedy="the code puts (q - mean) / std into the model; its input has no scale",
    )


def one_type_for_all(case: Case) -> Iterator[Finding]:
    """Input and inside of different integer types."""
    intent = case.intent
    types = {intent.dtype, intent.input_dtype}
    if case.reads_flags and types == {"int8", "uint8"} and intent.is_quantized:
        yield Finding(
            rule="mixed-types",
            severity=Severity.DIFFERS,
            what=f"{intent.inference_type} inside with a {intent.input_type} input",
            today=f"TF 2.21 makes everything {intent.input_dtype}: the type of the "
            "input rules",
            remedy="give both flags one type, or take the code",
        )


def lost_flags(case: Case) -> Iterator[Finding]:
    """Flags that nothing of today stands for."""
    for item in case.readings.items:
        flag = item.flag
        if flag is None or flag.lost is None or item.value == "false":
            continue
        if flag.name == "change_concat_input_ranges" and not case.intent.is_quantized:
            continue
        yield Finding(
            rule="no-equivalent",
            severity=Severity(flag.lost),
            what=f"--{flag.name} {flag.then}; today: {flag.today}",
        )


def default_ranges_are_v1(case: Case) -> Iterator[Finding]:
    """Dummy quantization has no place in the v2 converter."""
    if None in {case.intent.range_min, case.intent.range_max} or not case.reads_flags:
        return
    used = case.intent.is_quantized
    yield Finding(
        rule="default-ranges",
        severity=Severity.NOTE,
        what="default ranges are for trying out speed: every array without a range "
        "gets the same one, and accuracy is lost"
        if used
        else "default ranges have no effect without quantized inference",
        today="the v1 converter only (default_ranges_stats)",
        remedy="hil quantize with calibration data gives each array its own range",
    )


RULES = (
    pasted_today,
    keras_file_is_broken,
    the_old_converter_is_gone,
    other_forms_are_gone,
    uint8_inside,
    quantized_input_of_a_float_model,
    one_type_for_all,
    lost_flags,
    default_ranges_are_v1,
)
