"""A record to a row of the store and back; what is in one place a list of columns."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Final, NamedTuple

from hil.errors import ConfigError
from hil.vocab import (
    Accuracy,
    Agreement,
    Latency,
    Result,
    RunStatus,
    Setting,
    TargetKind,
    TimeBasis,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.vocab import RunRecord

_MEMORY: Final = ("arena_bytes", "stack_bytes", "flash_bytes", "peak_rss_bytes")
_SETTING: Final = ("threads", "cores", "delegate")
_LATENCY: Final = (
    "n",
    "median",
    "p90",
    "p95",
    "p99",
    "min",
    "max",
    "low",
    "high",
    "interval_over",
    "mad",
    "cycles",
    "clock_hz",
    "timer_step",
    "timer_overhead",
)
_LARGEST = 2**63 - 1

Value = str | int | float | None


class StoredRecord(NamedTuple):
    """One row, and the place of the line that it was read from.

    A tuple and no dataclass: a hundred thousand of them are made in one command.
    """

    id: int
    run: str
    job_id: str
    model: str
    variant: str
    device: str
    kind: str
    engine: str | None
    threads: int | None
    cores: str | None
    delegate: str | None
    window_index: int
    status: str
    problem: str | None
    started_utc: str
    model_sha256: str
    size_bytes: int
    time_basis: str
    latency_n: int | None
    latency_median: float | None
    latency_p90: float | None
    latency_p95: float | None
    latency_min: float | None
    latency_max: float | None
    latency_low: float | None
    latency_high: float | None
    latency_p99: float | None
    latency_mad: float | None
    latency_cycles: float | None
    latency_clock_hz: int | None
    latency_timer_step: float | None
    latency_timer_overhead: float | None
    latency_interval_over: str | None
    latency_doubts: str | None
    arena_bytes: int | None
    stack_bytes: int | None
    flash_bytes: int | None
    peak_rss_bytes: int | None
    other_memory: str | None
    accuracy_metric: str | None
    accuracy_n: int | None
    accuracy_correct: int | None
    accuracy_low: float | None
    accuracy_high: float | None
    agreement_reference: str | None
    agreement_n: int | None
    agreement_identical: int | None
    agreement_label_flips: int | None
    agreement_max_lsb: int | None
    agreement_max_relative: float | None
    line_offset: int
    line_bytes: int
    host: str
    path: str

    def result(self) -> Result:
        """Return the row as the result that it was made of."""
        return Result(
            run=self.run,
            model=self.model,
            variant=self.variant,
            device=self.device,
            kind=TargetKind(self.kind),
            engine=self.engine,
            setting=self._setting(),
            status=RunStatus(self.status),
            problem=self.problem,
            size_bytes=self.size_bytes,
            time_basis=TimeBasis(self.time_basis),
            windows=int(self.status == RunStatus.OK.value),
            latency=self._latency(),
            memory=self._memory(),
            accuracy=self._accuracy(),
            agreement=self._agreement(),
        )

    def _setting(self) -> Setting | None:
        if self.threads is None:
            return None
        return Setting(threads=self.threads, cores=self.cores, delegate=self.delegate)

    def _latency(self) -> Latency | None:
        if self.latency_n is None:
            return None
        return Latency(
            basis=TimeBasis(self.time_basis),
            n=self.latency_n,
            median=self.latency_median,
            p90=self.latency_p90,
            p95=self.latency_p95,
            min=self.latency_min,
            max=self.latency_max,
            low=self.latency_low,
            high=self.latency_high,
            p99=self.latency_p99,
            mad=self.latency_mad,
            cycles=self.latency_cycles,
            clock_hz=self.latency_clock_hz,
            timer_step=self.latency_timer_step,
            timer_overhead=self.latency_timer_overhead,
            interval_over=self.latency_interval_over,
            doubts=tuple(json.loads(self.latency_doubts or "[]")),
        )

    def _memory(self) -> dict[str, int]:
        columns = {name: getattr(self, name) for name in _MEMORY}
        known = {name: size for name, size in columns.items() if size is not None}
        others: dict[str, int] = json.loads(self.other_memory or "{}")
        return known | others

    def _accuracy(self) -> Accuracy | None:
        n, correct = self.accuracy_n, self.accuracy_correct
        if not n or correct is None:
            return None
        return Accuracy(
            metric=self.accuracy_metric or "",
            n=n,
            correct=correct,
            value=correct / n,
            low=self.accuracy_low or 0.0,
            high=self.accuracy_high or 0.0,
        )

    def _agreement(self) -> Agreement | None:
        if self.agreement_n is None or self.agreement_identical is None:
            return None
        return Agreement(
            reference=self.agreement_reference or "",
            n=self.agreement_n,
            identical=self.agreement_identical,
            label_flips=self.agreement_label_flips,
            max_lsb=self.agreement_max_lsb,
            max_relative=self.agreement_max_relative,
        )


def to_row(record: RunRecord, result: Result, *, where: str) -> dict[str, Value]:
    """Return the columns of *record*, whose figures are summed up in *result*.

    Raises ConfigError with the line's place *where* for what no database can hold.
    """
    row: dict[str, Value] = {
        "run": record.run,
        "job_id": record.job_id,
        "model": record.model,
        "variant": record.variant,
        "device": record.device,
        "kind": record.kind.value,
        "engine": record.engine,
        **{name: getattr(record.setting, name, None) for name in _SETTING},
        "window_index": record.window,
        "status": record.status.value,
        "problem": record.problem,
        "started_utc": timestamp(record.started_utc, where=where),
        "model_sha256": record.model_sha256,
        "size_bytes": record.size_bytes,
        # The basis of the figures, should it ever differ from the profile's.
        "time_basis": _basis(record, result).value,
        **_latency(result.latency),
        **_memory(result.memory),
        **_answers(result),
    }
    return {name: _storable(name, value, where) for name, value in row.items()}


def _basis(record: RunRecord, result: Result) -> TimeBasis:
    return result.latency.basis if result.latency is not None else record.time_basis


def timestamp(text: str, *, where: str) -> str:
    """Return an ISO 8601 time in UTC with milliseconds; ConfigError for another text.

    A time without a zone is taken as UTC.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError) as exc:
        raise ConfigError(
            "this is no time",
            where=where,
            found=repr(text),
            allowed="ISO 8601, such as 2026-11-21 or 2026-11-21T08:44:47+00:00",
        ) from exc


