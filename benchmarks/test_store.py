"""A store of many records: imported, listed, exported.

HIL_STORE_RECORDS=1000000 makes it a million; a hundred thousand is what the limits of
time are for.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time

import pytest

from hil.results.store.database import Store
from hil.results.store.query import Wanted, read

RECORDS = int(os.environ.get("HIL_STORE_RECORDS", "100000"))
RUN = 1000  # records in each run
LISTED_RECORDS = 100_000
ROUNDS = 3


def write_run(parent, number):
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=number)
    name = start.strftime("%Y%m%d-%H%M%S-nightly")
    (parent / name).mkdir(parents=True)
    with (parent / name / "records.jsonl").open("w") as file:
        for index in range(RUN):
            moment = start + dt.timedelta(seconds=index)
            ticks = [10_000 + (index * 31 + step * 17) % 400 for step in range(20)]
            record = {
                "schema": 1,
                "run": name,
                "job_id": f"job-{index}",
                "model": f"model-{index // 80 % 5}",
                "variant": ("float", "int8", "int16x8", "dynamic")[index // 20 % 4],
                "device": f"board-{index % 20}",
                "kind": "mcu",
                "window": index // 400,
                "status": "ok" if index % 50 else "crashed",
                "started_utc": moment.isoformat(timespec="milliseconds"),
                "seconds": 0.5,
                "model_sha256": f"{index // 20 % 20:064x}",
                "size_bytes": 50_000,
                "time_basis": "cpu_cycles",
                "engine": "tflm",
                "timing": {
                    "basis": "cpu_cycles",
                    "tick_hz": 64_000_000,
                    "invoke_ticks": ticks,
                },
                "memory": {"arena_bytes": 20_000, "arena_persistent_bytes": 4_000},
                "accuracy": {"metric": "top1", "n": 500, "correct": 499, "wrong": [7]},
            }
            file.write(json.dumps(record) + "\n")


def hil(store, *words, out=subprocess.DEVNULL):
    """Run the command; its bytecode is kept, as in any installation."""
    env = {**os.environ, "HIL_STORE": str(store), "PYTHONDONTWRITEBYTECODE": ""}
    argv = [sys.executable, "-m", "hil", "results", *map(str, words)]
    begin = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=out, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def children_cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    parent = tmp_path_factory.mktemp("store") / "runs"
    for number in range(RECORDS // RUN):
        write_run(parent, number)
    return parent


@pytest.fixture(scope="module")
def imported(folder):
    """The file of the store, and the CPU's seconds for each tenth of the import."""
    store = folder.parent / "hil.db"
    runs = sorted(folder.iterdir())
    tenth = len(runs) // 10
    hil(store, "import", runs[0])
    seconds = []
    for start in range(0, len(runs), tenth):
        # Not the clock: what else runs on the machine is no part of it.
        before = children_cpu_seconds()
        hil(store, "import", *runs[start : start + tenth])
        seconds.append(children_cpu_seconds() - before)
    return store, seconds


def test_an_import_stays_linear_and_small(imported):
    _, seconds = imported
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(
        f"\n{RECORDS:,} records imported in {sum(seconds):.1f} s of CPU, the tenths in"
    )
    told = ", ".join(f"{each:.2f}" for each in seconds)
    print(f"{told} s; at most {peak_bytes:,} B")
    assert seconds[-1] < 1.5 * seconds[0]
    assert peak_bytes < 300_000_000


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--device", "board-3", "--model", "model-1", "--status", "ok"),
        ("--device", "board-1*", "--since", "2020-01-03"),
        ("--sha256", "0000000000", "--limit", "500", "--json"),
        ("--runs", "--variant", "int8"),
    ],
)
def test_a_hundred_thousand_records_are_filtered_and_listed_in_a_second(
    imported, words
):
    store, _ = imported
    hil(store, "list", *words)  # the bytecode
    best = min(hil(store, "list", *words) for _ in range(ROUNDS))
    print(f"\nhil results list {' '.join(words)}: {best:.2f} s of {RECORDS:,} records")
    assert best < 1.0 * max(1, RECORDS / LISTED_RECORDS)


def test_reading_all_rows_costs_little_more_than_sqlite_itself(imported):
    store, _ = imported
    with Store.open(str(store)) as opened, opened.reading() as connection:
        begin = time.perf_counter()
        count = sum(1 for _ in read(connection, Wanted()))
        ours = time.perf_counter() - begin
    begin = time.perf_counter()
    bare = sqlite3.connect(store)
    query = "SELECT * FROM hil_record ORDER BY started_utc DESC, id DESC"
    assert sum(1 for _ in bare.execute(query)) == count == RECORDS
    bare.close()
    theirs = time.perf_counter() - begin
    print(f"\n{count:,} rows: {ours:.2f} s, by sqlite3 alone {theirs:.2f} s")
    assert ours < 4 * theirs


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_is_a_stream(imported, form):
    store, _ = imported
    seconds = hil(store, "export", "--format", form)
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"\n{RECORDS:,} records as {form}: {seconds:.1f} s, {peak_bytes:,} B")
    assert peak_bytes < 300_000_000
