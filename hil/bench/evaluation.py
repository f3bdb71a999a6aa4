"""A model's answers to every sample on a host engine, and what they are worth."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.dataset import Content
from hil.accuracy.datasets import load_dataset
from hil.accuracy.distance import real_rows
from hil.accuracy.inputs import prepare
from hil.accuracy.metrics import Kind, find_metric
from hil.accuracy.ranking import NO_CLASS
from hil.accuracy.sample_scores import Scale, Target, score
from hil.bench.variants import Variant
from hil.engines.litert import LitertEngine
from hil.errors import ConfigError, ModelError
from hil.models.facts import operator_names, read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.models.label import label
from hil.results.scores import StoredScores
from hil.vocab import ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from hil.accuracy.dataset import Dataset
    from hil.accuracy.inputs import InputSpec, Pixels
    from hil.accuracy.sample_scores import SampleScores
    from hil.models.graph import Graph, Tensor
    from hil.vocab import Engine


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One file, and what its answers were worth."""

    variant: Variant
    stored: StoredScores
    scale_of: str | None = None  # the model whose input scale the samples were read by

    @property
    def name(self) -> str:
        """What the file is called among the others."""
        return self.stored.variant

    @property
    def nan_answers(self) -> int:
        """How many answers hold NaN and name no class, where classes are asked for."""
        named = self.stored.scores.answers
        return 0 if named is None else int((named == NO_CLASS).sum())


def evaluate(
    paths: Sequence[Path],
    source: Path,
    *,
    metric: str,
    make: Callable[[], Engine],
    pixels: Pixels | None = None,
    samples: int | None = None,
) -> list[Evaluated]:
    """Run every model on every sample of the dataset *source* and score the answers.

    mse and cosine take the dataset's floats; without them a reconstruction is held to
    its sample, and any other answer to the first model's. Samples in a quantized
    type mean what they mean to the first model of that input type. Raises ConfigError
    where the dataset does not belong to a model or cannot be judged by *metric*,
    ModelError where mse or cosine meets an answer that is no finite number.
    """
    distance = find_metric(metric).kind in {Kind.MSE, Kind.COSINE}
    dataset = load_dataset(source, float_targets=distance)
    if samples is not None:
        dataset = _first(dataset, samples)
    target = None
    if dataset.targets is not None:
        target = Target(rows=dataset.targets, name=f"y of {source.name}")
    names = _names(paths)
    models = [_Model.read(path) for path in paths]
    lender = next((i for i, m in enumerate(models) if m.lends(dataset)), None)
    found: list[Evaluated] = []
    for model, name in zip(models, names, strict=True):
        known = lender is not None and model.spec != models[lender].spec
        given = (
            models[lender].meant(dataset) if lender is not None and known else dataset
        )
        variant = _variant(model, given, metric, pixels)
        assert variant.samples is not None
        engine = make()
        outputs = answers(engine, variant.data, variant.samples)
        if distance:
            _require_finite(outputs, where=str(model.path), metric=metric)
        if distance and target is None and score_answers(outputs, variant) is None:
            scale = scales(variant)[1]
            rows = real_rows(outputs, scale=scale.scale, zero_point=scale.zero_point)
            target = Target(rows=rows, name=f"the answers of {name}")
        scores = score_answers(outputs, variant, target=target)
        if scores is None:
            raise _unjudged(source, metric)
        stored = StoredScores(
            model=dataset.name,
            variant=name,
            device=None,
            engine=engine.name,
            scores=scores,
        )
        read_by = names[lender] if lender is not None and known else None
        found.append(Evaluated(variant=variant, stored=stored, scale_of=read_by))
    return found


