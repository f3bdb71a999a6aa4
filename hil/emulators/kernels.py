"""What an emulated board asks of the engine that runs its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from hil.engines.spec import TensorSpec


class Kernels(Protocol):
    """An engine with one model, as hil.engines.tflm has it."""

    version: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def last_invoke_ns(self) -> int:
        """Nanoseconds of the last bare invocation."""

    def load(self, model: bytes) -> None:
        """Prepare *model*, or raise ModelError, UnsupportedOp or DoesNotFit."""

    def reset(self) -> None:
        """Set the variable tensors back to their first state."""

    def invoke(
        self, inputs: Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """Write *inputs*, run, return the outputs."""

    def memory(self) -> Mapping[str, int]:
        """Bytes in use, by the names of the result JSON."""

    def tensors(self) -> Mapping[int, npt.NDArray[np.generic]]:
        """Every tensor of the last invocation by its index."""


class KernelsFactory(Protocol):
    """Makes an engine; the class of an engine is one."""

    def __call__(
        self, arena_bytes: int | None = None, *, preserve_tensors: bool = False
    ) -> Kernels:
        """Return an engine with an arena of this size; None: as large as needed."""
