"""Logs of MLCommons' runner: stamped lines `MMDD.HHMMSS ulp-mlperf: TEXT` and prints.

A window is printed when it ends (three decimals) and again at the end of a performance
run (all decimals). With `echo: True` the device's own lines stand there behind `RX:`.
A run with a power meter prints no results, and each window's time, between the edges of
the device's pin, at the end.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from hil.errors import MalformedFrame
from hil.wire.mlperf import bracketed, message, numbered
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window
from hil.wire.mlperf_stated import stated_figures

if TYPE_CHECKING:
    from collections.abc import Mapping

_STAMP = re.compile(r"(\d\d)(\d\d)\.(\d\d)(\d\d)(\d\d) ulp-mlperf: (.*)")
_TOLD = re.compile(r"Device (name|profile|model) retrieved: (.*)")
_LOADING = re.compile(r"Loading file (.+) segment ([0-9]+)")
_RUNNING = re.compile(r"Running inference with ([0-9]+)/([0-9]+) \(warmup/measured\).*")
_PRINTED = re.compile(r"(# Inferences|Runtime|Throughput|m-results)\s*: *(.*)")
_WINDOW = re.compile(r"Performance results for window ([0-9]+):?")
_METERED = re.compile(r"Captured samples:[0-9]+ timestamps:[0-9]+")
_TRIAL = re.compile(r"Energy data for trial ([0-9]+)")
_ELAPSED = re.compile(r"Elapsed time\s*: *(.*)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DAY_SECONDS = 86_400


def parse_mlcommons(text: str) -> MlperfRun:
    """Return the run of *text*."""
    reader = _Reader()
    for line in text.splitlines():
        stamped = _STAMP.fullmatch(line.strip())
        if stamped:
            hour, minute, second = (int(stamped[i]) for i in (3, 4, 5))
            reader.stamped(stamped[6].strip(), hour * 3600 + minute * 60 + second)
        elif line.startswith("RX:"):
            reader.device(message(line.removeprefix("RX:").strip()))
        else:
            reader.printed(line.strip())
    return reader.run(stated_figures(text))


class _Reader:
    def __init__(self) -> None:
        self._named: dict[str, str] = {}
        self._laps: list[int] = []
        self._windows: list[Window] = []
        self._file: str | None = None
        self._segment = 0
        self._warmup = 0
        self._runs = 0
        self._loaded_at: int | None = None
        self._at = 0
        self._facts: dict[str, str] = {}
        self._again: int | None = None  # the window whose figures are told again

    def device(self, line: str) -> None:
        """Take a line of the device's that was echoed."""
        lap = numbered(line, "m-lap-us")
        if lap is not None:
            self._laps.append(lap)
        for key, prefix in (("name", "m-name-dut"), ("model", "m-model")):
            value = bracketed(line, prefix)
            if value is not None:
                self._named[key] = value

    def stamped(self, line: str, at: int) -> None:
        """Take a line with a time of the host's, in seconds of the day."""
        self._at = at
        loading, figure = _LOADING.fullmatch(line), _PRINTED.fullmatch(line)
        if loading:
            self._file, self._segment = loading[1], int(loading[2])
        elif line == "Load complete.":
            self._loaded_at = at
        elif figure:
            self._facts[figure[1]] = figure[2]
            if figure[1] == "m-results":
                self._windows.append(self._window())

    def printed(self, line: str) -> None:
        """Take a line without a time."""
        told, running = _TOLD.fullmatch(line), _RUNNING.fullmatch(line)
        window, figure = _WINDOW.fullmatch(line), _PRINTED.fullmatch(line)
        trial, elapsed = _TRIAL.fullmatch(line), _ELAPSED.fullmatch(line)
        if told:
            self._named[told[1]] = told[2]
        elif running:
            self._warmup, self._runs = int(running[1]), int(running[2])
        elif _METERED.fullmatch(line):
            self._windows.append(self._metered())
        elif window:
            self._again = int(window[1]) - 1
        elif trial:
            self._again = int(trial[1])
        elif figure and figure[1] == "Runtime" and self._again is not None:
            self._refine(self._again, _number(figure[2]))
        elif elapsed and self._again is not None:
            self._refine(self._again, _number(elapsed[1]))

    def _metered(self) -> Window:
        return Window(
            n=self._runs, warmup=self._warmup, file=self._file, segment=self._segment
        )

    def _refine(self, index: int, seconds: float) -> None:
        if index < len(self._windows):
            window = dataclasses.replace(self._windows[index], seconds=seconds)
            self._windows[index] = window

    def _window(self) -> Window:
        facts, self._facts = self._facts, {}
        host_seconds = None
        if self._loaded_at is not None:
            host_seconds = float((self._at - self._loaded_at) % _DAY_SECONDS)
        n = int(_number(facts.get("# Inferences", "1")))
        throughput = _number(facts.get("Throughput", ""))
        return Window(
            n=n,
            warmup=self._warmup,
            file=self._file,
            segment=self._segment,
            # Of a short run the printed time has fewer digits than the throughput.
            seconds=n / throughput if throughput else None,
            host_seconds=host_seconds,
            host_step_seconds=1.0,
            results=_values(facts["m-results"]),
        )

    def run(self, stated: Mapping[str, float]) -> MlperfRun:
        return MlperfRun(
            runner=Runner.MLCOMMONS,
            mode=self._mode(stated),
            windows=tuple(self._windows),
            model=self._named.get("model"),
            name=self._named.get("name"),
            profile=self._named.get("profile"),
            stated=stated,
            laps_us=tuple(self._laps),
        )

    def _mode(self, stated: Mapping[str, float]) -> Mode:
        if "streaming_throughput" in stated or "true_positives" in stated:
            return Mode.STREAMING
        if "median_energy_uj" in stated:
            return Mode.ENERGY
        if "top1" in stated or "auc" in stated:
            return Mode.ACCURACY
        single = all(window.n == 1 for window in self._windows)
        return Mode.ACCURACY if self._windows and single else Mode.PERFORMANCE


def _values(text: str) -> tuple[float, ...]:
    """Return the values of a list as Python prints it; MalformedFrame for another."""
    try:
        parts = text.strip().removeprefix("[").removesuffix("]").split(",")
        return tuple(float(part) for part in parts)
    except ValueError as exc:
        raise MalformedFrame(
            "the results of the device cannot be read", found=repr(text[:80])
        ) from exc


def _number(text: str) -> float:
    """Return the number at the start of *text*; 0.0 where there is none."""
    found = _NUMBER.match(text)
    return float(found[0]) if found else 0.0
