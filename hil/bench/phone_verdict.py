"""What the conditions on a phone say of its figures; read from the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hil.android.window_watch import WindowVerdict
from hil.printable import printable
from hil.targets.phone_conditions import DRIFT_SHARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.vocab import Evidence, RunRecord

_LEAST_WINDOWS = 2
_TEXT_CHARACTERS = 500


def throttled(evidence: Evidence) -> str | None:
    """Return why the window's figures are not those of the phone at its own speed."""
    told = _window(evidence)
    if told.get("verdict") != WindowVerdict.THROTTLED.value:
        return None
    return _reasons(told) or "the phone was throttled"


def phone_doubts(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return what the windows of one row say against its latency, in words."""
    words: list[str] = []
    shaky = [
        (record.window, told)
        for record in records
        if (told := _window(record.evidence)).get("verdict")
        == WindowVerdict.UNSTABLE.value
    ]
    if shaky:
        window, told = shaky[0]
        words.append(
            f"{len(shaky)} of {len(records)} windows were disturbed, "
            f"window {window}: {_reasons(told)}"
        )
    middles = [
        record.summary.avg_us
        if record.summary.median_us is None
        else record.summary.median_us
        for record in records
        if record.summary is not None and _window(record.evidence)
    ]
    cut_us = max((r.summary.resolution_us for r in records if r.summary), default=0.0)
    if len(middles) >= _LEAST_WINDOWS and min(middles) > 0:
        spread = max(middles) - min(middles)
        if spread > DRIFT_SHARE * min(middles) + cut_us:
            words.insert(
                0,
                f"the windows' medians differ by {spread / min(middles):.0%}, more "
                f"than {DRIFT_SHARE:.0%} ({min(middles):g} to {max(middles):g} us)",
            )
    unstable = (f"unstable: {'; '.join(words)}",) if words else ()
    return (*_short(records), *unstable)


def _short(records: Sequence[RunRecord]) -> tuple[str, ...]:
    told = [short for r in records if (short := _window(r.evidence).get("short"))]
    if not told:
        return ()
    doubt = (
        f"short: {len(told)} of {len(records)} windows ended at their time limit, "
        f"{printable(str(told[0]))[:_TEXT_CHARACTERS]}; raise timeout_seconds, or ask "
        "for less"
    )
    return (doubt,)


def _window(evidence: Evidence) -> Mapping[str, object]:
    told = evidence.get("window")
    return told if isinstance(told, Mapping) else {}


def _reasons(told: Mapping[str, object]) -> str:
    reasons = told.get("reasons")
    words = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
    return printable("; ".join(words))[:_TEXT_CHARACTERS]
