"""A certificate verified offline: its bytes, its records, its verdicts made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil import __version__
from hil.bench.qualifying.judge import judge
from hil.bench.qualifying.limits import parse_limits, used_limits
from hil.bench.qualifying.observation import from_lines
from hil.errors import ConfigError, HilError
from hil.results.certificate import (
    CERTIFICATE,
    PAGE,
    changed_files,
    digest,
    overall,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.results.certificate import Certificate, Item, Outcome

RECORDS: Final = "observations.jsonl"
LIMITS: Final = "limits.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found; nothing of `findings` means that all is as it was certified."""

    device: str | None
    outcome: Outcome | None
    files: int
    items: int
    findings: tuple[str, ...]
    notes: tuple[str, ...]


def verify(path: Path, records: Path | None = None) -> Verification:
    """Verify the certificate *path* with the files in *records*, or those beside it.

    *path* may be the folder that holds it.
    Raises ConfigError where the certificate cannot be read or is of a newer hil.
    """
    if path.is_dir():
        path /= CERTIFICATE
    folder = records or path.parent
    told = read(_bytes(path), where=path.name)
    findings = list(told.findings)
    certificate = told.certificate
    if certificate is None:
        return Verification(
            device=None,
            outcome=None,
            files=0,
            items=0,
            findings=tuple(findings),
            notes=(),
        )
    findings += changed_files(certificate, lambda name: _content(folder / name))
    findings += _other_verdicts(certificate, folder)
    notes = []
    page = _content(path.parent / PAGE)
    if page is None:
        notes.append(f"{PAGE} is not beside the certificate; it was not checked")
    elif digest(page) != told.page_sha256:
        findings.append(f"{PAGE} was changed: it is not the certificate's page")
    if certificate.hil != __version__:
        notes.append(f"issued by hil {certificate.hil}, verified by {__version__}")
    return Verification(
        device=certificate.device,
        outcome=certificate.outcome,
        files=len(certificate.records),
        items=len(certificate.items),
        findings=tuple(findings),
        notes=tuple(notes),
    )


def _other_verdicts(certificate: Certificate, folder: Path) -> list[str]:
    """Return what the records give by the limits that the certificate does not say."""
    limits_data, lines = _content(folder / LIMITS), _content(folder / RECORDS)
    if limits_data is None or lines is None:
        missing = LIMITS if limits_data is None else RECORDS
        return [f"the verdicts cannot be made again without {missing}"]
    try:
        limits = parse_limits(limits_data, where=LIMITS)
        whole = [line for line in lines.split(b"\n") if line]
        items = judge(from_lines(whole, where=RECORDS), limits)
    except (HilError, ValueError, ArithmeticError) as exc:  # figures that no run gives
        told = str(exc).replace("\n", ";") if isinstance(exc, HilError) else str(exc)
        return [f"the verdicts cannot be made again: {told}"]
    findings = []
    used = used_limits(limits, limits_data, source=certificate.limits.source)
    if used != certificate.limits:
        findings.append(f"the limits of the certificate are not those of {LIMITS}")
    findings += _differing(certificate.items, items)
    if overall(certificate.items) is not certificate.outcome:
        findings.append(
            f"the certificate says {certificate.outcome.value}, its items say "
            f"{overall(certificate.items).value}"
        )
    return findings


def _differing(certified: Sequence[Item], found: Sequence[Item]) -> list[str]:
    mine = {item.name: item for item in found}
    findings = []
    for item in certified:
        other = mine.pop(item.name, None)
        if other is None:
            findings.append(f"{item.name}: certified, but the records do not give it")
        elif _key(item) != _key(other):
            findings.append(
                f"{item.name}: certified is {item.outcome.value} ({item.figure}; limit "
                f"{item.limit}), the records give {other.outcome.value} "
                f"({other.figure}; limit {other.limit})"
            )
    findings += [f"{name}: the records give it, not certified" for name in mine]
    return findings


def _key(item: Item) -> tuple[object, ...]:
    return item.outcome, item.figure, item.limit, item.value, item.n


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            "the certificate cannot be read",
            where=str(path),
            found=exc.strerror,
            remedy=f"the {CERTIFICATE} that hil qualify DEVICE --out FOLDER wrote",
        ) from exc


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
