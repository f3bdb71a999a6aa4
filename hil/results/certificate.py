"""A certificate of qualification: the document, its signature, what a change breaks.

certificate.json holds three things. `certificate` is what is certified; it names every
kept file with its sha256. `page` is the sha256 of the HTML page that was written beside
it. `signature` is the sha256 over both as canonical JSON: sorted keys, no blanks, ASCII
with escapes, no NaN. The file itself is that document with two blanks of indent and one
line end, so that not even a blank can change unseen.

The signature shows that something was changed. It has no secret, so it cannot show who
wrote the certificate.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping  # noqa: TC003 - pydantic reads it
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from hil.errors import ConfigError
from hil.vocab import (  # pydantic reads them at run time
    Evidence,  # noqa: TC001
    TargetKind,  # noqa: TC001
)

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA: Final = 1
CERTIFICATE: Final = "certificate.json"
PAGE: Final = "certificate.html"
_ALGORITHM: Final = "sha256"
_OVER: Final = "certificate and page, as JSON with sorted keys, no blanks, ASCII"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][\w.-]*)?")


class Outcome(enum.Enum):
    """How an item ended."""

    PASSED = "pass"
    FAILED = "fail"
    UNDECIDED = "not decided"  # measured, but the sample leaves both open
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was asked of the device; `evidence` is plain JSON values.

    `part` is what it belongs to ("link", "timer", ...). `figure` and `limit` are words
    for people; `value` is the figure that was held against the limit, in `unit`, from
    `n` observations of what `basis` says.
    """

    name: str
    part: str
    outcome: Outcome
    figure: str
    limit: str
    value: float | None = None
    unit: str | None = None
    n: int | None = None
    basis: str | None = None
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file beside the certificate, by its name in the folder."""

    file: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedLimits:
    """The limits that were used: their file, its sha256 and what it said."""

    source: str
    sha256: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is certified. `ids` names the firmware or binary that was asked."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema: int
    hil: str
    device: str
    kind: TargetKind
    issued_utc: str
    outcome: Outcome
    ids: Evidence
    profile: Evidence
    environment: Evidence
    limits: UsedLimits
    records: tuple[KeptFile, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A certificate that was read, and what is wrong with its file."""

    certificate: Certificate | None
    page_sha256: str | None
    findings: tuple[str, ...]


def overall(items: tuple[Item, ...]) -> Outcome:
    """Return the outcome of all: failed by one item; passed where none is open."""
    outcomes = {item.outcome for item in items}
    for outcome in (Outcome.FAILED, Outcome.UNDECIDED, Outcome.PASSED):
        if outcome in outcomes:
            return outcome
    return Outcome.NOT_MEASURABLE


def kept(file: str, data: bytes) -> KeptFile:
    """Return the entry of a file with the content *data*."""
    assert _PLAIN_NAME.fullmatch(file), file
    return KeptFile(file=file, sha256=digest(data), size_bytes=len(data))


def digest(data: bytes) -> str:
    """Return the sha256 of *data* in hex."""
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    """Return the one way in which *value*, of plain JSON, is written to be signed."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii")


def to_document(certificate: Certificate, *, page: bytes) -> dict[str, object]:
    """Return the signed document; *page* is the HTML that goes with it."""
    body = _ADAPTER.dump_python(certificate, mode="json", exclude_none=True)
    return _signed({"certificate": body, "page": {"sha256": digest(page)}})


def to_bytes(document: Mapping[str, object]) -> bytes:
    """Return the document as the bytes of certificate.json."""
    text = json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def read(data: bytes, *, where: str) -> Read:
    """Read a certificate and say all that is wrong with its bytes.

    Raises ConfigError where it is of a newer schema: that is no damage.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as exc:
        return _unreadable(f"{where} is no JSON: {exc}")
    if not isinstance(document, dict) or "certificate" not in document:
        return _unreadable(f"{where} is no certificate of hil")
    findings = _changes(document, data, where=where)
    try:
        certificate = _ADAPTER.validate_json(json.dumps(document["certificate"]))
    except ValidationError as exc:
        _refuse_newer(document["certificate"], where=where)
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Read(
            certificate=None,
            page_sha256=None,
            findings=(*findings, f"{where}: certificate.{place}: {first['msg']}"),
        )
    _refuse_newer(document["certificate"], where=where)
    page = document.get("page")
    page_sha256 = page.get("sha256") if isinstance(page, dict) else None
    return Read(
        certificate=certificate,
        page_sha256=page_sha256 if isinstance(page_sha256, str) else None,
        findings=tuple(findings),
    )


def changed_files(
    certificate: Certificate, content: Callable[[str], bytes | None]
) -> list[str]:
    """Return what is wrong with the kept files; *content* is None for a missing one."""
    findings = []
    for entry in certificate.records:
        if not _PLAIN_NAME.fullmatch(entry.file):
            findings.append(f"{entry.file!r} is no name of a file in the folder")
            continue
        data = content(entry.file)
        if data is None:
            findings.append(f"{entry.file} is missing")
        elif digest(data) != entry.sha256:
            size = "" if len(data) == entry.size_bytes else _sizes(entry, len(data))
            findings.append(
                f"{entry.file} was changed: its sha256 is {digest(data)[:12]}..., "
                f"certified is {entry.sha256[:12]}...{size}"
            )
    return findings


def _sizes(entry: KeptFile, found: int) -> str:
    return f" ({found:,} bytes, certified {entry.size_bytes:,})"


def _signed(content: Mapping[str, object]) -> dict[str, object]:
    signature = {
        "algorithm": _ALGORITHM,
        "over": _OVER,
        _ALGORITHM: digest(canonical(content)),
    }
    return {**content, "signature": signature}


def _changes(
    document: Mapping[str, object], data: bytes, *, where: str
) -> tuple[str, ...]:
    """Return what differs from what hil would have written and signed."""
    content = {key: document[key] for key in ("certificate", "page") if key in document}
    try:
        signed = _signed(content)
        whole = to_bytes({**content, "signature": document.get("signature")})
    except ValueError as exc:
        return (f"{where} was changed: {exc}",)
    told = document.get("signature")
    if told != signed["signature"]:
        mine = cast("Mapping[str, str]", signed["signature"])[_ALGORITHM]
        change = (
            f"{where} was changed: its content has the signature {mine[:12]}..., "
            f"written there is {_brief(told)}"
        )
        return (change,)
    if whole != data:
        line = _first_line_that_differs(whole, data)
        return (f"{where} was changed: line {line} is not as hil wrote it",)
    return ()


def _brief(signature: object) -> str:
    told = signature.get(_ALGORITHM) if isinstance(signature, dict) else signature
    return f"{str(told)[:12]}..." if told else "none"


def _first_line_that_differs(one: bytes, other: bytes) -> int:
    lines = zip(one.split(b"\n"), other.split(b"\n"), strict=False)
    for number, (mine, theirs) in enumerate(lines, 1):
        if mine != theirs:
            return number
    return min(one.count(b"\n"), other.count(b"\n")) + 1


def _unreadable(finding: str) -> Read:
    return Read(certificate=None, page_sha256=None, findings=(finding,))


def _refuse_newer(body: object, *, where: str) -> None:
    schema = body.get("schema") if isinstance(body, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise ConfigError(
            "the certificate was written by a newer hil",
            where=where,
            found=f"schema {schema}",
            allowed=f"up to {SCHEMA}",
            remedy="upgrade hil",
        )


_ADAPTER: Final = TypeAdapter(Certificate)
