"""Results as CSV: a line a result, raw figures, the unit in each column's name."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.report.rows import Row, Run

_TEXTS: Final = (
    *("run", "started_utc", "model", "variant", "device", "setting", "engine"),
    *("status", "problem", "time_basis", "interval_over", "doubts"),
)
_SHARED: Final = ("median", "low", "high", "p90", "p95", "p99", "min", "max", "mad")
_COLUMNS: Final = (
    *_TEXTS[:-2],
    *("windows", "retries", "seconds", "size_bytes", "n"),
    *(f"{name}_us" for name in _SHARED),
    *(f"{name}_insn" for name in _SHARED),
    *("interval_over", "median_cycles", "clock_hz", "doubts"),
    *("metric", "metric_n", "metric_value", "metric_low", "metric_high"),
    *("reference", "reference_n", "reference_identical"),
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(runs: Sequence[Run]) -> str:
    """Return a table with a head; columns of memory are those that any row has."""
    rows = [(run, row) for run in runs for row in run.rows]
    memory = sorted({name for _, row in rows for name in row.result.memory})
    stream = io.StringIO()
    columns = [*_COLUMNS, *(f"memory_{name}" for name in memory)]
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for run, row in rows:
        figures = {f"memory_{name}": row.result.memory.get(name) for name in memory}
        writer.writerow(_line(run, row) | figures)
    return stream.getvalue()


def _line(run: Run, row: Row) -> dict[str, object]:
    result, agreement = row.result, row.result.agreement
    score = row.score
    texts: dict[str, object] = {
        "run": run.name,
        "started_utc": row.records[0].started_utc,
        "model": result.model,
        "variant": result.variant,
        "device": result.device,
        "setting": str(result.setting or ""),
        "engine": result.engine or "",
        "status": result.status.value,
        "problem": result.problem or "",
        "time_basis": result.time_basis.value,
    }
    figures: dict[str, object] = {
        "windows": result.windows,
        "retries": len(result.retries),
        "seconds": round(row.seconds, 6),
        "size_bytes": result.size_bytes,
        **_latency(row),
    }
    if score is not None:
        figures |= {
            "metric": score.metric,
            "metric_n": score.n,
            "metric_value": score.value,
            "metric_low": score.low,
            "metric_high": score.high,
        }
    if agreement is not None:
        figures |= {
            "reference": agreement.reference,
            "reference_n": agreement.n,
            "reference_identical": agreement.identical,
        }
    return {name: _safe(str(text)) for name, text in texts.items()} | figures


def _latency(row: Row) -> dict[str, object]:
    latency = row.result.latency
    if latency is None:
        return {}
    unit = "insn" if latency.basis is TimeBasis.EMULATED_INSTRUCTIONS else "us"
    return {
        "n": latency.n,
        **{f"{name}_{unit}": getattr(latency, name) for name in _SHARED},
        "interval_over": latency.interval_over,
        "median_cycles": latency.cycles,
        "clock_hz": latency.clock_hz,
        "doubts": _safe("; ".join(latency.doubts)),
    }


def _safe(text: str) -> str:
    shown = printable(text, keep_lines=True)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
