"""What is said of a link: what it lost, and how fast it is; pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from hil.bench.qualifying.verdict import outcome, unmeasured
from hil.results.certificate import Item

if TYPE_CHECKING:
    from hil.bench.qualifying.limits import LinkLimits
    from hil.bench.qualifying.observation import LinkSeen, WindowsSeen

_BITS_PER_BYTE = 10  # 8N1


def link_items(seen: LinkSeen, limits: LinkLimits, *, baud: int | None) -> list[Item]:
    """Return the items of a board's link, by its echoes."""
    evidence = {
        "echoes": seen.echoes,
        "echo_bytes": seen.echo_bytes,
        "seconds": round(seen.seconds, 6),
    }
    n = seen.echoes + len(seen.trip_seconds)
    errors = Item(
        name="link errors",
        part="link",
        outcome=outcome(passed=len(seen.lost) + seen.wrong <= limits.most_errors),
        figure=f"{len(seen.lost)} lost, {seen.wrong} wrong of {n} echoes",
        limit=_most_errors(limits),
        value=len(seen.lost) + seen.wrong,
        unit="echoes",
        n=n,
        basis="echoes of hard patterns",
        evidence={**evidence, "lost": list(seen.lost)},
    )
    return [errors, _throughput(seen, limits, baud=baud)]


def phone_link_items(
    seen: WindowsSeen, limits: LinkLimits, *, faults: list[str]
) -> list[Item]:
    """Return the items of a phone's link: the jobs that went through it."""
    calls = [*seen.windows, *seen.short]
    retries = [retry for call in calls for retry in call.retries]
    lost = len(faults) + len(retries)
    n = len(calls) + len(faults)
    errors = Item(
        name="link errors",
        part="link",
        outcome=outcome(passed=lost <= limits.most_errors),
        figure=f"{len(faults)} failed, {len(retries)} tried again of {n} jobs",
        limit=_most_errors(limits),
        value=lost,
        unit="jobs",
        n=n,
        basis="jobs: files pushed and checked by sha256, commands, answers",
        evidence={"failed": faults, "retries": retries},
    )
    why = "no transfer to a phone is timed by itself"
    return [errors, unmeasured("link throughput", "link", why)]


def _most_errors(limits: LinkLimits) -> str:
    return f"at most {limits.most_errors}" if limits.most_errors else "0"


def _throughput(seen: LinkSeen, limits: LinkLimits, *, baud: int | None) -> Item:
    speed = 2 * seen.echo_bytes * seen.echoes / max(seen.seconds, 1e-9)
    trip = median(seen.trip_seconds)
    figure = f"{speed:,.0f} B/s, round trip {trip * 1e3:.2f} ms"
    if not baud:
        why = f"{figure}; the link has no baud rate"
        return unmeasured("link throughput", "link", why)
    share = speed * _BITS_PER_BYTE / baud
    least = limits.least_line_share
    return Item(
        name="link throughput",
        part="link",
        outcome=outcome(passed=share >= least),
        figure=f"{figure}, {share:.0%} of {baud:,} baud",
        limit=f"at least {least:.0%} of the line, one echo at a time",
        value=share,
        unit="share of the line's rate",
        n=seen.echoes,
        basis="echoes, there and back, by the host's clock",
        evidence={
            "bytes_per_second": speed,
            "baud": baud,
            "round_trip_seconds": trip,
        },
    )
