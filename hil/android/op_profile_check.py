"""Whether the tables of one op profile tell the same of the same operators."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.printed_number import half_unit
from hil.android.refusal import contradiction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.android.op_profile_rows import OpRow, RowFormat, TypeRow
    from hil.android.run_stats import RunStats

WHERE = "benchmark_model's op profile"
_SLOWEST = 10  # rows of such a table; stat_summarizer_options.h
_DOUBLE = 1e-6  # of a share: it is computed from 32-bit floats


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTables:
    """What one graph's profile says, each table with the shares up to its rows."""

    ops: Sequence[OpRow]
    shares: Sequence[float]
    tops: Sequence[tuple[Sequence[OpRow], Sequence[float]]]
    types: Sequence[tuple[TypeRow, float]]
    executed: int
    observed: int
    total: RunStats


def check(tables: GraphTables, form: RowFormat) -> None:
    """Raise FirmwareFault where two tables of one graph contradict each other."""
    n = len(tables.ops)
    names = {row.name for row in tables.ops}
    if not n == len(names) == tables.executed == tables.observed:
        raise _wrong(
            f"{n} rows of {len(names)} operators",
            f"{tables.executed} nodes executed, {tables.observed} nodes observed",
        )
    slowest = [len(rows) for rows, _ in tables.tops]
    if not slowest or set(slowest) != {min(n, _SLOWEST)}:
        raise _wrong(
            f"tables of the slowest operators with {slowest or 'no'} rows",
            f"{min(n, _SLOWEST)} rows",
        )
    known = set(tables.ops)
    for rows, shares in tables.tops:
        unknown = [row.name for row in rows if row not in known and _is_number(row)]
        if unknown:
            raise _wrong(f"the row of {unknown[0]}", "the same row in run order")
        _check_shares(_shares(rows, shares), form)
    _check_shares(_shares(tables.ops, tables.shares), form)
    summary = [(row.type, row.percent, share) for row, share in tables.types]
    _check_shares(summary, form)
    for row in tables.ops:
        _check_row(row, tables.total, form)
    _check_types(tables, form)


def _shares(
    rows: Sequence[OpRow], shares: Sequence[float]
) -> list[tuple[str, float, float]]:
    return [
        (row.name, row.percent, share) for row, share in zip(rows, shares, strict=True)
    ]


def _check_shares(rows: list[tuple[str, float, float]], form: RowFormat) -> None:
    """Hold each share up to a row against the one before it and the row's own."""
    before, slack_before = 0.0, 0.0
    for name, percent, share in rows:
        if not math.isfinite(percent):
            continue
        slack = form.slack(share) + form.slack(percent) + slack_before
        # The sum of a summary is kept in 32-bit floats.
        slack += _DOUBLE * max(share, 1.0)
        if abs(before + percent - share) > slack:
            raise _wrong(
                f"{name}: {share:g} % up to it",
                f"{before:g} % before it and {percent:g} % of its own",
            )
        before, slack_before = share, form.slack(share)


def _check_row(row: OpRow, total: RunStats, form: RowFormat) -> None:
    """Hold an operator's share of the total against its time and calls."""
    if not _is_number(row):
        return
    of_run_us = row.percent / 100 * total.avg_us
    slack_us = form.slack(row.percent) / 100 * total.avg_us + half_unit(total.avg_us)
    avg_us, unit_us = row.avg_ms * 1000, form.slack(row.avg_ms) * 1000
    # The number of calls in a run is cut to a whole number.
    low = (avg_us - unit_us) * row.times_called - slack_us
    high = (avg_us + unit_us) * (row.times_called + 1) + slack_us
    if not low <= of_run_us <= high:
        raise _wrong(
            f"{row.name}: {row.percent:g} % of {total.avg_us:g} us",
            f"{row.times_called} calls of {row.avg_ms:g} ms",
        )


def _check_types(tables: GraphTables, form: RowFormat) -> None:
    """Hold the summary by type against the sums over the operators."""
    by_type: dict[str, list[OpRow]] = defaultdict(list)
    for row in tables.ops:
        by_type[row.type].append(row)
    if sorted(by_type) != sorted(row.type for row, _ in tables.types):
        raise _wrong("other types in the summary", "the types of the rows")
    total_us = tables.total.avg_us
    for kind, _ in tables.types:
        rows = by_type[kind.type]
        calls = sum(row.times_called for row in rows)
        if (kind.count, kind.times_called) != (len(rows), calls):
            raise _wrong(
                f"{kind.type}: {kind.count} nodes, {kind.times_called} calls",
                f"{len(rows)} nodes, {calls} calls of its rows",
            )
        if not all(_is_number(row) for row in rows):
            continue
        sum_us = sum(row.percent for row in rows) / 100 * total_us
        slack_us = sum(form.slack(row.percent) for row in rows) / 100 * total_us
        slack_us += form.slack(kind.avg_ms) * 1000 + half_unit(total_us)
        # Each operator's time in a run is cut to whole microseconds.
        low, high = sum_us - len(rows) - slack_us, sum_us + slack_us
        if not low <= kind.avg_ms * 1000 <= high:
            raise _wrong(
                f"{kind.type}: {kind.avg_ms:g} ms",
                f"{sum_us / 1000:g} ms, the sum of its rows",
            )


def _is_number(row: OpRow) -> bool:
    return math.isfinite(row.percent)


def _wrong(found: str, allowed: str) -> Exception:
    return contradiction(found, allowed=allowed, where=WHERE)
