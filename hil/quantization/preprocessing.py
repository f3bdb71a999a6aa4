"""Calibration data held against data that the model is known to take.

A model calibrated on pixels / 255 that is then given pixels quantizes without an error
and answers nonsense. What it should be like comes from the evaluation dataset or from
what the model wants of pixels; which mistake was made is found by undoing each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

_MOST_ROWS = 500  # of either side; more do not change a mean
_TAILS = (0.01, 0.99)
_ALIKE = 0.25  # of the reference's width: as far as two sound samples may differ
_EXPLAINED = 0.1  # a mistake is found when undoing it comes as close as this
_FAR = 3.0  # times the scale, without any mistake that explains it
_ROUGH = 0.15  # neighbouring values of noise correlate less than this
_SMOOTH = 0.4  # and those of pictures or spectra more than this
_SHORTEST = 4  # values along an axis before neighbours mean anything
_PICTURE_RANK = 4  # [n, height, width, channels]
_CHANNELS = (1, 3, 4)

# What people forget, do twice, or do as another model wants it: data = a * right + b.
_MISTAKES = (
    ("were divided by 255", 1 / 255, 0.0),
    ("were multiplied by 255", 255.0, 0.0),
    ("are 0..1 where -1..1 belongs", 0.5, 0.5),
    ("are -1..1 where 0..1 belongs", 2.0, -1.0),
    ("are 0..255 where -1..1 belongs", 127.5, 127.5),
    ("are -1..1 where 0..255 belongs", 1 / 127.5, -1.0),
    ("are 0..255 where -128..127 belongs", 1.0, 128.0),
    ("are -128..127 where 0..255 belongs", 1.0, -128.0),
    ("were divided by 10", 0.1, 0.0),
    ("were multiplied by 10", 10.0, 0.0),
    ("have the opposite sign", -1.0, 0.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The middle 98 % of some values, their mean and their spread."""

    low: float
    high: float
    mean: float
    deviation: float

    @property
    def width(self) -> float:
        """How far the values reach."""
        return max(self.high - self.low, self.deviation)

    def undone(self, factor: float, offset: float) -> Distribution:
        """Return the distribution of (x - offset) / factor."""
        ends = sorted(((self.low - offset) / factor, (self.high - offset) / factor))
        return Distribution(
            low=ends[0],
            high=ends[1],
            mean=(self.mean - offset) / factor,
            deviation=self.deviation / abs(factor),
        )

    def text(self) -> str:
        """Return the figures in words."""
        return (
            f"98 % of the values from {self.low:.4g} to {self.high:.4g}, "
            f"mean {self.mean:.4g}, standard deviation {self.deviation:.4g}"
        )


def distribution_of(x: npt.NDArray[np.generic]) -> Distribution:
    """Return the distribution of all values of *x* [n, ...]."""
    values = _some(x).astype(np.float64)
    low, high = np.quantile(values, _TAILS)
    return Distribution(
        low=float(low),
        high=float(high),
        mean=float(values.mean()),
        deviation=float(values.std()),
    )


def check_preprocessing(
    x: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    *,
    where: str,
    against: str,
) -> None:
    """Raise ConfigError unless *x* [n, ...] looks as *reference* [m, ...] does.

    *where* names the calibration data, *against* the reference. The error names the
    mistake and its factor where one explains the difference.
    """
    ours, wanted = distribution_of(x), distribution_of(reference)
    _check_scale(ours, wanted, where=where, against=against)
    _check_structure(x, reference, where=where, against=against)


def check_pixels(
    x: npt.NDArray[np.generic], low: float, high: float, *, where: str
) -> None:
    """Raise ConfigError unless *x* can be pixels of *low* to *high*.

    Pictures may leave a part of the range empty, so this finds factors only.
    """
    ours = distribution_of(x)
    least, most = float(np.min(_some(x))), float(np.max(_some(x)))
    inside = low - _ALIKE * (high - low), high + _ALIKE * (high - low)
    fills = (most - least) >= _EXPLAINED * (high - low)
    if inside[0] <= least and most <= inside[1] and fills and (low >= 0 or least < 0):
        return
    what = ""
    for text, factor, offset in _MISTAKES:
        ends = sorted(((least - offset) / factor, (most - offset) / factor))
        near = abs(ends[0] - low) + abs(ends[1] - high)
        if near <= _ALIKE * (high - low):
            what = f"; they {text}"
            break
    raise ConfigError(
        "the calibration data do not have the model's preprocessing",
        where=where,
        found=f"values from {least:.4g} to {most:.4g}{what} ({ours.text()})",
        allowed=f"pixels from {low:g} to {high:g}",
        remedy="the preprocessing that the model was trained with",
    )


def check_layout(
    shape: tuple[int, ...], wanted: tuple[int, ...], *, where: str
) -> None:
    """Raise ConfigError where samples of *shape* are *wanted* with channels first."""
    if len(shape) != _PICTURE_RANK - 1 or shape == wanted:
        return
    if (shape[1], shape[2], shape[0]) == wanted and wanted[2] in _CHANNELS:
        raise ConfigError(
            "the samples have their channels first (NCHW), the model's last (NHWC)",
            where=where,
            found=f"samples of shape {list(shape)}",
            allowed=f"{list(wanted)}",
            remedy="numpy.transpose(x, (0, 2, 3, 1)), not reshape",
        )


