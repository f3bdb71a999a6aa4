"""What a line asks for, in one vocabulary for all generations."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from hil.conversion.legacy.grammar import is_variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.conversion.legacy.grammar import Readings

_T = TypeVar("_T")
# Of each legal value of --inference_type and --inference_input_type.
DTYPES: Final = {
    "FLOAT": "float32",
    "INT8": "int8",
    "UINT8": "uint8",
    "QUANTIZED_UINT8": "uint8",
    "QUANTIZED_INT16": "int16",
}
LIMITS: Final = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


class Source(enum.Enum):
    """What the line reads."""

    GRAPH_DEF = "a frozen GraphDef"
    SAVED_MODEL = "a SavedModel"
    KERAS = "an HDF5 file of tf.keras"
    TFLITE = "a .tflite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A value that is not of its flag's type."""

    flag: str
    value: str
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What the writer of the line meant, whether or not the tool did it.

    Types are as written, in capitals. `means` and `stds` go by input. A value that
    could not be read, or that holds a variable of a shell, is absent here.
    """

    source: Source | None
    path: str | None
    output: str | None
    output_format: str
    inference_type: str
    input_type: str | None
    input_arrays: tuple[str, ...]
    output_arrays: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    range_min: float | None
    range_max: float | None
    quantize_weights: bool
    float16: bool
    drop_fake_quant: bool
    low_bits: bool
    allow_custom_ops: bool
    custom_opdefs: tuple[str, ...]
    target_ops: tuple[str, ...]
    user_ops: tuple[str, ...]
    new_converter: bool
    tags: tuple[str, ...]
    signature: str | None
    unreadable: tuple[Unreadable, ...]

    @property
    def dtype(self) -> str | None:
        """The dtype inside; None where the type is none that ever was."""
        return DTYPES.get(self.inference_type)

    @property
    def input_dtype(self) -> str | None:
        """The dtype of the inputs; None where the type is none that ever was."""
        return DTYPES.get(self.input_type or self.inference_type)

    @property
    def is_quantized(self) -> bool:
        """Whether the arrays inside were to be integers."""
        wins = self.quantize_weights  # which makes the inference FLOAT (rule 14)
        return self.dtype in LIMITS and not wins

    @property
    def stats(self) -> tuple[tuple[float, float], ...]:
        """(mean, std) by input, as far as both are there."""
        return tuple(zip(self.means, self.stds, strict=False))


def implied_range(mean: float, std: float, dtype: str) -> tuple[float, float]:
    """Return the real values of the lowest and highest q: real = (q - mean) / std."""
    low, high = LIMITS[dtype]
    return (low - mean) / std, (high - mean) / std


def stats_of_range(low: float, high: float, dtype: str) -> tuple[float, float]:
    """Return (mean, std) of a real range: std = (qmax - qmin) / (high - low)."""
    qmin, qmax = LIMITS[dtype]
    std = (qmax - qmin) / (high - low)
    return qmin - low * std, std


def understand(readings: Readings) -> Intent:
    """Return what the flags ask for together."""
    numbers = _Numbers(readings)
    source, path = _source(readings)
    means = numbers.floats("mean_values", "mean_value")
    stds = numbers.floats("std_dev_values", "std_values", "std_value")
    range_min, range_max = (
        next(iter(numbers.floats(f"default_ranges_{end}")), None)
        for end in ("min", "max")
    )
    shapes = numbers.shapes("input_shapes", "input_shape")
    return Intent(
        source=source,
        path=path,
        output=readings.value("output_file"),
        output_format=_upper(readings.value("output_format")) or "TFLITE",
        inference_type=_upper(readings.value("inference_type")) or "FLOAT",
        input_type=_upper(
            readings.value("inference_input_type", "input_type", "input_types")
        ),
        input_arrays=_strings(readings.value("input_arrays", "input_array")),
        output_arrays=_strings(readings.value("output_arrays", "output_array")),
        input_shapes=shapes,
        means=means,
        stds=stds,
        range_min=range_min,
        range_max=range_max,
        quantize_weights=_true(readings, "post_training_quantize", "quantize_weights"),
        float16=_true(readings, "quantize_to_float16"),
        drop_fake_quant=_true(readings, "drop_fake_quant"),
        low_bits=_true(readings, "propagate_fake_quant_num_bits"),
        allow_custom_ops=_true(readings, "allow_custom_ops"),
        custom_opdefs=_strings(readings.value("custom_opdefs")),
        target_ops=_target_ops(readings),
        user_ops=_strings(readings.value("experimental_select_user_tf_ops")),
        new_converter=readings.value("experimental_new_converter") != "false",
        tags=_strings(readings.value("saved_model_tag_set", "savedmodel_tagset")),
        signature=readings.value("saved_model_signature_key"),
        unreadable=tuple(numbers.unreadable),
    )


def _source(readings: Readings) -> tuple[Source | None, str | None]:
    graph = readings.value("graph_def_file", "input_file")
    if graph is not None:
        is_tflite = _upper(readings.value("input_format")) == "TFLITE"
        return Source.TFLITE if is_tflite else Source.GRAPH_DEF, graph
    saved = readings.value("saved_model_dir", "savedmodel_directory")
    if saved is not None:
        return Source.SAVED_MODEL, saved
    keras = readings.value("keras_model_file")
    return (None, None) if keras is None else (Source.KERAS, keras)


def _target_ops(readings: Readings) -> tuple[str, ...]:
    if _true(readings, "force_select_tf_ops"):
        return ("SELECT_TF_OPS",)
    if _true(readings, "enable_select_tf_ops"):
        return ("TFLITE_BUILTINS", "SELECT_TF_OPS")
    return _strings(readings.value("target_ops"))


def _true(readings: Readings, *names: str) -> bool:
    return any(readings.value(name) == "true" for name in names)


def _strings(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _upper(text: str | None) -> str | None:
    return None if text is None else text.split(",")[0].strip().upper()


class _Numbers:
    """Reads numbers, and keeps what is none."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self.unreadable: list[Unreadable] = []

    def floats(self, *names: str) -> tuple[float, ...]:
        return self._list(names, lambda text: _finite(float(text)), "numbers")

    def shapes(self, *names: str) -> tuple[tuple[int, ...], ...]:
        def shape(text: str) -> tuple[int, ...]:
            return tuple(int(part) for part in text.split(",") if part.strip())

        return self._list(names, shape, "whole numbers", separator=":")

    def _list(
        self,
        names: tuple[str, ...],
        read: Callable[[str], _T],
        wanted: str,
        *,
        separator: str = ",",
    ) -> tuple[_T, ...]:
        text = self._readings.value(*names)
        if text is None or is_variable(text):
            return ()
        try:
            return tuple(read(part) for part in text.split(separator) if part.strip())
        except (ValueError, OverflowError):
            name = next(n for n in names if self._readings.value(n) is not None)
            self.unreadable.append(Unreadable(flag=name, value=text, wanted=wanted))
            return ()


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value
