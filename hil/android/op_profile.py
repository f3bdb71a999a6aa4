"""The op profile of benchmark_model: how long each operator took, read and checked.

It is printed as tables or written to a file, as the same tables or as CSV. Each graph
is told three times (in run order, the slowest ones, by type) and summed up at the end;
what is returned is the run order, and the rest is held against it.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.op_profile_check import GraphTables, check
from hil.android.op_profile_rows import CSV, TABLE, OpRow, TypeRow
from hil.android.output_lines import has_cut_end, output_lines
from hil.android.printed_number import INTEGER
from hil.android.refusal import contradiction, damaged
from hil.android.run_stats import RunStats, parse_stats
from hil.errors import FirmwareFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.android.op_profile_rows import RowFormat

WHERE = "benchmark_model's op profile"
_RULE = "=" * 30
_RUN_ORDER = f"{_RULE} Run Order {_RULE}"
_TOP = re.compile(rf"{_RULE} Top by (?:Computation Time|Memory Use) {_RULE}")
_BY_TYPE = f"{_RULE} Summary by node type {_RULE}"
_TITLE = re.compile(
    r"(?:(?P<primary>Primary graph) \(name: .*\)"
    r"|(?P<sub>Subgraph \(index: [0-9]+, name: .*\))) profile:"
    r"|(?P<delegate>Delegate internal):"
)
_EXECUTED = re.compile(rf"Number of nodes executed: ({INTEGER})")
_OBSERVED = re.compile(rf"({INTEGER}) nodes observed")
_TIMINGS = "Timings (microseconds): "
_MEMORY = re.compile(r"Memory \(bytes\): count=.*")
# What no other line of the tool holds; outside of a profile it is a lost one's.
_PIECE = re.compile(
    r".*={5}.* (?:Run Order|Top by|by node type).*|.*\[[Nn]ode type\].*|.*node type, .*"
    r"|.*of nodes executed: .*|.* nodes observed.*|.*[0-9]%[ \t,]+.*[0-9]%[ \t,].*"
    r"|.*\(microseconds\): .*|.*\(bytes\): count.*|.* profile:|Delegate internal:"
)


class ProfilePhase(enum.Enum):
    """When the operators ran."""

    INITIALIZATION = "initialization"
    RUNS = "runs"


_PHASES = {
    "Profiling Info for Benchmark Initialization:": ProfilePhase.INITIALIZATION,
    "Operator-wise Profiling Info for Regular Benchmark Runs:": ProfilePhase.RUNS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphProfile:
    """The operators of one graph in the order in which they ran.

    `graph` is empty for the model's main graph. `total` are the sums of all operators,
    one a run.
    """

    phase: ProfilePhase
    graph: str
    ops: tuple[OpRow, ...]
    total: RunStats


@dataclass(frozen=True, slots=True, kw_only=True)
class OpProfile:
    """All graphs of a profile; `names_phase` is false for the tool of 2018."""

    graphs: tuple[GraphProfile, ...]
    names_phase: bool

    def main(self, phase: ProfilePhase) -> GraphProfile | None:
        """Return the model's main graph in *phase*, None where it was not told."""
        found = [g for g in self.graphs if g.phase is phase and not g.graph]
        return found[0] if found else None


def parse_profile_file(text: str | bytes) -> OpProfile:
    """Return the profile of a file that `--op_profiling_output_file` names.

    FirmwareFault where it is cut, damaged or contradicts itself.
    """
    if has_cut_end(text):
        raise FirmwareFault("benchmark_model's op profile is cut", where=WHERE)
    profile, rest = take_profile(output_lines(text))
    if rest:
        raise damaged(rest[0], allowed="lines of an op profile")
    if profile is None or not profile.names_phase:
        raise FirmwareFault(
            "benchmark_model's op profile lacks its title",
            where=WHERE,
            allowed=" or ".join(_PHASES),
        )
    return profile


