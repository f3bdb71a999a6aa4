"""Records and runs found by filter."""

from __future__ import annotations

import pytest

from hil.bench.summary import summarize
from hil.errors import ConfigError
from hil.results.store.database import Store
from hil.results.store.indexing import import_records
from hil.results.store.query import (
    Wanted,
    count,
    read,
    read_one,
    read_runs,
    unknown_names,
)
from hil.vocab import RunStatus, TimeBasis


@pytest.fixture
def connection(place, run_folder):
    with Store.open(place, create=True) as store:
        for name, changes in (
            ("20260101-000000-a", {"model": "100%_sure", "variant": "int8"}),
            ("20260102-000000-b", {"model": "100 sure", "status": RunStatus.CRASHED}),
            (
                "20260103-000000-c",
                {
                    "started_utc": "2026-02-01T01:00:00+02:00",
                    "time_basis": TimeBasis.HOST_CLOCK,
                    "timing": None,
                    "model_sha256": "cd" * 32,
                    "engine": "litert",
                },
            ),
        ):
            file = run_folder(name, 2, **changes) / "records.jsonl"
            import_records(store, file, summarize=summarize)
        with store.reading() as opened:
            yield opened


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        ({}, "ccbbaa"),
        ({"run": "20260102-000000-b"}, "bb"),
        ({"run": "*-A"}, "aa"),
        ({"model": "100%_sure"}, "aa"),
        ({"model": "100%*"}, "aa"),
        ({"model": "100*SURE"}, "bbaa"),
        ({"device": "board-a"}, "cba"),
        ({"engine": "litert"}, "cc"),
        ({"sha256": "cdcd"}, "cc"),
        ({"sha256": "%"}, ""),
        ({"status": RunStatus.CRASHED}, "bb"),
        ({"basis": TimeBasis.HOST_CLOCK}, "cc"),
        ({"since": "2026-01-31T23:00:00.000+00:00"}, "cc"),
        ({"before": "2026-01-31T23:00:00.000+00:00"}, "bbaa"),
        ({"variant": "int8", "device": "board-b", "engine": "tflm"}, "ba"),
        ({"model": "'; DROP TABLE hil_run; --"}, ""),
    ],
)
def test_records_are_found_newest_first(connection, wanted, runs):
    found = [row.run[-1] for row in read(connection, Wanted(**wanted))]
    # Of two that began at the same moment either may come first.
    assert sorted(found) == sorted(runs)
    assert [run for run in found if run == "c"] == found[: found.count("c")]
    assert count(connection, Wanted(**wanted)) == len(runs)
    names = {run.name[-1] for run in read_runs(connection, Wanted(**wanted))}
    assert names == set(runs)


def test_a_limit_keeps_the_newest(connection):
    assert [row.run[-1] for row in read(connection, Wanted(), limit=2)] == ["c", "c"]
    assert [run.name[-1] for run in read_runs(connection, Wanted(), limit=1)] == ["c"]


def test_runs_count_what_is_wanted_of_them(connection):
    (run,) = read_runs(connection, Wanted(run="*-b", device="board-a"))
    assert (run.records, run.ok, run.devices) == (1, 0, 1)


def test_a_record_is_found_by_its_number(connection):
    row = next(read(connection, Wanted(), limit=1))
    assert read_one(connection, row.id) == row
    with pytest.raises(ConfigError, match=r"no such record[\s\S]*hil results list"):
        read_one(connection, 10**9)


def test_a_name_that_no_record_has_is_told_with_the_nearest(connection):
    told = unknown_names(connection, Wanted(device="bord-a", engine="x", run="*"))
    assert told == [
        "no record has the device 'bord-a'; did you mean 'board-a'?",
        "no record has the engine 'x'; there are: litert, tflm",
    ]
