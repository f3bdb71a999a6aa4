"""The figures of a row as names and values, as JUnit XML's properties want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.accuracy.rating import Rating
    from hil.vocab import Accuracy, Latency, Result

_LATENCIES: Final = ("median", "low", "high", "p90", "p95", "p99", "min", "max")


def properties(
    result: Result, score: Accuracy | Rating | None
) -> Iterator[tuple[str, str]]:
    """Yield name and value of each figure that is there; a name holds its unit.

    Text of devices is passed on as it is.
    """
    yield "status", result.status.value
    yield "time_basis", result.time_basis.value
    yield "size_bytes", str(result.size_bytes)
    yield "windows", str(result.windows)
    if result.engine:
        yield "engine", result.engine
    if result.latency is not None:
        yield from _timing(result.latency)
    for name, size in result.memory.items():
        yield f"memory_{name}", str(size)
    if score is not None:
        yield "metric", score.metric
        yield "metric_n", str(score.n)
        for name in ("value", "low", "high"):
            yield f"metric_{name}", f"{getattr(score, name):.10g}"
    if result.agreement is not None:
        told = f"{result.agreement.identical}/{result.agreement.n}"
        yield "equals_host", f"{told} = {result.agreement.reference}"
    for retry in result.retries:
        yield "retry", retry


def _timing(latency: Latency) -> Iterator[tuple[str, str]]:
    unit = "insn" if latency.basis is TimeBasis.EMULATED_INSTRUCTIONS else "us"
    yield "latency_n", str(latency.n)
    for name in _LATENCIES:
        if (value := getattr(latency, name)) is not None:
            yield f"latency_{name}_{unit}", f"{value:.10g}"
    for doubt in latency.doubts:
        yield "doubt", doubt
