"""The rows and titles of benchmark_model's op profile, as a table and as CSV.

Source: stats_calculator.cc of TensorFlow, profile_summary_formatter.cc of TFLite.
A table has tabs and three digits after the point. The CSV has six significant digits
and quotes nothing, so a comma in a name is told from one between columns by the figures
that follow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.android.printed_number import DOUBLE, INTEGER, half_unit, is_printed

_FIXED = r"-?[0-9]+\.[0-9]{3}"
_TABLE_UNIT = 0.0005  # half of the last printed digit
_NAN = r"-?nan"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpRow:
    """One operator. `avg_ms` is that of one call, `percent` of all its calls.

    `start_ms` was printed until 2021. `percent` is NaN where nothing took any time.
    """

    type: str
    name: str
    first_ms: float
    avg_ms: float
    percent: float
    mem_kb: float
    times_called: int
    start_ms: float | None = None

    @property
    def per_run_ms(self) -> float:
        """What all calls of one run took."""
        return self.avg_ms * self.times_called


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """All operators of one type, summed up by the tool; `avg_ms` is that of a run."""

    type: str
    count: int
    avg_ms: float
    percent: float
    times_called: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """How a profile is printed: the lines above its rows, and the rows."""

    is_csv: bool
    op_header: re.Pattern[str]
    type_header: re.Pattern[str]
    op: re.Pattern[str]
    op_with_start: re.Pattern[str]
    type_row: re.Pattern[str]

    def slack(self, value: float) -> float:
        """Return by how much a figure may differ from what is printed of it."""
        return half_unit(value) if self.is_csv else _TABLE_UNIT

    def op_row(self, line: str, *, has_start: bool) -> tuple[OpRow, float] | None:
        """Return the operator of *line* and the share up to it; None for no row."""
        match = (self.op_with_start if has_start else self.op).fullmatch(line)
        if match is None or not self._is_printed(match):
            return None
        row = OpRow(
            type=match["type"],
            name=match["name"],
            first_ms=float(match["first"]),
            avg_ms=float(match["avg"]),
            percent=float(match["percent"]),
            mem_kb=float(match["mem"]),
            times_called=int(match["times"]),
            start_ms=float(match["start"]) if has_start else None,
        )
        return row, float(match["cdf"])

    def summary_row(self, line: str) -> tuple[TypeRow, float] | None:
        """Return the type of *line* and the share up to it; None for no row."""
        match = self.type_row.fullmatch(line)
        if match is None or not self._is_printed(match):
            return None
        row = TypeRow(
            type=match["type"],
            count=int(match["count"]),
            avg_ms=float(match["avg"]),
            percent=float(match["percent"]),
            times_called=int(match["times"]),
        )
        return row, float(match["cdf"])

    def _is_printed(self, match: re.Match[str]) -> bool:
        if not self.is_csv:
            return True
        names = ("start", "first", "avg", "percent", "cdf", "mem")
        texts = [t for k, t in match.groupdict().items() if k in names and t]
        return all("nan" in t or is_printed(t) for t in texts)


def _format(*, is_csv: bool) -> RowFormat:
    number = rf"(?:-?{DOUBLE})" if is_csv else _FIXED
    share = rf"(?:{number}|{_NAN})"
    gap = ", " if is_csv else r"[ \t]+"
    lead = "" if is_csv else r"[ \t]*"

    def columns(*names: str) -> re.Pattern[str]:
        return re.compile(lead + gap.join(names))

    kind = r"(?P<type>[^ \t].*?)"
    start = rf"(?P<start>{number})"
    figures = (
        rf"(?P<first>{number})",
        rf"(?P<avg>{number})",
        rf"(?P<percent>{share})%",
        rf"(?P<cdf>{share})%",
        rf"(?P<mem>{number})",
        rf"(?P<times>{INTEGER})",
    )
    name = r"(?P<name>[^ \t][^\t]*)"
    titles = (
        ("node type", "(?:start, )?first", "avg_ms", "%", "cdf%", "mem KB")
        if is_csv
        else (
            r"\[node type\]",
            r"(?:\[start\][ \t]+)?\[first\]",
            r"\[avg ms\]",
            r"\[%\]",
            r"\[cdf%\]",
            r"\[mem KB\]",
        )
    )
    ends = ("times called", "name") if is_csv else (r"\[times called\]", r"\[Name\]")
    type_titles = (
        ("node type", "count", "avg_ms", "avg %", "cdf %", "mem KB", "times called")
        if is_csv
        else (
            r"\[Node type\]",
            r"\[count\]",
            r"\[avg ms\]",
            r"\[avg %\]",
            r"\[cdf %\]",
            r"\[mem KB\]",
            r"\[times called\]",
        )
    )
    return RowFormat(
        is_csv=is_csv,
        op_header=columns(*titles, *ends),
        type_header=columns(*type_titles),
        op=columns(kind, *figures, name),
        op_with_start=columns(kind, start, *figures, name),
        type_row=columns(kind, rf"(?P<count>{INTEGER})", *figures[1:]),
    )


TABLE = _format(is_csv=False)
CSV = _format(is_csv=True)
