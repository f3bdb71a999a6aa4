"""One of those whose answers are held against the others': an engine on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from hil.bench.diverging.exposed import expose, layers
from hil.bench.evaluation import answers
from hil.bench.judge import make_engine
from hil.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from hil.bench.diverging.subject import Subject
    from hil.vocab import Deadline, Engine


class LayersUnknown(HilError):
    """What a side's layers compute cannot be read, or is not what its answers show."""


class Side(Protocol):
    """Whoever answers the inputs.

    `rows` are the places of the inputs that it answered, `outputs` its answers to
    these, [len(rows), *output_shape]. `tolerance` is above 0 where the answers are
    floats that a log printed: what is nearer is identical.
    """

    name: str
    engine: str
    rows: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.generic]
    tolerance: float

    def layer(
        self, row: int, tensor: int, deadline: Deadline
    ) -> npt.NDArray[np.generic]:
        """Return what the tensor holds for input *row*, or raise LayersUnknown."""


class HostSide:
    """An engine on this machine, with all its layers."""

    tolerance = 0.0

    def __init__(self, name: str, subject: Subject) -> None:
        """Run the engine called *name* over all inputs; raises what it raises."""
        self.name = name
        self._subject = subject
        engine = make_engine(name)
        self.engine = f"{name}, {engine.version}"
        self.outputs = answers(engine, subject.data, subject.samples)
        self.rows = np.arange(len(self.outputs))
        self._exposed: Engine | None = None
        self._kept: tuple[int, Mapping[int, npt.NDArray[np.generic]]] | None = None

    def layer(
        self,
        row: int,
        tensor: int,
        deadline: Deadline,  # noqa: ARG002 - an engine here ends when it ends
    ) -> npt.NDArray[np.generic]:
        """Return what the tensor holds for input *row*, or raise LayersUnknown."""
        if self._kept is None or self._kept[0] != row:
            self._kept = row, self._run(row)
        return self._kept[1][tensor]

    def _run(self, row: int) -> Mapping[int, npt.NDArray[np.generic]]:
        subject = self._subject
        tensors = list(dict.fromkeys(index for _, index in layers(subject.graph)))
        if self._exposed is None:
            where = f"{subject.artifact.path}, with all layers as outputs"
            engine = make_engine(self.name)
            engine.load(expose(subject.data, subject.graph, tensors, where=where))
            self._exposed = engine
        values = self._exposed.invoke([subject.samples[row][None]])
        found = dict(zip(tensors, values, strict=True))
        require_same_answer(
            found[subject.main.outputs[0]], self.outputs[row], who=self.name, row=row
        )
        return found


def require_same_answer(
    exposed: npt.NDArray[np.generic],
    answer: npt.NDArray[np.generic],
    *,
    who: str,
    row: int,
) -> None:
    """Raise LayersUnknown where the layers belong to another answer."""
    if exposed.tobytes() != answer.tobytes():
        raise LayersUnknown(
            f"{who} answers otherwise when its layers are kept",
            where=f"input {row}",
            remedy="its layers are not those of the answer, and none is shown",
        )
