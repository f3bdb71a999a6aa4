"""Every rule, in the order in which a person should hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.conversion.legacy import refusals, stats, today, traps
from hil.conversion.legacy.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.conversion.legacy.findings import Case, Finding

RULES: Final[tuple[Callable[[Case], Iterator[Finding]], ...]] = (
    *traps.RULES,
    *refusals.RULES,
    *stats.RULES,
    *today.RULES,
)
_ORDER = {severity: place for place, severity in enumerate(Severity)}


def judge(case: Case) -> tuple[Finding, ...]:
    """Return what all rules find, the worst first, each once."""
    found = dict.fromkeys(finding for rule in RULES for finding in rule(case))
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))
