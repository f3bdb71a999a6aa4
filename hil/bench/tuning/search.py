"""Successive halving: many candidates on few samples, fewer on more, a handful left.

The first rung is filled in turns: after each turn the changes of those that did best
are put together. Candidates are ranked by Pareto fronts of what this host knows of
them (size, predicted arena, accuracy). What the device would say of latency is unknown
here, so kinds of arithmetic are kept apart: the best of each goes on. What stays is
measured by the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hil.accuracy.gate import Outcome
from hil.bench.tuning.front import Figure, layers
from hil.bench.tuning.space import PLAIN, propose
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.bench.tuning.front import Figures
    from hil.bench.tuning.space import Axis, Candidate

_TURN = 6  # candidates that are tried before their changes are put together


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What this host says of one candidate after so many samples.

    `loss` is the accuracy that is missing (or the error, for metrics that count it).
    `arena_bytes` is predicted, None where no engine here tells. `outcome` is the
    gate's: the sequential paired test against the float model, or the test after all
    `n` samples where the metric has no right and wrong.
    """

    candidate: Candidate
    status: RunStatus
    n: int = 0
    problem: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    arena_bytes: int | None = None
    loss: float | None = None
    outcome: Outcome = Outcome.UNDECIDABLE

    @property
    def figures(self) -> Figures:
        """What candidates are ranked by."""
        assert self.size_bytes is not None
        assert self.loss is not None
        known = (self.loss, self.size_bytes, self.arena_bytes or 0)
        return tuple(Figure.counted(figure) for figure in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why a candidate went on to the next rung, or did not."""

    rung: int
    candidate: str
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """How many candidates are tried on how many samples; the last rung is the device.

    `samples` has one entry for each rung on this host; `finalists` go to the device,
    plain int8 beside them.
    """

    trials: int
    samples: tuple[int, ...]
    finalists: int


class Screen(Protocol):
    """Tries a candidate on this host; a candidate that fails is an answer too."""

    def __call__(self, found: Candidate, *, samples: int) -> Screening:
        """Return what is known after the first *samples* samples."""


def plan_rungs(*, trials: int, finalists: int, samples: int) -> Rungs:
    """Return two rungs on this host: an eighth of *samples* and then half of them.

    An eighth is at least 50, fewer than which tell nothing apart.
    """
    first = min(samples, max(50, samples // 8))
    second = max(first, samples // 2)
    return Rungs(
        trials=max(trials, 1), samples=(first, second), finalists=max(finalists, 1)
    )


def search(
    space: Mapping[Axis, Sequence[str]],
    screen: Screen,
    rungs: Rungs,
    *,
    decided: Callable[[Decision], None] = lambda _: None,
    out_of_time: Callable[[], bool] = lambda: False,
) -> list[Candidate]:
    """Return who goes to the device: plain int8, and the finalists, the best first.

    Plain int8 is there even where it fails, for the others are held to it. Once
    *out_of_time* says so nothing more is screened, and what is known decides.
    """
    standing = _first_rung(space, screen, rungs, decided, out_of_time)
    for rung, samples in enumerate(rungs.samples):
        if rung:
            standing = [
                found if out_of_time() else screen(found.candidate, samples=samples)
                for found in standing
            ]
            standing = _without_failed(standing, decided, rung=rung)
        standing = _halved(standing, rungs, decided, rung=rung)
    finalists = [found.candidate for found in standing]
    return [PLAIN, *(found for found in finalists if found != PLAIN)]


def _first_rung(
    space: Mapping[Axis, Sequence[str]],
    screen: Screen,
    rungs: Rungs,
    decided: Callable[[Decision], None],
    out_of_time: Callable[[], bool],
) -> list[Screening]:
    tried: list[Candidate] = []
    files: dict[str, str] = {}
    standing: list[Screening] = []
    while len(tried) < rungs.trials and not out_of_time():
        best = [found.candidate for found in _ranked(standing)]
        count = min(_TURN, rungs.trials - len(tried))
        proposals = propose(space, best, tried, count=count)
        if not proposals:
            break
        for proposal in proposals:
            if tried and out_of_time():
                break
            tried.append(proposal)
            found = screen(proposal, samples=rungs.samples[0])
            twin = files.setdefault(found.sha256, proposal.name) if found.sha256 else ""
            if found.sha256 and twin != proposal.name:
                reason = f"the same file as {twin}"
                decided(_decision(0, proposal, kept=False, reason=reason))
                continue
            standing += _without_failed([found], decided, rung=0)
    return standing


def _halved(
    standing: Sequence[Screening],
    rungs: Rungs,
    decided: Callable[[Decision], None],
    *,
    rung: int,
) -> list[Screening]:
    last = rung + 1 == len(rungs.samples)
    most = rungs.finalists if last else max(rungs.finalists, rungs.trials // 2)
    ranked = _ranked(standing)
    going = _varied(ranked, most)
    for place, found in enumerate(ranked):
        kept = found in going
        reason = f"place {place + 1} of {len(ranked)} after {found.n} samples"
        if kept and place >= most:
            reason += f", the first of {found.candidate.arithmetic}"
        decided(_decision(rung, found.candidate, kept=kept, reason=reason))
    return going


def _varied(ranked: Sequence[Screening], most: int) -> list[Screening]:
    """Return *most* of them: half by their places, half with an arithmetic of its own.

    This host cannot tell how fast a device computes in other types, so the best of
    each kind go on to where it is measured, as far as there is room.
    """
    kept = list(ranked[: (most + 1) // 2])
    for found in ranked:
        seen = {other.candidate.arithmetic for other in kept}
        if len(kept) < most and found.candidate.arithmetic not in seen:
            kept.append(found)
    kept += [found for found in ranked if found not in kept][: most - len(kept)]
    return sorted(kept, key=ranked.index)


def _without_failed(
    screenings: Sequence[Screening],
    decided: Callable[[Decision], None],
    *,
    rung: int,
) -> list[Screening]:
    """Return those that may go on; plain int8 need not be one of them."""
    well = []
    for found in screenings:
        reason = None
        if found.status is not RunStatus.OK:
            reason = f"{found.status.value}: {found.problem}"
        elif found.outcome is Outcome.FAILED:
            reason = f"the gate is broken, decided after {found.n} samples"
        if reason is None:
            well.append(found)
        else:
            decided(_decision(rung, found.candidate, kept=False, reason=reason))
    return well


def _ranked(screenings: Sequence[Screening]) -> list[Screening]:
    """Return them by front; on one front those that do well in everything come first.

    That is the sum of their places in each figure; then fewer changes are better. Those
    whose figures are the same as another's come behind all that differ.
    """
    rows = [found.figures for found in screenings]
    levels = layers(rows)

    def place(index: int) -> tuple[int, int, int, int]:
        row = rows[index]
        places = sum(
            sum(other[axis].value < row[axis].value for other in rows)
            for axis in range(len(row))
        )
        changes = len(screenings[index].candidate.changes)
        return levels[index], places, changes, index

    order = sorted(range(len(rows)), key=place)
    # Of those with equal figures one goes first; the others have what room is left.
    first: dict[Figures, int] = {}
    for index in order:
        first.setdefault(rows[index], index)
    order.sort(key=lambda index: first[rows[index]] != index)
    return [screenings[index] for index in order]


def _decision(rung: int, candidate: Candidate, *, kept: bool, reason: str) -> Decision:
    return Decision(rung=rung, candidate=candidate.name, kept=kept, reason=reason)
