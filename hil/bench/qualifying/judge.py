"""Observations to items: the only place where a device is passed or failed; pure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

from hil.bench.qualifying.answer_items import accuracy_items, parity_item
from hil.bench.qualifying.limits import PHONES
from hil.bench.qualifying.link_items import link_items, phone_link_items
from hil.bench.qualifying.memory_items import memory_items
from hil.bench.qualifying.observation import (
    AnswersSeen,
    DeviceSeen,
    LinkSeen,
    MemorySeen,
    Trouble,
    WindowsSeen,
)
from hil.bench.qualifying.runs import with_figures
from hil.bench.qualifying.timer_items import clock_items, timer_items
from hil.bench.qualifying.verdict import failed, unmeasured
from hil.bench.qualifying.window_items import repeatability_item, thermal_item
from hil.errors import ConfigError
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.bench.qualifying.limits import Limits
    from hil.bench.qualifying.observation import Observation
    from hil.results.certificate import Item

    Seen = TypeVar("Seen", bound=Observation)

_OF_WINDOWS = ("timer", "clock", "repeatability")
_THERMAL = "thermal stability"


def judge(observations: Sequence[Observation], limits: Limits) -> list[Item]:
    """Return all items, in the order of their parts.

    Raises ConfigError where no device stands among the *observations*.
    """
    device = _one(observations, DeviceSeen)
    if device is None:
        raise ConfigError(
            "the records tell of no device",
            found=f"{len(observations)} records",
            allowed="one that is seen as a device",
        )
    return [
        *_link(device, observations, limits),
        *_windows(device, observations, limits),
        *_memory(device, observations, limits),
        *_answers(device, observations, limits),
    ]


def _link(
    device: DeviceSeen, seen: Sequence[Observation], limits: Limits
) -> Iterator[Item]:
    faults = _troubles(seen, "link", "model transfer")
    if device.kind in PHONES:
        windows = _one(seen, WindowsSeen)
        if windows is not None:
            told = [fault.why for fault in faults]
            yield from phone_link_items(windows, limits.link, faults=told)
        return
    for fault in faults:
        yield failed(fault.part, "link", fault.why)
    link = _one(seen, LinkSeen)
    if link is not None:
        yield from link_items(link, limits.link, baud=device.baud)


def _windows(
    device: DeviceSeen, seen: Sequence[Observation], limits: Limits
) -> Iterator[Item]:
    faults = _troubles(seen, "timer")
    if faults and faults[0].is_fault:
        yield failed("timer", "timer", faults[0].why)
        return
    whole = _one(seen, WindowsSeen)
    windows = None if whole is None else _with_figures(whole)
    why = _no_windows(device, windows)
    if faults:
        why = faults[0].why
    if why is not None or whole is None or windows is None:
        for part in _OF_WINDOWS:
            yield unmeasured(part, part, why or "the device did not come so far")
        if whole is not None and whole.windows:
            yield thermal_item(device, whole, limits.thermal)
        else:
            yield unmeasured(_THERMAL, _THERMAL, why or "no window was run")
        return
    if device.time_basis is TimeBasis.EMULATED_INSTRUCTIONS:
        why = "ticks are instructions that an emulator counts, which are no time"
        yield unmeasured("timer", "timer", why)
        yield unmeasured("clock", "clock", why)
    else:
        room = limits.clock.tolerance_share
        yield from timer_items(device, windows, limits.timer, room=room)
        yield from clock_items(device, windows, limits.clock)
    yield repeatability_item(device, windows, limits.repeatability)
    yield thermal_item(device, whole, limits.thermal)


def _with_figures(seen: WindowsSeen) -> WindowsSeen:
    return dataclasses.replace(
        seen,
        windows=tuple(with_figures(seen.windows)),
        short=tuple(with_figures(seen.short)),
    )


def _no_windows(device: DeviceSeen, windows: WindowsSeen | None) -> str | None:
    if device.time_basis is None:
        return "no time basis: the device has no counter"
    if windows is not None and not windows.windows:
        if device.kind in PHONES:
            return "no window was run: see thermal stability, and the link"
        return "no time basis: the counter does not move"
    return None


def _memory(
    device: DeviceSeen, seen: Sequence[Observation], limits: Limits
) -> Iterator[Item]:
    for trouble in _troubles(seen, "memory"):
        make = failed if trouble.is_fault else unmeasured
        yield make("memory use", "memory", trouble.why)
    memory = _one(seen, MemorySeen)
    yield from memory_items(device, memory.figures if memory else {}, limits.memory)


def _answers(
    device: DeviceSeen, seen: Sequence[Observation], limits: Limits
) -> Iterator[Item]:
    first = True
    for one in seen:
        if not isinstance(one, AnswersSeen | Trouble):
            continue
        if isinstance(one, Trouble) and one.part != "parity":
            continue
        # The first model's items have plain names: most runs have no other.
        suffix = "" if first or one.model is None else f" {one.model}"
        first = False
        if isinstance(one, Trouble):
            make = failed if one.is_fault else unmeasured
            yield make(f"parity{suffix}", "parity", one.why)
            yield unmeasured(f"accuracy{suffix}", "accuracy", one.why)
            continue
        yield parity_item(device, one, limits.parity, name=f"parity{suffix}")
        yield from accuracy_items(one, limits.accuracy, suffix=suffix)


def _troubles(seen: Sequence[Observation], *parts: str) -> list[Trouble]:
    return [one for one in seen if isinstance(one, Trouble) and one.part in parts]


def _one(seen: Sequence[Observation], sort: type[Seen]) -> Seen | None:
    return next((one for one in seen if isinstance(one, sort)), None)
