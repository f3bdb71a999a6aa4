"""QAT held against plain quantization and float, sample by sample, on this host."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.accuracy.comparison import Comparison, compare
from hil.accuracy.gate import POINTS
from hil.accuracy.inputs import InputSpec, prepare
from hil.accuracy.metrics import find_metric
from hil.accuracy.paired import shared_disagreement, smallest_detectable
from hil.accuracy.rating import rate
from hil.accuracy.sample_scores import score
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.accuracy.dataset import Dataset
    from hil.accuracy.inputs import Pixels
    from hil.accuracy.rating import Rating
    from hil.accuracy.sample_scores import SampleScores

ENGINE: Final = Kernels.REFERENCE
_ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """One variant beside another; `lost` is what only *baseline* got right."""

    variant: str
    baseline: str
    comparison: Comparison
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All variants with their accuracy, and each pair that was asked for."""

    ratings: Mapping[str, Rating]
    versus: tuple[Versus, ...]


def stand(
    models: Mapping[str, bytes],
    dataset: Dataset,
    pairs: tuple[tuple[str, str], ...],
    *,
    pixels: Pixels | None = None,
) -> Standing:
    """Run every model on every sample and test each pair (variant, baseline).

    p-values are Holm-adjusted over the variants of one baseline. Raises ConfigError for
    a dataset that has no labels or does not belong to a model.
    """
    if dataset.y is None:
        raise ConfigError(
            "the test needs labels",
            where=str(dataset.source),
            found="samples without y",
            allowed="an .npz with x and y, or another dataset with labels",
        )
    scores = {name: _scores(data, dataset, pixels) for name, data in models.items()}
    versus = []
    for baseline in dict.fromkeys(pair[1] for pair in pairs):
        names = [variant for variant, other in pairs if other == baseline]
        found = compare(scores[baseline], [scores[name] for name in names])
        versus += [
            Versus(
                variant=name,
                baseline=baseline,
                comparison=comparison,
                verdict=verdict(name, baseline, comparison),
            )
            for name, comparison in zip(names, found, strict=True)
        ]
    ratings = {name: rate(each) for name, each in scores.items()}
    return Standing(ratings=ratings, versus=tuple(versus))


def verdict(variant: str, baseline: str, found: Comparison) -> str:
    """Say in words what the paired test says, and what it cannot say."""
    assert found.lost is not None
    assert found.gained is not None
    if found.p_holm < _ALPHA:
        word = "better" if found.gained > found.lost else "worse"
        points = abs(found.difference) * POINTS
        return f"{variant} is {word} than {baseline} by {points:.2f} points"
    text = (
        f"{variant} is not shown to be better or worse than {baseline}: undecidable "
        f"with n = {found.n:,}"
    )
    if found.detectable is not None:
        text += (
            f", which would find a difference of {found.detectable * POINTS:.2f} points"
        )
    if found.difference == 0:
        return text
    # What is detectable falls with the root of n, once that many samples differ.
    disagreement = shared_disagreement(found.lost, found.gained, n=found.n)
    detectable = smallest_detectable(disagreement, found.n, alpha=_ALPHA)
    needed = math.ceil(found.n * (detectable / found.difference) ** 2)
    return f"{text}; about {needed:,} samples would find the one seen"


def _scores(data: bytes, dataset: Dataset, pixels: Pixels | None) -> SampleScores:
    engine = LitertEngine(ENGINE)
    engine.load(data)
    given = engine.inputs[0]
    spec = InputSpec(
        shape=given.shape,
        dtype=given.dtype,
        scale=given.scale,
        zero_point=given.zero_point,
    )
    outputs = engine.invoke_each(prepare(dataset, spec, pixels=pixels))
    found = score(outputs, metric=find_metric("top1"), labels=dataset.y)
    assert found is not None
    return found
