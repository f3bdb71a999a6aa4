"""What benchmark_model must be told of a model, and what its answers look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.android.benchmark_command import input_flags, value_file_prefix
from hil.errors import FirmwareFault, ModelError
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.models.graph import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolModel:
    """What the tool must be told of a model, and what its answers look like."""

    input_flags: Sequence[str]
    value_prefix: str
    output: Tensor
    answer_bytes: int  # of one run: all outputs, one after the other

    @classmethod
    def of(cls, data: bytes, where: str) -> ToolModel:
        """Read it from the file; ModelError where the tool cannot be told of it."""
        graph = read_graph(data, where).subgraphs[0]
        if len(graph.inputs) != 1:
            raise ModelError(
                "a model with one input is needed",
                where=where,
                found=f"{len(graph.inputs)} inputs",
            )
        tensor = graph.tensors[graph.inputs[0]]
        outputs = [graph.tensors[index] for index in graph.outputs]
        return cls(
            input_flags=input_flags(tensor.name, tensor.shape, where=where),
            value_prefix=value_file_prefix(tensor.name),
            output=outputs[0],
            answer_bytes=sum(_size_bytes(output, where) for output in outputs),
        )

    def rows(self, data: bytes, n: int, *, where: str) -> npt.NDArray[np.generic]:
        """Return the first output of *n* runs, shape [n, *output_shape without batch].

        FirmwareFault where *data* is not exactly the outputs of n runs.
        """
        if len(data) != n * self.answer_bytes:
            raise FirmwareFault(
                "the answers that benchmark_model wrote have the wrong size",
                where=where,
                found=f"{len(data):,} bytes",
                allowed=f"{n * self.answer_bytes:,} bytes for {n} runs",
            )
        dtype = np.dtype(self.output.type)
        runs = np.frombuffer(data, dtype=np.uint8).reshape(n, self.answer_bytes)
        first = np.ascontiguousarray(runs[:, : self.output.elements * dtype.itemsize])
        return first.view(dtype).reshape(n, *self.output.shape[1:])


def _size_bytes(tensor: Tensor, where: str) -> int:
    try:
        return tensor.elements * np.dtype(tensor.type).itemsize
    except TypeError as exc:
        raise ModelError(
            "the model's output has a type that hil cannot read",
            where=where,
            found=tensor.type,
        ) from exc
