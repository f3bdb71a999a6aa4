"""What the tools refused of names, files and forms, with their own messages.

Messages of tflite_convert are those of tflite_convert.py and lite.py of TF 2.21, which
have not changed since TF 1; messages of TOCO are those of toco_cmdline_flags.cc,
model_cmdline_flags.cc, toco_tooling.cc and tooling_util.cc of TF 1.13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.findings import Case, Finding, Severity
from hil.conversion.legacy.flags import Generation
from hil.conversion.legacy.intent import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

# Old name, new name, as tflite_convert compared the beginnings of unknown arguments.
_RENAMED = (
    ("--input_file", "--graph_def_file"),
    ("--savedmodel_directory", "--saved_model_dir"),
    ("--std_value", "--std_dev_values"),
    ("--batch_size", "--input_shapes"),
    ("--dump_graphviz", "--dump_graphviz_dir"),
)
_SINGULAR = ("input_array", "input_shape", "mean_value", "std_value")
_PLURAL = ("input_arrays", "input_shapes", "mean_values", "std_values")


def graph_def_needs_arrays(case: Case) -> Iterator[Finding]:
    """Rule 1: a frozen graph does not say where it begins and ends."""
    intent = case.intent
    if intent.source is not Source.GRAPH_DEF or case.generation is Generation.V2:
        return
    if intent.input_arrays and intent.output_arrays:
        return
    missing = "--input_arrays" if not intent.input_arrays else "--output_arrays"
    if case.is_toco:
        yield Finding(
            rule="arrays-required",
            severity=Severity.CHECK,
            what=f"{missing} is not there: TOCO tried to read it from the file, which "
            "a frozen graph does not hold",
            today=f"{missing} is required",
            remedy=f"add {missing}=NAME",
            stops=True,
        )
        return
    yield Finding(
        rule="arrays-required",
        severity=Severity.REFUSED,
        what="a frozen graph does not say where it begins and ends",
        said="--input_arrays and --output_arrays are required with --graph_def_file",
        remedy=f"add {missing}=NAME (summarize the graph, or open it in a viewer)",
        stops=True,
    )


def shapes_go_with_arrays(case: Case) -> Iterator[Finding]:
    """Rule 2: shapes without arrays, or another number of them."""
    readings = case.readings
    text = readings.value("input_shapes")
    if not text or not case.reads_flags:
        return
    arrays = readings.value("input_arrays", "input_array") or ""
    if not arrays and not case.is_toco:
        said = "--input_shapes must be used with --input_arrays"
    elif text.count(":") != arrays.count(",") or not arrays:
        said = "--input_shapes and --input_arrays must have the same number of items"
        if case.is_toco:
            said = "Check failed: input_shapes.size() == "
            said += "model_flags->input_arrays_size()"
    else:
        return
    yield Finding(
        rule="shapes-with-arrays",
        severity=Severity.REFUSED,
        what=f"{text.count(':') + 1} shape(s) for "
        f"{arrays.count(',') + 1 if arrays else 0} input(s)",
        said=said,
        remedy="one shape for each name of --input_arrays, with colons between shapes: "
        "1,224,224,3:1,10",
        stops=True,
    )


def video_needs_a_folder(case: Case) -> Iterator[Finding]:
    """Rule 5: pictures need a place."""
    readings = case.readings
    if not readings.has("dump_graphviz_video") or not case.reads_flags:
        return
    folder = "dump_graphviz" if case.is_toco else "dump_graphviz_dir"
    if readings.value(folder):
        return
    said = "--dump_graphviz_video must be used with --dump_graphviz_dir"
    yield Finding(
        rule="video-needs-dir",
        severity=Severity.IGNORED if case.is_toco else Severity.REFUSED,
        what="there is no folder for the pictures",
        said=None if case.is_toco else said,
        remedy=f"add --{folder}=DIR, or leave --dump_graphviz_video out",
    )


def custom_opdefs_need_company(case: Case) -> Iterator[Finding]:
    """Rule 6: custom_opdefs is for the new converter and with allow_custom_ops."""
    if case.generation is not Generation.V1 or not case.intent.custom_opdefs:
        return
    if not case.intent.new_converter:
        yield Finding(
            rule="custom-opdefs",
            severity=Severity.REFUSED,
            what="the old converter did not read --custom_opdefs",
            said="--custom_opdefs must be used with --experimental_new_converter",
            remedy="leave --experimental_new_converter=false out",
        )
    if not case.intent.allow_custom_ops:
        yield Finding(
            rule="custom-opdefs",
            severity=Severity.REFUSED,
            what="custom operators are described but not allowed",
            said="--custom_opdefs must be used with --allow_custom_ops",
            remedy="add --allow_custom_ops",
        )


def user_ops_need_select_ops(case: Case) -> Iterator[Finding]:
    """Rule 7: operators of the user's own run in TensorFlow."""
    if case.generation is not Generation.V1 or not case.intent.user_ops:
        return
    if not case.intent.new_converter:
        yield Finding(
            rule="user-ops",
            severity=Severity.REFUSED,
            what="the old converter knew no operators of the user's own",
            said="--experimental_select_user_tf_ops must be used with "
            "--experimental_new_converter",
            remedy="leave --experimental_new_converter=false out",
        )
    if "SELECT_TF_OPS" not in case.intent.target_ops:
        yield Finding(
            rule="user-ops",
            severity=Severity.REFUSED,
            what="without SELECT_TF_OPS nothing of TensorFlow may be in the file",
            said="--experimental_select_user_tf_ops can only be set if --target_ops "
            "contains SELECT_TF_OPS.",
            remedy="add --target_ops=TFLITE_BUILTINS,SELECT_TF_OPS",
            stops=True,
        )


