"""Which edges of a trace are the ends of which window; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.results.energy_trace import EnergyTrace


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgePair:
    """Two neighbouring edges of a trace; `next_free` is the first pair without them."""

    trace: EnergyTrace
    begin: float
    end: float
    next_free: int


def edge_pairs(traces: Sequence[EnergyTrace]) -> list[EdgePair]:
    """Return all pairs of neighbouring edges, in their order."""
    pairs: list[EdgePair] = []
    for trace in traces:
        first, edges = len(pairs), trace.events
        last = first + max(0, len(edges) - 1)
        pairs += [
            EdgePair(
                trace=trace,
                begin=begin,
                end=end,
                next_free=min(first + place + 2, last),
            )
            for place, (begin, end) in enumerate(pairwise(edges))
        ]
    return pairs


def matched(
    pairs: Sequence[EdgePair], seconds: Sequence[float], *, most_off: float
) -> list[EdgePair]:
    """Return a pair for each window of *seconds*, in order, none with a shared edge.

    A pause may be nearly as long as a window, so the first pair that fits need not be
    it: of all ways in which each length is off by *most_off* at most, as a share, the
    one with the least sum is taken. The list is as long as windows can be matched.
    """
    most = len(pairs)
    # By how many pairs are behind: the least sum of the windows so far.
    least = [0.0] * (most + 1)
    taken: list[list[int]] = []  # and the pair that the last of them has
    for wanted in seconds:
        sums, takes = [inf] * (most + 1), [-1] * (most + 1)
        for place, pair in enumerate(pairs):
            off = abs(pair.end - pair.begin - wanted) / wanted
            free, total = pair.next_free, least[place] + off
            if off <= most_off and total < sums[free]:
                sums[free], takes[free] = total, place
            if sums[place] < sums[place + 1]:
                sums[place + 1], takes[place + 1] = sums[place], takes[place]
        if sums[most] == inf:
            break
        least = sums
        taken.append(takes)
    found: list[EdgePair] = []
    behind = most
    for takes in reversed(taken):
        behind = takes[behind]
        found.append(pairs[behind])
    return found[::-1]
