"""Runs of MLPerf Tiny read back: logs and result folders of the runners and of hil."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError
from hil.wire.mlperf_log import parse_log
from hil.wire.mlperf_models import label_of
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window
from hil.wire.mlperf_stated import stated_figures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWN_FILE: Final = "mlperf.json"
LOG: Final = "log.txt"
RESULTS: Final = "results.txt"
_SCHEMA: Final = 1
_MOST_BYTES: Final = 500 * 1024 * 1024  # of a file in a submission


def read_run(path: Path, labels: Mapping[str, int] | None = None) -> MlperfRun:
    """Read a log (.gz too) or the folder of a run; ConfigError where it is none.

    *labels* are classes by file name, and go before those that the names tell.
    """
    if path.is_dir():
        own = path / OWN_FILE
        run = _own_run(own) if own.is_file() else _log(path / LOG)
        results = path / RESULTS
    else:
        run = _own_run(path) if path.name == OWN_FILE else _log(path)
        results = path.with_name(RESULTS)
    if results.is_file() and (path.is_dir() or path.name == LOG):
        stated = stated_figures(_text(results))
        run = dataclasses.replace(run, stated={**run.stated, **stated})
    windows = tuple(_labelled(window, labels or {}) for window in run.windows)
    return dataclasses.replace(run, windows=windows)


def _labelled(window: Window, labels: Mapping[str, int]) -> Window:
    label = labels.get(window.file or "", window.label)
    return dataclasses.replace(
        window, label=label_of(window.file) if label is None else label
    )


def _log(path: Path) -> MlperfRun:
    return parse_log(_text(path), where=str(path))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(
                "the log is too large",
                where=str(path),
                allowed=f"{_MOST_BYTES:,} bytes",
            )
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as exc:
        raise ConfigError(
            "the log cannot be read",
            where=str(path),
            found=getattr(exc, "strerror", None) or str(exc),
            allowed="log.txt, log.txt.gz, or the folder of a run",
        ) from exc
    return data.decode("utf-8", errors="backslashreplace")


def to_json(run: MlperfRun) -> str:
    """Return *run* as hil keeps it: all that was seen, medians not computed."""
    document = {
        "schema": _SCHEMA,
        "runner": run.runner.value,
        "mode": run.mode.value,
        "model": run.model,
        "name": run.name,
        "profile": run.profile,
        "version": run.version,
        "laps_us": list(run.laps_us),
        "windows": [_plain(window) for window in run.windows],
    }
    return json.dumps(document, indent=1)


def _plain(window: Window) -> dict[str, object]:
    plain = dataclasses.asdict(window)
    plain.pop("inference")
    return {key: value for key, value in plain.items() if value is not None}


def _own_run(path: Path) -> MlperfRun:
    try:
        document = json.loads(_text(path))
        if document["schema"] != _SCHEMA:
            raise ConfigError(
                "the run is of another version of hil",
                where=str(path),
                found=f"schema {document['schema']}",
                allowed=f"schema {_SCHEMA}",
            )
        windows = tuple(_window(plain) for plain in document["windows"])
        named = {key: document[key] for key in ("model", "name", "profile", "version")}
        return MlperfRun(
            runner=Runner(document["runner"]),
            mode=Mode(document["mode"]),
            windows=windows,
            laps_us=tuple(document["laps_us"]),
            **named,
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ConfigError(
            "this is no run of hil's", where=str(path), found=repr(exc)
        ) from exc


def _window(plain: Mapping[str, object]) -> Window:
    results = plain.get("results")
    values = {**plain, "results": tuple(results) if isinstance(results, list) else None}
    return Window(**values)  # type: ignore[arg-type]  # a wrong key is a TypeError
