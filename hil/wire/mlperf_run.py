"""One run of MLPerf Tiny, whoever drove it: its windows and what its log states."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.wire.mlperf import Inference


class Runner(enum.Enum):
    """Who drove the device and wrote the log."""

    EEMBC = "EEMBC EnergyRunner"
    MLCOMMONS = "MLCommons runner"
    HIL = "hil"


class Mode(enum.Enum):
    """What a run is for; the result folder of a submission is named so."""

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    ENERGY = "energy"
    STREAMING = "streaming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One input brought to the device and inferred N times.

    `seconds` are all N runs by the device's clock; `host_seconds` the same by the
    host's, true to `host_step_seconds`.
    """

    n: int
    warmup: int
    file: str | None = None
    segment: int = 0
    seconds: float | None = None
    inference: Inference | None = None  # the device's own lines, where they are there
    host_seconds: float | None = None
    host_step_seconds: float = 0.001
    results: tuple[float, ...] | None = None
    input_bytes: int | None = None
    label: int | None = None

    @property
    def throughput(self) -> float | None:
        """Inferences a second by the device's clock; None where no time passed."""
        return self.n / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MlperfRun:
    """A log or result folder, read.

    `stated` are figures in the log's own words: median_throughput, top1 (per cent),
    auc, median_energy_uj, true_positives, false_negatives, false_positives,
    duty_cycle, period_seconds, streaming_throughput, audio_seconds. `laps_us` are all
    of the device's time stamps, in order.
    """

    runner: Runner
    mode: Mode
    windows: tuple[Window, ...]
    model: str | None = None
    name: str | None = None
    profile: str | None = None
    version: str | None = None
    stated: Mapping[str, float] = field(default_factory=dict)
    laps_us: tuple[int, ...] = ()
