"""What a line does not say as its writer thinks: names, values, dashes, silences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.findings import Case, Finding, Severity
from hil.conversion.legacy.flags import Generation, flags, flags_of
from hil.conversion.legacy.grammar import Standing, is_variable
from hil.conversion.legacy.intent import DTYPES, LIMITS
from hil.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.conversion.legacy.grammar import Reading

_RENAMED_BY_RULE = ("input_file", "savedmodel_directory", "std_value", "batch_size")
_TYPES = ("inference_type", "inference_input_type")


def line_is_refused(case: Case) -> Iterator[Finding]:
    """What the tool's own parser refused before it looked at any meaning."""
    error = case.readings.error
    if error is None or "--dump_graphviz=" in error:
        return  # the second is told by the rule on renamed flags
    yield Finding(
        rule="grammar",
        severity=Severity.REFUSED,
        what="the line was refused before any model was read",
        said=error,
        remedy="see --output_file and the input flag: each line needs both"
        if "required" in error
        else None,
        stops="required" in error,
    )


def toco_needs_input_and_output(case: Case) -> Iterator[Finding]:
    """TOCO's required flags; argparse tells its own (line_is_refused)."""
    if case.generation is Generation.V2 and case.intent.source is None:
        yield Finding(
            rule="required",
            severity=Severity.REFUSED,
            what="there is no input that v2 reads",
            said="one of the arguments --saved_model_dir --keras_model_file is "
            "required",
            remedy="add --saved_model_dir=DIR",
            stops=True,
        )
    if not case.is_toco:
        return
    for missing, name in (
        (case.intent.path is None, "--input_file"),
        (case.intent.output is None, "--output_file"),
    ):
        if missing:
            yield Finding(
                rule="required",
                severity=Severity.REFUSED,
                what=f"{name} is not there",
                said=f"Missing required flag {name.removeprefix('--')}",
                remedy=f"add {name}=FILE",
                stops=name == "--input_file",
            )


def ignored_flags(case: Case) -> Iterator[Finding]:
    """Unknown arguments were tolerated, and so were misspelt ones."""
    for item in case.readings.items:
        if item.standing is Standing.IGNORED and not _told_elsewhere(case, item):
            yield _ignored(case, item)


def _told_elsewhere(case: Case, item: Reading) -> bool:
    name = item.use.name
    if name in {"inference_output_type", "enable_v1_converter"}:
        return True
    renamed = name.startswith(_RENAMED_BY_RULE) and item.use.dashes == "--"
    return case.generation is Generation.V1 and renamed


def _ignored(case: Case, item: Reading) -> Finding:
    use, flag = item.use, item.flag
    known = flags_of(case.generation)
    if use.name in known or (flag is not None and use.name != flag.name):
        meant = f"--{flag.name}" if flag is not None else f"--{use.name}"
        value = "" if item.value is None else f"={item.value}"
        return Finding(
            rule="ignored",
            severity=Severity.IGNORED,
            what=f"{use.written}: {item.reason}",
            remedy=f"write {meant}{value}",
        )
    if flag is not None:
        owners = ", ".join(g.value for g in flag.types)
        return Finding(
            rule="ignored",
            severity=Severity.IGNORED,
            what=f"--{use.name} is a flag of {owners} only and had no effect here",
            remedy=nearest(use.name, known) or f"leave --{use.name} out",
        )
    return Finding(
        rule="unknown",
        severity=Severity.IGNORED,
        what=f"--{use.name} is a flag of no generation; it was passed over without a "
        "word, and the line did its work without it",
        remedy=nearest(use.name, known) or f"leave --{use.name} out",
    )


def stray_words(case: Case) -> Iterator[Finding]:
    """Words that belong to no flag were passed over as well."""
    strays = [word for word in case.command.strays if word != "--"]
    if strays:
        yield Finding(
            rule="stray",
            severity=Severity.IGNORED,
            what="words that belong to no flag were passed over: " + " ".join(strays),
            remedy="quote values that hold blanks; a list has commas and no blanks",
        )


def abbreviated_flags(case: Case) -> Iterator[Finding]:
    """The beginning of a name was enough for argparse."""
    for item in case.readings.items:
        if item.standing is Standing.ABBREVIATED and item.flag is not None:
            yield Finding(
                rule="abbreviated",
                severity=Severity.NOTE,
                what=f"--{item.use.name} was read as --{item.flag.name}: argparse "
                "takes the beginning of a name where only one flag begins so",
            )


def legal_types(case: Case) -> Iterator[Finding]:
    """QUANTIZED_INT8, the value that never was, and its like."""
    if not case.reads_flags:
        return
    for name in _TYPES:
        value = case.readings.value(name)
        allowed = flags()[name].values[case.generation]
        if value is None or is_variable(value):
            continue
        is_legal = value in allowed if case.is_toco else value.upper() in allowed
        if is_legal:
            continue
        said = f"Unsupported value for `{name}` flag. Expected FLOAT, INT8, UINT8, or "
        said += f"QUANTIZED_UINT8 instead got {value.upper()}."
        if case.is_toco:
            said = f"Unrecognized IODataType value {value}"
        yield Finding(
            rule="type-value",
            severity=Severity.REFUSED,
            what=f"--{name}={value} was never a legal value"
            + (" (TOCO wanted capitals)" * (value.upper() in allowed)),
            said=said,
            remedy=f"one of {', '.join(allowed)}; "
            + (nearest(value.upper(), allowed) or "")
            + ("; int8 is written INT8" * (value.upper() == "QUANTIZED_INT8")),
            stops=value.upper() not in DTYPES,
        )


