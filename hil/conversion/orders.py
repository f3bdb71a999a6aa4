"""An order answered: each request converted, or the reason why not.

Imported in the worker's process only. Errors of one request do not keep the others
from being made; one line of outcomes.jsonl tells of each.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
import zipfile
from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from hil.conversion.failure import BEGUN, decisive, error_to_json
from hil.conversion.frozen_graphs import load_graph_def
from hil.conversion.keras_files import load_keras
from hil.conversion.request import OUTCOMES, SourceKind, from_json
from hil.conversion.samples import few_samples, load_samples
from hil.conversion.saved_models import load_saved_model
from hil.conversion.settings import check_ranges, configure, legacy_converter
from hil.errors import HilError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.conversion.request import ConversionRequest
    from hil.conversion.source import Source

# What TensorFlow and Keras raise where a model surprises them.
_LIBRARY_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConverterError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    tf.errors.OpError,
    zipfile.BadZipFile,
)


def answer(folder: Path) -> None:
    """Convert what order.json in *folder* asks for, one line of outcome for each."""
    order = json.loads((folder / "order.json").read_text())
    loaded: dict[str, Source] = {}
    (folder / OUTCOMES).touch()  # from here on, a crash is that of a request
    pairs = zip(order["kinds"], order["requests"], strict=True)
    for index, (name, document) in enumerate(pairs):
        kind, request = SourceKind(name), from_json(document)
        sys.stdout.write(f"{BEGUN}{request.source} to {request.mode.value}\n")
        sys.stdout.flush()
        told: dict[str, object]
        try:
            source = _source(request, kind, loaded)
            told = _convert(request, source, kind, folder=folder, index=index)
        except HilError as exc:
            told = {"error": error_to_json(exc)}
        except _LIBRARY_ERRORS as exc:
            traceback.print_exc()
            told = {"error": error_to_json(_refused(request, exc))}
        with (folder / OUTCOMES).open("a") as stream:
            stream.write(json.dumps(told) + "\n")


def _source(
    request: ConversionRequest, kind: SourceKind, loaded: dict[str, Source]
) -> Source:
    """Return the source, read once for all requests that read it in the same way."""
    way = repr(
        (
            request.source,
            request.signature,
            request.tags,
            request.input_arrays,
            request.output_arrays,
            request.input_shapes,
        )
    )
    if way not in loaded:
        if kind is SourceKind.SAVED_MODEL:
            loaded[way] = load_saved_model(request)
        elif kind is SourceKind.GRAPH_DEF:
            loaded[way] = load_graph_def(request)
        else:
            loaded[way] = load_keras(request, kind)
    return loaded[way]


def _convert(
    request: ConversionRequest,
    source: Source,
    kind: SourceKind,
    *,
    folder: Path,
    index: int,
) -> dict[str, object]:
    samples = None
    warnings: list[str] = []
    if request.legacy is None:
        check_ranges(request, source)
        if request.representative is not None:
            samples = load_samples(
                request.representative,
                source.inputs,
                pixels=request.pixels,
                where=str(request.source),
            )
            warnings = _told_of_samples(len(samples), source)
    started = time.perf_counter()
    if request.legacy is None:
        converter = source.converter()
        configure(converter, request, samples, has_ranges=bool(source.ranges))
    else:
        converter = legacy_converter(request, source, kind, folder=folder)
    data = converter.convert()
    seconds = time.perf_counter() - started
    name = f"{index}.tflite"
    (folder / name).write_bytes(data)
    return {
        "file": name,
        "warnings": warnings,
        "fake_quants": list(source.ranges),
        "samples": 0 if samples is None else len(samples),
        "seconds": seconds,
        "tensorflow": tf.__version__,
    }


def _told_of_samples(count: int, source: Source) -> list[str]:
    if source.ranges:
        count_text = f"{len(source.ranges)} ranges came from FakeQuant nodes"
        return [f"{count_text}, and from the data only those that the graph lacks"]
    return few_samples(count)


def _refused(request: ConversionRequest, exc: Exception) -> ModelError:
    mode = "the legacy options" if request.legacy else request.mode.value
    text = str(exc)
    reason = decisive(text)
    if "neither a custom op nor a flex op" in text:
        remedy = "an operator that TFLite has in its place, or a model that ends before"
    elif "not yet supported for op" in text or "not quantizable" in text:
        remedy = "dynamic or float16, or the model without that operator"
    else:
        remedy = None
    return ModelError(
        f"TensorFlow cannot convert the model to {mode}",
        where=str(request.source),
        found=f"{type(exc).__name__}: {reason}",
        remedy=remedy,
    )
