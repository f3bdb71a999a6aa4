"""Results as JUnit XML: a test case a row, its figures as properties.

An answer or a size that is wrong is a failure; a device or link that broke is an
error; what the plan accepts is skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final

from hil.printable import printable
from hil.report import figures
from hil.report.properties import properties
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from hil.report.rows import Row, Run

_FAILURES: Final = {
    RunStatus.WRONG_OUTPUT,
    RunStatus.DOES_NOT_FIT,
    RunStatus.UNSUPPORTED_OP,
    RunStatus.THROTTLED,
}


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
    known = ET.SubElement(case, "properties")
    for key, value in properties(row.result, row.score):
        ET.SubElement(known, "property", {"name": key, "value": _text(value)})
    if outcome is not None:
        problem = _text(result.problem or "no reason was given")
        told = f"{figures.status(result.status)}: {problem.partition(chr(10))[0]}"
        element = ET.SubElement(case, outcome, {"message": told})
        if outcome != "skipped":
            element.set("type", result.status.value)
            element.text = problem
    return case


def _text(text: str) -> str:
    # XML has no place for most control characters, escaped or not.
    return printable(text, keep_lines=True)
