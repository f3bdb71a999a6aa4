"""Classes of a calibration set that are thin, and pictures made to fill them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

_THIN = 0.5  # of the median class
_SEED = 0
_PICTURE_RANK = 4
_SHIFT = 1  # pixels, each way
_SHORTEST = 8  # pixels along a side: below that, a shift is another picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filled:
    """Samples made from others: `x` [m, ...], their labels, and what each came from."""

    x: npt.NDArray[np.generic]
    y: npt.NDArray[np.int64]
    sources: npt.NDArray[np.int64]


def class_counts(y: npt.NDArray[np.int64], *, classes: int) -> dict[int, int]:
    """Return how many samples each of the *classes* has; 0 where it has none."""
    counts = np.bincount(y, minlength=classes)
    return {label: int(count) for label, count in enumerate(counts)}


def thin_classes(counts: dict[int, int]) -> list[int]:
    """Return the classes with less than half of the samples of the median class."""
    median = float(np.median(list(counts.values())))
    return [label for label, count in counts.items() if count < _THIN * median]


def fill(
    x: npt.NDArray[np.generic],
    y: npt.NDArray[np.int64],
    *,
    counts: dict[int, int],
    flips: bool,
    where: str,
) -> Filled:
    """Return pictures that bring each thin class up to the median class.

    Each is a sample of its class moved by at most one pixel each way, edges repeated;
    *flips* mirrors every second one, which is right only where a mirrored picture is
    of the same class. Raises ConfigError where the samples are no pictures, or where a
    class has no sample to begin with.
    """
    if x.ndim != _PICTURE_RANK or min(x.shape[1:3]) < _SHORTEST:
        raise ConfigError(
            "only pictures can be filled by augmentation",
            where=where,
            found=f"samples of shape {list(x.shape[1:])}",
            allowed="[height, width, channels], at least 8 x 8",
            remedy="record more samples of the thin classes",
        )
    median = int(np.median(list(counts.values())))
    empty = [label for label, count in counts.items() if count == 0]
    if empty:
        raise ConfigError(
            "a class without any sample cannot be filled",
            where=where,
            found=f"no sample of class {', '.join(map(str, empty))}",
            allowed="at least one sample of each class",
            remedy="add samples of it",
        )
    rng = np.random.default_rng(_SEED)
    sources: list[int] = []
    for label in thin_classes(counts):
        rows = np.flatnonzero(y == label)
        missing = median - counts[label]
        sources += [int(rows[i % len(rows)]) for i in range(missing)]
    made = [
        _moved(x[source], rng, flip=flips and i % 2 == 1)
        for i, source in enumerate(sources)
    ]
    picked = np.array(sources, np.int64)
    return Filled(
        x=np.stack(made) if made else x[:0],
        y=y[picked],
        sources=picked,
    )


def _moved(
    picture: npt.NDArray[np.generic], rng: np.random.Generator, *, flip: bool
) -> npt.NDArray[np.generic]:
    """Return *picture* moved by one pixel in some direction, never left in place."""
    moves = [(-_SHIFT, 0), (_SHIFT, 0), (0, -_SHIFT), (0, _SHIFT)]
    moves += [(a, b) for a in (-_SHIFT, _SHIFT) for b in (-_SHIFT, _SHIFT)]
    down, right = moves[int(rng.integers(len(moves)))]
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)), mode="edge")
    top, left = _SHIFT - down, _SHIFT - right
    moved = padded[top : top + height, left : left + width]
    return moved[:, ::-1] if flip else moved
