"""The attributes of TensorFlow's converters. Imported in the worker's process only.

They are set by hil.conversion.options alone, for which each must be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow.lite.python.convert import register_custom_opdefs

from hil.conversion.options import set_option
from hil.conversion.request import Mode, SourceKind
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from hil.conversion.request import ConversionRequest, LegacyOptions
    from hil.conversion.source import Source

_OPS = {
    Mode.INT8: tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    Mode.INT16X8: (
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    ),
}


def check_ranges(request: ConversionRequest, source: Source) -> None:
    """Refuse a mode that the ranges in the graph, or their absence, make another.

    With a FakeQuant in the graph TensorFlow gives float without optimizations, and
    int8 with them, whatever was asked for; without one, and without data, float.
    """
    where, mode = str(request.source), request.mode
    if source.ranges:
        found = f"{len(source.ranges)} FakeQuant nodes: {source.ranges[0]}, ..."
        if mode is Mode.FLOAT and not request.float_from_qat:
            raise ConfigError(
                "the model was trained for int8, and float was asked for",
                where=where,
                found=found,
                allowed="int8, with the ranges that are in the graph",
                remedy="--to int8; or, where a float model is meant, --float-from-qat",
            )
        if mode is not Mode.FLOAT and mode is not Mode.INT8:
            raise ConfigError(
                f"the ranges in the graph are for int8, so it cannot be {mode.value}",
                where=where,
                found=found,
                allowed="int8, or float with --float-from-qat",
                remedy=f"the model before it was trained for int8 can be {mode.value}",
            )
    elif request.float_from_qat:
        raise ConfigError(
            "the graph has no range for integers, so it is float anyway",
            where=where,
            found="no FakeQuant node",
            remedy="leave --float-from-qat out",
        )
    elif mode.is_static and request.representative is None:
        raise ConfigError(
            f"{mode.value} needs representative data",
            where=where,
            found="none, and no FakeQuant node in the graph",
            allowed="sample inputs with the preprocessing of the model's training",
            remedy="--representative DATA, or a mode without: dynamic, float16",
        )


def configure(
    converter: tf.lite.TFLiteConverter,
    request: ConversionRequest,
    samples: npt.NDArray[np.generic] | None,
    *,
    has_ranges: bool,
) -> None:
    """Set on a v2 converter all that the mode and the types ask for."""
    if request.mode is Mode.FLOAT:
        return
    set_option(converter, "optimizations", [tf.lite.Optimize.DEFAULT])
    if request.mode is Mode.FLOAT16:
        set_option(converter.target_spec, "supported_types", [tf.float16])
    if not request.per_channel:
        set_option(converter, "_experimental_disable_per_channel", True)  # noqa: FBT003
    if not request.per_channel_dense:
        name = "_experimental_disable_per_channel_quantization_for_dense_layers"
        set_option(converter, name, True)  # noqa: FBT003
    if not request.mode.is_static:
        return
    if samples is not None:
        set_option(converter, "representative_dataset", lambda: _feed(samples))
    # Integer operators only, so that none becomes float in silence. For a graph with
    # ranges and no data TensorFlow refuses that setting; the result is checked anyway.
    if samples is not None or not has_ranges:
        set_option(converter.target_spec, "supported_ops", [_OPS[request.mode]])
    input_type, output_type = request.boundary
    set_option(converter, "inference_input_type", tf.as_dtype(input_type))
    set_option(converter, "inference_output_type", tf.as_dtype(output_type))


def legacy_converter(
    request: ConversionRequest, source: Source, kind: SourceKind, *, folder: Path
) -> tf.compat.v1.lite.TFLiteConverter:
    """Return a v1 converter with the legacy options set.

    Keras models are frozen here first: TensorFlow 2.21's own way to them fails with
    "TypeError: 'NoneType' object is not callable".
    """
    make = tf.compat.v1.lite.TFLiteConverter
    shapes = {
        name or source.inputs[0].name: list(shape)
        for name, shape in request.input_shapes.items()
    }
    if kind is SourceKind.SAVED_MODEL:
        converter = make.from_saved_model(
            str(request.source),
            input_arrays=list(request.input_arrays) or None,
            input_shapes=shapes or None,
            output_arrays=list(request.output_arrays) or None,
            tag_set=set(request.tags) or None,
            signature_key=request.signature,
        )
    else:
        assert source.freeze is not None, "all but SavedModels can be frozen"
        frozen = source.freeze()
        path = folder / "frozen.pb"
        path.write_bytes(frozen.graph.SerializeToString())
        converter = make.from_frozen_graph(
            str(path),
            list(request.input_arrays or frozen.inputs),
            list(request.output_arrays or frozen.outputs),
            shapes or None,
        )
    assert request.legacy is not None
    _configure_legacy(converter, request.legacy)
    return converter


def _configure_legacy(
    converter: tf.compat.v1.lite.TFLiteConverter, options: LegacyOptions
) -> None:
    if options.custom_opdefs:
        register_custom_opdefs(list(options.custom_opdefs))
    set_option(converter, "inference_type", tf.as_dtype(options.inference_type))
    if options.inference_input_type is not None:
        kind = tf.as_dtype(options.inference_input_type)
        set_option(converter, "inference_input_type", kind)
    for name, value in (
        ("quantized_input_stats", dict(options.quantized_input_stats)),
        ("default_ranges_stats", options.default_ranges),
    ):
        if value:
            set_option(converter, name, value)
    for name in (
        "drop_control_dependency",
        "reorder_across_fake_quant",
        "change_concat_input_ranges",
        "allow_custom_ops",
    ):
        set_option(converter, name, getattr(options, name))
    if options.target_ops:
        ops = {tf.lite.OpsSet(name) for name in options.target_ops}
        set_option(converter.target_spec, "supported_ops", ops)
    if options.select_user_tf_ops:
        names = list(options.select_user_tf_ops)
        set_option(converter.target_spec, "experimental_select_user_tf_ops", names)
    if options.post_training_quantize:
        set_option(converter, "optimizations", [tf.lite.Optimize.DEFAULT])
    if options.quantize_to_float16:
        set_option(converter.target_spec, "supported_types", [tf.float16])


def _feed(
    samples: npt.NDArray[np.generic],
) -> Iterator[list[npt.NDArray[np.generic]]]:
    for index in range(len(samples)):
        yield [samples[index : index + 1]]
