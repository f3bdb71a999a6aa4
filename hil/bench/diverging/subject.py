"""The model and the inputs that go through every engine and device."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import prepare
from hil.models.facts import operator_names, read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.vocab import ModelArtifact

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from hil.accuracy.inputs import Pixels
    from hil.models.graph import Graph, SubGraph, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model with one input and one output, and inputs [n, ...] in its own type.

    `labels` are the inputs' classes, where the dataset has them.
    """

    artifact: ModelArtifact
    data: bytes
    graph: Graph
    samples: npt.NDArray[np.generic]
    labels: npt.NDArray[np.int64] | None
    dataset: str

    @property
    def main(self) -> SubGraph:
        """The subgraph that is run."""
        return self.graph.subgraphs[0]

    @property
    def output(self) -> Tensor:
        """The model's output."""
        return self.main.tensors[self.main.outputs[0]]


def read_subject(
    model: Path,
    dataset: Path,
    *,
    samples: int | None = None,
    pixels: Pixels | None = None,
) -> Subject:
    """Read both, and at most the first *samples*; ModelError or ConfigError."""
    data = read_model(model)
    graph = read_graph(data, str(model))
    spec = input_spec(graph)
    given = load_dataset(dataset)
    if samples is not None:
        labels = None if given.y is None else given.y[:samples]
        given = dataclasses.replace(given, x=given.x[:samples], y=labels)
    return Subject(
        artifact=ModelArtifact(
            name=model.stem,
            variant="as-is",
            path=model,
            sha256=sha256_of(data),
            size_bytes=len(data),
            ops=operator_names(graph),
        ),
        data=data,
        graph=graph,
        samples=prepare(given, spec, pixels=pixels),
        labels=given.y,
        dataset=dataset.name,
    )
