"""Which row of one run is which row of the other, and which may be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.bench.comparing.side import Row, Side
    from hil.results.comparison import RowKey

_Place = tuple[str, str, str]
# What changes a count of instructions although the sources are the same.
_COUNTING = {
    "compiler": "compilers",
    "compiler_flags": "compiler flags",
    "qemu": "versions of QEMU",
    "machine": "machines of QEMU",
    "icount_shift": "-icount shifts",
}
_FORCING = "compile and run both alike, or --force: figures then show that change too"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPair:
    """The same row in both runs; *same_basis* tells whether times may be compared."""

    base: Row
    new: Row
    same_basis: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """All rows of two runs; `notes` tell what was compared against the rules."""

    pairs: tuple[RowPair, ...]
    only_base: tuple[RowKey, ...]
    only_new: tuple[RowKey, ...]
    notes: tuple[str, ...] = ()


def pair(base: Side, new: Side, *, force: bool = False) -> Pairing:
    """Pair the rows by model, variant, device and engine.

    A row that failed before its engine was known takes the place of the one that ran.
    Raises ConfigError where nothing pairs and, unless *force* is set, where time bases
    differ or instructions were not counted alike.
    """
    matches: list[tuple[Row, Row]] = []
    left = {_place(row): row for row in new.rows}
    alone: list[RowKey] = []
    for row in base.rows:
        other = left.get(_place(row))
        if other is not None and _same_engine(row, other):
            matches.append((row, left.pop(_place(row))))
        else:
            alone.append(row.key)
    if not matches:
        raise ConfigError(
            "the runs have no row in common",
            where=f"{base.name} and {new.name}",
            found=_named([row.key for row in new.rows]),
            allowed=_named([row.key for row in base.rows]),
            remedy="rows pair by model, variant, device and engine",
        )
    pairs, notes = [], []
    for before, after in matches:
        problem = _problem(before, after)
        if problem is not None:
            if not force:
                raise problem
            notes.append(f"{before.key}: {problem.what}, {problem.found} (--force)")
        same = before.result.time_basis is after.result.time_basis
        pairs.append(RowPair(base=before, new=after, same_basis=same))
    return Pairing(
        pairs=tuple(pairs),
        only_base=tuple(alone),
        only_new=tuple(row.key for row in left.values()),
        notes=tuple(notes),
    )


def _place(row: Row) -> _Place:
    return row.key.model, row.key.variant, row.key.device


def _same_engine(base: Row, new: Row) -> bool:
    engines = {base.key.engine, new.key.engine} - {None}
    return len(engines) <= 1


def _problem(base: Row, new: Row) -> ConfigError | None:
    """Return why the figures of two rows must not meet, if they must not."""
    bases = base.result.time_basis, new.result.time_basis
    if bases[0] is not bases[1]:
        return ConfigError(
            "the runs count different times",
            where=str(base.key),
            found=f"{bases[0].value} and {bases[1].value}",
            remedy="measure both with one profile, or --force: times are then left out",
        )
    if bases[0] is not TimeBasis.EMULATED_INSTRUCTIONS or not (
        base.timed and new.timed
    ):
        return None
    for key, name in _COUNTING.items():
        before, after = (_told(row, key) for row in (base, new))
        if before != after:
            return ConfigError(
                f"the instructions were counted with different {name}",
                where=str(base.key),
                found=f"{before} and {after}",
                remedy=_FORCING,
            )
    return None


def _told(row: Row, key: str) -> str:
    values = {_text(record.evidence.get(key)) for record in row.timed}
    return ", ".join(sorted(values))


def _text(value: object) -> str:
    if value is None:
        return "not told"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _named(keys: Sequence[RowKey]) -> str:
    most = 5
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return "; ".join(str(key) for key in keys[:most]) + more
