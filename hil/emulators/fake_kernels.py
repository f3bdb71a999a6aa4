"""An engine without arithmetic, for tests of boards and dialogues.

Its model is a line of JSON, padded with anything behind the line, for example
`{"inputs": [4], "outputs": [2], "arena": 100}`: sizes in bytes. `"unsupported"` or
`"broken"` hold a text and make `load` refuse; `"fails"` makes `invoke` refuse.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from hil.engines.spec import TensorSpec
from hil.errors import DoesNotFit, ModelError, UnsupportedOp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

_MODULUS = 251  # prime, so that outputs do not repeat with the sizes
_TICKS = 1000


class FakeKernels:
    """Outputs that depend on every input byte and on how often it ran since `reset`."""

    def __init__(
        self, arena_bytes: int | None = None, *, preserve_tensors: bool = False
    ) -> None:
        """Take the arena's size; None means as large as needed."""
        self.version = "fake 1"
        self.inputs: tuple[TensorSpec, ...] = ()
        self.outputs: tuple[TensorSpec, ...] = ()
        self._available_bytes = arena_bytes
        self._preserve = preserve_tensors
        self._needed_bytes = 0
        self._fails = False
        self._runs = 0
        self._tensors: dict[int, npt.NDArray[np.generic]] = {}

    @property
    def last_invoke_ns(self) -> int:
        """A constant."""
        return _TICKS

    def load(self, model: bytes) -> None:
        """Read the line of JSON."""
        try:
            facts = json.loads(model.partition(b"\n")[0])
        except ValueError as exc:
            raise ModelError("the fake model is no JSON", found=str(exc)) from exc
        if "unsupported" in facts:
            raise UnsupportedOp(f"no kernel for {facts['unsupported']}")
        if "broken" in facts:
            raise ModelError(facts["broken"])
        self._needed_bytes = facts.get("arena", 0)
        available = self._available_bytes
        if available is not None and self._needed_bytes > available:
            raise DoesNotFit(
                region="arena",
                needed_bytes=self._needed_bytes,
                available_bytes=available,
                where="fake",
            )
        self.inputs = _specs("input", facts["inputs"])
        self.outputs = _specs("output", facts["outputs"])
        self._fails = facts.get("fails", False)

    def reset(self) -> None:
        """Forget how often it ran."""
        self._runs = 0

    def invoke(
        self, inputs: Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """Return outputs whose byte i is the weighted sum of the inputs, plus i."""
        if self._fails:
            raise ModelError("the fake model fails")
        data = np.frombuffer(b"".join(value.tobytes() for value in inputs), np.uint8)
        start = int(data.astype(np.int64) @ np.arange(1, data.size + 1)) + self._runs
        self._runs += 1
        outputs: list[npt.NDArray[np.generic]] = [
            ((start + np.arange(spec.shape[0])) % _MODULUS).astype(np.uint8)
            for spec in self.outputs
        ]
        self._tensors = dict(enumerate([*inputs, *outputs]))
        return outputs

    def memory(self) -> Mapping[str, int]:
        """Return the arena."""
        return {"arena_bytes": self._needed_bytes}

    def tensors(self) -> Mapping[int, npt.NDArray[np.generic]]:
        """Return inputs and outputs, numbered in this order."""
        assert self._preserve
        return self._tensors


def _specs(name: str, sizes: Sequence[int]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=f"{name} {index}", dtype=np.dtype(np.uint8), shape=(size,))
        for index, size in enumerate(sizes)
    )
