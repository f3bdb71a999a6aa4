"""Answers that were given before: printed in a log, kept in a file or on a cassette."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.divergence_printed import decimals_of, read_back
from hil.bench.diverging.side import LayersUnknown
from hil.errors import ConfigError, LinkClosed
from hil.links.cassette_player import PREFIX, CassetteLink
from hil.results.mlperf_import import read_run
from hil.session.mlperf import MlperfSession
from hil.wire.mlperf_run import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.bench.diverging.subject import Subject
    from hil.vocab import Deadline
    from hil.wire.mlperf_run import MlperfRun, Window

# Files of MLPerf Tiny's keyword set: their place in it, and their class.
_NUMBERED = re.compile(r"tst_([0-9]{6})_[A-Za-z]+_([0-9]{1,2})\.bin")
_OUTPUTS = "outputs"
_IMAGES = {"ic01", "ic02", "vww01"}  # sent as pixels 0..255: the device subtracts 128
_FLOATS = {"ad01"}
# NumPy's for an .npz that is none: EOFError for nothing, TypeError for a single array.
_UNREADABLE = (
    OSError,
    EOFError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


class RecordedSide:
    """Answers without a device behind them: there are no layers."""

    def __init__(
        self,
        name: str,
        *,
        engine: str,
        rows: Sequence[int],
        outputs: npt.NDArray[np.generic],
        tolerance: float = 0.0,
    ) -> None:
        """Take the places of the inputs that were answered, and the answers."""
        self.name = name
        self.engine = engine
        self.rows = np.array(rows, dtype=np.int64)
        self.outputs = outputs
        self.tolerance = tolerance

    def layer(
        self,
        row: int,  # noqa: ARG002 - those of Side
        tensor: int,  # noqa: ARG002
        deadline: Deadline,  # noqa: ARG002
    ) -> npt.NDArray[np.generic]:
        """Raise LayersUnknown."""
        raise LayersUnknown(f"{self.name} is a recording of answers alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLog:
    """A log, and its answers to inputs that are known; `side` is absent without any.

    `why_not` says then what is missing.
    """

    name: str
    run: MlperfRun
    side: RecordedSide | None
    why_not: str | None = None


def open_recording(text: str, subject: Subject, deadline: Deadline) -> RecordedSide:
    """Return what `cassette:FILE` names: a cassette or a log, replayed in full.

    Raises ConfigError where the file is neither or belongs to other inputs.
    """
    path = Path(text.removeprefix(PREFIX))
    if _is_cassette(path):
        return replay(text, subject, deadline)
    log = read_log(path, subject, name=text)
    if log.side is None:
        raise ConfigError(
            "the log's answers belong to other inputs",
            where=str(path),
            found=log.why_not,
            remedy="--inputs with the set that the log's device answered",
        )
    return log.side


def replay(text: str, subject: Subject, deadline: Deadline) -> RecordedSide:
    """Ask a cassette in MLPerf Tiny's dialect for its answer to each input in turn.

    It may end before the inputs do. Raises ProtocolMismatch where another dialogue was
    recorded.
    """
    session = MlperfSession(CassetteLink(text))
    identity = session.open(deadline)
    answers: list[tuple[float, ...]] = []
    try:
        for sample in subject.samples:
            sent = _sent(sample, identity.model, text)
            answers.append(session.infer(sent, deadline).results or ())
    except LinkClosed:
        if not answers:
            raise
    finally:
        session.close()
    widths = {len(answer) for answer in answers}
    if widths != {subject.output.elements}:
        raise ConfigError(
            "the recorded device runs another model",
            where=text,
            found=f"answers of {', '.join(map(str, sorted(widths)))} values",
            allowed=f"{subject.output.elements} values, as {subject.artifact.name}'s",
        )
    return _printed(text, answers, range(len(answers)), subject, who=identity.name)


def read_log(path: Path, subject: Subject, *, name: str | None = None) -> ReadLog:
    """Read a log of MLPerf Tiny, and find its inputs among those of *subject*."""
    run = read_run(path)
    placed = [
        (place, window.results)
        for place, window in _placed(run, subject)
        if window.results is not None
    ]
    elements = subject.output.elements
    if not run.windows:
        return ReadLog(
            name=path.name, run=run, side=None, why_not="a stream has no single inputs"
        )
    if not placed:
        count = len(run.windows)
        why = f"none of the log's {count:,} inputs is known in {subject.dataset}"
        return ReadLog(name=path.name, run=run, side=None, why_not=why)
    if any(len(results) != elements for _, results in placed):
        why = f"answers of {len(placed[0][1])} values, the model's have {elements}"
        return ReadLog(name=path.name, run=run, side=None, why_not=why)
    rows, answers = zip(*placed, strict=True)
    side = _printed(name or path.name, answers, rows, subject, who=run.name)
    return ReadLog(name=path.name, run=run, side=side)


def read_outputs(path: Path, subject: Subject) -> RecordedSide:
    """Read the answers in an .npz: the array `outputs`, or its only one."""
    try:
        # NumPy leaves a file open that it opened itself and cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = list(arrays)
            if _OUTPUTS not in names and len(names) != 1:
                raise ConfigError(
                    "the file does not say which array the answers are",
                    where=str(path),
                    found=", ".join(names) or "no array",
                    allowed=f"an array called {_OUTPUTS}",
                )
            outputs = arrays[_OUTPUTS if _OUTPUTS in names else names[0]]
    except _UNREADABLE as exc:
        raise ConfigError(
            "the answers cannot be read", where=str(path), found=str(exc)
        ) from exc
    shape, dtype = subject.output.shape[1:], np.dtype(subject.output.type)
    n = min(len(outputs), len(subject.samples)) if outputs.ndim else 0
    wanted = f"{dtype} [n, {', '.join(map(str, shape))}], one row an input"
    if not n or outputs[0].size != subject.output.elements:
        raise ConfigError(
            "the answers do not have the shape of the model's output",
            where=str(path),
            found=f"{outputs.dtype} {list(outputs.shape)}",
            allowed=wanted,
        )
    rows = outputs[:n].reshape(n, *shape)
    if outputs.dtype == dtype:
        return RecordedSide(str(path), engine="not known", rows=range(n), outputs=rows)
    if outputs.dtype.kind != "f":
        raise ConfigError(
            "the answers do not have the type of the model's output",
            where=str(path),
            found=str(outputs.dtype),
            allowed=wanted + ", or real values as floats",
        )
    flat = rows.reshape(n, -1).astype(np.float64).tolist()
    return _printed(str(path), flat, range(n), subject, who=None)


def _is_cassette(path: Path) -> bool:
    """Whether the file begins as JSON does; logs begin with a word or a number."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            return bytes(file.read(1)) == b"{"
    except (OSError, EOFError, zlib.error) as exc:
        raise ConfigError(
            "the recording cannot be read", where=str(path), found=str(exc)
        ) from exc


def _placed(run: MlperfRun, subject: Subject) -> list[tuple[int, Window]]:
    """Return the windows whose inputs are known, with their places among the inputs.

    Keyword files tell place and class in their names. Other sets are known where an
    accuracy run has just as many windows, with the same classes in the same order.
    """
    count, labels = len(subject.samples), subject.labels
    placed = []
    for window in run.windows:
        name = _NUMBERED.fullmatch(window.file or "")
        if name is None:
            break
        place = int(name[1])
        if place < count and (labels is None or int(labels[place]) == int(name[2])):
            placed.append((place, window))
    else:
        return placed
    classes = [window.label for window in run.windows]
    same = labels is not None and classes == [int(label) for label in labels]
    whole = run.mode is Mode.ACCURACY and len(run.windows) == count
    return list(enumerate(run.windows)) if whole and same else []


def _printed(
    name: str,
    answers: Sequence[Sequence[float]],
    rows: Sequence[int],
    subject: Subject,
    *,
    who: str | None,
) -> RecordedSide:
    """Return printed answers, as integers where their decimals tell them."""
    output = subject.output
    decimals = decimals_of(answers)
    real = np.array(answers, np.float64).reshape(len(answers), *output.shape[1:])
    engine = f"{who or 'a device'}, printed with {decimals} decimals"
    quantization = output.quantization
    stored = None
    if quantization is not None and quantization.scales:
        points = quantization.zero_points
        stored = read_back(
            real,
            decimals=decimals,
            scale=quantization.scales[0],
            zero_point=points[0] if points else 0,
            dtype=np.dtype(output.type),
        )
    if stored is not None:
        return RecordedSide(name, engine=engine, rows=rows, outputs=stored)
    return RecordedSide(
        name, engine=engine, rows=rows, outputs=real, tolerance=10.0**-decimals
    )


def _sent(sample: npt.NDArray[np.generic], model: str | None, where: str) -> bytes:
    """Return what MLPerf Tiny's runner sends for an input of the model's own type."""
    if model in _FLOATS:
        raise ConfigError(
            "this device takes floats, which the inputs are not",
            where=where,
            found=f"model {model}",
            allowed="kws01, ic01, ic02, vww01",
        )
    if model in _IMAGES:
        return (sample.astype(np.int16) + 128).astype(np.uint8).tobytes()
    return sample.tobytes()
