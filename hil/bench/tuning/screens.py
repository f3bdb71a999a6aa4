"""A candidate on this host: its file, its predicted arena, its first answers.

Answers come from the host engine that predicts the first device that can run it. The
samples are in the shuffled order of the search, so the sequential test may stop at any
of them: a candidate that has lost too much is not run to the end.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.comparison import compare
from hil.accuracy.gate import Outcome
from hil.accuracy.metrics import Kind
from hil.accuracy.rating import rate
from hil.accuracy.sequential import SequentialGate
from hil.bench.evaluation import answers, score_answers
from hil.bench.judge import make_engine, reference_engine
from hil.bench.tuning.search import Screening
from hil.bench.variants import make_variant
from hil.codegen.compiled import generate
from hil.engines.tflm import TflmEngine
from hil.errors import HilError, RecordingError
from hil.models.arena import confirmed_arena
from hil.models.graph import read_graph
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from hil.accuracy.dataset import Dataset
    from hil.accuracy.gate import Gate
    from hil.accuracy.sample_scores import SampleScores
    from hil.bench.plan import PlannedModel
    from hil.bench.tuning.builder import Builder
    from hil.bench.tuning.space import Candidate
    from hil.bench.variants import Variant
    from hil.results.run_folder import RunFolder
    from hil.vocab import DeviceProfile

_CHUNK = 50  # samples between two looks at the test


class Screens:
    """Builds candidates and runs them on this host, each sample once."""

    def __init__(
        self,
        *,
        planned: PlannedModel,
        dataset: Dataset,
        builder: Builder,
        folder: RunFolder,
        devices: Sequence[DeviceProfile],
        baseline: SampleScores,
        gate: Gate,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the *dataset* in the order of the search and the float model's scores.

        *baseline* are those of all samples, by this host.
        """
        self._planned = planned
        self._dataset = dataset
        self._builder = builder
        self._folder = folder
        self._devices = devices
        self._baseline = baseline
        self._gate = gate
        self._progress = progress
        self._outputs: dict[str, npt.NDArray[np.generic]] = {}

    def variant(self, found: Candidate) -> Variant:
        """Return what the runner measures of *found*; raises what building it does."""
        return make_variant(
            self._planned,
            found.name,
            self._builder.build(found).data,
            folder=self._folder,
            dataset=self._dataset,
            calibration=self._builder.calibrated_on(found),
        )

    def layers(self, found: Candidate) -> tuple[str, ...]:
        """Return the layers that *found* computes in another type."""
        return self._builder.build(found).layers

    def __call__(self, found: Candidate, *, samples: int) -> Screening:
        """Return what is known of *found* after the first *samples* samples.

        A candidate that cannot be built, or that no device could run, says so in its
        status. Raises RecordingError only.
        """
        self._progress(f"{found.name}: {samples} samples on this host")
        screening = Screening(candidate=found, status=RunStatus.OK)
        try:
            variant = self.variant(found)
            screening = dataclasses.replace(
                screening,
                sha256=variant.artifact.sha256,
                size_bytes=variant.artifact.size_bytes,
            )
            device, arena = self._able(variant)
            screening = dataclasses.replace(screening, arena_bytes=arena)
            name = reference_engine(device)
            return self._answered(screening, variant, samples, name=name)
        except RecordingError:
            raise
        except HilError as exc:
            return dataclasses.replace(
                screening, status=exc.status, problem=_one_line(exc)
            )

    def _answered(
        self, screening: Screening, variant: Variant, samples: int, *, name: str
    ) -> Screening:
        assert variant.samples is not None
        test = SequentialGate(self._gate)
        counted = self._baseline.metric.kind is Kind.TOP_K
        outcome, looked = Outcome.UNDECIDABLE, 0
        scores: SampleScores | None = None
        while looked < samples and outcome is not Outcome.FAILED:
            outputs = self._chunk(name, variant, min(looked + _CHUNK, samples))
            scores = score_answers(outputs, variant)
            assert scores is not None
            if counted:
                outcome = _fed(test, self._baseline, scores, start=looked)
            looked = len(outputs)
        assert scores is not None
        if not counted:
            before = first_scores(self._baseline, scores.n)
            (compared,) = compare(before, [scores], gate=self._gate)
            outcome = compared.gate.outcome if compared.gate else outcome
        return dataclasses.replace(
            screening, n=scores.n, loss=1 - rate(scores).value, outcome=outcome
        )

    def _chunk(self, name: str, variant: Variant, end: int) -> npt.NDArray[np.generic]:
        """Return the answers to the first *end* samples; known ones are not asked."""
        assert variant.samples is not None
        known = self._outputs.get(variant.artifact.sha256)
        done = 0 if known is None else len(known)
        if done < end:
            rows = variant.samples[done:end]
            more = answers(make_engine(name), variant.data, rows)
            known = more if known is None else np.concatenate([known, more])
            self._outputs[variant.artifact.sha256] = known
        assert known is not None
        return known[:end]

    def _able(self, variant: Variant) -> tuple[DeviceProfile, int | None]:
        """Return the first device that can run it, and the largest predicted arena.

        A variant that one device refuses may be another's best; raises the first
        refusal where no device can run it.
        """
        able: list[DeviceProfile] = []
        sizes: list[int] = []
        refusals: list[HilError] = []
        for device in self._devices:
            try:
                size = _predicted(variant, device)
            except HilError as exc:
                refusals.append(exc)
                continue
            able.append(device)
            sizes += [] if size is None else [size]
        if not able:
            raise refusals[0]
        return able[0], max(sizes, default=None)


def first_scores(scores: SampleScores, n: int) -> SampleScores:
    """Return the scores of the first *n* samples."""
    labels, hits, classes, values = (
        scores.labels,
        scores.hits,
        scores.answers,
        scores.values,
    )
    return dataclasses.replace(
        scores,
        n=n,
        ties=None,
        labels=None if labels is None else labels[:n],
        hits=None if hits is None else hits[:n],
        answers=None if classes is None else classes[:n],
        values=None if values is None else values[:n],
    )


def _fed(
    test: SequentialGate, baseline: SampleScores, scores: SampleScores, *, start: int
) -> Outcome:
    assert baseline.hits is not None
    assert scores.hits is not None
    for before, after in zip(
        baseline.hits[start : scores.n], scores.hits[start:], strict=True
    ):
        test.add(baseline_right=bool(before), right=bool(after))
    return test.standing.outcome


def _predicted(variant: Variant, device: DeviceProfile) -> int | None:
    """Return the arena that the device's engine will need, where it can be known.

    Raises ModelError where that engine cannot run the model.
    """
    if device.firmware.engine == "compiled" and device.firmware.template:
        return generate(variant.data, variant.artifact.path).arena_bytes
    engine = make_engine(reference_engine(device))
    engine.load(variant.data)
    if engine.name != TflmEngine.name:
        return None
    graph = read_graph(variant.data, str(variant.artifact.path))
    return confirmed_arena(graph, engine.memory()).total_bytes


def _one_line(error: HilError) -> str:
    parts = [error.what, error.found]
    return ": ".join(part for part in parts if part)