def no_output_type_flag(case: Case) -> Iterator[Finding]:
    """--inference_output_type exists in Python only."""
    if not any(use.name == "inference_output_type" for use in case.command.uses):
        return
    inside = (case.intent.dtype or "its type").replace("float32", "float32 (float)")
    yield Finding(
        rule="no-output-type",
        severity=Severity.IGNORED,
        what="--inference_output_type was never a flag of any generation; it was "
        f"passed over and the output stayed {inside}",
        today="an attribute of the v2 converter only; the v1 converter of TF 2.21 "
        "ignores the attribute too",
        remedy="converter.inference_output_type = tf.uint8 in Python (see the code)",
    )


def readable_values(case: Case) -> Iterator[Finding]:
    """Values that are not of their flag's type."""
    for item in case.intent.unreadable:
        yield Finding(
            rule="value",
            severity=Severity.REFUSED,
            what=f"--{item.flag}={item.value} is not {item.wanted}",
            remedy="numbers with a point, commas between them, no blanks",
            stops=True,
        )
    if not case.intent.unreadable:
        yield from _impossible_numbers(case)


def _impossible_numbers(case: Case) -> Iterator[Finding]:
    intent = case.intent
    if any(std <= 0 for std in intent.stds):
        yield Finding(
            rule="value",
            severity=Severity.REFUSED,
            what="a std must be above 0: real = (q - mean) / std",
            remedy="std = (qmax - qmin) / (max - min)",
            stops=True,
        )
    low, high = intent.range_min, intent.range_max
    if low is not None and high is not None and not low <= 0 <= high:
        yield Finding(
            rule="value",
            severity=Severity.DIFFERS,
            what=f"the default range {low:g}..{high:g} does not hold 0, which must be "
            "exact; the range is widened",
            remedy="a range from 0 or below to 0 or above",
        )


def mean_is_whole(case: Case) -> Iterator[Finding]:
    """tflite_convert reads the mean of a quantized run with int()."""
    intent = case.intent
    if not intent.means or intent.dtype not in LIMITS:
        return
    text = case.readings.value("mean_values") or ""
    broken = [part for part in text.split(",") if part and not _is_int(part)]
    if not broken:
        return
    value = broken[0].strip()
    whole = [mean for mean in intent.means if mean != int(mean)]
    if case.generation is Generation.V1:
        yield Finding(
            rule="mean-is-int",
            severity=Severity.REFUSED,
            what=f"the mean {value} of a quantized run: 0.0 must be exact, so the mean "
            "is read as a whole number (the document of TF 1 had this very example)",
            said=f"ValueError: invalid literal for int() with base 10: '{value}'",
            remedy=f"--mean_values={round(float(value))}; 127.5 becomes 128 with std "
            "127, or 127 with std 127.5",
        )
    elif whole:
        yield Finding(
            rule="mean-is-int",
            severity=Severity.NOTE,
            what=f"the mean {value} is no whole number; a zero point is one, so the "
            f"range moved to mean {round(whole[0])}",
        )


def means_without_effect(case: Case) -> Iterator[Finding]:
    """Mean and std describe a quantized input only."""
    intent = case.intent
    if not case.reads_flags or not intent.stats or intent.dtype in LIMITS:
        return
    if intent.input_dtype in LIMITS or None in {intent.dtype, intent.input_dtype}:
        return  # a type that never was is told by legal_types
    yield Finding(
        rule="mean-unused",
        severity=Severity.NOTE,
        what="mean and std have no effect on a float input; they do not normalize",
        remedy="normalize before the model, or put (x - mean) / std into it",
    )


def fake_quant_on_input_wins(case: Case) -> Iterator[Finding]:
    """The range of a FakeQuant beats mean and std."""
    intent = case.intent
    if not case.reads_flags or not intent.stats or intent.input_dtype not in LIMITS:
        return
    mean, std = intent.stats[0]
    if std <= 0:
        return
    yield Finding(
        rule="fake-quant-wins",
        severity=Severity.CHECK,
        what=f"scale 1/{std:g} = {1 / std:.7g} and zero point {mean:g} hold only where "
        "no FakeQuant stands on the input; its range wins and mean and std are "
        "ignored (-1..1 gives 2/255 = 0.0078431, whatever they say)",
        remedy="--run compares what came out with 1/std and the mean",
    )


def shell_variables(case: Case) -> Iterator[Finding]:
    """What only the shell of its writer knew."""
    held = [u.written for u in case.command.uses if u.value and is_variable(u.value)]
    if held:
        yield Finding(
            rule="variable",
            severity=Severity.NOTE,
            what="values with variables of a shell are taken as they stand: "
            + ", ".join(held),
            remedy="put the values in before --run",
        )


def small_weights_stay_float(case: Case) -> Iterator[Finding]:
    """Weights below 1024 elements are left out by post_training_quantize."""
    if case.reads_flags and case.intent.quantize_weights and not case.intent.float16:
        yield Finding(
            rule="small-weights",
            severity=Severity.CHECK,
            what="weights of fewer than 1024 elements stay float32, so the file "
            "shrinks by less than 4 (3.5 for the tutorial's model) and may be float "
            "altogether",
            remedy="--run tells how many weights were quantized; hil quantize does it "
            "without TensorFlow",
        )


def _is_int(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return is_variable(text)
    return True


RULES = (
    line_is_refused,
    toco_needs_input_and_output,
    ignored_flags,
    stray_words,
    abbreviated_flags,
    legal_types,
    no_output_type_flag,
    readable_values,
    mean_is_whole,
    means_without_effect,
    fake_quant_on_input_wins,
    shell_variables,
    small_weights_stay_float,
)
