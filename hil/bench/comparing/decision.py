"""Gates held against the rows of a comparison.

Counted figures keep a limit or break it. A sampled one breaks a limit where the change
is shown and its estimate lies beyond the limit, keeps it where the whole interval does,
and is undecided between: more windows or samples would tell. A limit of the new run
alone is held against the interval of its median.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from hil.accuracy.gate import POINTS, Outcome
from hil.accuracy.gate import Gate as AccuracyLimit
from hil.accuracy.metrics import find_metric, wilson
from hil.bench.comparing.accuracy import decide_paired
from hil.bench.gates import ACCURACY, LATENCY, SHORT
from hil.errors import ConfigError
from hil.results.comparison import GateFinding, GateOutcome, Verdict
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.accuracy.gate import GateResult
    from hil.bench.comparing.pairing import RowPair
    from hil.bench.gates import Gate
    from hil.results.comparison import Change, ComparedRow

    Rows = Sequence[tuple[RowPair, ComparedRow]]

_HELD, _BROKEN, _UNDECIDED = (
    GateOutcome.HELD,
    GateOutcome.BROKEN,
    GateOutcome.UNDECIDED,
)
_Decision = tuple[GateOutcome, str]
_OUTCOMES = {
    Outcome.PASSED: _HELD,
    Outcome.FAILED: _BROKEN,
    Outcome.UNDECIDABLE: _UNDECIDED,
}


def decide(
    gates: Sequence[Gate], rows: Rows, *, confidence: float
) -> tuple[GateFinding, ...]:
    """Return each gate's outcome for each row that has its figure.

    A row that had the figure and lost it, for it failed, breaks the gate. Raises
    ConfigError where no row has the figure.
    """
    findings = []
    for gate in gates:
        found = [
            _finding(gate, pair, row, confidence=confidence)
            for pair, row in rows
            if _figure(row, gate.figure) is not None
        ]
        if not found:
            raise _no_such_figure(gate, rows)
        findings += found
    return tuple(findings)


def _finding(
    gate: Gate, pair: RowPair, row: ComparedRow, *, confidence: float
) -> GateFinding:
    change = _figure(row, gate.figure)
    assert change is not None
    outcome, found = _decided(gate, pair, change, confidence=confidence)
    return GateFinding(gate=gate.text, key=row.key, outcome=outcome, found=found)


def _decided(
    gate: Gate, pair: RowPair, change: Change, *, confidence: float
) -> _Decision:
    if change.new is None:
        status = pair.new.result.status
        why = change.how if status is RunStatus.OK else status.value.replace("_", " ")
        return _BROKEN, f"the new run has no such figure: {why}"
    if gate.figure == ACCURACY:
        return _accuracy(gate, pair, change, confidence=confidence)
    if not gate.relative:
        return _absolute(gate, pair, change)
    if change.base is None:
        return _UNDECIDED, change.how
    if change.exact:
        return _exact(gate, change)
    return _sampled(gate, change)


def _exact(gate: Gate, change: Change) -> _Decision:
    assert change.base is not None
    assert change.new is not None
    base, new = Fraction(change.base), Fraction(change.new)
    grown = new - base
    told = (
        f"{change.base:,.0f} to {change.new:,.0f} {change.unit}, {float(grown):+,.0f} "
        f"{change.unit}"
    )
    if gate.unit != "%":
        return _held(gate.allows(grown)), told
    if not base:
        return _held(not grown), f"{told}, from nothing"
    share = grown / base
    return _held(gate.allows(share)), f"{told}, {float(share):+.4%}"


def _sampled(gate: Gate, change: Change) -> _Decision:
    """Decide a sampled change; its limit may be in its own unit, as a share of base."""
    assert change.base is not None
    if change.difference is None:
        return _UNDECIDED, change.how
    in_unit = gate.unit != "%"
    factor = Fraction(change.base) if in_unit else Fraction(1)
    seen = f"{change.difference:+.2%}"
    if change.low is None or change.high is None:
        return _UNDECIDED, f"{seen}; {change.how}"
    told = f"{seen} ({change.low:+.2%} .. {change.high:+.2%}), {change.how}"
    if gate.allows(Fraction(change.high) * factor):
        return _HELD, told
    # A limit above 0 needs a change that is shown; one below 0 asks for a gain.
    shown = Fraction(change.low) * factor > min(Fraction(0), gate.limit)
    if shown and not gate.allows(Fraction(change.difference) * factor):
        return _BROKEN, told
    return _UNDECIDED, f"{told}; more windows would tell"


def _absolute(gate: Gate, pair: RowPair, change: Change) -> _Decision:
    assert change.new is not None
    if gate.figure != LATENCY:
        # Of memory the most that any window took is what must fit.
        memory = pair.new.result.memory.items()
        sizes = [size for name, size in memory if SHORT.get(name, name) == gate.figure]
        most = max(sizes, default=change.new)
        return _held(gate.allows(Fraction(most))), f"{most:,.0f} {change.unit}"
    latency = pair.new.result.latency
    told = f"{change.new:,.4g} us"
    if latency is None or latency.low is None or latency.high is None:
        return _UNDECIDED, f"{told}; too few runs for an interval"
    told = (
        f"{told} ({latency.low:,.4g} .. {latency.high:,.4g}), n={latency.n}, interval "
        f"over {latency.interval_over}"
    )
    if gate.allows(Fraction(latency.high)):
        return _HELD, told
    if not gate.allows(Fraction(latency.low)):
        return _BROKEN, told
    return _UNDECIDED, f"{told}; more windows would tell"


def _accuracy(
    gate: Gate, pair: RowPair, change: Change, *, confidence: float
) -> _Decision:
    if not find_metric(change.unit).in_points:
        return _UNDECIDED, f"{change.unit} has no points to limit"
    if not gate.relative:
        return _share(gate, pair, confidence=confidence)
    return _lost(gate, pair, change, confidence=confidence)


def _lost(gate: Gate, pair: RowPair, change: Change, *, confidence: float) -> _Decision:
    """Decide how much was lost at the most: paired where the samples are known."""
    if change.difference is None:
        return _UNDECIDED, change.how
    told = f"{POINTS * change.difference:+.2f} pt, {change.how}"
    if change.verdict is Verdict.EQUAL and gate.allows(Fraction(0)):
        return _HELD, told
    limit = AccuracyLimit(most_drop=-float(gate.limit), confidence=confidence)
    decided = decide_paired(pair, limit)
    if decided is not None:
        return _OUTCOMES[decided.outcome], f"{told}{_needed(decided)}"
    assert change.low is not None
    assert change.high is not None
    if gate.allows(Fraction(change.low)):
        return _HELD, told
    outcome = _UNDECIDED if gate.allows(Fraction(change.high)) else _BROKEN
    return outcome, told


def _share(gate: Gate, pair: RowPair, *, confidence: float) -> _Decision:
    """Hold the new run's share of right answers against a limit, by Wilson's bounds."""
    accuracy = pair.new.result.accuracy
    if accuracy is None:
        return _UNDECIDED, "no share of right answers was counted"
    low, high = wilson(accuracy.correct, accuracy.n, confidence=2 * confidence - 1)
    told = (
        f"{accuracy.value:.1%} ({low:.1%} .. {high:.1%}, one-sided {confidence:.0%} "
        f"bounds), n={accuracy.n}"
    )
    if gate.allows(Fraction(low)):
        return _HELD, told
    return (_UNDECIDED if gate.allows(Fraction(high)) else _BROKEN), told


def _needed(decided: GateResult) -> str:
    if decided.outcome is not Outcome.UNDECIDABLE or decided.samples_needed is None:
        return ""
    return f"; about {decided.samples_needed:,} samples would tell"


def _figure(row: ComparedRow, name: str) -> Change | None:
    return next((change for change in row.changes if change.figure == name), None)


def _no_such_figure(gate: Gate, rows: Rows) -> ConfigError:
    known = dict.fromkeys(change.figure for _, row in rows for change in row.changes)
    return ConfigError(
        f"no row that both runs have has the figure of the gate {gate.text!r}",
        found=gate.figure,
        allowed=", ".join(known),
        remedy="instructions are of boards in QEMU, latency of all others",
    )


def _held(holds: object) -> GateOutcome:
    return _HELD if holds else _BROKEN
