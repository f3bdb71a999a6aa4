"""The run folder of a pytest session, to which all of its workers add.

Beside what every run folder has, `pytest.jsonl` holds one line for each request that
was measured: which test asked first, for which rows, by which plan. A request that is
there already is not measured again, whichever worker asks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from hil.deadline import Deadline
from hil.errors import RecordingError
from hil.machine_lock import hold
from hil.results.environment import capture
from hil.results.run_folder import RunFolder

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hil.results.scores import StoredScores
    from hil.vocab import RunRecord

_REQUESTS: Final = "pytest.jsonl"
_LOCK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a test asked to be measured; `digest` is over the plan and its files."""

    digest: str
    test: str
    device: str
    model: str
    variants: tuple[str, ...]
    plan: str

    def shares_a_row_with(self, other: Request) -> bool:
        """Tell whether both put figures into one row of the run."""
        return (self.device, self.model) == (other.device, other.model) and bool(
            set(self.variants) & set(other.variants)
        )


class SharedRunFolder(RunFolder):
    """A run folder that several processes add to; each addition is made alone."""

    def __init__(self, path: Path) -> None:
        """Open the folder, and make it where no other worker has."""
        super().__init__(path)
        with self._alone():
            if (path / "environment.json").exists():
                return
            try:
                for part in ("models", "outputs", "logs"):
                    (path / part).mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise RecordingError(
                    "the run cannot be recorded",
                    where=str(path),
                    found=exc.strerror,
                    remedy="another folder with --hil-record",
                ) from exc
            self.write_json("environment.json", capture())

    def append(self, record: RunRecord) -> None:
        """Write one line, alone; see RunFolder.append."""
        with self._alone():
            super().append(record)

    def append_scores(self, stored: StoredScores) -> None:
        """Write one line, alone; see RunFolder.append_scores."""
        with self._alone():
            super().append_scores(stored)

    def add_model(self, data: bytes, sha256: str) -> Path:
        """Keep a model, alone; see RunFolder.add_model."""
        with self._alone():
            return super().add_model(data, sha256)

    def add_request(self, request: Request) -> None:
        """Keep that *request* was measured; others may read meanwhile."""
        with self._alone():
            known = [json.dumps(asdict(one)) for one in (*self.requests(), request)]
            self.write_text(_REQUESTS, "\n".join(known) + "\n")

    def requests(self) -> list[Request]:
        """Return what was measured so far."""
        try:
            lines = (self.path / _REQUESTS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        tables = [json.loads(line) for line in lines]
        return [Request(**{**t, "variants": tuple(t["variants"])}) for t in tables]

    def _alone(self) -> AbstractContextManager[None]:
        identity = f"run folder {self.path}"
        return hold(identity, deadline=Deadline(_LOCK_SECONDS), who="a recording test")
