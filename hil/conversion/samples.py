"""Representative data as the converter's calibration takes them, or why they cannot be.

TensorFlow takes no sample at all and gives a float model, and takes zeros and gives a
model whose every range is a point. Both are refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import InputSpec, Pixels, prepare
from hil.errors import ConfigError, ModelError, nearest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

FEW = 20  # fewer lost up to 2.6 points on a keyword model (docs/recipes.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSlot:
    """One input of a source model; None is an open size, no shape an open rank."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str

    @property
    def text(self) -> str:
        """The input in words: `image float32 [?, 28, 28]`."""
        if self.shape is None:
            return f"{self.name} {self.dtype} of any shape"
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.dtype} [{sizes}]"


def load_samples(
    path: Path, slots: tuple[InputSlot, ...], *, pixels: str | None, where: str
) -> npt.NDArray[np.generic]:
    """Return the samples [n, *shape without batch] in the type of the only input.

    Raises ConfigError for data that cannot calibrate it, ModelError where no dataset
    of hil's could.
    """
    spec = _spec(slots, where=where)
    x = prepare(load_dataset(path, float_targets=True), spec, pixels=_pixels(pixels))
    if x.min() == x.max():
        raise ConfigError(
            "the representative data are constant",
            where=str(path),
            found=f"every value is {float(x.flat[0]):g} in {len(x)} samples",
            allowed="samples as the device will see them",
            remedy="with these TensorFlow makes a model whose every range is a point, "
            "and calls it int8",
        )
    return x


def few_samples(count: int) -> list[str]:
    """Return a warning where there are too few samples to rely on."""
    if count >= FEW:
        return []
    samples = "1 sample" if count == 1 else f"{count} samples"
    return [f"calibrated with {samples}: {FEW} or more varied ones are safer"]


def _spec(slots: tuple[InputSlot, ...], *, where: str) -> InputSpec:
    if len(slots) != 1:
        raise ModelError(
            "representative data are for models with one input",
            where=where,
            found=", ".join(slot.text for slot in slots),
            allowed="one input",
            remedy="dynamic or float16, which need no data",
        )
    slot = slots[0]
    if slot.shape is None or None in slot.shape[1:]:
        raise ModelError(
            "the input has open sizes, so no sample has its shape",
            where=where,
            found=slot.text,
            allowed="an open batch alone",
            remedy=f"--input-shape {slot.name}=1,...",
        )
    shape = (slot.shape[0] or 1, *(size or 1 for size in slot.shape[1:]))
    if shape[0] != 1:
        raise ModelError(
            "the batch of the input is not 1",
            where=where,
            found=slot.text,
            allowed="a batch of 1, or an open one",
            remedy=f"--input-shape {slot.name}=1,...",
        )
    return InputSpec(shape=shape, dtype=np.dtype(slot.dtype))


def _pixels(text: str | None) -> Pixels | None:
    allowed = [kind.value for kind in Pixels]
    if text is not None and text not in allowed:
        raise ConfigError(
            "unknown kind of pixels",
            found=repr(text),
            allowed=", ".join(allowed),
            remedy=nearest(text, allowed),
        )
    return None if text is None else Pixels(text)
