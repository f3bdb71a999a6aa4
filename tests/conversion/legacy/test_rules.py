"""Every refusal, silence and difference, with its message."""

from __future__ import annotations

import pytest

from hil.conversion.legacy.explain import explain
from hil.conversion.legacy.findings import Severity
from hil.conversion.legacy.flags import Generation

_V1 = "tflite_convert --output_file=o "
_GRAPH = _V1 + "--graph_def_file=g.pb --input_arrays=x --output_arrays=y "
_TOCO = "lite/toco/toco --input_file=g.pb --output_file=o "
_TOCO_XY = _TOCO + "--input_arrays=x --output_arrays=y "
_Q = "--inference_type=QUANTIZED_UINT8 "
_S = "--mean_values=128 --std_dev_values=127 "
_TS = "--mean_values=128 --std_values=127 "
_OLD = "--experimental_new_converter=false "
_NEEDS_STATS = (
    "The `quantized_input_stats` flag must be defined when either `inference_type` "
    "flag or `inference_input_type` flag is set to tf.int8 or tf.uint8. Currently, "
    "`inference_type=tf.uint8` and `inference_input_type=None`."
)
_NO_SUCH_TYPE = (
    "Unsupported value for `inference_type` flag. Expected FLOAT, INT8, UINT8, or "
    "QUANTIZED_UINT8 instead got QUANTIZED_INT8."
)
_OVERRIDE = (
    "--post_training_quantize quantizes a graph of inference_type FLOAT. Overriding "
    "inference_type to FLOAT."
)
_AMBIGUOUS = (
    "ambiguous option: --dump_graphviz could match --dump_graphviz_dir, "
    "--dump_graphviz_video"
)
_FLOAT16 = (
    "--quantize_to_float16 will only take effect with the --post_training_quantize "
    "flag enabled."
)
_USER_OPS = "--experimental_select_user_tf_ops=a --target_ops=SELECT_TF_OPS "
_NEEDS_NEW = (
    "--experimental_select_user_tf_ops must be used with --experimental_new_converter"
)
_ABORT = "is lacking min/max data, which is necessary for quantization"

R, I, D, C, N = (  # noqa: E741 - as the columns below
    Severity.REFUSED,
    Severity.IGNORED,
    Severity.DIFFERS,
    Severity.CHECK,
    Severity.NOTE,
)

