"""Keras models, .keras and HDF5. Imported in the worker's process only."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from hil.conversion.graphs import ranges_of
from hil.conversion.request import SourceKind
from hil.conversion.samples import InputSlot
from hil.conversion.source import Frozen, Source, chosen_shapes
from hil.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.conversion.request import ConversionRequest

_OLD = "2"  # the first part of Keras 2's version; tf_keras goes on with it
_QAT = "Quantize"  # QuantizeLayer, QuantizeWrapper: classes of the QAT package
# Classes of these packages have no FakeQuant in them.
_PLAIN = ("keras.", "tf_keras.", "keras", "tf_keras")


def load_keras(request: ConversionRequest, kind: SourceKind) -> Source:
    """Read a whole Keras model; raises ModelError where it holds weights alone."""
    where = str(request.source)
    if kind is SourceKind.KERAS:
        model = keras.models.load_model(request.source, compile=False)
    else:
        model = _load_hdf5(request.source)
    if not getattr(model, "inputs", None):
        raise ModelError(
            "the Keras model has no inputs yet",
            where=where,
            found=type(model).__name__,
            allowed="a Sequential or Functional model that was built",
            remedy="call the model on a sample, then model.export(FOLDER), and convert "
            "the folder",
        )
    slots = _slots(model, request)

    def traced() -> tf.types.experimental.ConcreteFunction:
        return _traced(model, slots)

    def converter() -> tf.lite.TFLiteConverter:
        if request.input_shapes:
            # With Keras 3 the function as it was traced gives a .tflite without any
            # weight: variables that nothing fills, and NaN for an answer (TF 2.21).
            frozen = convert_variables_to_constants_v2(traced())
            return tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
        return tf.lite.TFLiteConverter.from_keras_model(model)

    def freeze() -> Frozen:
        graph = convert_variables_to_constants_v2(traced()).graph
        return Frozen(
            graph=graph.as_graph_def(),
            inputs=tuple(tensor.op.name for tensor in graph.inputs),
            outputs=tuple(tensor.op.name for tensor in graph.outputs),
        )

    ranges: tuple[str, ...] = ()
    if any(not _is_plain(layer) for layer in _layers(model)):
        graph = traced().graph
        ranges = ranges_of(
            graph.as_graph_def(), [tensor.op.name for tensor in graph.outputs]
        )
    return Source(inputs=slots, ranges=ranges, converter=converter, freeze=freeze)


def _slots(model: keras.Model, request: ConversionRequest) -> tuple[InputSlot, ...]:
    """Return the model's inputs with the shapes that the request gives them."""
    own = tuple(
        InputSlot(
            name=tensor.name.partition(":")[0],
            shape=tuple(tensor.shape),
            dtype=tf.as_dtype(tensor.dtype).name,
        )
        for tensor in model.inputs
    )
    shapes = chosen_shapes(own, request.input_shapes, where=str(request.source))
    return tuple(replace(slot, shape=shapes[slot.name]) for slot in own)


def _traced(
    model: keras.Model, slots: tuple[InputSlot, ...]
) -> tf.types.experimental.ConcreteFunction:
    specs = [tf.TensorSpec(slot.shape, slot.dtype, name=slot.name) for slot in slots]
    call = tf.function(
        lambda *inputs: model(
            inputs[0] if len(inputs) == 1 else list(inputs), training=False
        )
    )
    return call.get_concrete_function(*specs)


def _load_hdf5(path: Path) -> keras.Model:
    """Read a whole model with the Keras that wrote it, as far as it is there."""
    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
        version = str(file.attrs.get("keras_version", ""))
    if config is None:
        raise ModelError(
            "the file holds weights and no model",
            where=str(path),
            found="no attribute model_config",
            allowed="a file that model.save() wrote",
            remedy="build the model in Python, model.load_weights() this file, then "
            "model.save('model.keras')",
        )
    is_qat = _QAT in json.dumps(str(config))
    if not version.startswith(_OLD):
        return keras.models.load_model(path, compile=False)
    if importlib.util.find_spec("tf_keras") is None:
        if is_qat:
            raise _needs_qat(path)
        return keras.models.load_model(path, compile=False)
    import tf_keras  # noqa: PLC0415 - optional, and seconds to import

    if not is_qat:
        return tf_keras.models.load_model(path, compile=False)
    if importlib.util.find_spec("tensorflow_model_optimization") is None:
        raise _needs_qat(path)
    import tensorflow_model_optimization as tfmot  # noqa: PLC0415 - likewise

    with tfmot.quantization.keras.quantize_scope():
        return tf_keras.models.load_model(path, compile=False)


def _needs_qat(path: Path) -> ModelError:
    return ModelError(
        "the model was trained with tensorflow-model-optimization, which is missing",
        where=str(path),
        found="layers of the classes QuantizeLayer or QuantizeWrapper",
        remedy="pip install 'hil[qat]', or export the model as a SavedModel",
    )


def _layers(model: keras.Model) -> list[object]:
    with contextlib.suppress(AttributeError):
        return list(model._flatten_layers())  # noqa: SLF001 - both Keras have it alone
    return list(model.layers)


def _is_plain(layer: object) -> bool:
    return type(layer).__module__.startswith(_PLAIN)
