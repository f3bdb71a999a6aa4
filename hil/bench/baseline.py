"""The baseline of a run: each model as it is, on this host, on the same samples."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.accuracy.distance import real_rows
from hil.accuracy.metrics import Kind, find_metric
from hil.accuracy.sample_scores import Target
from hil.bench.evaluation import answers, scales, score_answers
from hil.bench.plan import AS_IS, HOST_BASELINE
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import HilError
from hil.models.graph import read_graph
from hil.models.label import Kind as ModelKind
from hil.models.label import label
from hil.results.scores import StoredScores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.bench.plan import AccuracyGate, PlannedModel
    from hil.bench.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """What the host answered: its scores, or the target that mse and cosine take."""

    scores: StoredScores | None = None
    target: Target | None = None
    problem: str | None = None


def wants_baseline(planned: PlannedModel, gate: AccuracyGate) -> bool:
    """Return whether the model is to be run on this host for others to be held to."""
    judged = planned.dataset is not None and planned.metric != Kind.NONE.value
    compared = planned.variants != (AS_IS,) or gate.most_drop is not None
    return judged and compared and gate.baseline == HOST_BASELINE


def build_with_baseline(
    planned: PlannedModel,
    gate: AccuracyGate,
    build: Callable[[PlannedModel], list[Variant]],
) -> tuple[list[Variant], Baseline | None]:
    """Return the planned variants by *build*, and the baseline where one is wanted.

    A baseline that nobody asked for is left out, and told so in its `problem`, where
    this host cannot run the model or the data do not fit it. Raises what *build* does.
    """
    if not wants_baseline(planned, gate):
        return build(planned), None
    extended = planned
    if AS_IS not in planned.variants:
        extended = dataclasses.replace(planned, variants=(*planned.variants, AS_IS))
    try:
        variants = build(extended)
        baseline = measure_baseline(variants)
    except HilError as exc:
        if gate.most_drop is not None:
            raise
        return build(planned), Baseline(problem=exc.what)
    kept = [v for v in variants if v.artifact.variant in planned.variants]
    return kept, baseline


def measure_baseline(variants: Sequence[Variant]) -> Baseline | None:
    """Run the "as-is" variant on this host; None where it has no samples.

    A float model is run by LiteRT's default kernels: they differ from the reference
    ones in the last bits only, and are many times faster. Integers take the reference
    kernels, which define the answer.
    """
    (variant,) = [v for v in variants if v.artifact.variant == AS_IS]
    if variant.samples is None or not len(variant.samples):
        return None
    graph = read_graph(variant.data, str(variant.artifact.path))
    floats = label(graph).kind is ModelKind.FLOAT32
    engine = LitertEngine(Kernels.DEFAULT if floats else Kernels.REFERENCE)
    outputs = answers(engine, variant.data, variant.samples)
    scores = score_answers(outputs, variant)
    if scores is not None:
        stored = StoredScores(
            model=variant.artifact.name,
            variant=AS_IS,
            device=None,
            engine=engine.name,
            scores=scores,
        )
        return Baseline(scores=stored)
    if find_metric(variant.metric).kind not in {Kind.MSE, Kind.COSINE}:
        return None
    _, scale = scales(variant)
    rows = real_rows(outputs, scale=scale.scale, zero_point=scale.zero_point)
    name = f"the outputs of {AS_IS} on {engine.name}"
    return Baseline(target=Target(rows=rows, name=name))
