"""Scores of single samples to one line of JSON and back, beside the records.

With them every paired test can be made again, or made against another run, long after
the devices are gone. Arrays are little-endian bytes in base64 with type and shape;
right and wrong is one bit a sample.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.accuracy.metrics import Metric, find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.errors import ConfigError

if TYPE_CHECKING:
    from hil.vocab import AccuracyCount

SCHEMA: Final = 1
_MOST_SAMPLES: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredScores:
    """The scores of one variant in one place; on this host where `device` is None."""

    model: str
    variant: str
    device: str | None
    engine: str
    scores: SampleScores


def scores_of_wrong(count: AccuracyCount) -> SampleScores | None:
    """Return what each sample's answer was worth by a record's list of wrong ones.

    None where the list does not give the record's own count.
    """
    wrong = set(count.wrong)
    fits = all(0 <= index < count.n for index in wrong)
    if not count.n or not fits or len(wrong) != count.n - count.correct:
        return None
    hits = np.ones(count.n, np.bool_)
    hits[list(wrong)] = False
    return SampleScores(metric=find_metric(count.metric), n=count.n, hits=hits)


class _Array(BaseModel):
    model_config = ConfigDict(strict=True)

    dtype: Literal["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<i8", "<f4", "<f8"]
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    data: str


class _Line(BaseModel):
    model_config = ConfigDict(strict=True)

    schema_: Annotated[int, Field(alias="schema")]
    model: str
    variant: str
    device: str | None = None
    engine: str
    metric: str
    n: Annotated[int, Field(ge=1, le=_MOST_SAMPLES)]
    hits: str | None = None  # bits in hex, the first sample first
    ties: Annotated[int, Field(ge=0)] | None = None
    target: str | None = None
    labels: _Array | None = None
    answers: _Array | None = None
    values: _Array | None = None


def to_line(stored: StoredScores) -> bytes:
    """Return the scores as one line of JSON; what is not there is left out."""
    scores = stored.scores
    hits = None if scores.hits is None else np.packbits(scores.hits).tobytes().hex()
    values = {
        "schema": SCHEMA,
        "model": stored.model,
        "variant": stored.variant,
        "device": stored.device,
        "engine": stored.engine,
        "metric": scores.metric.name,
        "n": scores.n,
        "hits": hits,
        "ties": scores.ties,
        "target": scores.target,
        "labels": _packed(scores.labels),
        "answers": _packed(scores.answers),
        "values": _packed(scores.values),
    }
    present = {name: value for name, value in values.items() if value is not None}
    return json.dumps(present).encode() + b"\n"


def from_line(line: bytes, *, where: str) -> StoredScores:
    """Read one line; ConfigError for a damaged line or a newer schema."""
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _damaged(where, f"{place}: {first['msg']}") from exc
    if read.schema_ > SCHEMA:
        raise ConfigError(
            "the scores were written by a newer hil",
            where=where,
            found=f"schema {read.schema_}",
            allowed=f"up to {SCHEMA}",
            remedy="upgrade hil",
        )
    try:
        scores = _scores(read, find_metric(read.metric))
    except (ValueError, binascii.Error) as exc:
        raise _damaged(where, str(exc)) from exc
    return StoredScores(
        model=read.model,
        variant=read.variant,
        device=read.device,
        engine=read.engine,
        scores=scores,
    )


def _scores(read: _Line, metric: Metric) -> SampleScores:
    labels, answers = (_integers(part, read.n) for part in (read.labels, read.answers))
    hits = None
    if read.hits is not None:
        bits = np.frombuffer(bytes.fromhex(read.hits), np.uint8)
        if len(bits) != math.ceil(read.n / 8):
            message = f"hits: {len(bits)} bytes for {read.n} samples"
            raise ValueError(message)
        hits = np.unpackbits(bits, count=read.n).astype(np.bool_)
    values = None if read.values is None else _unpacked(read.values, read.n)
    if hits is None and values is None:
        message = "neither hits nor values"
        raise ValueError(message)
    return SampleScores(
        metric=metric,
        n=read.n,
        labels=labels,
        hits=hits,
        answers=answers,
        values=values,
        ties=read.ties,
        target=read.target,
    )


def _packed(array: npt.NDArray[np.generic] | None) -> dict[str, object] | None:
    if array is None:
        return None
    small = array
    if array.dtype == np.int64:
        # Class numbers take one byte where they can.
        fits = (np.int8, np.int16, np.int32)
        low, high = int(array.min()), int(array.max())
        small = array.astype(
            next(
                (t for t in fits if np.iinfo(t).min <= low and high <= np.iinfo(t).max),
                np.int64,
            )
        )
    stored = small.astype(small.dtype.newbyteorder("<"))
    return {
        "dtype": stored.dtype.str,
        "shape": list(stored.shape),
        "data": base64.b64encode(np.ascontiguousarray(stored).tobytes()).decode(),
    }


def _unpacked(array: _Array, n: int) -> npt.NDArray[np.generic]:
    if array.shape[0] != n:
        message = f"an array of {array.shape[0]} rows for {n} samples"
        raise ValueError(message)
    data = base64.b64decode(array.data, validate=True)
    stored = np.frombuffer(data, np.dtype(array.dtype)).reshape(array.shape)
    native: npt.NDArray[np.generic] = stored.astype(stored.dtype.newbyteorder("="))
    return native


def _integers(array: _Array | None, n: int) -> npt.NDArray[np.int64] | None:
    if array is None:
        return None
    if "i" not in array.dtype and "u" not in array.dtype:
        message = f"class numbers of type {array.dtype}"
        raise ValueError(message)
    return _unpacked(array, n).astype(np.int64)


def _damaged(where: str, found: str) -> ConfigError:
    return ConfigError("the scores cannot be read", where=where, found=found)
