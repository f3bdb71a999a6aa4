"""What a search came to: every variant that a device measured, and the Pareto front.

Pure: it is computed anew from the records and scores whenever it is read.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.accuracy.gate import Outcome as GateOutcome
from hil.bench.plan import AccuracyGate
from hil.bench.summary import summarize
from hil.bench.tuning.front import (
    Figure,
    best_in_order,
    dominates,
    front,
    is_like,
)
from hil.bench.tuning.settings import Objective, objectives_of
from hil.bench.tuning.space import PLAIN_RECIPE
from hil.bench.versus import report_accuracy, versus_baseline
from hil.vocab import RunStatus, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.accuracy.comparison import Comparison, Versus
    from hil.accuracy.rating import Rating
    from hil.bench.tuning.front import Figures
    from hil.bench.tuning.settings import Settings
    from hil.results.scores import StoredScores
    from hil.vocab import DeviceProfile, Result, RunRecord

# Counts that are nearer than this share are one: six variants of a keyword model with
# the same kernels and shapes took 10,201,495 to 10,201,542 instructions.
_SAME_INSTRUCTIONS = 1e-4
# Two variants that are alike have disjoint windows by chance in 2 of 70 cases with
# four windows each, and in 2 of 6 with two.
LEAST_WINDOWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant on one device.

    `refused` says why it cannot be on the front, None where it can. `versus_float`
    holds the gate; `versus_plain` is against plain int8 on the same device, None for
    plain int8 itself. `beats_plain`: better in something and worse in nothing.
    """

    result: Result
    figures: Mapping[Objective, Figure]
    rating: Rating | None
    versus_float: Comparison | None
    versus_plain: Comparison | None
    refused: str | None
    on_front: bool = False
    beats_plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All variants on one device.

    The `winner` is the front's best in the first objective, None where nothing passed
    the gate.
    """

    device: str
    objectives: tuple[Objective, ...]
    rows: tuple[Row, ...]
    winner: str | None

    @property
    def front(self) -> tuple[Row, ...]:
        """The rows that no other one is better than."""
        return tuple(row for row in self.rows if row.on_front)


def last_attempts(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the records of each variant's last attempt on each device.

    An attempt begins with window 0; a resumed search measures again what was cut.
    """
    found: dict[tuple[str, str], list[RunRecord]] = {}
    for record in records:
        key = (record.variant, record.device)
        if record.window == 0:
            found[key] = []
        found.setdefault(key, []).append(record)
    return [record for group in found.values() for record in group]


def conclude(
    settings: Settings, records: Iterable[RunRecord], stored: Iterable[StoredScores]
) -> list[Standing]:
    """Return what stands on each device, in the order of the plan."""
    records, stored = last_attempts(records), list(stored)
    gate = settings.plan.accuracy
    report = report_accuracy(stored, records, gate)
    against_float = {(v.variant, v.device): v.comparison for v in report.versus}
    found = []
    for device in settings.plan.devices:
        own = [r for r in records if r.device == device.name]
        results = summarize(own)
        ends = {
            result.variant: _ends(
                result, [r for r in own if r.variant == result.variant]
            )
            for result in results
        }
        plain = _versus_plain(stored, results, gate)
        objectives = _told(device, settings.objectives, results)
        rows = []
        for result in results:
            key = (result.variant, device.name)
            compared = against_float.get(key)
            held = plain.get(result.variant)
            rows.append(
                Row(
                    result=result,
                    figures=_figures(result, objectives, ends[result.variant]),
                    rating=report.ratings.get((result.model, *key)),
                    versus_float=compared,
                    versus_plain=held,
                    refused=_refusal(result, compared, held, gate=gate),
                )
            )
        found.append(_standing(device, objectives, rows))
    return found


def _standing(
    device: DeviceProfile, objectives: tuple[Objective, ...], rows: list[Row]
) -> Standing:
    ends = _front([row for row in rows if row.refused is None], objectives)
    winner = None
    if ends:
        keys = [_key(row, objectives) for row in ends]
        winner = ends[best_in_order(keys)].result.variant
    names = [row.result.variant for row in ends]
    told = [
        _placed(row, rows, objectives, on_front=row.result.variant in names)
        for row in rows
    ]
    told.sort(key=lambda row: (row.result.variant != winner, not row.on_front))
    return Standing(
        device=device.name, objectives=objectives, rows=tuple(told), winner=winner
    )


