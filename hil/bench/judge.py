"""Whether a device's answers are right: held against labels and a host engine.

A sample is off where its label differs from the reference engine's or, for an output
of a single value, where it is more than a tenth of the reference's range away. Engines
round differently (XNNPACK and TFLite Micro flip 7 of 1,000 labels of the MLPerf Tiny
keyword model), so up to 2 % of the samples may be off before the output is called
wrong. Overwritten inputs, a wrong model or wrong kernels put far more of them off.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.metrics import Kind, agreement, count
from hil.bench.evaluation import answers, score_answers
from hil.bench.phone_verdict import throttled
from hil.engines.litert import Kernels, LitertEngine
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, nearest
from hil.results.scores import StoredScores
from hil.vocab import RunStatus, TargetKind, place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from hil.accuracy.sample_scores import SampleScores, Target
    from hil.bench.variants import Variant
    from hil.vocab import (
        AccuracyCount,
        Agreement,
        DeviceProfile,
        Engine,
        Job,
        Measurement,
    )

_OFF_SHARE = 0.02
_OFF_RANGE_SHARE = 0.1
_PHONES = {TargetKind.PHONE, TargetKind.EMULATED_PHONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a record says of the answers."""

    status: RunStatus
    problem: str | None = None
    accuracy: AccuracyCount | None = None
    agreement: Agreement | None = None
    scores: SampleScores | None = None


class Judge:
    """Holds answers against reference engines; runs each engine once per input set."""

    def __init__(
        self,
        *,
        keep: Callable[[StoredScores], None] = lambda _: None,
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        """Take where scores of single samples go, and each model's target, if any."""
        self._known: dict[tuple[str, str, str], npt.NDArray[np.generic]] = {}
        self._keep = keep
        self._targets = targets or {}
        self._lock = threading.Lock()

    def judge(self, job: Job, variant: Variant, measurement: Measurement) -> Verdict:
        """Return the verdict on the answers of one job, and on a phone's heat.

        Raises what the reference engine raises where it cannot run the model.
        """
        verdict = self._of_answers(job, variant, measurement)
        hot = throttled(measurement.evidence)
        if hot is not None and verdict.status is RunStatus.OK:
            return replace(verdict, status=RunStatus.THROTTLED, problem=hot)
        return verdict

    def _of_answers(
        self, job: Job, variant: Variant, measurement: Measurement
    ) -> Verdict:
        name = reference_engine(job.device)
        if measurement.probe_output is not None:
            reference = self._reference(name, variant, "probe", job.probe)
            off = _off(measurement.probe_output, reference)
            if off.any() and not _close(measurement.probe_output, reference):
                return Verdict(
                    status=RunStatus.WRONG_OUTPUT,
                    problem=f"after the timed runs the answer differs from {name}'s: "
                    f"{_row(measurement.probe_output)}, not {_row(reference)}",
                )
        if measurement.outputs is None or job.samples is None:
            return Verdict(status=RunStatus.OK)
        # Fewer answers than samples came where the first of them decided.
        reference = self._reference(name, variant, "samples", job.samples)
        reference = reference[: len(measurement.outputs)]
        verdict = _verdict(
            variant,
            measurement.outputs,
            reference,
            name,
            target=self._targets.get(job.model.name),
        )
        if verdict.scores is not None:
            stored = StoredScores(
                model=job.model.name,
                variant=job.model.variant,
                device=place(job.device.name, job.setting),
                engine=measurement.engine,
                scores=verdict.scores,
            )
            # Devices are judged side by side, and lines must not mix.
            with self._lock:
                self._keep(stored)
        return verdict

    def _reference(
        self,
        name: str,
        variant: Variant,
        what: str,
        inputs: npt.NDArray[np.generic],
    ) -> npt.NDArray[np.generic]:
        key = (name, variant.artifact.sha256, what)
        if key not in self._known:
            self._known[key] = answers(make_engine(name), variant.data, inputs)
        return self._known[key]


def reference_engine(device: DeviceProfile) -> str:
    """Return the host engine that predicts *device*, by the engine that runs there."""
    if device.kind in _PHONES:
        return Kernels.DEFAULT.value
    if device.firmware.engine == "tflm":
        return TflmEngine.name
    return Kernels.REFERENCE.value


def make_engine(name: str) -> Engine:
    """Return a new host engine by its name; ConfigError where there is none."""
    known = (*(kernels.value for kernels in Kernels), TflmEngine.name)
    if name not in known:
        raise ConfigError(
            "unknown host engine",
            found=repr(name),
            allowed=", ".join(known),
            remedy=nearest(name, known),
        )
    if name == TflmEngine.name:
        return TflmEngine()
    return LitertEngine(Kernels(name))


def _verdict(
    variant: Variant,
    outputs: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    name: str,
    *,
    target: Target | None,
) -> Verdict:
    scores = score_answers(outputs, variant, target=target)
    accuracy = (
        count(scores.hits, metric=scores.metric.name)
        if scores and scores.hits is not None and scores.metric.kind is Kind.TOP_K
        else None
    )
    agreed = agreement(outputs, reference, reference=name)
    off = int(_off(outputs, reference).sum())
    if off > _OFF_SHARE * len(outputs):
        return Verdict(
            status=RunStatus.WRONG_OUTPUT,
            problem=f"{off} of {len(outputs)} answers differ from {name}'s",
            accuracy=accuracy,
            agreement=agreed,
            scores=scores,
        )
    return Verdict(
        status=RunStatus.OK, accuracy=accuracy, agreement=agreed, scores=scores
    )


def _off(
    outputs: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]
) -> npt.NDArray[np.bool_]:
    """Return for each row whether its answer is another one than the reference's."""
    rows = outputs.reshape(len(outputs), -1).astype(np.float64)
    expected = reference.reshape(len(reference), -1).astype(np.float64)
    if rows.shape[1] > 1:
        flips: npt.NDArray[np.bool_] = rows.argmax(axis=1) != expected.argmax(axis=1)
        return flips | ~np.isfinite(rows).all(axis=1)
    span = np.ptp(expected) or max(1.0, float(np.abs(expected).max()))
    distance = np.abs(rows - expected)[:, 0]
    return ~(distance <= _OFF_RANGE_SHARE * span)


def _close(
    outputs: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]
) -> bool:
    """Return whether a flipped label is one of two near winners, as rounding does."""
    rows, expected = outputs.astype(np.float64), reference.astype(np.float64)
    span = float(np.ptp(expected)) or 1.0
    return bool(np.abs(rows - expected).max() <= _OFF_RANGE_SHARE * span)


def _row(output: npt.NDArray[np.generic]) -> str:
    return np.array2string(output.reshape(-1)[:12], separator=" ", threshold=12)
