"""A dataset turned into what one model's input takes, or the reason why it cannot be.

A model that was trained on pixels / 255 answers raw pixels too, only wrongly. So a
dataset that does not belong to the scale of the model's input is refused here.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.dataset import Content
from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.accuracy.dataset import Dataset

# Thresholds of the range check. They are wide on purpose: data may leave a calibrated
# range here and there, or fill half of it, and still be right. Wrong preprocessing is
# off by a factor of 16 (digits), 127.5 or 255.
_LEAST_COVERED = 0.05  # of the model's range; x / 255 against 0..255 covers 0.4 %
_MOST_CLIPPED = 0.25  # of all values
_FAR = 0.5  # a value is far out when half a range or more beyond either end
_MOST_FAR = 0.25  # of all samples: an outlier or two are no other preprocessing
_FEWEST_VALUES = 64  # below that, a narrow range is no evidence
_BEYOND = np.float32(2.0**31)
_TOLERANCE = 0.02  # by which a model's range may miss that of a kind of pixels


class Pixels(enum.Enum):
    """What a model wants a raw pixel, 0..255, to be turned into."""

    RAW = "0..255"
    UNIT = "0..1"
    SIGNED = "-1..1"


def find_pixels(name: str | None) -> Pixels | None:
    """Return the kind of pixels called *name*; None for None, else ConfigError."""
    allowed = [kind.value for kind in Pixels]
    if name is None:
        return None
    if name not in allowed:
        raise ConfigError(
            "unknown kind of pixels",
            found=repr(name),
            allowed=", ".join(allowed),
            remedy=nearest(name, allowed),
        )
    return Pixels(name)


_PIXEL_RANGES = {
    Pixels.RAW: (0.0, 255.0),
    Pixels.UNIT: (0.0, 1.0),
    Pixels.SIGNED: (-1.0, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """A model's input: its shape with the batch, and scale 0.0 if not quantized."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    scale: float = 0.0
    zero_point: int = 0

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest real value that the input can hold."""
        info = np.iinfo(self.dtype.name)
        low, high = info.min - self.zero_point, info.max - self.zero_point
        return low * self.scale, high * self.scale


def prepare(
    dataset: Dataset,
    spec: InputSpec,
    *,
    pixels: Pixels | None = None,
    allow_range_mismatch: bool = False,
) -> npt.NDArray[np.generic]:
    """Return the samples [n, *shape without batch] in the type of the model's input.

    Samples that are in that type already are taken as they are. *pixels* says what the
    model wants of raw pixels, where its scale does not. Raises ConfigError where the
    shape, the type or the range of the data does not belong to the model.
    """
    if dataset.content is Content.BYTES:
        return _from_bytes(dataset, spec)
    x = _shaped(dataset, spec)
    real: npt.NDArray[np.generic]
    if dataset.content is Content.PIXELS and (x.dtype != spec.dtype or pixels):
        real = _normalized(x, dataset, spec, pixels=pixels)
    elif x.dtype == spec.dtype:
        return x
    elif x.dtype.kind == "f":
        real = x
    else:
        raise _wrong_type(dataset, spec)
    if spec.dtype.kind == "f":
        return _as_float(real, dataset, spec)
    _require_quantized(dataset, spec)
    if not allow_range_mismatch:
        _check_range(real, dataset, spec)
    return quantized(real, spec)


def quantized(
    real: npt.NDArray[np.generic], spec: InputSpec
) -> npt.NDArray[np.generic]:
    """Return round(x / scale) + zero point, clamped to the type of *spec*.

    Halves are rounded away from zero, as TFLite's Quantize does (TfLiteRound is
    std::round: tensorflow/lite/kernels/internal/reference/quantize.h); numpy's rint
    would round them to even. The division is in float32, as there.
    """
    with np.errstate(over="ignore"):
        steps = real.astype(np.float32) / np.float32(spec.scale)
    # Infinities would turn into NaN below; this bound is beyond any type's range.
    steps = np.clip(steps, -_BEYOND, _BEYOND)
    whole = np.trunc(steps)
    # trunc(x + 0.5) would be wrong: 0.49999997 + 0.5 is 1 in float32.
    away = whole + np.copysign(np.abs(steps - whole) >= np.float32(0.5), steps)
    info = np.iinfo(spec.dtype.name)
    # In float64, which holds float32's whole numbers and the zero point exactly.
    shifted = away.astype(np.float64) + spec.zero_point
    clamped: npt.NDArray[np.generic] = np.clip(shifted, info.min, info.max)
    return clamped.astype(spec.dtype)


def _shaped(dataset: Dataset, spec: InputSpec) -> npt.NDArray[np.generic]:
    """Return the samples in the model's shape; only axes of length 1 may differ."""
    wanted, found = spec.shape[1:], dataset.x.shape[1:]
    if [d for d in wanted if d != 1] != [d for d in found if d != 1]:
        raise ConfigError(
            "the samples do not have the shape of the model's input",
            where=str(dataset.source),
            found=f"samples of shape {list(found)}",
            allowed=f"{list(wanted)}",
            remedy="a dataset made for this model",
        )
    return dataset.x.reshape(len(dataset.x), *wanted)


