"""Bounds of the mean and the variance of numbers of which only some are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBounds:
    """Numbers that are known, and counts of others between a low and a high one."""

    fixed: tuple[float, ...]
    between: tuple[tuple[int, float, float], ...]

    @classmethod
    def of_ranks(cls, ranks: Mapping[int, float]) -> OrderBounds:
        """Return what the values at some places of a sorted list tell of the others."""
        places = sorted(ranks)
        return cls(
            fixed=tuple(ranks[place] for place in places),
            between=tuple(
                (high - low - 1, ranks[low], ranks[high])
                for low, high in pairwise(places)
            ),
        )

    @property
    def n(self) -> int:
        """How many numbers there are."""
        return len(self.fixed) + sum(count for count, _, _ in self.between)

    @property
    def smallest_mean(self) -> float:
        """The mean if each number is as small as it can be."""
        return (sum(self.fixed) + sum(c * low for c, low, _ in self.between)) / self.n

    @property
    def largest_mean(self) -> float:
        """The mean if each number is as large as it can be."""
        return (sum(self.fixed) + sum(c * high for c, _, high in self.between)) / self.n

    def least_variance(self, mean: float, *, slack: float) -> float:
        """Return the variance about a mean within *slack* that cannot be undercut."""
        squares = sum(max(0.0, abs(v - mean) - slack) ** 2 for v in self.fixed)
        for count, low, high in self.between:
            distance = max(0.0, low - mean - slack, mean - high - slack)
            squares += count * distance**2
        return squares / self.n

    def most_variance(self, mean: float, *, slack: float) -> float:
        """Return the variance about a mean within *slack* that cannot be passed."""
        squares = sum((abs(v - mean) + slack) ** 2 for v in self.fixed)
        for count, low, high in self.between:
            distance = max(abs(low - mean), abs(high - mean)) + slack
            squares += count * distance**2
        return squares / self.n
