"""One figure of a pair of rows: how it changed, and whether that is shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from hil.bench.gates import INSTRUCTIONS, LATENCY, MEMORY, SHORT, SIZE
from hil.bench.latency import windows_of
from hil.bench.statistics.blocks import Blocks, blocks_of
from hil.bench.statistics.bootstrap import median_ratio
from hil.bench.statistics.order import quantile
from hil.results.comparison import Change, Verdict
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.bench.comparing.pairing import RowPair
    from hil.bench.comparing.side import Row
    from hil.vocab import RunRecord

# What the process held at the most: as the system tells it, and as the tool does.
_PEAKS = frozenset({MEMORY["rss"], "tool_peak_bytes"})
_RSS_DOUBT = 0.01  # a process's peak moves by some tenths of a per cent from run to run
_TOO_FEW = "four windows a side are the fewest; the default of six is better"


def time_change(pair: RowPair, *, confidence: float) -> Change | None:
    """Return how the latency changed, or the instructions; None where neither is there.

    Instructions are compared exactly, times by a bootstrap of the medians' ratio.
    """
    base, new = pair.base.result.latency, pair.new.result.latency
    if not pair.same_basis or (base is None and new is None):
        return None
    known = base or new
    assert known is not None
    counted = known.basis is TimeBasis.EMULATED_INSTRUCTIONS
    figure, unit = (INSTRUCTIONS, "insn") if counted else (LATENCY, "us")
    before, after = (windows_of(row.timed) for row in (pair.base, pair.new))
    if not before or not after:
        return _one_sided(
            figure,
            unit,
            base=None if base is None else base.median,
            new=None if new is None else new.median,
        )
    if counted:
        return _counted(
            figure,
            unit,
            base=quantile([v for w in before for v in w], 0.5),
            new=quantile([v for w in after for v in w], 0.5),
            how="counted, compared exactly",
            n=(sum(map(len, before)), sum(map(len, after))),
            basis=known.basis,
        )
    return _sampled(
        figure,
        unit,
        base=blocks_of(before),
        new=blocks_of(after),
        n=(base.n if base else 0, new.n if new else 0),
        confidence=confidence,
        cut=_cut(pair),
        basis=known.basis,
    )


def memory_changes(pair: RowPair, *, confidence: float) -> Iterator[Change]:
    """Yield each memory figure and the size of the model.

    What is the same in every window is compared exactly. A figure that varies, as a
    process's peak does, is compared by its windows, as times are.
    """
    yield _counted(
        SIZE,
        "B",
        base=float(pair.base.result.size_bytes),
        new=float(pair.new.result.size_bytes),
        how="the file, compared exactly",
    )
    names = dict.fromkeys([*pair.base.result.memory, *pair.new.result.memory])
    for name in names:
        figure = SHORT.get(name, name)
        before, after = (_sizes(row, name) for row in (pair.base, pair.new))
        if not before or not after:
            yield _one_sided(
                figure,
                "B",
                base=float(max(before)) if before else None,
                new=float(max(after)) if after else None,
            )
        elif name not in _PEAKS and len(set(before)) == len(set(after)) == 1:
            yield _counted(
                figure,
                "B",
                base=before[0],
                new=after[0],
                how="the same in every window, compared exactly",
                n=(len(before), len(after)),
            )
        else:
            yield _sampled(
                figure,
                "B",
                base=_single(before),
                new=_single(after),
                n=(len(before), len(after)),
                confidence=confidence,
                cut=_RSS_DOUBT * min(before) if name in _PEAKS else 0.0,
            )


def _sizes(row: Row, name: str) -> list[float]:
    return [float(r.memory[name]) for r in row.records if name in r.memory]


def _single(values: list[float]) -> Blocks:
    return Blocks(values=tuple((value,) for value in values), windows=len(values))


def _one_sided(
    figure: str, unit: str, *, base: float | None, new: float | None
) -> Change:
    missing = "the base" if base is None else "the new run"
    return Change(
        figure=figure,
        unit=unit,
        verdict=Verdict.UNDECIDED,
        how=f"{missing} has no such figure",
        base=base,
        new=new,
    )


def _counted(
    figure: str,
    unit: str,
    *,
    base: float,
    new: float,
    how: str,
    n: tuple[int, int] | None = None,
    basis: TimeBasis | None = None,
) -> Change:
    verdict = Verdict.EQUAL
    if new != base:
        verdict = Verdict.WORSE if new > base else Verdict.BETTER
    return Change(
        figure=figure,
        unit=unit,
        verdict=verdict,
        how=how,
        base=base,
        new=new,
        n_base=n[0] if n else None,
        n_new=n[1] if n else None,
        basis=basis.value if basis else None,
        difference=(new - base) / base if base else None,
        exact=True,
    )


def _sampled(
    figure: str,
    unit: str,
    *,
    base: Blocks,
    new: Blocks,
    n: tuple[int, int],
    confidence: float,
    cut: float = 0.0,
    basis: TimeBasis | None = None,
) -> Change:
    """Compare medians, each of which may lie up to *cut* above what was seen."""
    values = [
        quantile([v for b in side.values for v in b], 0.5) for side in (base, new)
    ]
    over = f"{base.basis} and {new.basis}"
    if base.basis == new.basis:
        over = f"{base.basis} each"
    how = f"bootstrap over {over}"
    told = Change(
        figure=figure,
        unit=unit,
        verdict=Verdict.UNDECIDED,
        how=how,
        base=values[0],
        new=values[1],
        n_base=n[0],
        n_new=n[1],
        basis=basis.value if basis else None,
        confidence=confidence,
    )
    if min(values) <= 0:
        return dataclasses.replace(
            told, how="a median of 0 has no ratio: the timer is too coarse"
        )
    ratio = median_ratio(base, new, confidence=confidence)
    if ratio.low is None or ratio.high is None:
        how = f"too few: {over}; {_TOO_FEW}"
        return dataclasses.replace(told, how=how, difference=ratio.value - 1)
    low = ratio.low * values[0] / (values[0] + cut) - 1
    high = ratio.high * (values[1] + cut) / values[1] - 1
    verdict = Verdict.NOT_SHOWN
    if low > 0 or high < 0:
        verdict = Verdict.WORSE if low > 0 else Verdict.BETTER
    return dataclasses.replace(
        told,
        how=how,
        verdict=verdict,
        difference=ratio.value - 1,
        low=low,
        high=high,
    )


def _cut(pair: RowPair) -> float:
    records: list[RunRecord] = [*pair.base.timed, *pair.new.timed]
    return max((r.summary.resolution_us for r in records if r.summary), default=0.0)
