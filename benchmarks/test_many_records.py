"""`hil report` and `hil compare` of many records: linear, 2 GB for a million.

HIL_RECORDS=1000000 makes it a million; HIL_COMPARED is how many each side of a
comparison has, whose bootstrap takes about 20 ms a row. What a million takes is told by
the difference of two sizes, so that the start of the process is counted once.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass

import pytest

RECORDS = int(os.environ.get("HIL_RECORDS", "50000"))
COMPARED = int(os.environ.get("HIL_COMPARED", "20000"))
SMALLER = 5  # times
WINDOWS = 10
MILLION = 1_000_000
MOST_BYTES = 2_000_000_000
MOST_CURVED = 1.3  # seconds for each record, of many beside few
FORMS = ("terminal", "html", "csv", "json", "markdown", "junit", "openmetrics")
VARIANTS = ("as-is", "int8", "int16x8", "dynamic")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Used:
    """What one process took."""

    cpu_seconds: float
    peak_bytes: int


def write_run(folder, count, *, seed):
    """Write a run as a laboratory of 20 boards would: the windows come in turn."""
    rows = count // WINDOWS
    source = random.Random(seed)
    noise = [source.gauss(0, 60) for _ in range(10_007)]
    folder.mkdir()
    with (folder / "records.jsonl").open("w") as file:
        for number in range(rows * WINDOWS):
            window, row = divmod(number, rows)
            file.write(json.dumps(_record(folder.name, window, row, noise)) + "\n")
    return folder


def _record(run, window, row, noise):
    number = window * 7919 + row
    moment = START + dt.timedelta(seconds=number)
    base = 10_000 + row % 97 * 10
    ticks = [base + int(noise[(number * 31 + i * 17) % 10_007]) for i in range(20)]
    record = {
        "schema": 1,
        "run": run,
        "job_id": f"model-{row // 80}.board-{row % 20}.{window}",
        "model": f"model-{row // 80}",
        "variant": VARIANTS[row // 20 % 4],
        "device": f"board-{row % 20}",
        "kind": "mcu",
        "window": window,
        "status": "ok" if row % 50 else "crashed",
        "started_utc": moment.isoformat(timespec="milliseconds"),
        "seconds": 0.5,
        "model_sha256": f"{row // 20:064x}",
        "size_bytes": 50_000,
        "time_basis": "cpu_cycles",
        "engine": "tflm",
        "memory": {"arena_bytes": 20_000, "arena_persistent_bytes": 4_000},
        "evidence": {"compiler": "gcc 12.2", "heap": {"free": 1000 + window}},
    }
    timing = {"basis": "cpu_cycles", "tick_hz": 64_000_000, "invoke_ticks": ticks}
    if record["status"] == "crashed":
        return record | {"problem": "the board crashed"}
    if window:
        return record | {"timing": timing}
    accuracy = {"metric": "top1", "n": 500, "correct": 499, "wrong": [7]}
    return record | {"timing": timing, "accuracy": accuracy}


def hil(*words):
    """Run the command and return what its own process took."""
    argv = [sys.executable, "-m", "hil", *map(str, words)]
    out = subprocess.DEVNULL
    with subprocess.Popen(argv, stdout=out, stderr=subprocess.PIPE) as process:
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, told
    return Used(
        cpu_seconds=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * 1024
    )


def hold(words, count, *, few, many):
    """Tell what a million would take, and hold it against the limits."""
    more = count - count // SMALLER
    each_byte = (many.peak_bytes - few.peak_bytes) / more
    peak_bytes = many.peak_bytes + max(0.0, each_byte) * max(0, MILLION - count)
    print(
        f"\nhil {words}: {count:,} records in {many.cpu_seconds:.1f} s of CPU, "
        f"{many.peak_bytes / 2**20:,.0f} MiB; a million {peak_bytes / 2**20:,.0f} MiB"
    )
    assert peak_bytes < MOST_BYTES
    assert many.cpu_seconds < SMALLER * MOST_CURVED * few.cpu_seconds


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of few records and one of many, for a report."""
    parent = tmp_path_factory.mktemp("many")
    return [
        write_run(parent / f"{count}", count, seed=1)
        for count in (RECORDS // SMALLER, RECORDS)
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_report_of_many_records_is_linear_and_small(runs, form):
    few, many = (hil("report", run, "--format", form) for run in runs)
    hold(f"report --format {form}", RECORDS, few=few, many=many)


def test_a_comparison_of_many_records_is_linear_and_small(tmp_path):
    used = []
    for count in (COMPARED // SMALLER, COMPARED):
        base, new = (
            write_run(tmp_path / f"{side}-{count}", count, seed=seed)
            for seed, side in enumerate(("base", "new"))
        )
        used.append(hil("compare", base, new))
    hold("compare, records of each side", COMPARED, few=used[0], many=used[1])
