"""Results as OpenMetrics 1.0 text, for a file that Prometheus collects.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
Families stand together, a family's unit ends its name, and the last line is `# EOF`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hil.report.rows import Row, Run

    Sample = tuple[Mapping[str, str], float]

_STATS: Final = ("median", "low", "high", "p90", "p95", "p99", "min", "max")
_US_PER_S: Final = 1_000_000
_BYTES: Final = "_bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    name: str
    help: str
    samples: Callable[[Row], Iterator[Sample]]
    unit: str = ""
    type: str = "gauge"


def render(run: Run) -> str:
    """Return the exposition of one run; times are in seconds."""
    lines = [
        "# TYPE hil_run info",
        "# HELP hil_run The run that all figures are of.",
        f"hil_run_info{_labels({'run': run.name})} 1",
    ]
    started = _seconds(run.started_utc)
    if started is not None:
        name = "hil_run_start_time_seconds"
        lines += [*_head(name, "When the run began.", unit="seconds")]
        lines.append(f"{name}{_labels({'run': run.name})} {started:.3f}")
    for family in _FAMILIES:
        lines += _lines(family, run)
    return "\n".join((*lines, "# EOF")) + "\n"


def _lines(family: _Family, run: Run) -> list[str]:
    samples = [
        f"{family.name}{_labels(_identity(run, row) | dict(more))} {_number(value)}"
        for row in run.rows
        for more, value in family.samples(row)
    ]
    if not samples:
        return []
    head = _head(family.name, family.help, unit=family.unit, kind=family.type)
    return [*head, *samples]


def _head(name: str, told: str, *, unit: str, kind: str = "gauge") -> list[str]:
    lines = [f"# TYPE {name} {kind}"]
    if unit:
        lines.append(f"# UNIT {name} {unit}")
    return [*lines, f"# HELP {name} {told}"]


def _identity(run: Run, row: Row) -> dict[str, str]:
    result = row.result
    return {
        "run": run.name,
        "model": result.model,
        "variant": result.variant,
        "device": result.device,
        "setting": str(result.setting or ""),
        "engine": result.engine or "",
    }


def _states(row: Row) -> Iterator[Sample]:
    for status in RunStatus:
        yield {"hil_status": status.value}, float(row.result.status is status)


def _size(row: Row) -> Iterator[Sample]:
    yield {}, row.result.size_bytes


def _windows(row: Row) -> Iterator[Sample]:
    yield {}, row.result.windows


def _memory(row: Row) -> Iterator[Sample]:
    for name, size in row.result.memory.items():
        if name.endswith(_BYTES):
            yield {"part": name.removesuffix(_BYTES)}, size


def _time(row: Row) -> Iterator[Sample]:
    latency = row.result.latency
    if latency is None or latency.basis is TimeBasis.EMULATED_INSTRUCTIONS:
        return
    for name in _STATS:
        if (value := getattr(latency, name)) is not None:
            yield {"basis": latency.basis.value, "stat": name}, value / _US_PER_S


def _instructions(row: Row) -> Iterator[Sample]:
    latency = row.result.latency
    if latency is None or latency.basis is not TimeBasis.EMULATED_INSTRUCTIONS:
        return
    for name in _STATS:
        if (value := getattr(latency, name)) is not None:
            yield {"stat": name}, value


def _runs(row: Row) -> Iterator[Sample]:
    if row.result.latency is not None:
        yield {"basis": row.result.latency.basis.value}, row.result.latency.n


def _quality(row: Row) -> Iterator[Sample]:
    score = row.score
    if score is None:
        return
    for stat in ("value", "low", "high"):
        yield {"metric": score.metric, "stat": stat}, getattr(score, stat)


def _judged(row: Row) -> Iterator[Sample]:
    if row.score is not None:
        yield {"metric": row.score.metric}, row.score.n


def _agreement(row: Row) -> Iterator[Sample]:
    found = row.result.agreement
    if found is not None and found.n:
        yield {"reference": found.reference}, found.identical / found.n


_FAMILIES: Final = (
    _Family(
        name="hil_status",
        help="How a row ended.",
        samples=_states,
        type="stateset",
    ),
    _Family(
        name="hil_latency_seconds",
        help="Time of an invocation; low and high are the 95 % interval of the median. "
        "Bases are not to be compared with each other.",
        samples=_time,
        unit="seconds",
    ),
    _Family(
        name="hil_latency_instructions",
        help="Instructions of an invocation, counted by an emulator; no time.",
        samples=_instructions,
        unit="instructions",
    ),
    _Family(
        name="hil_latency_runs",
        help="Timed invocations behind the latency.",
        samples=_runs,
    ),
    _Family(
        name="hil_windows",
        help="Windows that ended well.",
        samples=_windows,
    ),
    _Family(
        name="hil_model_size_bytes",
        help="Size of the model file.",
        samples=_size,
        unit="bytes",
    ),
    _Family(
        name="hil_memory_bytes",
        help="Memory by part, the largest of all windows.",
        samples=_memory,
        unit="bytes",
    ),
    _Family(
        name="hil_metric",
        help="The metric's value and its 95 % interval; a share where it is topK.",
        samples=_quality,
    ),
    _Family(
        name="hil_metric_samples",
        help="Samples behind the metric.",
        samples=_judged,
    ),
    _Family(
        name="hil_equals_host_ratio",
        help="Share of outputs that equal the host engine's to the bit.",
        samples=_agreement,
        unit="ratio",
    ),
)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = (f'{name}="{_escaped(text)}"' for name, text in labels.items() if text)
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    shown = printable(text, keep_lines=True)
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:.12g}"


def _seconds(started_utc: str) -> float | None:
    try:
        return dt.datetime.fromisoformat(started_utc).timestamp()
    except ValueError:
        return None
