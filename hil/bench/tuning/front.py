"""Which of several rows no other one is better than: Pareto fronts; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One objective of one row, the smaller the better, with what is known of it.

    `low` and `high` are an interval where the figure is an estimate, and the figure
    itself where it was counted.
    """

    value: float
    low: float
    high: float

    @classmethod
    def counted(cls, value: float) -> Figure:
        """Return a figure that is known exactly."""
        return cls(value=value, low=value, high=value)

    def is_worse_than(self, other: Figure) -> bool:
        """Whether it is larger, and not only by chance."""
        return self.low > other.high


Figures = tuple[Figure, ...]


def dominates(one: Figures, other: Figures) -> bool:
    """Return whether *one* is better somewhere and worse nowhere."""
    pairs = list(zip(one, other, strict=True))
    worse = any(a.is_worse_than(b) for a, b in pairs)
    return not worse and any(b.is_worse_than(a) for a, b in pairs)


def is_like(one: Figures, other: Figures) -> bool:
    """Return whether nothing tells the two apart."""
    pairs = list(zip(one, other, strict=True))
    return not any(a.is_worse_than(b) or b.is_worse_than(a) for a, b in pairs)


def layers(rows: Sequence[Figures]) -> list[int]:
    """Return the front that each row is on: 0 the best, 1 without those, and so on."""
    found = [-1] * len(rows)
    left = list(range(len(rows)))
    level = 0
    while left:
        best = _best([rows[index] for index in left])
        for place in best:
            found[left[place]] = level
        left = [index for index in left if found[index] < 0]
        level += 1
    return found


def front(rows: Sequence[Figures]) -> list[int]:
    """Return the indices of the rows that no other row dominates, in their order."""
    return [index for index, level in enumerate(layers(rows)) if level == 0]


def best_in_order(rows: Sequence[Figures]) -> int:
    """Return the index of the row that is best by its figures, the first one first.

    Rows that a figure does not tell apart are told apart by the next; where none
    does, the first row stands.
    """
    left = list(range(len(rows)))
    for axis in range(len(rows[0])):
        least = min((rows[index][axis] for index in left), key=lambda f: f.value)
        left = [i for i in left if not rows[i][axis].is_worse_than(least)]
    return left[0]


def _best(rows: Sequence[Figures]) -> list[int]:
    free = [
        index
        for index, row in enumerate(rows)
        if not any(dominates(other, row) for other in rows)
    ]
    # Intervals that overlap in a chain can make a ring in which each row is better
    # than the next; then none of it is left out.
    return free or list(range(len(rows)))
