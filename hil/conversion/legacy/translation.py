"""A line as Python for TF 2.21: a whole script, with its own proof at the end.

Names and paths get into it by repr() alone, so that none of them can be code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.conversion.legacy.intent import LIMITS, Source, implied_range

if TYPE_CHECKING:
    from hil.conversion.legacy.intent import Intent

_GRAPH = """\
graph_def = tf.compat.v1.GraphDef.FromString(Path({path}).read_bytes())
{drop}with tf.Graph().as_default() as graph:
    tf.graph_util.import_graph_def(graph_def, name="")


def port(name):
    return name if ":" in name else name + ":0"


def spec(name):
    tensor = graph.get_tensor_by_name(port(name))
    shape = SHAPES.get(name) or [size or 1 for size in tensor.shape.as_list()]
    return tf.TensorSpec(shape, {dtype})

{feed}
@tf.function(input_signature=[spec(name) for name in INPUTS])
def model(*tensors):
    feed = {{port(n): fed(n, tensor) for n, tensor in zip(INPUTS, tensors)}}
    return tf.graph_util.import_graph_def(
        graph_def,
        input_map=feed,
        return_elements=[port(name) for name in OUTPUTS],
        name="",
    )


converter = tf.lite.TFLiteConverter.from_concrete_functions(
    [model.get_concrete_function()], model
)"""
_FEED_AS_IT_IS = """
def fed(name, tensor):
    return tensor

"""
_FEED_RANGE = """
def fed(name, tensor):
    # A FakeQuant in the graph wins over mean and std, then as now.
    for node in graph_def.node:
        if node.op.startswith("FakeQuant") and port(node.input[0]) == port(name):
            return tensor
    low, high = RANGES[name]
    return tf.quantization.fake_quant_with_min_max_args(tensor, low, high)

"""
_FEED_DEQUANTIZED = """
def fed(name, tensor):
    # The v2 converter has no quantized input for a float model: a plain integer one.
    mean, std = STATS[name]
    return (tf.cast(tensor, tf.float32) - mean) / std

"""
_CHECK = """
# real = (q - mean) / std, so scale = 1 / std and zero point = mean
interpreter = Interpreter(model_content=tflite_model)
tensors = interpreter.get_tensor_details()
floats = [t["name"] for t in tensors if t["dtype"].__name__ == "float32"]
if floats:
    raise SystemExit(f"not quantized, for want of a FakeQuant: {floats[:5]}")
for (mean, std), detail in zip(STATS.values(), interpreter.get_input_details()):
    scale, zero_point = detail["quantization"]
    print(detail["name"], detail["dtype"].__name__, scale, zero_point)
    if abs(scale * std - 1) > 1e-4 or abs(zero_point - mean) > 0.5:
        raise SystemExit(
            f"scale {scale:.7g} and zero point {zero_point}, not {1 / std:.7g} and "
            f"{mean:g}: the range of a FakeQuant on the input wins, or it has none"
        )"""
_DROP = """\
for node in graph_def.node:  # --drop_fake_quant
    if node.op.startswith("FakeQuant"):
        kept = tf.compat.v1.NodeDef(name=node.name, op="Identity")
        kept.input.append(node.input[0])
        kept.attr["T"].type = tf.float32.as_datatype_enum
        node.CopyFrom(kept)
