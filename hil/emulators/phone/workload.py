"""Which cores of an emulated phone work, how long they have, and how fast they go."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

# pydantic reads the annotations of Pace while the program runs.
from hil.emulators.phone.thermal import HeatState, ThermalSettings  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.emulators.phone.phone_clock import PhoneClock
    from hil.emulators.phone.thermal import Heat

_FASTEST = 1024  # the kernel's cpu_capacity of the fastest core
_TICKS_PER_SECOND = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a program on some cores goes: data for the process that runs it.

    `full_speed` is what the fastest of its cores reaches at full clock, as a share of
    this machine's speed. Where time does not go by itself, the clocks stay as they are.
    """

    full_speed: float
    time_goes: bool
    settings: ThermalSettings
    state: HeatState


@dataclass(slots=True, eq=False)
class Work:
    """A program at work; `seconds` is how long it has had a core, all together."""

    cores: frozenset[int]
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Workload:
    """The cores, by capacity (1024 is the fastest); background is foreign load 0..1."""

    clock: PhoneClock
    heat: Heat
    thermal: ThermalSettings
    capacities: Sequence[int]
    background: float = 0.0
    _works: list[Work] = field(default_factory=list)
    _busy_seconds: list[float] = field(default_factory=list)
    _idle_seconds: list[float] = field(default_factory=list)
    _at: float = 0.0

    def __post_init__(self) -> None:
        """Begin with the foreign load alone."""
        self._busy_seconds = [0.0] * len(self.capacities)
        self._at = self.clock.now()
        self._idle_seconds = [self._at] * len(self.capacities)
        self._tell_heat()

    @property
    def uptime_seconds(self) -> float:
        """The phone's time since its start."""
        return self.clock.now()

    def skip(self, seconds: float) -> bool:
        """Let a sleep pass at once; false where it must be waited for.

        While a program works, time cannot be skipped: its work takes this machine's.
        """
        return not self._works and self.clock.skip(seconds)

    @property
    def running(self) -> int:
        """How many programs work now."""
        return len(self._works)

    def is_busy(self, core: int) -> bool:
        """Whether anything runs on *core* now."""
        return self.background > 0 or any(core in work.cores for work in self._works)

    def ticks(self, core: int) -> tuple[int, int]:
        """Return the busy and the idle ticks of *core* since the start."""
        self._move()
        return (
            round(self._busy_seconds[core] * _TICKS_PER_SECOND),
            round(self._idle_seconds[core] * _TICKS_PER_SECOND),
        )

    @contextlib.contextmanager
    def working(
        self, cores: Sequence[int], threads: int
    ) -> Iterator[tuple[Work, Pace]]:
        """Let a program of *threads* threads run on the fastest of *cores*."""
        order = sorted(cores, key=lambda core: self.capacities[core], reverse=True)
        used = frozenset(order[: max(1, threads)])
        work = Work(used)
        self._move()
        self._works.append(work)
        self._tell_heat()
        fastest = max(self.capacities[core] for core in used)
        try:
            yield (
                work,
                Pace(
                    full_speed=fastest / _FASTEST,
                    time_goes=self.clock.goes_by_itself,
                    settings=self.thermal,
                    state=self.heat.state,
                ),
            )
        finally:
            self._move()
            self._works.remove(work)
            self._tell_heat()

    def work_ticks(self, work: Work) -> int:
        """Return how long *work* has had a core, in ticks, over all its cores."""
        self._move()
        return round(work.seconds * _TICKS_PER_SECOND)

    def _share(self, core: int) -> float:
        return 1.0 if any(core in w.cores for w in self._works) else self.background

    def _move(self) -> None:
        now = self.clock.now()
        for core in range(len(self.capacities)):
            share = self._share(core)
            self._busy_seconds[core] += (now - self._at) * share
            # Counted by itself, as the kernel does: a busy core's stands still.
            self._idle_seconds[core] += (now - self._at) * (1.0 - share)
            here = [work for work in self._works if core in work.cores]
            for work in here:  # what the others leave, in equal parts
                left = (now - self._at) * (1.0 - self.background)
                work.seconds += left / len(here)
        self._at = now

    def _tell_heat(self) -> None:
        busy = sum(c * self._share(core) for core, c in enumerate(self.capacities))
        self.heat.put_load(busy / sum(self.capacities))
