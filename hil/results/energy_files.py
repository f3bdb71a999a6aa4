"""Traces of power meters, read from files: MLPerf Tiny's binary form, and CSV."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError
from hil.results.energy_trace import trace_of_energy, trace_of_power

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from hil.results.energy_trace import EnergyTrace

_MLPERF_BYTE: Final = 0xF1
_MLPERF_HEAD_BYTES = 5  # the byte and the rate, a float
_HEAD_LINES: Final = 50  # within which a CSV names its columns
_MLPERF_NAME = re.compile(r"-energy\.bin$")
# By what a column's name ends with, without its unit: Joulescope's statistics are
# "#time,current,voltage,power,charge,energy"; Otii's names begin with the supply's.
_COLUMNS = {
    "timestamp": "time",
    "time": "time",
    "current": "current",
    "voltage": "voltage",
    "power": "power",
    "energy": "energy",
}
_NAME = re.compile(
    r"^#?\s*(?:.*\b)?(?P<kind>timestamp|time|current|voltage|power|energy)"
    r"(?:[\s_]*[(\[]?(?P<unit>[mun\u00b5\u03bc]?(?:s|A|V|W|J))[)\]]?)?\s*$",
    re.IGNORECASE,
)
# Unicode has two signs for micro: its own, and the Greek letter.
_PREFIXES = {"m": 1e-3, "u": 1e-6, "\u00b5": 1e-6, "\u03bc": 1e-6, "n": 1e-9}
_UNIX_FROM = 1e9  # seconds; no meter has been on for thirty years
_UNIX_TO = 1e11  # the year 5138: milliseconds or less that are not named so
_MOST_GOES_BACK = 0.01  # of the energy that is counted: a meter's noise around zero


def read_trace(path: Path, *, volts: float | None = None) -> EnergyTrace:
    """Return the trace in *path*: MLPerf's `*-energy.bin`, or a CSV with a head.

    A CSV has a column of time and one of energy or power, or of current with one of
    voltage or *volts*; units stand in the names, else they are SI units. Raises
    ConfigError for what cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigError(
            "the trace cannot be read", where=str(path), found=exc.strerror
        ) from exc
    if data[:1] == bytes([_MLPERF_BYTE]):
        return _mlperf(path, data)
    return _csv(path, data.decode("utf-8-sig", errors="replace"), volts)


def _mlperf(path: Path, data: bytes) -> EnergyTrace:
    """Read 0xF1, the rate in Hz, and microjoules by sample: float32, little endian.

    The edges of the timestamp pin stand beside it, in `*-timestamps.json`.
    """
    body = data[_MLPERF_HEAD_BYTES:]
    if len(data) < _MLPERF_HEAD_BYTES or len(body) % 4:
        raise ConfigError(
            "the trace is cut", where=str(path), found=f"{len(data)} bytes"
        )
    rate = float(np.frombuffer(data[1:_MLPERF_HEAD_BYTES], dtype="<f4")[0])
    if not 0 < rate < float("inf"):
        raise ConfigError(
            "the trace has no sample rate", where=str(path), found=f"{rate} Hz"
        )
    samples = np.frombuffer(body, dtype="<f4").astype(np.float64)
    seconds = np.arange(len(samples) + 1) / rate
    joules = np.concatenate(([0.0], np.cumsum(samples))) * 1e-6
    return trace_of_energy(str(path), seconds, joules, events=_events(path))


def _events(path: Path) -> tuple[float, ...]:
    beside = path.with_name(_MLPERF_NAME.sub("-timestamps.json", path.name))
    if beside == path or not beside.exists():
        return ()
    try:
        values = json.loads(beside.read_bytes())
        return tuple(sorted(float(value) for value in values))
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigError(
            "the timestamps cannot be read",
            where=str(beside),
            found=str(exc),
            allowed="a list of seconds",
        ) from exc


