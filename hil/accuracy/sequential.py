"""Stop as soon as the samples decide: paired outcomes one by one, at any time valid.

Looking at a p-value after every sample finds a difference sooner or later where there
is none. An e-value may be looked at whenever one likes: it is the capital of a gambler
who bets against a hypothesis by rules that gain nothing while it is true, so it ever
reaches 1 / alpha with a chance of at most alpha (Ville's inequality; Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024).

Each outcome is -1 (lost), 0 or +1 (gained). One gambler bets against "the drop is more
than the limit", the other against "it is at most the limit"; each spreads the capital
over fixed stakes. The samples must come in an order that does not depend on either
model's answers: shuffled once is right, "hardest first" is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.gate import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from hil.accuracy.gate import Gate

_STAKES = 60
_LEAST_STAKE = 0.002  # smaller ones win nothing within a million samples
_MOST_LOG = 700.0  # a float holds no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the test stands after n samples, and the two e-values."""

    outcome: Outcome
    n: int
    lost: int
    gained: int
    e_passed: float  # evidence against "the drop is more than the limit"
    e_failed: float  # evidence against "the drop is at most the limit"


class SequentialGate:
    """A gate that is asked after every sample; once decided it stays so."""

    def __init__(self, gate: Gate) -> None:
        """Start with no samples; each wrong decision has a chance of 1 - confidence."""
        limit = gate.most_drop
        self._enough = 1 / (1 - gate.confidence)
        self._outcome = Outcome.UNDECIDABLE
        self._counts = np.zeros(3)  # lost, the same, gained
        # No stake may lose more than there is: 1 + stake * worst > 0.
        up = _stakes(1 / (1 - min(limit, 1 - 1e-9)))
        down = -_stakes(1 / (1 + limit))
        gains = np.array([[-1.0], [0.0], [1.0]]) + limit
        self._growth = np.log1p(gains * np.concatenate([up, down]))

    def add(self, *, baseline_right: bool, right: bool) -> Outcome:
        """Take in one sample and return whether the gate is decided, and how."""
        self._counts[1 + int(right) - int(baseline_right)] += 1
        if self._outcome is Outcome.UNDECIDABLE:
            e_passed, e_failed = self._capital()
            if e_passed >= self._enough:
                self._outcome = Outcome.PASSED
            elif e_failed >= self._enough:
                self._outcome = Outcome.FAILED
        return self._outcome

    @property
    def standing(self) -> Standing:
        """Where the test stands."""
        e_passed, e_failed = self._capital()
        return Standing(
            outcome=self._outcome,
            n=int(self._counts.sum()),
            lost=int(self._counts[0]),
            gained=int(self._counts[2]),
            e_passed=e_passed,
            e_failed=e_failed,
        )

    def _capital(self) -> tuple[float, float]:
        """Return both gamblers' mean over their stakes, whatever the samples' order."""
        capital = np.exp(np.minimum(self._counts @ self._growth, _MOST_LOG))
        return float(capital[:_STAKES].mean()), float(capital[_STAKES:].mean())


def decide_in_turn(pairs: Iterable[tuple[bool, bool]], gate: Gate) -> Standing:
    """Feed (baseline right, other right) until the gate is decided or none is left."""
    test = SequentialGate(gate)
    for baseline_right, right in pairs:
        outcome = test.add(baseline_right=baseline_right, right=right)
        if outcome is not Outcome.UNDECIDABLE:
            break
    return test.standing


def _stakes(most: float) -> npt.NDArray[np.float64]:
    return np.geomspace(_LEAST_STAKE, 0.99 * most, _STAKES)