def _front(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """Return the front, the rows with the fewest changes first.

    Of rows that nothing tells apart only the one with the fewest changes is on it: a
    change that buys nothing is no choice.
    """
    keys = [_key(row, objectives) for row in rows]
    best = sorted(front(keys), key=lambda index: rows[index].result.variant.count("+"))
    kept: list[int] = []
    for index in best:
        if not any(is_like(keys[index], keys[other]) for other in kept):
            kept.append(index)
    return [rows[index] for index in kept]


def _placed(
    row: Row, rows: Sequence[Row], objectives: tuple[Objective, ...], *, on_front: bool
) -> Row:
    plain = next((r for r in rows if r.result.variant == PLAIN_RECIPE), None)
    beats = (
        row.refused is None
        and row.versus_plain is not None
        and plain is not None
        and dominates(_sizes(row, objectives), _sizes(plain, objectives))
    )
    return dataclasses.replace(row, on_front=on_front, beats_plain=beats)


def _sizes(row: Row, objectives: Sequence[Objective]) -> Figures:
    file_size = Figure.counted(row.result.size_bytes)
    return (*(row.figures[objective] for objective in objectives), file_size)


def _key(row: Row, objectives: Sequence[Objective]) -> Figures:
    """Return what the front is made of: objectives, the file and the share lost.

    A difference of accuracy counts as it was seen: not to be shown worse is no reason
    to be preferred. A test against float and plain int8 decided who may be here.
    """
    assert row.rating is not None
    return (*_sizes(row, objectives), Figure.counted(1 - row.rating.value))


def _refusal(
    result: Result,
    compared: Comparison | None,
    held: Comparison | None,
    *,
    gate: AccuracyGate,
) -> str | None:
    if result.status is not RunStatus.OK:
        return result.problem or result.status.value
    if compared is None or compared.gate is None:
        return "its accuracy was not measured"
    outcome = compared.gate.outcome
    if outcome is GateOutcome.FAILED:
        return "loses more than the gate allows"
    if outcome is GateOutcome.UNDECIDABLE and not gate.accept_undecidable:
        return f"the gate is undecidable with {compared.n} samples"
    if held is not None and held.difference < 0:
        alpha = 1 - held.confidence
        if held.p_holm < alpha:
            return "less accurate than plain int8"
    return None


def _versus_plain(
    stored: Sequence[StoredScores], results: Sequence[Result], gate: AccuracyGate
) -> dict[str, Comparison]:
    """Return each variant against plain int8 on its device, Holm-adjusted."""
    names = {(r.variant, r.device) for r in results if r.status is RunStatus.OK}
    last = {s.variant: s for s in stored if s.device and (s.variant, s.device) in names}
    plain = last.pop(PLAIN_RECIPE, None)
    if plain is None or not last:
        return {}
    limits = AccuracyGate(confidence=gate.confidence)
    found: list[Versus] = versus_baseline(plain, list(last.values()), limits)
    return {row.variant: row.comparison for row in found}


def _told(
    device: DeviceProfile, asked: Sequence[Objective], results: Sequence[Result]
) -> tuple[Objective, ...]:
    """Return the objectives that every measured variant has a figure of."""
    well = [result for result in results if result.status is RunStatus.OK]
    return tuple(
        objective
        for objective in objectives_of(device, asked)
        if all(_figure(result, objective) is not None for result in well)
    )


def _ends(result: Result, records: Iterable[RunRecord]) -> tuple[float, float] | None:
    """Return between which bounds the speed is known; None where it was not measured.

    Invocations of one window are alike, and windows are not: what else the machine
    does comes and goes. So only a difference that every window shows is one, and of
    this host's clock only where there are enough windows to show it. Instructions are
    counted on one input, and saturation branches make other inputs take a few more or
    less.
    """
    whole = result.latency
    if whole is None or whole.median is None:
        return None
    if whole.basis is TimeBasis.EMULATED_INSTRUCTIONS:
        spread = whole.median * _SAME_INSTRUCTIONS / 2
        return whole.median - spread, whole.median + spread
    windows = [window.latency for record in records for window in summarize([record])]
    known = [found.median for found in windows if found and found.median is not None]
    if whole.basis is TimeBasis.HOST_CLOCK and len(known) < LEAST_WINDOWS:
        return 0.0, math.inf
    known += [end for end in (whole.low, whole.high) if end is not None]
    return min(known), max(known)


def _figures(
    result: Result,
    objectives: Sequence[Objective],
    ends: tuple[float, float] | None,
) -> dict[Objective, Figure]:
    if result.status is not RunStatus.OK:
        return {}
    known = ((objective, _figure(result, objective)) for objective in objectives)
    figures = {name: figure for name, figure in known if figure is not None}
    for speed in (Objective.LATENCY, Objective.INSTRUCTIONS):
        if speed in figures and ends is not None:
            low, high = ends
            figures[speed] = Figure(value=figures[speed].value, low=low, high=high)
    return figures


def _figure(result: Result, objective: Objective) -> Figure | None:
    if objective is Objective.FLASH:
        return Figure.counted(result.memory.get("flash_bytes", result.size_bytes))
    if objective is Objective.ARENA:
        arena = result.memory.get("arena_bytes")
        return None if arena is None else Figure.counted(arena)
    latency = result.latency
    if latency is None or latency.median is None:
        return None
    return Figure.counted(latency.median)
