"""What a plan asks for and its run does not have; pure.

A run that was killed holds whole records only, and so would look like a whole run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.bench.jobs import PHONES
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.bench.plan import PlanSize
    from hil.vocab import Result


def with_cut_rows(results: Iterable[Result], size: PlanSize | None) -> list[Result]:
    """Return the results, with a doubt where windows of a row are missing."""
    return [_told(result, size) for result in results]


def missing(results: Sequence[Result], size: PlanSize | None) -> str | None:
    """Return what of its plan a run does not have, in words; None where it is whole."""
    if size is None:
        return None
    parts = []
    # A plan's text does not tell which devices are phones; their records do.
    phones = {result.device for result in results if result.kind in PHONES}
    rows = size.variants * (size.devices + (size.settings - 1) * len(phones))
    if len(results) < rows:
        parts.append(f"rows without a record: {rows - len(results)} of {rows}")
    cut = sum(_is_cut(result, size) for result in results)
    if cut:
        parts.append(f"rows with fewer than {size.windows} windows: {cut}")
    if not parts:
        return None
    return f"the run was cut off, or is not done: {'; '.join(parts)}"


def _told(result: Result, size: PlanSize | None) -> Result:
    if size is None or result.latency is None or not _is_cut(result, size):
        return result
    doubt = f"cut off: {result.windows} of {size.windows} windows measured"
    doubts = (doubt, *result.latency.doubts)
    return replace(result, latency=replace(result.latency, doubts=doubts))


def _is_cut(result: Result, size: PlanSize) -> bool:
    # A row that failed is told by its status, and may end with its first window.
    return result.status is RunStatus.OK and result.windows < size.windows
