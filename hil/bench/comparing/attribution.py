"""What else is not the same in two runs: the causes that a change may have.

Nothing is proved here. A fact is told where it was the same in all windows of a run (or
lay within a range) and is another in the other run, so what flickers is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.results.comparison import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hil.bench.comparing.side import Row
    from hil.vocab import RunRecord

_Facts = dict[str, list[object]]
_MOST_CHARACTERS = 120
_HASH = re.compile(r"[0-9a-f]{40,64}")
_HASH_DIGITS = 12

# The first that fits tells the group; what fits none is not told.
_GROUPS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (group, re.compile(pattern))
    for group, pattern in (
        ("model", r"model_sha256$|label$|calibration$"),
        ("delegate", r"delegat|accelerator|unsupported_nodes"),
        ("heat", r"thermal|throttl|temperature"),
        ("clock", r"clock|_hz$|_khz$|governor|fixed_performance"),
        ("cores", r"core|cpu_mask|affinity|cluster|taskset|pinned"),
        ("settings", r"^flag\."),
        ("runtime", r"engine|binary_sha256|runtime|^package\.|^hil$|^git_sha$"),
        (
            "firmware",
            r"compiler|build_id|qemu|machine$|icount|^board$|arena_capacity|flash_",
        ),
        (
            "device",
            r"\.(model|soc|fingerprint|release|security_patch|kernel|abi|is_emulator)$",
        ),
        ("host", r"^host\."),
    )
)
# Of a window, not of what it ran on; or said better by another fact.
_PASSED_OVER = re.compile(
    r"stdout|stderr|argv|pid$|init_us|not_told|implausible|clock_now|_id$(?<!build_id)"
)


def row_facts(base: Row, new: Row) -> tuple[Fact, ...]:
    """Return what the records of a row say differently."""
    return _different(_of_records(base.records), _of_records(new.records))


def host_facts(
    base: Mapping[str, object], new: Mapping[str, object]
) -> tuple[Fact, ...]:
    """Return what two environment.json say differently; none where one is missing."""
    if not base or not new:
        return ()
    return _different(_of_environment(base), _of_environment(new))


def _of_records(records: Sequence[RunRecord]) -> _Facts:
    facts: _Facts = {}
    for record in records:
        told = {"model_sha256": record.model_sha256}
        for name, value in (*told.items(), *_flat(record.evidence)):
            facts.setdefault(name, []).append(value)
        if record.timing is not None and record.timing.tick_hz:
            facts.setdefault("clock_hz", []).append(record.timing.tick_hz)
        for name, value in _flags(record.evidence.get("argv")):
            facts.setdefault(f"flag.{name}", []).append(value)
    return facts


def _of_environment(environment: Mapping[str, object]) -> _Facts:
    facts: _Facts = {}
    for name, value in _flat(environment):
        known = name.startswith("packages.") or name in {"hil", "git_sha"}
        key = name.replace("packages.", "package.") if known else f"host.{name}"
        facts[key] = [value]
    return facts


def _flat(
    values: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    """Yield the single values below *values*, each by its path; lists are one text."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list):
            yield path, ", ".join(map(str, value))
        elif value is not None:
            yield path, value


def _flags(argv: object) -> Iterator[tuple[str, object]]:
    """Yield the settings of a command line; paths are another in every run."""
    words = argv if isinstance(argv, list) else []
    for word in words:
        name, equals, value = str(word).partition("=")
        if name.startswith("--") and "/" not in value:
            yield name, value if equals else "set"


def _different(base: _Facts, new: _Facts) -> tuple[Fact, ...]:
    facts = []
    for name in dict.fromkeys([*base, *new]):
        group = _group(name)
        before, after = base.get(name, []), new.get(name, [])
        if group is None or not _apart(before, after):
            continue
        facts.append(
            Fact(group=group, name=name, base=_shown(before), new=_shown(after))
        )
    order = [group for group, _ in _GROUPS]
    return tuple(sorted(facts, key=lambda fact: order.index(fact.group)))


def _group(name: str) -> str | None:
    if _PASSED_OVER.search(name):
        return None
    return next((group for group, found in _GROUPS if found.search(name)), None)


def _apart(before: Sequence[object], after: Sequence[object]) -> bool:
    """Return whether no value of one side could be one of the other."""
    numbers = [v for v in (*before, *after) if _is_number(v)]
    if before and after and len(numbers) == len(before) + len(after):
        lows = min(map(_number, before)), min(map(_number, after))
        highs = max(map(_number, before)), max(map(_number, after))
        return highs[0] < lows[1] or highs[1] < lows[0]
    return not set(map(str, before)) & set(map(str, after))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _shown(values: Sequence[object]) -> str:
    """Return the values as one short text; hashes by their first digits."""
    if not values:
        return "not told"
    if all(_is_number(value) for value in values):
        low, high = min(map(_number, values)), max(map(_number, values))
        return f"{low:,.10g}" if low == high else f"{low:,.10g} .. {high:,.10g}"
    texts = dict.fromkeys(str(value) for value in values)
    short = [text[:_HASH_DIGITS] if _HASH.fullmatch(text) else text for text in texts]
    whole = " | ".join(short)
    if len(whole) <= _MOST_CHARACTERS:
        return whole
    return whole[: _MOST_CHARACTERS - 3] + "..."