def _as_float(
    real: npt.NDArray[np.generic], dataset: Dataset, spec: InputSpec
) -> npt.NDArray[np.generic]:
    # A float64 too large for the model's type becomes infinity, which is caught below.
    with np.errstate(over="ignore"):
        x = real.astype(spec.dtype, copy=False)
    if not np.isfinite(x).all():
        raise ConfigError(
            "the samples are too large for the model's input",
            where=str(dataset.source),
            found=f"values up to {np.abs(real).max():.4g}",
            allowed=f"at most {np.finfo(spec.dtype.name).max:.4g}, {spec.dtype}",
        )
    return x


def _from_bytes(dataset: Dataset, spec: InputSpec) -> npt.NDArray[np.generic]:
    """Do with raw bytes what MLPerf Tiny's reference firmware does.

    Images (a scale that is that of pixels): subtract 128. All other bytes are the
    tensor itself, or float32 values that are quantized with the input's scale.
    """
    n, width = dataset.x.shape
    count = math.prod(spec.shape[1:])
    shape = (n, *spec.shape[1:])
    data = np.ascontiguousarray(dataset.x).astype(np.uint8, copy=False)
    if width == count and spec.dtype == np.int8 and _pixels_of(spec) is not None:
        return (data.astype(np.int16) - 128).astype(np.int8).reshape(shape)
    if width == count * spec.dtype.itemsize:
        stored = spec.dtype.newbyteorder("<")
        return data.view(stored).astype(spec.dtype, copy=False).reshape(shape)
    if width == count * 4 and spec.scale > 0:
        return quantized(data.view("<f4").reshape(shape), spec)
    raise ConfigError(
        "the files do not have the size of the model's input",
        where=str(dataset.source),
        found=f"{width:,} bytes a sample",
        allowed=f"{count * spec.dtype.itemsize:,} bytes: {list(spec.shape[1:])} "
        f"of {spec.dtype}",
        remedy="a dataset made for this model",
    )


def _normalized(
    x: npt.NDArray[np.generic],
    dataset: Dataset,
    spec: InputSpec,
    *,
    pixels: Pixels | None,
) -> npt.NDArray[np.float32]:
    kind = pixels or _pixels_of(spec)
    if kind is None:
        low, high = spec.range if spec.scale > 0 else (-math.inf, math.inf)
        raise ConfigError(
            "it is unknown what the model wants pixels to be",
            where=str(dataset.source),
            found=f"pixels 0..255 for an input of {spec.dtype}"
            + (f" that holds {low:.4g} to {high:.4g}" if spec.scale > 0 else ""),
            allowed=", ".join(kind.value for kind in Pixels),
            remedy="an .npz whose x has had the model's preprocessing",
        )
    low, high = _PIXEL_RANGES[kind]
    return x.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)


def _pixels_of(spec: InputSpec) -> Pixels | None:
    """Return the kind of pixels whose range is that of an 8-bit input, if one is."""
    if spec.dtype.itemsize != 1 or spec.scale <= 0:
        return None
    low, high = spec.range
    for kind, (least, most) in _PIXEL_RANGES.items():
        slack = _TOLERANCE * (most - least)
        if abs(low - least) <= slack and abs(high - most) <= slack:
            return kind
    return None


def _require_quantized(dataset: Dataset, spec: InputSpec) -> None:
    if spec.scale <= 0 or spec.dtype.kind not in "iu":
        raise _wrong_type(dataset, spec)


def _wrong_type(dataset: Dataset, spec: InputSpec) -> ConfigError:
    integers = dataset.x.dtype.kind in "iu" and spec.dtype.kind == "f"
    return ConfigError(
        "the samples do not have the type of the model's input",
        where=str(dataset.source),
        found=f"samples of {dataset.x.dtype}",
        allowed=f"{spec.dtype}" + (", or floats" if spec.scale > 0 else ""),
        remedy="the float data from which it was quantized: its scale is not in the "
        "dataset"
        if integers
        else "a dataset made for this model",
    )


def _check_range(
    real: npt.NDArray[np.generic], dataset: Dataset, spec: InputSpec
) -> None:
    """Raise ConfigError where the data cannot be what the input was calibrated with."""
    values: npt.NDArray[np.float64] = real.astype(np.float64).reshape(len(real), -1)
    low, high = spec.range
    width = high - low
    least, most = float(values.min()), float(values.max())
    step = spec.scale / 2
    clipped = float(((values < low - step) | (values > high + step)).mean())
    far_out = (values < low - _FAR * width) | (values > high + _FAR * width)
    far = float(far_out.any(axis=1).mean())
    covered = (max(most, 0.0) - min(least, 0.0)) / width
    if clipped > _MOST_CLIPPED or far > _MOST_FAR:
        what = f"{clipped:.0%} of the values are clipped"
        if far > _MOST_FAR:
            what += f", and {far:.0%} of the samples lie far outside"
    elif covered < _LEAST_COVERED and values.size >= _FEWEST_VALUES:
        what = f"the data cover {covered:.1%} of the model's range"
    else:
        return
    raise ConfigError(
        "the range of the data is not that of the model's input",
        where=f"{dataset.source} (preprocessing: {dataset.preprocessing})",
        found=f"values from {least:.4g} to {most:.4g}: {what}",
        allowed=f"{low:.4g} to {high:.4g} (scale {spec.scale:.6g}, "
        f"zero point {spec.zero_point})",
        remedy="the preprocessing that the model was trained and calibrated with",
    )
