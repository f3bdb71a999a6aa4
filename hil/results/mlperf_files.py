"""The result files of MLCommons' runner, and hil's own beside them.

log.txt       what happened, in the runner's words
results.txt   what its submission checker reads
results.json  one object an input, as the runner writes it
mlperf.json   hil's own: every window with both clocks (hil mlperf check reads it)
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
from typing import TYPE_CHECKING, Final

from hil.errors import RecordingError
from hil.printable import printable
from hil.results.mlperf_import import LOG, OWN_FILE, RESULTS, to_json
from hil.wire.mlperf_run import MlperfRun, Mode, Window

if TYPE_CHECKING:
    from pathlib import Path

RESULTS_JSON: Final = "results.json"
_RULE: Final = "-" * 57
_WINDOWS: Final = 5
_WINDOW_SECONDS: Final = 10.0


class MlperfFiles:
    """The files of one run; the log grows while it goes on."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that is there; RecordingError where it cannot be written to."""
        self._folder = folder
        self._objects: list[dict[str, object]] = []
        self._began: dt.datetime = _now()
        self._log(f"Logging initialized. Writing output to {folder / LOG}")

    def device(
        self, *, name: str | None, profile: str | None, model: str | None
    ) -> None:
        """Tell what answers."""
        told = (("name", name), ("profile", profile), ("model", model))
        for key, value in told:
            if value is not None:
                self._log(f"Device {key} retrieved: {printable(value)}")

    def window(
        self,
        window: Window,
        *,
        mode: Mode,
        classes: int | None = None,
        sent_bytes: int | None = None,
        stride: int | None = None,
        total_length: int | None = None,
    ) -> None:
        """Tell of a window that ended; the rest is what the labels say of its file."""
        number = len(self._objects) + 1
        self._stamped(f"Loading file {window.file} segment {window.segment}")
        self._stamped("Load complete.")
        counts = f"{window.warmup}/{window.n} (warmup/measured)"
        self._log(f"Running inference with {counts} iterations ...")
        self._log("done")
        self._stamped(f"Performance results for window {number}:")
        self._stamped(f"  # Inferences : {window.n:>13d}")
        if window.seconds:
            self._stamped(f"  Runtime      : {window.seconds:>10.3f} sec.")
            self._stamped(f"  Throughput   : {window.throughput:>10.3f} inf./sec.")
        values = list(window.results or ())
        self._stamped(f"  m-results    : {values}")
        self._objects.append(
            {
                "file": window.file,
                "classes": _text(classes),
                "class": _text(window.label),
                "bytes_to_send": _text(sent_bytes),
                "stride": _text(stride),
                "total_length": total_length,
                "infer": _infer(window, mode),
                "mode": mode.value[0],
            }
        )

    def finish(
        self, run: MlperfRun, *, top1: float | None = None, auc: float | None = None
    ) -> None:
        """Write the results; *top1* (per cent) and *auc* are of an accuracy run."""
        lines = self._score(run) if run.mode is Mode.PERFORMANCE else []
        if top1 is not None:
            lines.append(f"{_stamp()} ulp-mlperf: Top 1% = {top1:2.1f}")
        if auc is not None:
            lines.append(f"{_stamp()} ulp-mlperf: AUC = {auc:.3f}")
        self._log("\n".join(["-" * 20, *(line.strip() for line in lines)]))
        self._log(f"Session logged in file {self._folder / LOG}")
        self._write(RESULTS, "".join(f"{line}\n" for line in lines))
        self._write(RESULTS_JSON, json.dumps(self._objects))
        self._write(OWN_FILE, to_json(run))

    def _score(self, run: MlperfRun) -> list[str]:
        lines = []
        for number, window in enumerate(run.windows, start=1):
            lines += [
                f"Performance results for window {number}",
                f"    # Inferences : {window.n}",
                f"    Runtime: {window.seconds} sec.",
                f"    Throughput: {window.throughput} inf./sec.",
            ]
            if (window.seconds or 0.0) > _WINDOW_SECONDS:
                lines.append("    Runtime requirements have been met.")
        values = [w.throughput for w in run.windows if w.throughput]
        head = f"{_stamp()} ulp-mlperf:"
        if len(run.windows) != _WINDOWS:
            lines.append(f"{head} ERROR 1 - loop_count was not exactly 5.")
        elif (_now() - self._began).total_seconds() < _WINDOW_SECONDS:
            lines.append(f"{head} ERROR 2 - loop exited before 10 seconds elapsed.")
        elif values:
            median = statistics.median(values)
            score = f"{head} Median throughput is {median:>10.3f} inf./sec."
            lines += [f"{head} {_RULE}", score, f"{head} {_RULE}"]
        return lines

    def _stamped(self, text: str) -> None:
        self._log(f"{_stamp()} ulp-mlperf: {printable(text)}")

    def _log(self, text: str) -> None:
        self._append(LOG, f"{text}\n", "a")

    def _write(self, name: str, text: str) -> None:
        self._append(name, text, "w")

    def _append(self, name: str, text: str, mode: str) -> None:
        path = self._folder / name
        try:
            with path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as exc:
            raise RecordingError(
                "a result file cannot be written", where=str(path), found=exc.strerror
            ) from exc


def _infer(window: Window, mode: Mode) -> dict[str, object]:
    done = window.inference
    timed: dict[str, object] = {}
    if done is not None and done.elapsed_us is not None:
        timed = {"start_time": done.start_us, "end_time": done.end_us}
    infer = {**timed, "results": list(window.results or ())}
    if done is not None and done.elapsed_us is not None:
        infer["elapsed_time"] = done.elapsed_us
    # The runner counts the lines with results here, not the inferences.
    infer |= {"total_inferences": 1, "iterations": window.n, "warmups": window.warmup}
    if mode is Mode.PERFORMANCE and window.throughput is not None:
        infer["throughput"] = window.throughput
    return infer


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _stamp() -> str:
    return _now().strftime("%m%d.%H%M%S")