"""


def translate(intent: Intent) -> str:
    """Return a script that does today what the line means."""
    nothing = _nothing_to_translate(intent)
    if nothing is not None:
        return "\n".join(f"# {line}" for line in nothing) + "\n"
    needs_v1 = intent.is_quantized and None not in {intent.range_min, intent.range_max}
    is_graph = intent.source is Source.GRAPH_DEF
    lines = _imports(intent)
    if is_graph:
        lines += _names(intent)
    lines += _stats(intent, with_ranges=is_graph and not needs_v1)
    lines.append(_v1_converter(intent) if needs_v1 else _v2_converter(intent))
    lines += _quantization_v1(intent) if needs_v1 else _quantization_v2(intent)
    lines += _operators(intent)
    lines.append("tflite_model = converter.convert()")
    lines.append(f"Path({intent.output or 'model.tflite'!r}).write_bytes(tflite_model)")
    if _is_checked(intent):
        lines.append(_CHECK)
    return "\n".join(lines) + "\n"


def _nothing_to_translate(intent: Intent) -> list[str] | None:
    if intent.source is None:
        return ["There is no input in the line, so there is nothing to translate."]
    if intent.source is Source.TFLITE:
        return [
            "No converter of TensorFlow reads a .tflite any more. In a shell:",
            f"hil quantize {intent.path!r} --recipe int8 --calibration DATA",
        ]
    if intent.output_format == "TENSORFLOW_GRAPHDEF":
        return ["No converter of today writes a GraphDef."]
    if intent.dtype is None or intent.input_dtype is None:
        return ["The type in the line never was one; see the findings."]
    if intent.is_quantized and "int16" in {intent.dtype, intent.input_dtype}:
        return [
            "int16 activations need a representative dataset today. In a shell:",
            f"hil convert {intent.path!r}, with int16x8 and calibration data",
        ]
    return None


def _imports(intent: Intent) -> list[str]:
    lines = ["from pathlib import Path", "", "import tensorflow as tf"]
    if _is_checked(intent):
        lines.append("from ai_edge_litert.interpreter import Interpreter")
    if intent.custom_opdefs:
        lines.append(
            "from tensorflow.lite.python.convert import register_custom_opdefs"
        )
    return [*lines, ""]


def _names(intent: Intent) -> list[str]:
    shapes = dict(zip(intent.input_arrays, intent.input_shapes, strict=False))
    lines = [
        f"INPUTS = {list(intent.input_arrays)!r}",
        f"OUTPUTS = {list(intent.output_arrays)!r}",
        f"SHAPES = {shapes!r}  # of the others the graph's own, with 1 for unknown",
    ]
    if not intent.input_arrays or not intent.output_arrays:
        lines.append('raise SystemExit("fill in INPUTS and OUTPUTS")')
    return lines


def _stats(intent: Intent, *, with_ranges: bool) -> list[str]:
    """Return the means and stds, and the ranges that follow from them."""
    if not _uses_stats(intent):
        return []
    names = intent.input_arrays or tuple(f"input {i}" for i in range(len(intent.stats)))
    stats = dict(zip(names, intent.stats, strict=False))
    lines = [f"STATS = {stats!r}  # (mean, std) of each input"]
    dtype = intent.input_dtype if intent.input_dtype in LIMITS else intent.dtype
    if with_ranges and intent.is_quantized and dtype in LIMITS:
        ranges = {n: implied_range(*pair, dtype) for n, pair in stats.items()}
        low, high = LIMITS[dtype]
        lines.append(f"RANGES = {ranges!r}  # (q - mean) / std of {low} and {high}")
    return [*lines, ""]


def _uses_stats(intent: Intent) -> bool:
    quantized = intent.is_quantized or intent.input_dtype in LIMITS
    return quantized and bool(intent.stats) and min(intent.stds) > 0


def _is_checked(intent: Intent) -> bool:
    """Say whether the input has a scale to be held against mean and std."""
    takes_integers = intent.input_dtype in LIMITS and intent.is_quantized
    return takes_integers and _uses_stats(intent)


def _v2_converter(intent: Intent) -> str:
    if intent.source is Source.SAVED_MODEL:
        arguments = [repr(intent.path)]
        if intent.signature:
            arguments.append(f"signature_keys={[intent.signature]!r}")
        if intent.tags:
            arguments.append(f"tags={{{', '.join(repr(tag) for tag in intent.tags)}}}")
        listed = ", ".join(arguments)
        return f"converter = tf.lite.TFLiteConverter.from_saved_model({listed})"
    if intent.source is Source.KERAS:
        return (
            f"model = tf.keras.models.load_model({intent.path!r}, compile=False)\n"
            "converter = tf.lite.TFLiteConverter.from_keras_model(model)"
        )
    feed, dtype = _FEED_AS_IT_IS, "tensor.dtype"
    if _uses_stats(intent):
        feed = _FEED_RANGE if intent.is_quantized else _FEED_DEQUANTIZED
        if not intent.is_quantized:
            dtype = f"tf.{intent.input_dtype}"
    return _GRAPH.format(
        path=repr(intent.path),
        drop=_DROP if intent.drop_fake_quant else "",
        dtype=dtype,
        feed=feed,
    )


def _quantization_v2(intent: Intent) -> list[str]:
    if intent.is_quantized:
        lines = ["converter.optimizations = [tf.lite.Optimize.DEFAULT]"]
        if intent.low_bits:
            lines.append("converter._experimental_low_bit_qat = True")
        if intent.input_dtype in LIMITS:
            for side, dtype in (("in", intent.input_dtype), ("out", intent.dtype)):
                lines.append(f"converter.inference_{side}put_type = tf.{dtype}")
        else:
            lines.append("# a float boundary, as --inference_input_type=FLOAT asks")
        if "uint8" in {intent.dtype, intent.input_dtype}:
            lines.insert(0, "# int8 inside and uint8 at the boundary: v2 has no uint8.")
        return lines
    lines = []
    if intent.input_dtype in LIMITS and intent.source is not Source.GRAPH_DEF:
        lines.append("# no equivalent: the v2 converter gives a float model float")
        lines.append("# inputs; put (q - mean) / std into the model")
    if intent.quantize_weights:
        lines.append("converter.optimizations = [tf.lite.Optimize.DEFAULT]")
        if intent.float16:
            lines.append("converter.target_spec.supported_types = [tf.float16]")
    elif intent.float16:
        lines.append("# --quantize_to_float16 alone had no effect, and has none")
    return lines


def _v1_converter(intent: Intent) -> str:
    """Return a converter that still knows default ranges."""
    cls = "tf.compat.v1.lite.TFLiteConverter"
    if intent.source is Source.SAVED_MODEL:
        return f"converter = {cls}.from_saved_model({intent.path!r})"
    if intent.source is Source.KERAS:
        return f"converter = {cls}.from_keras_model_file({intent.path!r})"
    shapes = ", SHAPES" if intent.input_shapes else ""
    return (
        f"converter = {cls}.from_frozen_graph(\n"
        f"    {intent.path!r}, INPUTS, OUTPUTS{shapes}\n)"
    )


def _quantization_v1(intent: Intent) -> list[str]:
    ranges = f"({intent.range_min!r}, {intent.range_max!r})"
    lines = [
        "# the v2 converter has no default ranges",
        f"converter.inference_type = tf.{intent.dtype}",
        f"converter.inference_input_type = tf.{intent.input_dtype}",
        f"converter.default_ranges_stats = {ranges}",
    ]
    if _uses_stats(intent):
        names = "STATS"
        if not intent.input_arrays:
            names = "dict(zip(converter.get_input_arrays(), STATS.values()))"
        lines.append(f"converter.quantized_input_stats = {names}")
    return lines


def _operators(intent: Intent) -> list[str]:
    lines = []
    if intent.custom_opdefs:
        lines.append(f"register_custom_opdefs({list(intent.custom_opdefs)!r})")
    if intent.allow_custom_ops:
        lines.append("converter.allow_custom_ops = True")
    if intent.target_ops:
        names = ", ".join(f"tf.lite.OpsSet({name!r})" for name in intent.target_ops)
        lines.append(f"converter.target_spec.supported_ops = [{names}]")
    if intent.user_ops:
        lines.append(
            "converter.target_spec.experimental_select_user_tf_ops = "
            f"{list(intent.user_ops)!r}"
        )
    return lines