def answers(
    engine: Engine, model: bytes, samples: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    """Return what *model* answers on *engine* to each of *samples* [n, ...].

    Raises what the engine raises where it cannot run the model.
    """
    engine.load(model)
    if isinstance(engine, LitertEngine):
        return engine.invoke_each(samples)
    return np.stack([engine.invoke([row[None]])[0][0] for row in samples])


def score_answers(
    outputs: npt.NDArray[np.generic], variant: Variant, *, target: Target | None = None
) -> SampleScores | None:
    """Score the answers of *variant*, wherever they came from, by its metric.

    None where nothing is known to hold them to: no dataset, or no labels in it.
    """
    if variant.samples is None:
        return None
    given, answered = scales(variant)
    labels = variant.labels
    return score(
        outputs,
        metric=find_metric(variant.metric),
        labels=None if labels is None else labels[: len(outputs)],
        samples=variant.samples[: len(outputs)],
        input_scale=given,
        output_scale=answered,
        target=target,
    )


def scales(variant: Variant) -> tuple[Scale, Scale]:
    """Return what the model's one input and its one output mean in real values."""
    main = read_graph(variant.data, str(variant.artifact.path)).subgraphs[0]
    return _scale(main.tensors[main.inputs[0]]), _scale(main.tensors[main.outputs[0]])


def _scale(tensor: Tensor) -> Scale:
    quantization = tensor.quantization
    if quantization is None or not quantization.scales:
        return Scale()
    points = quantization.zero_points
    return Scale(scale=quantization.scales[0], zero_point=points[0] if points else 0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    path: Path
    data: bytes
    graph: Graph
    spec: InputSpec

    @classmethod
    def read(cls, path: Path) -> _Model:
        data = read_model(path)
        graph = read_graph(data, str(path))
        return cls(path=path, data=data, graph=graph, spec=input_spec(graph))

    def lends(self, dataset: Dataset) -> bool:
        """Return whether the samples are in this model's own quantized type."""
        same = dataset.x.dtype == self.spec.dtype and self.spec.scale > 0
        return same and dataset.content is Content.VALUES

    def meant(self, dataset: Dataset) -> Dataset:
        """Return the samples as the real values that they are to this model."""
        steps = dataset.x.astype(np.float64) - self.spec.zero_point
        real = (steps * self.spec.scale).astype(np.float32)
        return dataclasses.replace(dataset, x=real)


def _variant(
    model: _Model, dataset: Dataset, metric: str, pixels: Pixels | None
) -> Variant:
    samples = prepare(dataset, model.spec, pixels=pixels)
    artifact = ModelArtifact(
        name=model.path.stem,
        variant=model.path.stem,
        path=model.path,
        sha256=sha256_of(model.data),
        size_bytes=len(model.data),
        ops=operator_names(model.graph),
    )
    return Variant(
        artifact=artifact,
        data=model.data,
        label=label(model.graph).text,
        metric=metric,
        probe=samples[:1],
        samples=samples,
        labels=dataset.y,
    )


def _first(dataset: Dataset, samples: int) -> Dataset:
    return dataclasses.replace(
        dataset,
        x=dataset.x[:samples],
        y=None if dataset.y is None else dataset.y[:samples],
        targets=None if dataset.targets is None else dataset.targets[:samples],
    )


def _require_finite(
    outputs: npt.NDArray[np.generic], *, where: str, metric: str
) -> None:
    """Raise ModelError for NaN and infinity: nothing is near to them or far from them.

    An error would be NaN, which no test tells from a small one, and a similarity 0.
    """
    rows = outputs.reshape(len(outputs), -1)
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    if bad:
        raise ModelError(
            f"the model answers NaN or infinity, so there is no {metric}",
            where=where,
            found=f"{bad} of {len(rows)} samples",
            allowed="finite answers",
            remedy="look for NaN in its weights, or for samples that it was not "
            "trained for",
        )


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the files' stems, or their whole paths where two stems are the same."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def _unjudged(source: Path, metric: str) -> ConfigError:
    if find_metric(metric).kind is Kind.NONE:
        return ConfigError(
            "metric none compares nothing",
            allowed="topK, macro-f1, auc, mse or cosine",
        )
    return ConfigError(
        f"{metric} needs labels",
        where=str(source),
        found="samples without any",
        remedy="an .npz with y, or the metric mse or cosine",
    )
