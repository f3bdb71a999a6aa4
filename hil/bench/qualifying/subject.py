"""A model to qualify with: its inputs, and what a host engine answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.bench.qualifying.observation import AnswersSeen, Rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NO_SAMPLES: Final = "no samples: name a --dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model, its inputs in its own types, and how a host engine answers them.

    `samples` and `probe` have shape [n, *input_shape without batch]; `expected` has one
    row a sample, `labels` one class number.
    """

    model: bytes
    probe: npt.NDArray[np.generic]
    samples: npt.NDArray[np.generic] | None
    expected: npt.NDArray[np.generic] | None
    reference: str
    labels: npt.NDArray[np.int64] | None = None
    name: str = "model"
    sha256: str = ""

    def answered(self, outputs: npt.NDArray[np.generic], *, engine: str) -> AnswersSeen:
        """Return what the device's *outputs* are to be held against."""
        assert self.expected is not None
        return AnswersSeen(
            model=self.name,
            model_sha256=self.sha256,
            engine=engine,
            reference=self.reference,
            answers=Rows.of(outputs),
            expected=Rows.of(self.expected),
            labels=None if self.labels is None else tuple(int(y) for y in self.labels),
        )
