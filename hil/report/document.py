"""Results as one JSON document; what was not measured is absent from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import Accuracy, Agreement, Latency, Result, Setting

SCHEMA: Final = 1
_DISTRIBUTION: Final = ("median", "p90", "p95", "p99", "min", "max", "low", "high")


def render(results: Sequence[Result], *, run: str) -> dict[str, object]:
    """Return {"schema", "run", "results": [...]} of plain JSON values."""
    return {
        "schema": SCHEMA,
        "run": run,
        "results": [_result(result) for result in results],
    }


def _result(result: Result) -> dict[str, object]:
    return _present(
        {
            "model": result.model,
            "variant": result.variant,
            "device": result.device,
            "setting": result.setting and _setting(result.setting),
            "engine": result.engine,
            "status": result.status.value,
            "problem": result.problem,
            "size_bytes": result.size_bytes,
            "time_basis": result.time_basis.value,
            "windows": result.windows,
            "latency": result.latency and _latency(result.latency),
            "memory": dict(result.memory) or None,
            "accuracy": result.accuracy and _accuracy(result.accuracy),
            "agreement": result.agreement and _agreement(result.agreement),
            "retries": list(result.retries) or None,
        }
    )


def _setting(setting: Setting) -> dict[str, object]:
    return _present(
        {
            "threads": setting.threads,
            "cores": setting.cores,
            "delegate": setting.delegate,
        }
    )


def _latency(latency: Latency) -> dict[str, object]:
    counted = latency.basis is TimeBasis.EMULATED_INSTRUCTIONS
    unit = "insn" if counted else "us"
    named = {
        f"{name}_{unit}": getattr(latency, name)
        for name in (*_DISTRIBUTION, "mad", "timer_step", "timer_overhead")
    }
    return _present(
        {
            "n": latency.n,
            **named,
            "interval_over": latency.interval_over,
            "median_cycles": latency.cycles,
            "clock_hz": latency.clock_hz,
            "doubts": list(latency.doubts) or None,
        }
    )


def _accuracy(accuracy: Accuracy) -> dict[str, object]:
    return {
        "metric": accuracy.metric,
        "correct": accuracy.correct,
        "n": accuracy.n,
        "value": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
    }


def _agreement(agreement: Agreement) -> dict[str, object]:
    return _present(
        {
            "reference": agreement.reference,
            "identical": agreement.identical,
            "n": agreement.n,
            "max_lsb": agreement.max_lsb,
            "max_relative": agreement.max_relative,
            "label_flips": agreement.label_flips,
        }
    )


def _present(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