# line, rule, severity, a piece of what it says
_CASES = [
    # 1
    (
        _V1 + "--graph_def_file=g.pb",
        "arrays-required",
        R,
        "--input_arrays and --output_arrays are required with --graph_def_file",
    ),
    (_TOCO, "arrays-required", C, "TOCO tried to read it from the file"),
    # 2
    (
        _V1 + "--saved_model_dir=d --input_shapes=1,2",
        "shapes-with-arrays",
        R,
        "--input_shapes must be used with --input_arrays",
    ),
    (
        _GRAPH + "--input_shapes=1,2:3",
        "shapes-with-arrays",
        R,
        "--input_shapes and --input_arrays must have the same number of items",
    ),
    (
        _TOCO_XY + "--input_shapes=1,2:3",
        "shapes-with-arrays",
        R,
        "Check failed: input_shapes.size()",
    ),
    # 3
    (
        _GRAPH + _Q + "--mean_values=1",
        "mean-with-std",
        R,
        "--std_dev_values and --mean_values must be used together",
    ),
    (
        _GRAPH + _Q + "--std_dev_values=1",
        "mean-with-std",
        R,
        "--std_dev_values and --mean_values must be used together",
    ),
    (
        _GRAPH + _Q + "--mean_values=1,2 --std_dev_values=1",
        "mean-with-std",
        R,
        "--std_dev_values, --mean_values must have the same number of items",
    ),
    (
        _GRAPH + _Q + "--mean_values=1,2 --std_dev_values=1,2",
        "mean-with-std",
        R,
        "Mismatching --input_arrays, --std_dev_values, and --mean_values.",
    ),
    (
        _TOCO_XY + _Q + "--mean_values=1,2 --std_values=1,2",
        "mean-with-std",
        R,
        "Check failed: mean_values.size()",
    ),
    (_TOCO_XY + _Q + "--mean_values=1", "mean-with-std", N, "TOCO took 1"),
    # 4
    (
        _GRAPH + _Q + _S + "--default_ranges_min=0",
        "default-ranges-pair",
        R,
        "--default_ranges_min and --default_ranges_max must be used together",
    ),
    (
        _TOCO_XY + _Q + _TS + "--default_ranges_max=6",
        "default-ranges-pair",
        I,
        "TOCO used neither end",
    ),
    # 5
    (
        _GRAPH + "--dump_graphviz_video",
        "video-needs-dir",
        R,
        "--dump_graphviz_video must be used with --dump_graphviz_dir",
    ),
    (_TOCO_XY + "--dump_graphviz_video", "video-needs-dir", I, "no folder"),
    # 6
    (
        _GRAPH
        + "--custom_opdefs=a --allow_custom_ops --experimental_new_converter=false",
        "custom-opdefs",
        R,
        "--custom_opdefs must be used with --experimental_new_converter",
    ),
    (
        _GRAPH + "--custom_opdefs=a",
        "custom-opdefs",
        R,
        "--custom_opdefs must be used with --allow_custom_ops",
    ),
    # 7
    (
        _GRAPH + "--experimental_select_user_tf_ops=a",
        "user-ops",
        R,
        "can only be set if --target_ops contains SELECT_TF_OPS.",
    ),
    (
        _GRAPH + _USER_OPS + _OLD,
        "user-ops",
        R,
        _NEEDS_NEW,
    ),
    # 8
    (
        _GRAPH + _Q,
        "stats-required",
        R,
        _NEEDS_STATS,
    ),
    (
        _GRAPH + "--inference_input_type=INT8",
        "stats-required",
        R,
        "`inference_type=tf.float32` and `inference_input_type=tf.int8`.",
    ),
    (_TOCO_XY + _Q, "stats-required", C, _ABORT),
    # 9
    (
        _V1 + "--saved_model_dir=d " + _Q + _S,
        "stats-by-name",
        C,
        "Quantization input stats are not available for input tensors",
    ),
    # 10
    (
        "tflite_convert --input_file=a --output_file=o",
        "renamed",
        R,
        "Use --graph_def_file instead of --input_file",
    ),
    (
        "tflite_convert --savedmodel_directory=a --output_file=o",
        "renamed",
        R,
        "Use --saved_model_dir instead of --savedmodel_directory",
    ),
    (
        _GRAPH + "--std_value=1",
        "renamed",
        R,
        "Use --std_dev_values instead of --std_value",
    ),
    (
        _GRAPH + "--std_values=1",
        "renamed",
        R,
        "Use --std_dev_values instead of --std_value",
    ),
    (
        _GRAPH + "--batch_size=1",
        "renamed",
        R,
        "Use --input_shapes instead of --batch_size",
    ),
    (
        _GRAPH + "--dump_graphviz=/tmp",
        "renamed",
        R,
        _AMBIGUOUS,
    ),
    # 11
    (
        _TOCO_XY + "--output_array=y",
        "singular-plural",
        R,
        "The --output_array and --vs flags are mutually exclusive.",
    ),
    (
        _TOCO_XY + "--mean_value=1",
        "singular-plural",
        R,
        "but not both forms within the same command line.",
    ),
    # 12
    (
        _TOCO_XY + _Q + _TS + "--inference_input_type=FLOAT",
        "float-input",
        R,
        "Quantized inference is not allowed with float inputs.",
    ),
    (
        _GRAPH + _Q + _S + "--inference_input_type=FLOAT",
        "float-input",
        D,
        "the input AND the output are float32",
    ),
    # 13
    (_GRAPH + _Q + _S, "lacking-min-max", C, _ABORT),
    (_GRAPH + _Q + _S, "lacking-min-max", C, "TF 2.21 ends without an error"),
    (_TOCO_XY + _Q + _TS, "lacking-min-max", C, _ABORT),
    # 14
    (
        _GRAPH + _Q + _S + "--post_training_quantize",
        "weights-only-wins",
        I,
        _OVERRIDE,
    ),
    (
        _TOCO_XY + _Q + _TS + "--quantize_weights",
        "weights-only-wins",
        I,
        "Overriding inference type QUANTIZED_UINT8 to FLOAT.",
    ),
    # 15
    (
        _GRAPH + "--quantize_to_float16",
        "float16-alone",
        I,
        _FLOAT16,
    ),
    # traps of tutorials
    (
        _GRAPH + "--inference_type=QUANTIZED_INT8 " + _S,
        "type-value",
        R,
        _NO_SUCH_TYPE,
    ),
    (
        _TOCO_XY + "--inference_type=QUANTIZED_INT8",
        "type-value",
        R,
        "Unrecognized IODataType value QUANTIZED_INT8",
    ),
    (_TOCO_XY + "--inference_type=float", "type-value", R, "TOCO wanted capitals"),
    (
        _GRAPH + _Q + _S + "--inference_output_type=FLOAT",
        "no-output-type",
        I,
        "was never a flag of any generation",
    ),
    (
        _GRAPH + "--inference_type=INT8 --mean_values=-0.5 --std_dev_values=127.7",
        "mean-is-int",
        R,
        "ValueError: invalid literal for int() with base 10: '-0.5'",
    ),
    (
        _GRAPH + _Q + "--mean_values=127.5 --std_dev_values=127.5",
        "mean-is-int",
        R,
        "127.5 becomes 128 with std 127",
    ),
    (
        _TOCO_XY + _Q + "--mean_values=127.5 --std_values=127.5",
        "mean-is-int",
        N,
        "the range moved to mean 128",
    ),
    (_GRAPH + _Q + _S, "fake-quant-wins", C, "-1..1 gives 2/255 = 0.0078431"),
    (_GRAPH + _S, "mean-unused", N, "they do not normalize"),
    (
        _GRAPH + "--post_training_quantize",
        "small-weights",
        C,
        "fewer than 1024 elements stay float32",
    ),
    # names, dashes, values
    (
        _GRAPH + "--inferfence_type=QUANTIZED_UINT8",
        "unknown",
        I,
        "did you mean 'inference_type'?",
    ),
    (
        _GRAPH + "--input_format=TENSORFLOW_GRAPHDEF",
        "ignored",
        I,
        "--input_format is a flag of toco only",
    ),
    (_GRAPH + "-inference_type=INT8", "ignored", I, "argparse wanted two plain dashes"),
    (_GRAPH + "—inference_type=INT8", "ignored", I, "write --inference_type=INT8"),
    (_GRAPH + "--noallow_custom_ops", "ignored", I, "no generation had --noNAME"),
    (
        _TOCO_XY + "--inference_type FLOAT",
        "ignored",
        I,
        "with a blank both words were passed over",
    ),
    (_TOCO_XY + "-allow_custom_ops", "ignored", I, "TOCO wanted two plain dashes"),
    (_TOCO_XY + "--mean=1", "unknown", I, "a flag of no generation"),
    (
        _TOCO_XY + "--allow_custom_ops=1",
        "grammar",
        R,
        "Couldn't interpret value =1 for flag allow_custom_ops.",
    ),
    (
        _TOCO_XY + "--default_ranges_min=x",
        "grammar",
        R,
        "Couldn't interpret value x for flag default_ranges_min.",
    ),
    (
        _TOCO_XY + "--allow_custom_opsx",
        "grammar",
        R,
        "Couldn't interpret value x for flag allow_custom_ops.",
    ),
    (
        "tflite_convert --graph_def_file=g --input_arrays=x --output_arrays=y",
        "grammar",
        R,
        "the following arguments are required: --output_file",
    ),
    (_GRAPH + "--saved_model_dir=d", "grammar", R, "not allowed with argument"),
    (_GRAPH + "--input_shapes", "grammar", R, "expected one argument"),
    (
        _GRAPH + "--post_training_quantize=true",
        "grammar",
        R,
        "ignored explicit argument 'true'",
    ),
    (_GRAPH + "--output_format=DOT", "grammar", R, "invalid choice: 'DOT'"),
    (
        _GRAPH + "--allow_custom_ops=1",
        "grammar",
        R,
        "Must use flag alone, or specify true/false.",
    ),
    (
        _GRAPH + "--default_ranges_min=a --default_ranges_max=1",
        "grammar",
        R,
        "invalid float value: 'a'",
    ),
    (
        "lite/toco/toco --output_file=o",
        "required",
        R,
        "Missing required flag input_file",
    ),
    (
        "tflite_convert --output_file=o",
        "required",
        R,
        "one of the arguments --saved_model_dir --keras_model_file is required",
    ),
    (
        _GRAPH + "--input_shape=1,2",
        "abbreviated",
        N,
        "--input_shape was read as --input_shapes",
    ),
    (_GRAPH + "--output_arrays=a, b", "stray", I, "a list has commas and no blanks"),
    (_GRAPH + _Q + "--mean_values=a --std_dev_values=1", "value", R, "is not numbers"),
    (
        _GRAPH + _Q + "--mean_values=0 --std_dev_values=0",
        "value",
        R,
        "a std must be above 0",
    ),
    (
        _GRAPH + _Q + _S + "--default_ranges_min=1 --default_ranges_max=3",
        "value",
        D,
        "the range is widened",
    ),
    (_GRAPH + "--input_shapes=$SHAPE", "variable", N, "--input_shapes=$SHAPE"),
    # what differs today
    (
        _V1 + "--saved_model_dir=d --post_training_quantize",
        "pasted",
        D,
        "a float model, and exit status 0",
    ),
    (
        _V1 + "--saved_model_dir=d --output_format=TFLITE",
        "pasted",
        N,
        "passes over --output_format",
    ),
    (_GRAPH, "pasted", N, "tflite_convert: error: one of the arguments"),
    (
        _V1 + "--keras_model_file=k.h5",
        "keras-file",
        D,
        "TypeError: 'NoneType' object is not callable",
    ),
    (
        _GRAPH + "--experimental_new_converter=false",
        "old-converter",
        D,
        "The old converter is deprecated.",
    ),
    (
        _GRAPH + "--output_format=GRAPHVIZ_DOT",
        "output-format",
        D,
        "writes a .tflite into the file instead",
    ),
    (
        _TOCO_XY + "--output_format=TENSORFLOW_GRAPHDEF",
        "output-format",
        D,
        "no converter of today does",
    ),
    (_TOCO_XY + "--input_format=TFLITE", "input-format", D, "hil quantize"),
    (
        _GRAPH + _Q + _S,
        "uint8-inside",
        C,
        "Hybrid models are not supported on TFLite Micro.",
    ),
    (_TOCO_XY + "--inference_type=QUANTIZED_INT16 " + _TS, "int16-inside", D, "16x8"),
    (
        _GRAPH + "--inference_input_type=UINT8 " + _S,
        "float-with-quantized-input",
        C,
        "quantizes the WHOLE graph to uint8",
    ),
    (
        _GRAPH + "--inference_type=INT8 --inference_input_type=UINT8 " + _S,
        "mixed-types",
        D,
        "makes everything uint8",
    ),
    (
        _TOCO_XY + "--arrays_extra_info_file=f",
        "no-equivalent",
        D,
        "put a FakeQuant with these ranges into the graph",
    ),
    (
        _TOCO_XY + "--reorder_across_fake_quant",
        "no-equivalent",
        N,
        "moved FakeQuant nodes",
    ),
    (_GRAPH + "--conversion_summary_dir=d", "no-equivalent", N, "ir_dump_dir"),
    (
        _GRAPH + _Q + _S + "--default_ranges_min=0 --default_ranges_max=6",
        "default-ranges",
        N,
        "default_ranges_stats",
    ),
]


