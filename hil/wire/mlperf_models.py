"""What MLPerf Tiny fixes for each of its models: inputs, sets, targets, known labels.

Sources: mlcommons/tiny (rules v1.2, submission checker v1.4, benchmark/api) and the
`y_labels.csv` of eembc/energyrunner.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_KEYWORD = re.compile(r"tst_[0-9]{6}_[A-Za-z]+_([0-9]{1,2})\.bin")
_MACHINE = re.compile(r"(normal|anomaly)_id_[0-9]{2}_.*")

# The five inputs of a performance run whose names do not tell their class.
_PERFORMANCE_LABELS: Final = {
    "000000343218.bin": 1,
    "000000332570.bin": 1,
    "000000352684.bin": 1,
    "000000003934.bin": 1,
    "000000272566.bin": 1,
    "emu_s_002009.bin": 2,
    "taxi_s_001241.bin": 1,
    "accentor_s_001031.bin": 2,
    "mongrel_s_000686.bin": 5,
    "stealth_bomber_s_002204.bin": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One model of the benchmark, closed division.

    `metric` is top1 in per cent or auc; `files` is the size of the whole set, each of
    `segments` inputs; `runs` and `warmup` are what the runner's performance test asks.
    """

    model: str
    task: str
    input_bytes: int
    files: int
    metric: str
    target: float
    runs: int
    warmup: int
    segments: int = 1


BENCHMARKS: Final = {
    each.model: each
    for each in (
        Benchmark(
            model="kws01",
            task="kws",
            input_bytes=490,
            files=1000,
            metric="top1",
            target=90.0,
            runs=70,
            warmup=10,
        ),
        Benchmark(
            model="vww01",
            task="vww",
            input_bytes=27_648,
            files=1000,
            metric="top1",
            target=80.0,
            runs=20,
            warmup=10,
        ),
        Benchmark(
            model="ic01",
            task="ic",
            input_bytes=3072,
            files=200,
            metric="top1",
            target=85.0,
            runs=20,
            warmup=5,
        ),
        Benchmark(
            model="ic02",
            task="ic2",
            input_bytes=3072,
            files=200,
            metric="top1",
            target=91.0,
            runs=20,
            warmup=5,
        ),
        Benchmark(
            model="ad01",
            task="ad",
            input_bytes=2560,
            files=248,
            metric="auc",
            target=0.85,
            runs=1500,
            warmup=10,
            segments=196,
        ),
    )
}


def label_of(file: str | None) -> int | None:
    """Return the class of one of the benchmark's inputs, where its name tells it."""
    if file is None:
        return None
    keyword, machine = _KEYWORD.fullmatch(file), _MACHINE.fullmatch(file)
    if keyword:
        return int(keyword[1])
    if machine:
        return int(machine[1] == "anomaly")
    return _PERFORMANCE_LABELS.get(file)