def renamed_flags(case: Case) -> Iterator[Finding]:
    """Rule 10: names of TOCO that tflite_convert wanted otherwise."""
    if case.generation is not Generation.V1:
        return
    pairs = dict.fromkeys(
        (old, new)
        for use in case.command.uses
        for old, new in _RENAMED
        if use.dashes == "--" and f"--{use.name}".startswith(old)
    )
    for old, new in pairs:
        written = old.removeprefix("--")
        if written == "dump_graphviz":
            yield from _renamed_graphviz(case)
            continue
        yield Finding(
            rule="renamed",
            severity=Severity.REFUSED,
            what=f"{old} is a name of the TOCO binary",
            said=f"Use {new} instead of {old}",
            remedy=f"write {new}",
        )


def _renamed_graphviz(case: Case) -> Iterator[Finding]:
    """--dump_graphviz never got so far: argparse found two flags that begin so."""
    if any(use.name == "dump_graphviz" for use in case.command.uses):
        yield Finding(
            rule="renamed",
            severity=Severity.REFUSED,
            what="--dump_graphviz is a name of the TOCO binary; its message, Use "
            "--dump_graphviz_dir instead of --dump_graphviz, was never reached",
            said="ambiguous option: --dump_graphviz could match --dump_graphviz_dir, "
            "--dump_graphviz_video",
            remedy="write --dump_graphviz_dir",
        )


def singular_and_plural_do_not_mix(case: Case) -> Iterator[Finding]:
    """Rule 11: one form for one input, another for several."""
    if not case.is_toco:
        return
    names = {use.name for use in case.command.uses}
    if {"output_array", "output_arrays"} <= names:
        yield Finding(
            rule="singular-plural",
            severity=Severity.REFUSED,
            what="--output_array and --output_arrays are both there",
            said="The --output_array and --vs flags are mutually exclusive.",
            remedy="keep --output_arrays",
        )
    if names & set(_SINGULAR) and names & set(_PLURAL):
        yield Finding(
            rule="singular-plural",
            severity=Severity.REFUSED,
            what="singular and plural flags for inputs are mixed: "
            + ", ".join(f"--{n}" for n in (*_SINGULAR, *_PLURAL) if n in names),
            said="Use either the singular-form input flags (--input_array, "
            "--input_shape, --mean_value, --std_value) or the plural form input flags "
            "(--input_arrays, --input_shapes, --mean_values, --std_values), but not "
            "both forms within the same command line.",
            remedy="write the plural forms",
        )


RULES = (
    graph_def_needs_arrays,
    shapes_go_with_arrays,
    video_needs_a_folder,
    custom_opdefs_need_company,
    user_ops_need_select_ops,
    renamed_flags,
    singular_and_plural_do_not_mix,
)
