"""The Python that stands for a line."""

from __future__ import annotations

import ast

import pytest

from hil.conversion.legacy.explain import explain

_GRAPH = "tflite_convert --output_file=o.tflite --graph_def_file=g.pb "
_GRAPH += "--input_arrays=x --output_arrays=y "
_Q = "--inference_type=QUANTIZED_UINT8 --mean_values=128 --std_dev_values=127 "


def _code(line):
    code = explain([line]).code
    compile(code, "line", "exec")
    return code


@pytest.mark.parametrize(
    ("line", "holds", "lacks"),
    [
        (
            _GRAPH + _Q,
            [
                "converter.optimizations = [tf.lite.Optimize.DEFAULT]",
                "converter.inference_input_type = tf.uint8",
                "converter.inference_output_type = tf.uint8",
                "RANGES = {'x': (-1.0078740157480315, 1.0)}",
                "# int8 inside and uint8 at the boundary: v2 has no uint8.",
                "scale = 1 / std and zero point = mean",
            ],
            ["compat.v1.lite"],
        ),
        (
            _GRAPH + _Q + "--inference_input_type=FLOAT",
            ["# a float boundary"],
            ["inference_input_type ="],
        ),
        (_GRAPH, ["from_concrete_functions"], ["optimizations", "Interpreter"]),
        (
            _GRAPH + "--post_training_quantize --quantize_to_float16",
            ["supported_types = [tf.float16]", "optimizations ="],
            [],
        ),
        (
            _GRAPH + "--quantize_to_float16",
            ["# --quantize_to_float16 alone had no effect"],
            ["supported_types ="],
        ),
        (
            _GRAPH + _Q + "--default_ranges_min=0 --default_ranges_max=6",
            [
                "tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(",
                "converter.default_ranges_stats = (0.0, 6.0)",
                "converter.quantized_input_stats = STATS",
            ],
            ["from_concrete_functions"],
        ),
        (
            _GRAPH
            + "--inference_input_type=UINT8 --mean_values=0 --std_dev_values=255",
            ["(tf.cast(tensor, tf.float32) - mean) / std", "tf.uint8"],
            ["optimizations"],
        ),
        (
            _GRAPH + "--target_ops=TFLITE_BUILTINS,SELECT_TF_OPS --allow_custom_ops "
            "--experimental_select_user_tf_ops=A,B --custom_opdefs=C",
            [
                "[tf.lite.OpsSet('TFLITE_BUILTINS'), tf.lite.OpsSet('SELECT_TF_OPS')]",
                "converter.allow_custom_ops = True",
                "experimental_select_user_tf_ops = ['A', 'B']",
                "register_custom_opdefs(['C'])",
            ],
            [],
        ),
        (
            (
                "tflite_convert --saved_model_dir=d --output_file=o "
                "--saved_model_tag_set=serve,gpu --saved_model_signature_key=s"
            ),
            ["from_saved_model('d', signature_keys=['s'], tags={'serve', 'gpu'})"],
            [],
        ),
        (
            "tflite_convert --keras_model_file=k.h5 --output_file=o",
            ["load_model('k.h5', compile=False)", "from_keras_model(model)"],
            [],
        ),
        (
            (
                "lite/toco/toco --input_file=g.pb --output_file=o --input_arrays=x "
                "--output_arrays=y --drop_fake_quant --enable_select_tf_ops"
            ),
            ['op="Identity"', "tf.lite.OpsSet('SELECT_TF_OPS')"],
            [],
        ),
        (
            "lite/toco/toco --input_file=m.tflite --input_format=TFLITE",
            ["# hil quantize 'm.tflite' --recipe int8"],
            ["import"],
        ),
        (
            "tflite_convert --graph_def_file=g.pb --output_file=o",
            ['raise SystemExit("fill in INPUTS and OUTPUTS")'],
            [],
        ),
        ("tflite_convert --output_file=o", ["# There is no input"], ["import"]),
        (_GRAPH + "--inference_type=QUANTIZED_INT8", ["# The type in"], ["import"]),
    ],
)
def test_the_code_says_what_the_line_means(line, holds, lacks):
    code = _code(line)
    assert [piece for piece in holds if piece not in code] == []
    assert [piece for piece in lacks if piece in code] == []


@pytest.mark.parametrize(
    "hostile",
    [
        '\'+__import__("os").system("id")+\'',
        '"; import os',
        "\\",
        "a\nimport os",
        "{x}",
        "\ud800",
    ],
)
def test_no_name_in_a_line_becomes_code(hostile):
    words = [
        "tflite_convert",
        f"--output_file={hostile}",
        f"--graph_def_file={hostile}",
        f"--input_arrays={hostile}",
        f"--output_arrays={hostile}",
        "--saved_model_tag_set=" + hostile,
        "--custom_opdefs=" + hostile,
    ]
    for words_now in (
        words,
        [w.replace("graph_def_file", "saved_model_dir") for w in words],
    ):
        tree = ast.parse(explain(words_now).code)
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert imported == {"tensorflow"}
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "__import__" not in called
