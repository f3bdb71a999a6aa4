"""A certificate issued: records kept as they are made, then the document and its page.

The folder: observations.jsonl, one line each, forced to the disk; limits.toml as it was
given; certificate.json and certificate.html.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import os
from typing import TYPE_CHECKING

from hil import __version__
from hil.bench.qualifying.limits import used_limits
from hil.bench.qualifying.observation import AnswersSeen, DeviceSeen, to_line
from hil.bench.qualifying.verify import LIMITS, RECORDS
from hil.errors import ConfigError, RecordingError
from hil.report.certificate import to_html
from hil.results import environment
from hil.results.certificate import (
    CERTIFICATE,
    PAGE,
    SCHEMA,
    Certificate,
    kept,
    overall,
    to_bytes,
    to_document,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.bench.qualifying.limits import Limits
    from hil.bench.qualifying.observation import Observation
    from hil.results.certificate import Item
    from hil.vocab import DeviceProfile

_NAMES = (CERTIFICATE, PAGE, RECORDS, LIMITS)


class Issue:
    """The folder of a certificate while its device is being qualified."""

    def __init__(self, folder: Path, limits: Limits, data: bytes, source: str) -> None:
        """Take a *folder* without a certificate, the limits, their bytes and file.

        Raises ConfigError where one is there already, RecordingError where nothing can
        be written.
        """
        there = [name for name in _NAMES if (folder / name).exists()]
        if there:
            raise ConfigError(
                "there is a certificate in the folder already",
                where=str(folder),
                found=", ".join(there),
                remedy="name another folder with --out",
            )
        self._folder = folder
        self._limits = used_limits(limits, data, source=source)
        self._seen: list[Observation] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise _cannot_write(folder, exc) from exc
        self._limits_data = data

    def keep(self, observation: Observation) -> None:
        """Write one record and force it to the disk."""
        path = self._folder / RECORDS
        try:
            with path.open("ab") as file:
                file.write(to_line(observation))
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise _cannot_write(path, exc) from exc
        self._seen.append(observation)

    def close(self, profile: DeviceProfile, items: Sequence[Item]) -> Certificate:
        """Sign and write the certificate of *items* with its page."""
        records = b"".join(to_line(one) for one in self._seen)
        certificate = Certificate(
            schema=SCHEMA,
            hil=__version__,
            device=profile.name,
            kind=profile.kind,
            issued_utc=dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
            outcome=overall(tuple(items)),
            ids=_ids(self._seen),
            profile=_plain(profile),
            environment=environment.capture(),
            limits=self._limits,
            records=(kept(RECORDS, records), kept(LIMITS, self._limits_data)),
            items=tuple(items),
        )
        page = to_html(certificate).encode()
        # Not before: a run that came to nothing must not stand in the way of the next.
        self._write(LIMITS, self._limits_data)
        self._write(PAGE, page)
        self._write(CERTIFICATE, to_bytes(to_document(certificate, page=page)))
        return certificate

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        try:
            path.write_bytes(data)
        except OSError as exc:
            raise _cannot_write(path, exc) from exc


def _ids(seen: Sequence[Observation]) -> dict[str, object]:
    """Return what tells the firmware or binary, and the models, from others."""
    ids: dict[str, object] = {}
    for one in seen:
        if isinstance(one, DeviceSeen):
            told = {"board": one.board, "build_id": one.build_id, "engine": one.engine}
            ids |= {key: value for key, value in told.items() if value}
            ids |= one.evidence
    models = {
        one.model: one.model_sha256 for one in seen if isinstance(one, AnswersSeen)
    }
    return {**ids, "models": models} if models else ids


def _plain(profile: DeviceProfile) -> dict[str, object]:
    # Where the file stood is this machine's business, not the reader's.
    told = dataclasses.asdict(dataclasses.replace(profile, source=None))
    plain: dict[str, object] = json.loads(json.dumps(told, default=_plain_value))
    return plain


def _plain_value(value: object) -> str:
    return str(value.value) if isinstance(value, enum.Enum) else str(value)


def _cannot_write(path: Path, exc: OSError) -> RecordingError:
    return RecordingError(
        "the certificate cannot be written",
        where=str(path),
        found=exc.strerror or str(exc),
        remedy="free space, or another folder with --out",
    )
