"""What a report is made of: each result beside the records that it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.results.row_records import by_row, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hil.accuracy.rating import Rating
    from hil.vocab import Accuracy, Result, RunRecord

    Ratings = Mapping[tuple[str, str, str | None], Rating]
    # Windows of times, in microseconds or instructions.
    Times = Callable[[Sequence[RunRecord]], list[list[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One result, its records, and its rating where the metric is no right or wrong."""

    result: Result
    records: Sequence[RunRecord]
    times: Times
    seconds: float  # how long its windows took, all together
    started_utc: str  # when the first of them began
    rating: Rating | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same from run to run: model, variant, place and engine."""
        result = self.result
        return result.model, result.variant, result.place, result.engine or ""

    @property
    def score(self) -> Accuracy | Rating | None:
        """The value of the metric, with n and interval."""
        return self.result.accuracy or self.rating

    def windows(self) -> list[list[float]]:
        """Return the times of each window; none where the row is no good.

        They are made anew each time, since all rows' would fill the memory.
        """
        return [] if self.result.latency is None else self.times(self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All rows of one run, and what it ran on."""

    name: str
    rows: tuple[Row, ...]
    environment: Mapping[str, object] = field(default_factory=dict)

    @property
    def started_utc(self) -> str:
        """When its first record began, as ISO 8601; empty for a run without any."""
        return min((row.started_utc for row in self.rows), default="")


def collect(
    results: Iterable[Result],
    records: Iterable[RunRecord],
    *,
    times: Times,
    ratings: Ratings,
) -> tuple[Row, ...]:
    """Return *results* in their order, each with the records that made it."""
    rows = by_row(records)
    return tuple(
        Row(
            result=result,
            records=rows[row_key(result)].records,
            times=times,
            seconds=rows[row_key(result)].seconds,
            started_utc=rows[row_key(result)].started_utc,
            rating=ratings.get((result.model, result.variant, result.place)),
        )
        for result in results
    )