def _csv(path: Path, text: str, volts: float | None) -> EnergyTrace:
    where = str(path)
    lines = text.splitlines()
    first = "".join(lines[:_HEAD_LINES])
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as exc:
        raise ConfigError("the trace is no CSV", where=where, found=str(exc)) from exc
    head = _head(rows, where)
    columns = _columns(rows[head], where)
    values = _values(rows[head + 1 :], columns, where, first_line=head + 2)
    seconds = values["time"]
    if "energy" in values:
        _check_counts_up(values["energy"], where)
        trace = trace_of_energy(where, seconds, values["energy"])
    else:
        trace = trace_of_power(where, seconds, _watts(values, volts, where))
    if trace.begin >= _UNIX_TO:
        raise ConfigError(
            "the trace's time is no Unix time in seconds",
            where=where,
            found=f"{trace.begin:.0f}",
            remedy="the unit in the column's name: time (ms), time (us)",
        )
    return trace.shifted(0.0, is_absolute=trace.begin >= _UNIX_FROM)


def _check_counts_up(joules: npt.NDArray[np.float64], where: str) -> None:
    """Refuse energy that was set back to zero, or is that of each sample alone.

    What was used between two moments is the difference of what a meter counted.
    """
    steps = np.diff(joules)
    up, down = steps[steps > 0], -steps[steps < 0]
    is_noise = down.sum() <= _MOST_GOES_BACK * up.sum()
    if not len(down) or (is_noise and down.max() <= up.max()):
        return
    row = int(np.argmin(steps))
    raise ConfigError(
        "the energy of the trace goes back",
        where=where,
        found=f"{joules[row]:.6g}, then {joules[row + 1]:.6g} J",
        allowed="energy counted from the begin, never set back",
        remedy="cut the trace where the meter was reset, or export power",
    )


def _head(rows: Sequence[Sequence[str]], where: str) -> int:
    """Return which row names a column of time; lines before it are comments."""
    for index, row in enumerate(rows[:_HEAD_LINES]):
        if any(_kind(name) == "time" for name in row):
            return index
    raise ConfigError(
        "this is neither MLPerf's binary trace nor a CSV with a head",
        where=where,
        allowed="a column named time, and energy, power, or current and voltage",
        remedy="time (s),current (A),voltage (V)",
    )


def _kind(name: str) -> str | None:
    found = _NAME.match(name.strip())
    return _COLUMNS[found["kind"].lower()] if found else None


def _columns(names: Sequence[str], where: str) -> Mapping[str, tuple[int, float]]:
    """Return by kind the first column of it, and what turns it into SI units."""
    columns: dict[str, tuple[int, float]] = {}
    for index, name in enumerate(names):
        found = _NAME.match(name.strip())
        if found is None:
            continue
        kind = _COLUMNS[found["kind"].lower()]
        if kind in columns:
            raise ConfigError(
                f"two columns are named {kind}",
                where=where,
                found=", ".join(names),
                remedy="export one supply alone",
            )
        unit = found["unit"] or ""
        columns[kind] = index, _PREFIXES[unit[0].lower()] if len(unit) > 1 else 1.0
    return columns


def _values(
    rows: Sequence[Sequence[str]],
    columns: Mapping[str, tuple[int, float]],
    where: str,
    *,
    first_line: int,
) -> Mapping[str, npt.NDArray[np.float64]]:
    table: list[list[float]] = []
    for line, row in enumerate(rows, start=first_line):
        if not row or row[0].startswith("#"):
            continue
        try:
            table.append([float(row[index]) for index, _ in columns.values()])
        except (ValueError, IndexError) as exc:
            raise ConfigError(
                "the trace has a line that is no sample",
                where=f"{where}:{line}",
                found=str(exc),
            ) from exc
    array = np.array(table, dtype=np.float64).reshape(len(table), len(columns))
    factors = (factor for _, factor in columns.values())
    return {
        kind: array[:, place] * factor
        for place, (kind, factor) in enumerate(zip(columns, factors, strict=True))
    }


def _watts(
    values: Mapping[str, npt.NDArray[np.float64]], volts: float | None, where: str
) -> npt.NDArray[np.float64]:
    if "power" in values:
        return values["power"]
    if "current" in values and "voltage" in values:
        return values["current"] * values["voltage"]
    if "current" in values and volts is not None:
        return values["current"] * volts
    raise ConfigError(
        "the trace does not say the power",
        where=where,
        found=", ".join(values),
        allowed="energy, power, or current with voltage",
        remedy="--volts 3.3, where the supply's voltage is fixed",
    )
