"""Logs of EEMBC's EnergyRunner: `SSSSS.mmm SOURCE: TEXT`, one event a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.wire.mlperf import Inference, InferenceReader, bracketed, message, numbered
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window
from hil.wire.mlperf_stated import stated_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = re.compile(r"([0-9]{5,}\.[0-9]{3}) ([a-z][a-z-]*):(?: (.*))?")
_LOAD = re.compile(r'Command "bloadp?(?: dut)? "(.*)"(?: ([0-9]+) ([0-9]+))?"')
_SIZE = re.compile(r"Sending ([0-9]+) bytes")
_SETTING = re.compile(r"m-bm-cfg-name\[ulp-mlperf\]-key\[(\w+)\]-val\[(.*)\]")
_DUT = "[dut]: "


def parse_eembc(text: str) -> MlperfRun:
    """Return the run of *text*, which may begin in the middle of it."""
    reader = _Reader()
    for at, source, line in _events(text):
        if source == "dut" or (source == "io" and line.startswith(_DUT)):
            reader.device(message(line.removeprefix(_DUT)), at)
        else:
            reader.host(source, line)
    return reader.run(stated_figures(text))


def _events(text: str) -> Iterator[tuple[float, str, str]]:
    """Yield the lines; one without stamp belongs to what the line before it began.

    Firmwares end some messages with a bare LF, and the rest comes on such a line.
    """
    at, source = 0.0, ""
    for line in text.splitlines():
        found = LINE.fullmatch(line.rstrip())
        if found:
            at, source = float(found[1]), found[2]
        yield at, source, (found[3] or "") if found else line.rstrip()


class _Reader:
    def __init__(self) -> None:
        self._inference = InferenceReader()
        self._settings: dict[str, str] = {}
        self._named: dict[str, str] = {}
        self._windows: list[Window] = []
        self._laps: list[int] = []
        self._file: str | None = None
        self._offset = 0
        self._bytes: int | None = None
        self._has_meter = False

    def host(self, source: str, line: str) -> None:
        """Take a line of the runner's own."""
        self._has_meter |= source == "emon"
        load, size = _LOAD.fullmatch(line), _SIZE.fullmatch(line)
        setting = _SETTING.fullmatch(line)
        version = bracketed(line, "m-version")
        if load:
            # A Windows path, or another one.
            self._file = re.split(r"[\\/]", load[1])[-1]
            self._offset = int(load[2] or 0)
        elif size:
            self._bytes = int(size[1])
        elif setting:
            self._settings[setting[1]] = setting[2]
        elif line.startswith("m-version["):
            self._named["version"] = line[len("m-version[") : -1]
        elif version is not None:
            self._named["version"] = version

    def device(self, line: str, at: float) -> None:
        """Take a message of the device."""
        for key, prefix in (
            ("name", "m-name-dut"),
            ("profile", "m-profile"),
            ("model", "m-model"),
        ):
            value = bracketed(line, prefix)
            if value is not None:
                self._named[key] = value
        lap = numbered(line, "m-lap-us")
        if lap is not None:
            self._laps.append(lap)
        done = self._inference.feed(line, at)
        if done is not None:
            self._windows.append(self._window(done))

    def _window(self, done: Inference) -> Window:
        elapsed_us = done.elapsed_us
        return Window(
            n=done.n,
            warmup=done.warmup,
            file=self._file,
            segment=self._offset,
            seconds=None if elapsed_us is None else elapsed_us / 1e6,
            inference=done,
            host_seconds=done.host_seconds,
            results=done.results,
            input_bytes=self._bytes,
        )

    def run(self, stated: dict[str, float]) -> MlperfRun:
        named = self._named
        return MlperfRun(
            runner=Runner.EEMBC,
            mode=self._mode(),
            windows=tuple(self._windows),
            model=named.get("model") or self._settings.get("model"),
            name=named.get("name"),
            profile=named.get("profile"),
            version=named.get("version"),
            stated=stated,
            laps_us=tuple(self._laps),
        )

    def _mode(self) -> Mode:
        if self._has_meter or not self._laps:
            return Mode.ENERGY
        if all(window.n == 1 and window.warmup == 0 for window in self._windows):
            return Mode.ACCURACY
        return Mode.PERFORMANCE
