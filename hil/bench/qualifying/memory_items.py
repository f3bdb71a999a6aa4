"""What is said of a device's memory: what is there, and what was taken; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bench.qualifying.limits import PHONES
from hil.bench.qualifying.verdict import outcome, unmeasured
from hil.results.certificate import Item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.bench.qualifying.limits import MemoryLimits
    from hil.bench.qualifying.observation import DeviceSeen

_PART = "memory"


def memory_items(
    device: DeviceSeen, figures: Mapping[str, int], limits: MemoryLimits
) -> list[Item]:
    """Return the items of the memory, of which *figures* were measured."""
    told = [
        _told("memory RAM", device.ram_bytes, device.profile_ram_bytes, limits),
        _told("memory flash", device.flash_bytes, device.profile_flash_bytes, limits),
    ]
    if device.kind in PHONES:
        return [told[0], _peak(device, figures, limits)]
    return [*told, *_board_use(device, figures, limits)]


def _board_use(
    device: DeviceSeen, figures: Mapping[str, int], limits: MemoryLimits
) -> list[Item]:
    image = limits.most_image_share
    return [
        _taken(
            "memory arena",
            figures.get("arena_bytes"),
            device.arena_capacity_bytes,
            most=limits.most_arena_share,
            words="the arena",
            basis="high-water mark of the arena, after the runs",
        ),
        _taken(
            "memory stack",
            figures.get("stack_bytes"),
            figures.get("ram_stack_bytes"),
            most=limits.most_stack_share,
            words="the stack",
            basis="high-water mark of a painted stack, after the runs",
        ),
        _taken(
            "memory image RAM",
            figures.get("ram_bytes"),
            device.profile_ram_bytes,
            most=image,
            words="the profile's RAM",
            basis="sections of the image",
        ),
        _taken(
            "memory image flash",
            figures.get("flash_bytes"),
            device.profile_flash_bytes,
            most=image,
            words="the profile's flash",
            basis="sections of the image",
        ),
    ]


def _peak(device: DeviceSeen, figures: Mapping[str, int], limits: MemoryLimits) -> Item:
    return _taken(
        "memory peak",
        figures.get("peak_rss_bytes"),
        device.profile_ram_bytes,
        most=limits.most_rss_share,
        words="the profile's RAM",
        basis="peak resident set of the process, its start included",
    )


def _told(
    name: str, told: int | None, profile: int | None, limits: MemoryLimits
) -> Item:
    least = limits.least_told_share
    limit = f"at least {least:.0%} of the profile's"
    if told is None:
        return unmeasured(name, _PART, "the device does not tell", limit=limit)
    if not profile:
        return unmeasured(name, _PART, f"{told:,} B; no profile says how much")
    return Item(
        name=name,
        part=_PART,
        outcome=outcome(passed=told >= least * profile),
        figure=f"{told:,} B, the profile says {profile:,} B",
        limit=limit,
        value=told,
        unit="B",
        n=1,
        basis="told by the device",
    )


def _taken(
    name: str,
    taken: int | None,
    there: int | None,
    *,
    most: float,
    words: str,
    basis: str,
) -> Item:
    limit = f"at most {most:.0%} of {words}"
    if taken is None or not there:
        # Firmware that runs as a process has no stack of its own to fill.
        why = "not told" if taken is None else f"{taken:,} B, of an unknown size"
        return unmeasured(name, _PART, why, limit=limit)
    return Item(
        name=name,
        part=_PART,
        outcome=outcome(passed=taken <= most * there),
        figure=f"{taken:,} of {there:,} B, {taken / there:.0%}",
        limit=limit,
        value=taken,
        unit="B",
        n=1,
        basis=basis,
        evidence={"of_bytes": there},
    )
