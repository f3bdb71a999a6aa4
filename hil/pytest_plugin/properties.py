"""The figures of a result as properties of a test in JUnit XML.

Their names are those of `hil report --format junit`, behind the row that they are of,
since one test may measure several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.vocab import Result

_LATENCIES: Final = ("median", "low", "high", "p90", "p95", "p99", "min", "max")


def properties(result: Result) -> Iterator[tuple[str, str]]:
    """Yield name and value of each figure; a name holds its unit."""
    row = printable(f"{result.model} {result.variant} on {result.place}")
    for name, value in _figures(result):
        yield f"{row}: {name}", printable(value)


def _figures(result: Result) -> Iterator[tuple[str, str]]:
    yield "status", result.status.value
    yield "time_basis", result.time_basis.value
    yield "size_bytes", str(result.size_bytes)
    yield "windows", str(result.windows)
    if (latency := result.latency) is not None:
        unit = "insn" if latency.basis is TimeBasis.EMULATED_INSTRUCTIONS else "us"
        yield "latency_n", str(latency.n)
        for name in _LATENCIES:
            if (value := getattr(latency, name)) is not None:
                yield f"latency_{name}_{unit}", f"{value:.10g}"
        for doubt in latency.doubts:
            yield "doubt", doubt
    for name, size in result.memory.items():
        yield f"memory_{name}", str(size)
    if (accuracy := result.accuracy) is not None:
        yield "metric", accuracy.metric
        yield "metric_n", str(accuracy.n)
        for name in ("value", "low", "high"):
            yield f"metric_{name}", f"{getattr(accuracy, name):.10g}"
    if (agreement := result.agreement) is not None:
        told = f"{agreement.identical}/{agreement.n} = {agreement.reference}"
        yield "equals_host", told
