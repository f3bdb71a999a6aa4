"""What a run measures, made ready on the host: variants, targets and baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.bench.baseline import build_with_baseline
from hil.bench.variants import build_variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.accuracy.sample_scores import SampleScores, Target
    from hil.bench.plan import Plan
    from hil.bench.variants import Variant
    from hil.results.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """All variants of a plan, and by the model's name what they are held to."""

    variants: list[Variant] = field(default_factory=list)
    targets: dict[str, Target] = field(default_factory=dict)  # of mse and cosine
    baselines: dict[str, SampleScores] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # why there is no baseline


def prepare(
    plan: Plan, folder: RunFolder, progress: Callable[[str], None] = lambda _: None
) -> Prepared:
    """Build the variants of *plan*, run the baselines on this host, keep their scores.

    Raises what building a variant does; *progress* is told what is being built.
    """
    ready = Prepared()
    for model in plan.models:
        name = model.path.stem
        built, baseline = build_with_baseline(
            model,
            plan.accuracy,
            lambda planned: build_variants(
                planned, folder, samples=plan.measure.samples, progress=progress
            ),
        )
        ready.variants.extend(built)
        if baseline is None:
            continue
        if baseline.scores is not None:
            folder.append_scores(baseline.scores)
            ready.baselines[name] = baseline.scores.scores
        if baseline.target is not None:
            ready.targets[name] = baseline.target
        if baseline.problem is not None:
            ready.problems[name] = baseline.problem
    return ready
