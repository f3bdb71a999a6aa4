"""What a conversion is asked for, and which requests cannot be granted at all."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES: Final = "outcomes.jsonl"  # a line of the child for each request


class SourceKind(enum.Enum):
    """The forms of a model that TensorFlow's converter takes."""

    KERAS = "keras"  # a .keras archive, Keras 3
    HDF5 = "hdf5"  # a whole model of Keras 2 or 3 in one .h5
    SAVED_MODEL = "saved_model"  # a folder with saved_model.pb
    GRAPH_DEF = "graph_def"  # a frozen graph in one .pb


class Mode(enum.Enum):
    """What the .tflite must be."""

    FLOAT = "float"
    FLOAT16 = "float16"
    DYNAMIC = "dynamic"
    INT8 = "int8"
    INT16X8 = "int16x8"

    @property
    def is_static(self) -> bool:
        """Whether activations are integers, so that each needs a range."""
        return self in {Mode.INT8, Mode.INT16X8}

    @property
    def has_scales(self) -> bool:
        """Whether weights are integers, so that each has a scale, or one a channel."""
        return self.is_static or self is Mode.DYNAMIC


# The first is what hil gives where nothing is said; TensorFlow's own is float32.
BOUNDARY_TYPES: Final[Mapping[Mode, tuple[str, ...]]] = {
    Mode.FLOAT: ("float32",),
    Mode.FLOAT16: ("float32",),
    Mode.DYNAMIC: ("float32",),
    Mode.INT8: ("int8", "uint8", "float32"),
    Mode.INT16X8: ("int16", "float32"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyOptions:
    """The attributes of the v1 converter, tf.compat.v1.lite.TFLiteConverter.

    Types are dtype names: "float32", "int8", "uint8" (QUANTIZED_UINT8 is "uint8").
    `quantized_input_stats` is (mean, std) by input array, where real = (q - mean) /
    std. `target_ops` are names of tf.lite.OpsSet. What is None or empty is not set.
    """

    inference_type: str = "float32"
    inference_input_type: str | None = None
    quantized_input_stats: Mapping[str, tuple[float, float]] = field(
        default_factory=dict
    )
    default_ranges: tuple[float, float] | None = None
    post_training_quantize: bool = False
    quantize_to_float16: bool = False
    drop_control_dependency: bool = True
    reorder_across_fake_quant: bool = False
    change_concat_input_ranges: bool = False
    allow_custom_ops: bool = False
    custom_opdefs: tuple[str, ...] = ()
    target_ops: tuple[str, ...] = ()
    select_user_tf_ops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRequest:
    """One model to be made, from one source.

    `input_arrays`, `output_arrays` name tensors of a frozen graph; `input_shapes` are
    by input array, or by input name of a signature or a Keras model. `input_type` and
    `output_type` are dtype names; None is the first of BOUNDARY_TYPES. `representative`
    is a dataset that hil.accuracy reads, and `pixels` what the model wants of raw
    pixels ("0..255", "0..1", "-1..1"). `float_from_qat` says that a float model is
    meant although the graph has ranges for integers (FakeQuant nodes). With `legacy`
    the v1 converter is used; `mode`, the types, the per-channel switches, the data and
    `float_from_qat` must then be left alone, and the result is not held against `mode`:
    the caller proves it.
    """

    source: Path
    mode: Mode = Mode.FLOAT
    signature: str | None = None
    tags: tuple[str, ...] = ()
    input_arrays: tuple[str, ...] = ()
    output_arrays: tuple[str, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    representative: Path | None = None
    pixels: str | None = None
    input_type: str | None = None
    output_type: str | None = None
    per_channel: bool = True
    per_channel_dense: bool = True
    float_from_qat: bool = False
    legacy: LegacyOptions | None = None

    @property
    def boundary(self) -> tuple[str, str]:
        """The types that input and output must have."""
        default = BOUNDARY_TYPES[self.mode][0]
        return self.input_type or default, self.output_type or default


def check_request(request: ConversionRequest) -> None:
    """Raise ConfigError for what TensorFlow would refuse later, or ignore."""
    if request.legacy is not None:
        _check_legacy(request)
        return
    for name, wanted in (
        ("input_type", request.input_type),
        ("output_type", request.output_type),
    ):
        if wanted is not None and wanted not in BOUNDARY_TYPES[request.mode]:
            raise _wrong_boundary(request, name=name, wanted=wanted)
    _refuse_ignored(request)
    for name, shape in request.input_shapes.items():
        if not shape or min(shape) < 1:
            raise ConfigError(
                "an input shape must be whole",
                where=f"input {name}" if name else "input",
                found=",".join(str(size) for size in shape) or "nothing",
                allowed="sizes from 1 up, the batch first: 1,28,28,1",
            )


def to_json(request: ConversionRequest) -> dict[str, object]:
    """Return *request* in plain JSON types, as `from_json` reads it."""
    document = asdict(request)
    document["source"] = str(request.source)
    document["mode"] = request.mode.value
    if request.representative is not None:
        document["representative"] = str(request.representative)
    return document


def from_json(document: Mapping[str, object]) -> ConversionRequest:
    """Return the request that `to_json` wrote."""
    known: dict[str, object] = {}
    for item in fields(ConversionRequest):
        known[item.name] = _value(item.name, document[item.name])
    return ConversionRequest(**known)  # type: ignore[arg-type]  # written by to_json


def _value(name: str, value: object) -> object:
    if value is None:
        return None
    if name in {"source", "representative"}:
        return Path(str(value))
    if name == "mode":
        return Mode(value)
    if name == "input_shapes":
        assert isinstance(value, dict)
        return {key: tuple(shape) for key, shape in value.items()}
    if name == "legacy":
        return _legacy(value)
    return tuple(value) if isinstance(value, list) else value


def _legacy(value: object) -> LegacyOptions:
    assert isinstance(value, dict)
    known: dict[str, object] = {
        key: tuple(item) if isinstance(item, list) else item
        for key, item in value.items()
    }
    stats = value["quantized_input_stats"]
    known["quantized_input_stats"] = {key: tuple(pair) for key, pair in stats.items()}
    return LegacyOptions(**known)  # type: ignore[arg-type]  # written by to_json


def _wrong_boundary(
    request: ConversionRequest, *, name: str, wanted: str
) -> ConfigError:
    allowed = BOUNDARY_TYPES[request.mode]
    mode = request.mode
    remedy = nearest(wanted, allowed)
    if mode is Mode.INT16X8 and wanted in {"int8", "uint8"}:
        remedy = "int16, or int8 as the mode"
    elif wanted in BOUNDARY_TYPES[Mode.INT8]:
        remedy = "int8 as the mode, with representative data: TensorFlow has an "
        remedy += "integer boundary only where the model inside is integers"
    return ConfigError(
        f"a model that is {mode.value} cannot have that {name.replace('_', ' ')}",
        where=str(request.source),
        found=wanted,
        allowed=", ".join(allowed),
        remedy=remedy,
    )


def _refuse_ignored(request: ConversionRequest) -> None:
    """Refuse what TensorFlow would take for this mode and not look at."""
    mode = request.mode
    if request.pixels is not None and request.representative is None:
        raise ConfigError(
            "there are no pixels to be turned into anything",
            where=str(request.source),
            found=f"pixels {request.pixels} without representative data",
            allowed="both or none",
        )
    if request.representative is not None and not mode.is_static:
        raise ConfigError(
            f"representative data change nothing in a model that is {mode.value}",
            where=str(request.source),
            found=str(request.representative),
            allowed="int8 or int16x8 with representative data",
            remedy="leave the data out, or ask for int8",
        )
    if not mode.has_scales and not (request.per_channel and request.per_channel_dense):
        raise ConfigError(
            f"a model that is {mode.value} has no scales, so none a channel",
            where=str(request.source),
            found="per-channel switched off",
            allowed="dynamic, int8 or int16x8",
        )
    if request.float_from_qat and mode is not Mode.FLOAT:
        raise ConfigError(
            f"a model that is {mode.value} is not float",
            where=str(request.source),
            found="float from a quantization-aware graph, and another mode",
            allowed="float",
        )


def _check_legacy(request: ConversionRequest) -> None:
    plain = ConversionRequest(source=request.source)
    used = [
        name
        for name in (
            "mode",
            "representative",
            "pixels",
            "input_type",
            "output_type",
            "per_channel",
            "per_channel_dense",
            "float_from_qat",
        )
        if getattr(request, name) != getattr(plain, name)
    ]
    if used:
        raise ConfigError(
            "the v1 converter does not look at that",
            where=str(request.source),
            found=", ".join(used),
            allowed="the legacy options alone",
        )