def take_profile(lines: Sequence[str]) -> tuple[OpProfile | None, list[str]]:
    """Return the profile in the tool's output, and the lines that are not of it."""
    reader = _Reader(lines)
    graphs: list[GraphProfile] = []
    rest: list[str] = []
    phases: list[ProfilePhase] = []
    while (line := reader.line) is not None:
        if line in _PHASES:
            phases.append(_PHASES[line])
            reader.next()
            graphs += reader.graphs(phases[-1])
        elif line == _RUN_ORDER and not phases:
            phases.append(ProfilePhase.RUNS)
            graphs += reader.graphs(phases[-1])
            phases.append(ProfilePhase.RUNS)  # a second one cannot follow
        elif _PIECE.fullmatch(line):
            raise damaged(line, allowed="a whole op profile")
        else:
            rest.append(line)
            reader.next()
    if not phases:
        return None, rest
    names_phase = phases[0:2] != [ProfilePhase.RUNS] * 2
    if not names_phase:
        phases.pop()
    if phases not in (
        [ProfilePhase.INITIALIZATION, ProfilePhase.RUNS],
        [ProfilePhase.INITIALIZATION],
        [ProfilePhase.RUNS],
    ):
        raise contradiction(
            ", ".join(phase.value for phase in phases),
            where=WHERE,
            allowed="initialization and runs, once each",
        )
    return OpProfile(graphs=tuple(graphs), names_phase=names_phase), rest


class _Reader:
    """Takes the lines of a profile one after the other; any other one is damage."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._position = 0

    @property
    def line(self) -> str | None:
        at = self._position
        return self._lines[at] if at < len(self._lines) else None

    def next(self) -> None:
        self._position += 1

    def graphs(self, phase: ProfilePhase) -> list[GraphProfile]:
        graphs = [self._graph(phase)]
        while self.line is not None and _TITLE.fullmatch(self.line):
            graphs.append(self._graph(phase))
        names = [graph.graph for graph in graphs]
        if len(set(names)) != len(names):
            raise contradiction(
                ", ".join(name or "the main graph" for name in names),
                where=WHERE,
                allowed="each graph once",
            )
        return graphs

    def _graph(self, phase: ProfilePhase) -> GraphProfile:
        name = self._title()
        self._expect(_RUN_ORDER)
        ops, shares, form = self._ops()
        tops = []
        while self.line is not None and _TOP.fullmatch(self.line):
            self.next()
            tops.append(self._ops()[:2])
        executed = self._count(_EXECUTED)
        self._expect(_BY_TYPE)
        types = self._types(form)
        total = self._total(name)
        tables = GraphTables(
            ops=ops,
            shares=shares,
            tops=tops,
            types=types,
            executed=executed,
            observed=self._count(_OBSERVED),
            total=total,
        )
        check(tables, form)
        return GraphProfile(phase=phase, graph=name, ops=tuple(ops), total=total)

    def _title(self) -> str:
        match = _TITLE.fullmatch(self.line or "")
        if match is None:
            return ""
        self.next()
        return match["sub"] or match["delegate"] or ""

    def _ops(self) -> tuple[list[OpRow], list[float], RowFormat]:
        header = self._taken()
        form = CSV if CSV.op_header.fullmatch(header) else TABLE
        if not form.op_header.fullmatch(header):
            raise damaged(header, allowed="the titles of an op profile's columns")
        has_start = "start" in header
        ops, shares = [], []
        while (row := form.op_row(self.line or "", has_start=has_start)) is not None:
            self.next()
            ops.append(row[0])
            shares.append(row[1])
        return ops, shares, form

    def _types(self, form: RowFormat) -> list[tuple[TypeRow, float]]:
        header = self._taken()
        if not form.type_header.fullmatch(header):
            raise damaged(header, allowed="the titles of a summary's columns")
        rows = []
        while (row := form.summary_row(self.line or "")) is not None:
            self.next()
            rows.append(row)
        return rows

    def _total(self, name: str) -> RunStats:
        line = self._taken()
        head = f"{name} {_TIMINGS}" if name.startswith("Subgraph") else _TIMINGS
        if not line.startswith(head):
            raise damaged(line, allowed=f"{head}count=..")
        total = parse_stats(line.removeprefix(head))
        if total is None:
            raise FirmwareFault("an op profile of no run", where=WHERE, found=line)
        memory = self._taken()
        if not _MEMORY.fullmatch(memory):
            raise damaged(memory, allowed="Memory (bytes): count=..")
        return total

    def _count(self, pattern: re.Pattern[str]) -> int:
        line = self._taken()
        match = pattern.fullmatch(line)
        if match is None:
            raise damaged(line, allowed=f"a line {pattern.pattern!r}")
        return int(match[1])

    def _expect(self, text: str) -> None:
        line = self._taken()
        if line != text:
            raise damaged(line, allowed=text)

    def _taken(self) -> str:
        line = self.line
        if line is None:
            raise FirmwareFault("benchmark_model's op profile is cut", where=WHERE)
        self.next()
        return line
