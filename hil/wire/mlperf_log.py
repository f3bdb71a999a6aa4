"""Which runner wrote a log of MLPerf Tiny, and the run that it tells of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.errors import ConfigError
from hil.wire.mlperf_eembc import LINE, parse_eembc
from hil.wire.mlperf_mlcommons import parse_mlcommons
from hil.wire.mlperf_run import Mode

if TYPE_CHECKING:
    from hil.wire.mlperf_run import MlperfRun

_MLCOMMONS = re.compile(
    r"^Logging initialized\.|^[0-9]{4}\.[0-9]{6} ulp-mlperf: ", re.MULTILINE
)
_FIRST_LINES = 20


def parse_log(text: str, *, where: str) -> MlperfRun:
    """Return the run that *text* tells of; ConfigError where it is no such log."""
    first = text.splitlines()[:_FIRST_LINES]
    if any(LINE.fullmatch(line.rstrip()) for line in first):
        run = parse_eembc(text)
    elif _MLCOMMONS.search(text):
        run = parse_mlcommons(text)
    else:
        raise ConfigError(
            "this is no log of MLPerf Tiny",
            where=where,
            found=repr(first[0][:80]) if first else "an empty file",
            allowed="log.txt of EEMBC's EnergyRunner or of MLCommons' runner",
        )
    if not run.windows and run.mode is not Mode.STREAMING:
        raise ConfigError(
            "the log has no inference",
            where=where,
            found=f"a log of the {run.runner.value} without m-results",
            remedy="give the log.txt of a run that went to its end",
        )
    return run