def _latency(latency: Latency | None) -> dict[str, Value]:
    if latency is None:
        return {f"latency_{name}": None for name in (*_LATENCY, "doubts")}
    row: dict[str, Value] = {
        f"latency_{name}": getattr(latency, name) for name in _LATENCY
    }
    doubts = json.dumps(latency.doubts) if latency.doubts else None
    return row | {"latency_doubts": doubts}


def _memory(memory: Mapping[str, int]) -> dict[str, Value]:
    others = {name: size for name, size in memory.items() if name not in _MEMORY}
    columns: dict[str, Value] = {name: memory.get(name) for name in _MEMORY}
    return columns | {"other_memory": json.dumps(others) if others else None}


def _answers(result: Result) -> dict[str, Value]:
    accuracy, agreement = result.accuracy, result.agreement
    row: dict[str, Value] = {
        f"accuracy_{name}": getattr(accuracy, name, None)
        for name in ("metric", "n", "correct", "low", "high")
    }
    names = ("reference", "n", "identical", "label_flips", "max_lsb", "max_relative")
    row |= {f"agreement_{name}": getattr(agreement, name, None) for name in names}
    return row


def _storable(name: str, value: Value, where: str) -> Value:
    if isinstance(value, str):
        # PostgreSQL's text holds every character but this one.
        return value.replace("\0", "\\x00")
    if value is None or -_LARGEST <= value <= _LARGEST:  # no NaN is
        return value
    raise ConfigError(
        "the record holds a figure that no database can",
        where=where,
        found=f"{name} is beyond 63 bits, or not finite",
    )
