"""Edges and windows: the best way of all, held against trying every one."""

from __future__ import annotations

from itertools import accumulate, combinations, pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.results.energy_edges import edge_pairs, matched

MOST_OFF = 0.05
GAPS = st.lists(st.sampled_from([0.3, 0.96, 0.98, 1.0, 1.03]), max_size=7)


def trace(gaps):
    return SimpleNamespace(events=tuple(accumulate(gaps, initial=0.5)))


def tried(pairs, seconds):
    """Return the least sum of all ways to give each window a pair, None for no way."""
    sums = []
    for some in combinations(range(len(pairs)), len(seconds)):
        chosen = [pairs[place] for place in some]
        free = all(pairs[a].next_free <= b for a, b in pairwise(some))
        off = [
            abs(pair.end - pair.begin - wanted) / wanted
            for pair, wanted in zip(chosen, seconds, strict=True)
        ]
        if free and max(off, default=0) <= MOST_OFF:
            sums.append(sum(off))
    return min(sums, default=None)


@given(st.lists(GAPS, max_size=3), st.lists(st.sampled_from([0.97, 1.0]), max_size=4))
def test_no_other_way_to_give_windows_their_edges_fits_better(traces, seconds):
    pairs = edge_pairs([trace(gaps) for gaps in traces])
    found = matched(pairs, seconds, most_off=MOST_OFF)
    sums = [tried(pairs, seconds[:count]) for count in range(len(seconds) + 1)]
    possible = max(count for count, least in enumerate(sums) if least is not None)
    assert len(found) == possible
    off = [
        abs(pair.end - pair.begin - wanted) / wanted
        for pair, wanted in zip(found, seconds, strict=False)
    ]
    assert sum(off) == pytest.approx(sums[possible])
    for earlier, later in pairwise(found):
        same = earlier.trace is later.trace
        assert not same or earlier.end < later.begin


def test_without_edges_nothing_is_matched():
    pairs = edge_pairs([trace([]), SimpleNamespace(events=())])
    assert matched(pairs, [1.0], most_off=MOST_OFF) == []
