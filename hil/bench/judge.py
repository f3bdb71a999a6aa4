"""Whether a device's answers are right: held against labels and a host engine.

A sample is off where its label differs from the reference engine's or, for an output
of a single value, where it is more than a tenth of the reference's range away. Engines
round differently (XNNPACK and TFLite Micro flip 7 of 1,000 labels of the MLPerf Tiny
keyword model), so up to 2 % of the samples may be off before the output is called
wrong. Overwritten inputs, a wrong model or wrong kernels put far more of them off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.metrics import agreement, count_top1
from hil.engines.litert import Kernels, LitertEngine
from hil.engines.tflm import TflmEngine
from hil.vocab import RunStatus, TargetKind

if TYPE_CHECKING:
    import numpy.typing as npt

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


class Judge:
    """Holds answers against reference engines; runs each engine once per input set."""

    def __init__(self) -> None:
        """Start with nothing run."""
        self._known: dict[tuple[str, str, str], npt.NDArray[np.generic]] = {}

    def judge(self, job: Job, variant: Variant, measurement: Measurement) -> Verdict:
        """Return the verdict on the answers of one job.

        Raises what the reference engine raises where it cannot run the model.
        """
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
        reference = self._reference(name, variant, "samples", job.samples)
        return _verdict(variant, measurement.outputs, reference, name)

    def _reference(
        self,
        name: str,
        variant: Variant,
        what: str,
        inputs: npt.NDArray[np.generic],
    ) -> npt.NDArray[np.generic]:
        key = (name, variant.artifact.sha256, what)
        if key not in self._known:
            engine = make_engine(name)
            engine.load(variant.data)
            rows = [engine.invoke([row[None]])[0][0] for row in inputs]
            self._known[key] = np.stack(rows)
        return self._known[key]


def reference_engine(device: DeviceProfile) -> str:
    """Return the host engine that predicts *device*, by the engine that runs there."""
    if device.kind in _PHONES:
        return Kernels.DEFAULT.value
    if device.firmware.engine == "tflm":
        return TflmEngine.name
    return Kernels.REFERENCE.value


def make_engine(name: str) -> Engine:
    """Return a new host engine: litert, litert-ref or tflm."""
    if name == TflmEngine.name:
        return TflmEngine()
    return LitertEngine(Kernels(name))


def _verdict(
    variant: Variant,
    outputs: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    name: str,
) -> Verdict:
    labels = variant.labels
    accuracy = (
        count_top1(outputs, labels[: len(outputs)])
        if labels is not None and variant.metric == "top1"
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
        )
    return Verdict(status=RunStatus.OK, accuracy=accuracy, agreement=agreed)


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
