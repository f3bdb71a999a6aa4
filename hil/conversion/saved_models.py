"""SavedModel folders: which tags and signatures they have, and one of them loaded.

Imported in the worker's process only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from hil.conversion.graphs import ranges_of
from hil.conversion.samples import InputSlot
from hil.conversion.source import Source, chosen_shapes, sizes
from hil.errors import ConfigError, ModelError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, SignatureDef

    from hil.conversion.request import ConversionRequest

SERVE = ("serve",)
_DEFAULT = "serving_default"
_INTERNAL = "__saved_model"  # __saved_model_init_op


def load_saved_model(request: ConversionRequest) -> Source:
    """Read one signature of a SavedModel; names the others where it is missing."""
    where = str(request.source)
    tags = request.tags or SERVE
    meta = _meta_graph(request.source, tags)
    key, signature = _signature(meta, request.signature, where=where)
    slots = tuple(
        InputSlot(
            name=name,
            shape=sizes(tf.TensorShape(info.tensor_shape)),
            dtype=tf.as_dtype(info.dtype).name,
        )
        for name, info in sorted(signature.inputs.items())
    )
    shapes = chosen_shapes(slots, request.input_shapes, where=where)
    slots = tuple(
        InputSlot(name=slot.name, shape=shapes[slot.name], dtype=slot.dtype)
        for slot in slots
    )
    ends = [info.name for info in signature.outputs.values()]

    def converter() -> tf.lite.TFLiteConverter:
        if not request.input_shapes:
            return tf.lite.TFLiteConverter.from_saved_model(
                where, signature_keys=[key], tags=set(tags)
            )
        loaded = tf.saved_model.load(where, tags=list(tags))
        call = loaded.signatures[key]
        specs = {s.name: tf.TensorSpec(s.shape, s.dtype, name=s.name) for s in slots}
        traced = tf.function(call).get_concrete_function(**specs)
        # As in keras_files: only frozen are the weights sure to come along.
        frozen = convert_variables_to_constants_v2(traced)
        return tf.lite.TFLiteConverter.from_concrete_functions([frozen], loaded)

    return Source(
        inputs=slots, ranges=ranges_of(meta.graph_def, ends), converter=converter
    )


def _meta_graph(folder: Path, tags: tuple[str, ...]) -> MetaGraphDef:
    model = _parsed(folder)
    for meta in model.meta_graphs:
        if set(meta.meta_info_def.tags) == set(tags):
            return meta
    found = [",".join(meta.meta_info_def.tags) for meta in model.meta_graphs]
    raise ConfigError(
        "the SavedModel has no graph with these tags",
        where=str(folder),
        found=",".join(tags),
        allowed="; ".join(found) or "it has no graph at all",
        remedy=f"--tags {found[0]}" if found else None,
    )


def _parsed(folder: Path) -> SavedModel:
    model = SavedModel()
    binary, text = folder / "saved_model.pb", folder / "saved_model.pbtxt"
    try:
        if binary.is_file():
            model.ParseFromString(binary.read_bytes())
        else:
            text_format.Parse(text.read_text(), model)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError, OSError) as exc:
        raise ModelError(
            "the SavedModel is damaged", where=str(folder), found=str(exc)
        ) from exc
    return model


def _signature(
    meta: MetaGraphDef, wanted: str | None, *, where: str
) -> tuple[str, SignatureDef]:
    known: Mapping[str, SignatureDef] = {
        key: each
        for key, each in meta.signature_def.items()
        if not key.startswith(_INTERNAL)
    }
    if wanted is None and _DEFAULT not in known and len(known) == 1:
        wanted = next(iter(known))
    key = wanted or _DEFAULT
    if key not in known:
        raise ConfigError(
            "the SavedModel has no such signature",
            where=where,
            found=key if wanted else f"{key}, as none was named",
            allowed=", ".join(sorted(known)) or "it has no signature at all",
            remedy=nearest(key, known)
            or (f"--signature {min(known)}" if known else "export it with signatures"),
        )
    return key, known[key]
