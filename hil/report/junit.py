"""Results as JUnit XML: a test case a row, its figures as properties.

An answer or a size that is wrong is a failure; a device or link that broke is an
error; what the plan accepts is skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.report import figures
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from hil.report.rows import Row, Run
    from hil.vocab import Latency

_FAILURES: Final = {
    RunStatus.WRONG_OUTPUT,
    RunStatus.DOES_NOT_FIT,
    RunStatus.UNSUPPORTED_OP,
    RunStatus.THROTTLED,
}
_SHARED: Final = ("median", "low", "high", "p90", "p95", "p99", "min", "max")


def render(run: Run, *, accepted: Collection[RunStatus] = ()) -> str:
    """Return the document; *accepted* are the states that are no failure here."""
    outcomes = [_outcome(row, accepted) for row in run.rows]
    counts = {
        "tests": str(len(run.rows)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
        "time": f"{sum(row.seconds for row in run.rows):.3f}",
    }
    root = ET.Element("testsuites", {"name": "hil", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _text(run.name), **counts})
    if run.started_utc:
        # Schemas of this format know no offset.
        suite.set("timestamp", run.started_utc.partition("+")[0])
    for row, outcome in zip(run.rows, outcomes, strict=True):
        suite.append(_case(row, outcome))
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(root, encoding="unicode") + "\n"


def _outcome(row: Row, accepted: Collection[RunStatus]) -> str | None:
    status = row.result.status
    if status is RunStatus.OK:
        return None
    if status in accepted:
        return "skipped"
    return "failure" if status in _FAILURES else "error"


def _case(row: Row, outcome: str | None) -> ET.Element:
    result = row.result
    name = _text(f"{result.variant} on {result.place}")
    seconds = f"{row.seconds:.3f}"
    case = ET.Element(
        "testcase",
        {"classname": f"hil.{_text(result.model)}", "name": name, "time": seconds},
    )
    properties = ET.SubElement(case, "properties")
    for key, value in _properties(row):
        ET.SubElement(properties, "property", {"name": key, "value": _text(value)})
    if outcome is not None:
        problem = _text(result.problem or "no reason was given")
        told = f"{figures.status(result.status)}: {problem.partition(chr(10))[0]}"
        element = ET.SubElement(case, outcome, {"message": told})
        if outcome != "skipped":
            element.set("type", result.status.value)
            element.text = problem
    return case


def _properties(row: Row) -> Iterator[tuple[str, str]]:
    result, latency, score = row.result, row.result.latency, row.score
    yield "status", result.status.value
    yield "time_basis", result.time_basis.value
    yield "size_bytes", str(result.size_bytes)
    yield "windows", str(result.windows)
    if result.engine:
        yield "engine", result.engine
    if latency is not None:
        yield from _timing(latency)
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
    for name in _SHARED:
        if (value := getattr(latency, name)) is not None:
            yield f"latency_{name}_{unit}", f"{value:.10g}"
    for doubt in latency.doubts:
        yield "doubt", doubt


def _text(text: str) -> str:
    # XML has no place for most control characters, escaped or not.
    return printable(text, keep_lines=True)
