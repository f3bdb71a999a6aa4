"""Variants: each planned model quantized as asked, and the data that goes in."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.dataset import shared_samples
from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import prepare
from hil.bench.plan import AS_IS
from hil.models.facts import operator_names, read_model, sha256_of
from hil.models.graph import read_graph
from hil.models.input_spec import input_spec
from hil.models.label import label
from hil.quantization.preprocessing import check_preprocessing
from hil.quantization.recipes import find_recipe
from hil.vocab import ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from hil.accuracy.dataset import Dataset
    from hil.accuracy.inputs import InputSpec
    from hil.bench.plan import PlannedModel
    from hil.models.graph import Graph
    from hil.quantization.recipes import Recipe
    from hil.results.run_folder import RunFolder

# A hundred samples calibrate as well as five hundred (docs/recipes.md), and a fifth of
# a small dataset is as much as its accuracy can spare.
_HELD_OUT = 100
_HELD_OUT_SHARE = 5
_PROBE_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One file to measure, with its inputs in its own input type.

    `samples` has shape [n, *input_shape without batch], `labels` [n]; `probe` is one
    input, [1, ...], for the timed runs.
    """

    artifact: ModelArtifact
    data: bytes
    label: str
    metric: str
    probe: npt.NDArray[np.generic]
    samples: npt.NDArray[np.generic] | None = None
    labels: npt.NDArray[np.int64] | None = None
    calibration: str | None = None


def build_variants(
    planned: PlannedModel,
    folder: RunFolder,
    *,
    samples: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Variant]:
    """Quantize *planned* into each variant, keep the files, prepare their inputs.

    Raises ModelError, WrongQuantization or ConfigError; then nothing is measured.
    """
    source = read_model(planned.path)
    graph = read_graph(source, where=str(planned.path))
    dataset = load_dataset(planned.dataset) if planned.dataset else None
    calibration, measured = _split(planned, dataset)
    variants = []
    for name in planned.variants:
        progress(f"{planned.path.stem}: {name}")
        data, told = source, None
        if name != AS_IS:
            recipe = find_recipe(name)
            used = calibration if recipe.needs_calibration else None
            if used is not None and planned.calibration is not None:
                _check_preprocessing(used.dataset, measured, graph, planned)
            data = _quantized(source, graph, recipe, used, planned)
            told = used.told if used else None
        variants.append(
            make_variant(
                planned,
                name,
                data,
                folder=folder,
                dataset=_first(measured, samples),
                calibration=told,
            )
        )
    return variants


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calibration:
    """The data that ranges are measured on, and what a reader must be told of it."""

    dataset: Dataset
    told: str


def _split(
    planned: PlannedModel, dataset: Dataset | None
) -> tuple[_Calibration | None, Dataset | None]:
    """Return what to calibrate with and what to measure accuracy on.

    Where no calibration data is named, some samples of the dataset are held out for
    it, since a model judged on what it was calibrated with looks better than it is.
    """
    if planned.calibration is not None:
        named = load_dataset(planned.calibration, float_targets=True)
        told = calibrated_on(named, planned.calibration, dataset)
        return _Calibration(dataset=named, told=told), dataset
    wanted = [find_recipe(name) for name in planned.variants if name != AS_IS]
    if not any(recipe.needs_calibration for recipe in wanted) or dataset is None:
        return None, dataset
    count = min(_HELD_OUT, len(dataset.x) // _HELD_OUT_SHARE)
    told = (
        f"the first {count} samples of {planned.path.stem}'s dataset, which are left "
        "out of its accuracy; --calibration names other data"
    )
    held_out = _part(dataset, slice(0, count))
    return _Calibration(dataset=held_out, told=told), _part(dataset, slice(count, None))


def calibrated_on(given: Dataset, path: Path, measured: Dataset | None) -> str:
    """Return what a reader must be told of calibration data that somebody named."""
    told = f"{len(given.x)} samples of {path.name}"
    again = 0 if measured is None else shared_samples(measured, given)
    if measured is None or not again:
        return told
    return (
        f"{told}; {again} of the {len(measured.x)} samples that measure accuracy are "
        "among them, which flatters it"
    )


def _check_preprocessing(
    calibration: Dataset, measured: Dataset | None, graph: Graph, planned: PlannedModel
) -> None:
    """Refuse calibration data that do not look as what accuracy is measured on."""
    spec = input_spec(graph)
    if measured is None or spec.dtype.kind != "f":
        return
    check_preprocessing(
        prepare(calibration, spec, pixels=planned.pixels),
        prepare(measured, spec, pixels=planned.pixels),
        where=str(planned.calibration),
        against=measured.name,
    )


def _first(dataset: Dataset | None, samples: int | None) -> Dataset | None:
    if dataset is None or samples is None:
        return dataset
    return _part(dataset, slice(0, samples)) if samples else None


def _part(dataset: Dataset, rows: slice) -> Dataset:
    labels = None if dataset.y is None else dataset.y[rows]
    return dataclasses.replace(dataset, x=dataset.x[rows], y=labels)


def _quantized(
    source: bytes,
    graph: Graph,
    recipe: Recipe,
    calibration: _Calibration | None,
    planned: PlannedModel,
) -> bytes:
    # The quantizer takes a third of a second to import, and `as-is` needs none.
    from hil.quantization.calibration import CalibrationData  # noqa: PLC0415
    from hil.quantization.quantize import quantize  # noqa: PLC0415

    inputs = None
    if calibration is not None:
        x = prepare(calibration.dataset, input_spec(graph), pixels=planned.pixels)
        inputs = CalibrationData(name=calibration.told, x=x)
    return quantize(source, recipe, inputs, where=str(planned.path)).data


def make_variant(
    planned: PlannedModel,
    name: str,
    data: bytes,
    *,
    folder: RunFolder,
    dataset: Dataset | None,
    calibration: str | None,
) -> Variant:
    """Return what measures the file *data* as variant *name*; the folder keeps it."""
    graph = read_graph(data, where=f"{planned.path} as {name}")
    spec = input_spec(graph)
    samples = None
    if dataset is not None:
        samples = prepare(dataset, spec, pixels=planned.pixels)
    sha256 = sha256_of(data)
    artifact = ModelArtifact(
        name=planned.path.stem,
        variant=name,
        path=folder.add_model(data, sha256),
        sha256=sha256,
        size_bytes=len(data),
        ops=operator_names(graph),
    )
    return Variant(
        artifact=artifact,
        data=data,
        label=label(graph).text,
        metric=planned.metric,
        probe=samples[:1] if samples is not None else _made_up(spec),
        samples=samples,
        labels=dataset.y if dataset is not None else None,
        calibration=calibration,
    )


def _made_up(spec: InputSpec) -> npt.NDArray[np.generic]:
    """Return one input for timing where there is no dataset, the same in every run."""
    generator = np.random.default_rng(_PROBE_SEED)
    shape = (1, *spec.shape[1:])
    if spec.dtype.kind == "f":
        return generator.random(shape).astype(spec.dtype)
    limits = np.iinfo(spec.dtype.name)
    return generator.integers(limits.min, limits.max + 1, shape).astype(spec.dtype)
