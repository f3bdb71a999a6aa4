"""Claims held against what was measured of the models that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.bench.claims_evidence import FLOAT, GIVEN
from hil.results.claims import ANY, Quantity
from hil.results.claims_verdict import Finding, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hil.bench.claims_evidence import Group
    from hil.results.claims import Claim, Registry
    from hil.results.claims_measured import Measured

# The same on every device that the file runs on.
_OF_FILES = {
    Quantity.SIZE,
    Quantity.SIZE_RATIO,
    Quantity.QUANTIZATION,
    Quantity.NAMES,
    Quantity.METADATA_SHARE,
}


def check(
    registry: Registry,
    groups: Iterable[Group],
    *,
    claims: Sequence[Claim] = (),
    as_if: bool = False,
) -> list[Finding]:
    """Hold the *claims* against the measured; all that fit where none is named.

    A claim that is named always has a finding, be it that it is about another model.
    With *as_if* it is held against what was measured all the same.
    """
    pairs = [(each, _baseline(each, group)) for group in groups for each in group]
    found: list[Finding] = []
    for claim in claims or registry.claims:
        fits = [pair for pair in pairs if _mismatch(claim, pair[0], registry) is None]
        if not fits and claims:
            fits = [pair for pair in pairs if pair[0].kind in claim.kinds] or pairs
            if not as_if:
                found += [_another(claim, fits[0][0], registry)] if fits else []
                continue
        judged = [judge(claim, each, before) for each, before in _unique(claim, fits)]
        # Where all claims are asked for, one that lacks its figure says nothing.
        found += [each for each in judged if claims or each.value is not None]
    return found


def _unique(
    claim: Claim, pairs: Sequence[tuple[Measured, Measured | None]]
) -> Iterator[tuple[Measured, Measured | None]]:
    """Yield the pairs, but a file only once where it is the file that counts."""
    seen: set[tuple[str, str]] = set()
    for measured, baseline in pairs:
        key = (measured.model, measured.variant)
        if claim.quantity in _OF_FILES and key in seen:
            continue
        seen.add(key)
        yield measured, baseline


def _baseline(measured: Measured, group: Group) -> Measured | None:
    return next((m for m in group if m.kind == FLOAT and m is not measured), None)


def _mismatch(claim: Claim, measured: Measured, registry: Registry) -> str | None:
    """Return why *claim* is not about *measured*, None where it is."""
    if claim.model != ANY and registry.model_of(measured.model) != claim.model:
        return f"it is about {claim.model}, and {measured.model!r} is not known as that"
    if measured.kind not in {*claim.kinds, GIVEN}:
        return f"it is about {claim.variant}, and {measured.variant!r} is not that"
    if None not in {claim.per_channel, measured.per_channel} and (
        claim.per_channel != measured.per_channel
    ):
        return f"it is about {claim.variant}, and the scales are by other parts"
    if claim.quantity.needs_device:
        device = measured.device or "no device"
        return f"it is about {claim.device}, and this was measured on {device}"
    return None


def _another(claim: Claim, measured: Measured, registry: Registry) -> Finding:
    reason = _mismatch(claim, measured, registry)
    return Finding(
        claim=claim,
        measured=measured,
        verdict=Verdict.ANOTHER_MODEL,
        reason=f"{reason}; --as-if holds them together all the same",
    )
