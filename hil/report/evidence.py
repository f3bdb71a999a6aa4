"""What reports draw from the evidence of records: layers and temperatures.

Evidence comes from targets and is plain JSON of any shape; what has not the shape that
is told here is passed over, never an error.

* `profile`: a list of operators, or a mapping with that list as `ops`. An operator has
  `type` or `name`, and one of `per_run_ms`, `avg_ms`, `us`, `insn`, `cycles`, `ticks`.
* `window`: a mapping with `samples`, a list of mappings with `seconds` and `celsius`,
  or with `hottest_c` for the whole window; `thermometer` says which.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import RunRecord

# The key of a time in a profile, the unit it is shown in, and the factor to it.
_UNITS = {
    "per_run_ms": ("us", 1000.0),
    "avg_ms": ("us", 1000.0),
    "us": ("us", 1.0),
    "insn": ("insn", 1.0),
    "cycles": ("cycles", 1.0),
    "ticks": ("ticks", 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One operator of a profile, in the order in which it ran."""

    index: int
    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """One reading of a thermometer, in seconds from the first window's start."""

    seconds: float
    celsius: float
    window: int


def layers(records: Sequence[RunRecord]) -> list[Layer]:
    """Return the operators of the first profile that is there; of one unit only."""
    for record in records:
        found = record.evidence.get("profile")
        ops = found.get("ops") if isinstance(found, Mapping) else found
        if not isinstance(ops, list):
            continue
        read = [_layer(index, op) for index, op in enumerate(ops)]
        known = [layer for layer in read if layer is not None]
        if known and len(known) == len(read) and len({k.unit for k in known}) == 1:
            return known
    return []


def temperatures(records: Sequence[RunRecord]) -> list[Warmth]:
    """Return all readings of the windows of one row, in the order of time."""
    starts = {record.window: _moment(record.started_utc) for record in records}
    known = [start for start in starts.values() if start is not None]
    if not known:
        return []
    found: list[Warmth] = []
    for record in records:
        window, start = record.evidence.get("window"), starts[record.window]
        if isinstance(window, Mapping) and start is not None:
            since = start - min(known)
            found += _readings(window, since, record)
    return sorted(found, key=lambda warmth: warmth.seconds)


def thermometer(records: Sequence[RunRecord]) -> str:
    """Return which thermometer was read; empty where that is not told."""
    for record in records:
        window = record.evidence.get("window")
        if isinstance(window, Mapping) and isinstance(window.get("thermometer"), str):
            return str(window["thermometer"])
    return ""


def number(value: object) -> float | None:
    """Return *value* where it is a finite number, which a bool is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _layer(index: int, op: object) -> Layer | None:
    if not isinstance(op, Mapping):
        return None
    names = [str(op[key]) for key in ("type", "name") if op.get(key)]
    for key, (unit, factor) in _UNITS.items():
        value = number(op.get(key))
        if value is not None and value >= 0 and names:
            calls = number(op.get("times_called")) if key == "avg_ms" else None
            return Layer(
                index=index,
                name=" ".join(dict.fromkeys(names)),
                value=value * factor * (calls or 1.0),
                unit=unit,
            )
    return None


def _readings(
    window: Mapping[str, object], since: float, record: RunRecord
) -> list[Warmth]:
    samples = window.get("samples")
    found: list[Warmth] = []
    for sample in samples if isinstance(samples, list) else []:
        if not isinstance(sample, Mapping):
            continue
        at, celsius = number(sample.get("seconds")), number(sample.get("celsius"))
        if at is not None and celsius is not None:
            moment = since + at
            found.append(Warmth(seconds=moment, celsius=celsius, window=record.window))
    hottest = number(window.get("hottest_c"))
    if not found and hottest is not None:
        end = since + record.seconds
        found.append(Warmth(seconds=end, celsius=hottest, window=record.window))
    return found


def _moment(started_utc: str) -> float | None:
    try:
        return dt.datetime.fromisoformat(started_utc).timestamp()
    except ValueError:
        return None