def _check_scale(
    ours: Distribution, wanted: Distribution, *, where: str, against: str
) -> None:
    distance = _distance(ours, wanted)
    if distance <= _ALIKE:
        return
    found = min(
        _MISTAKES, key=lambda mistake: _distance(ours.undone(*mistake[1:]), wanted)
    )
    text, factor, offset = found
    ratio = ours.deviation / max(wanted.deviation, np.finfo(np.float64).tiny)
    explained = _distance(ours.undone(factor, offset), wanted)
    if explained > _EXPLAINED or explained > distance / 2:
        if 1 / _FAR < ratio < _FAR and distance < _FAR:
            return
        text, factor, offset = f"are {_times(ratio)}", ratio, 0.0
    raise ConfigError(
        "the calibration data do not have the preprocessing of the dataset",
        where=where,
        found=f"they {text}: {ours.text()}",
        allowed=f"as {against}: {wanted.text()}",
        remedy=f"{_undo(factor, offset)}, or prepare both alike",
    )


def _distance(ours: Distribution, wanted: Distribution) -> float:
    """Return the largest difference of the four figures, in widths of *wanted*."""
    pairs = (
        (ours.low, wanted.low),
        (ours.high, wanted.high),
        (ours.mean, wanted.mean),
        (ours.deviation, wanted.deviation),
    )
    width = max(wanted.width, np.finfo(np.float64).tiny)
    return max(abs(a - b) for a, b in pairs) / width


def _times(ratio: float) -> str:
    return (
        f"{ratio:.3g} times too large"
        if ratio >= 1
        else f"{1 / ratio:.3g} times too small"
    )


def _undo(factor: float, offset: float) -> str:
    shifted = "x" if offset == 0 else f"(x - {offset:g})" if offset > 0 else ""
    shifted = shifted or f"(x + {-offset:g})"
    if factor == 1:
        return f"take {shifted}"
    if abs(factor) < 1:
        return f"take {shifted} * {1 / factor:.4g}"
    return f"take {shifted} / {factor:.4g}"


def _check_structure(
    x: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    *,
    where: str,
    against: str,
) -> None:
    """Refuse noise, and pictures that were reshaped where they had to be turned."""
    ours, wanted = smoothness(x), smoothness(reference)
    if not wanted or max(wanted) < _SMOOTH:
        return  # the reference has no structure that could be missing
    if max(ours) < _ROUGH:
        raise ConfigError(
            "the calibration data are noise",
            where=where,
            found=f"neighbouring values correlate by {max(ours):.2f}",
            allowed=f"{max(wanted):.2f}, as {against}",
            remedy="real samples: ranges of noise are not those of data",
        )
    if _reshaped(x, wanted=wanted, ours=ours):
        raise ConfigError(
            "the calibration data have their axes mixed up",
            where=where,
            found="channels first (NCHW) that were reshaped to channels last (NHWC)",
            allowed=f"neighbours that correlate as in {against}",
            remedy="numpy.transpose(x, (0, 2, 3, 1)), not reshape",
        )


def _reshaped(
    x: npt.NDArray[np.generic], *, wanted: list[float], ours: list[float]
) -> bool:
    if x.ndim != _PICTURE_RANK or x.shape[3] not in _CHANNELS[1:]:
        return False
    n, height, width, channels = x.shape
    turned = x.reshape(n, channels, height, width).transpose(0, 2, 3, 1)
    there = smoothness(turned)
    gap = max(abs(a - b) for a, b in zip(ours, wanted, strict=True))
    left = max(abs(a - b) for a, b in zip(there, wanted, strict=True))
    return gap > _ALIKE and left < gap / 2


def smoothness(x: npt.NDArray[np.generic]) -> list[float]:
    """Return how neighbours along each long axis of the samples correlate, -1 to 1."""
    values = _some(x).astype(np.float64)
    return [
        _correlation(np.moveaxis(values, axis, -1))
        for axis in range(1, values.ndim)
        if values.shape[axis] >= _SHORTEST
    ]


def _correlation(values: npt.NDArray[np.float64]) -> float:
    """Return the correlation of neighbours along the last axis, within samples.

    The mean over samples at each place is taken off first: without that, an offset
    that all samples share, such as that of a spectrum's first coefficient, would be
    all there is.
    """
    centred = values - values.mean(axis=0) if len(values) > 1 else values
    a, b = centred[..., :-1].ravel(), centred[..., 1:].ravel()
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def constant_samples(x: npt.NDArray[np.generic]) -> list[int]:
    """Return the samples that hold a single value: silence, or a black picture."""
    flat = x.reshape(len(x), -1)
    return [int(i) for i in np.flatnonzero((flat == flat[:, :1]).all(axis=1))]


def duplicates(x: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    """Return pairs of equal samples, the later one second."""
    seen: dict[bytes, int] = {}
    pairs = []
    for index, row in enumerate(np.ascontiguousarray(x)):
        first = seen.setdefault(row.tobytes(), index)
        if first != index:
            pairs.append((first, index))
    return pairs


def _some(x: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return at most so many samples, evenly spread."""
    step = -(-len(x) // _MOST_ROWS)
    return x[::step]