@pytest.mark.parametrize(("line", "rule", "severity", "says"), _CASES)
def test_the_rule_speaks_with_its_message(line, rule, severity, says):
    explanation = explain([line])
    found = [f for f in explanation.findings if f.rule == rule]
    assert found, [f.rule for f in explanation.findings]
    texts = [f"{f.what}\n{f.said}\n{f.today}\n{f.remedy}" for f in found]
    assert any(says in text for text in texts), texts
    assert severity in {finding.severity for finding in found}
    assert explanation.is_sound is not any(
        finding.severity in {R, I, D} for finding in explanation.findings
    )


def test_every_rule_has_a_case():
    tested = {rule for _, rule, _, _ in _CASES}
    written = {
        finding.rule for line, _, _, _ in _CASES for finding in explain([line]).findings
    }
    assert written <= tested


@pytest.mark.parametrize(
    "line",
    [
        "tflite_convert --saved_model_dir=d --output_file=o",
        _GRAPH,
        _GRAPH + "--enable_v1_converter",
        _GRAPH + "--post_training_quantize",
        _GRAPH + "--post_training_quantize --quantize_to_float16",
        _GRAPH + _Q + _S,
        _TOCO_XY,
        _TOCO_XY + _Q + _TS,
        _TOCO_XY + _Q + _TS + "--default_ranges_min=-6 --default_ranges_max=6",
        _TOCO + "--input_array=x --output_array=y --input_shape=1,2 --mean_value=1 "
        "--std_value=2 " + _Q,
    ],
)
def test_a_sound_line_is_called_sound(line):
    explanation = explain([line])
    broken = [f for f in explanation.findings if f.severity.is_broken]
    assert not broken
    assert explanation.is_sound


def test_v2_passes_over_what_only_v1_knew():
    line = _V1 + "--saved_model_dir=d --post_training_quantize --inference_type=INT8"
    explanation = explain([line], Generation.V2)
    (finding,) = [f for f in explanation.findings if f.rule == "pasted"]
    assert finding.severity is I
    assert "--inference_type, --post_training_quantize" in finding.what
    assert explanation.then[-1].startswith("wrote a float model")
    assert not explanation.is_sound


def test_what_refused_the_line_is_told_as_what_it_did():
    (told,) = explain([_V1 + "--graph_def_file=g.pb"]).then
    assert told.startswith("it ended with an error and wrote no file: --input_arrays")


def test_a_line_that_toco_refused_may_run_today():
    line = _TOCO_XY + _Q + _TS + "--inference_input_type=FLOAT"
    explanation = explain([line])
    assert not explanation.is_sound
    assert not any(finding.stops for finding in explanation.findings)


def test_a_type_that_never_was_is_not_taken_for_float():
    explanation = explain([_GRAPH + "--inference_type=QUANTIZED_INT8 " + _S])
    assert "mean-unused" not in {finding.rule for finding in explanation.findings}
