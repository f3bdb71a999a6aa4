"""From run folders into the store, again and again, by many at once."""

from __future__ import annotations

import json
import shutil

import pytest

from hil.bench.summary import summarize
from hil.errors import ConfigError
from hil.results.records import to_line
from hil.results.run_folder import RunFolder, load_records
from hil.results.store import indexing
from hil.results.store.database import Store
from hil.results.store.evidence import read_line
from hil.results.store.query import Wanted, count, environment_of, read, read_runs
from hil.results.store.sources import find_sources
from hil.vocab import (
    RunStatus,
    Setting,
    TimeBasis,
    Timing,
    TimingSummary,
)


def index(store, *folders, **options):
    return [
        indexing.import_records(store, file, summarize=summarize, **options)
        for file in find_sources(folders)
    ]


def rows(store, **wanted):
    with store.reading() as connection:
        return list(read(connection, Wanted(**wanted)))


def runs(store):
    with store.reading() as connection:
        return read_runs(connection, Wanted())


@pytest.fixture
def store(place):
    with Store.open(place, create=True) as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path):
    with Store.open(str(tmp_path / "hil.db"), create=True) as opened:
        yield opened


def test_a_row_says_what_the_summary_of_its_record_says(store, run_folder):
    path = run_folder()
    (told,) = index(store, path)
    assert (told.run, told.added, told.notes) == (path.name, 3, [])
    records, _ = load_records(path)
    found = sorted(rows(store), key=lambda row: row.window_index)
    assert [row.result() for row in found] == summarize(records[:1]) + summarize(
        records[1:2]
    ) + summarize(records[2:])
    assert found[0].started_utc == "2026-01-01T00:00:00.000+00:00"
    assert found[0].model_sha256 == records[0].model_sha256
    (run,) = runs(store)
    assert environment_of(run) == {"hil": "0.1.0", "cpu": "a core"}
    assert (run.records, run.ok, run.models, run.devices) == (3, 3, 1, 2)


def test_every_sort_of_record_comes_back(store, run_folder, record):
    path = run_folder(count=1)
    folder = RunFolder(path)
    summary = TimingSummary(
        basis=TimeBasis.DEVICE_CLOCK,
        n=30,
        first_us=9,
        min_us=1,
        max_us=9,
        avg_us=2,
        median_us=2,
    )
    counted = Timing(
        basis=TimeBasis.EMULATED_INSTRUCTIONS, tick_hz=None, invoke_ticks=(7,) * 9
    )
    bare = {"timing": None, "accuracy": None, "agreement": None, "memory": {}}
    kept = [
        record(
            run=path.name,
            window=1,
            time_basis=TimeBasis.DEVICE_CLOCK,
            timing=None,
            summary=summary,
        ),
        record(
            run=path.name,
            window=2,
            time_basis=TimeBasis.EMULATED_INSTRUCTIONS,
            timing=counted,
        ),
        record(
            run=path.name,
            window=3,
            status=RunStatus.CRASHED,
            problem="it\ndied \x1b[31m",
            engine=None,
            **bare,
        ),
        record(
            run=path.name,
            window=4,
            memory={"peak_rss_bytes": 2**40, "gpu_bytes": 5},
            setting=Setting(threads=4, cores="big", delegate="gpu"),
        ),
        record(run=path.name, window=5, model="\u00fc-net\0", **bare),
    ]
    for each in kept:
        folder.append(each)
    index(store, path)
    found = sorted(rows(store), key=lambda row: row.window_index)[1:]
    for row, each in zip(found[:4], kept[:4], strict=True):
        assert [row.result()] == summarize([each])
    assert found[4].model == "\u00fc-net\\x00"


def test_an_import_again_adds_what_is_new_and_nothing_twice(store, run_folder, record):
    path = run_folder()
    index(store, path)
    assert [told.added for told in index(store, path)] == [0]
    RunFolder(path).append(record(run=path.name, window=9))
    assert [told.added for told in index(store, path)] == [1]
    assert len(rows(store)) == 4


def test_the_store_is_rebuilt_from_the_folders(store, run_folder, tmp_path):
    run_folder("20260101-000000-a", 5)
    run_folder("20260102-000000-b", 4)
    index(store, tmp_path / "runs")
    before = [row._replace(id=0) for row in rows(store)]
    told = index(store, tmp_path / "runs", rebuild=True)
    assert [each.added for each in told] == [5, 4]
    assert [row._replace(id=0) for row in rows(store)] == before
    assert len(before) == 9


def test_a_lost_file_of_the_store_is_made_again(run_folder, tmp_path):
    path, database = run_folder(), tmp_path / "hil.db"
    found = []
    for _ in range(2):
        with Store.open(str(database), create=True) as store:
            index(store, path)
            found.append(rows(store))
        database.unlink()
    assert found[0] == found[1]


def test_a_row_points_at_its_line(file_store, run_folder):
    path = run_folder()
    index(file_store, path)
    for row in rows(file_store):
        line = read_line(row)
        assert (line["job_id"], line["run"]) == (row.job_id, row.run)


def test_a_line_that_is_gone_or_another_is_told(file_store, run_folder, record):
    path = run_folder(count=2)
    index(file_store, path)
    row = rows(file_store)[0]
    file = path / "records.jsonl"
    line = to_line(record(job_id="digits.int8.board-z.1", run=path.name))
    size = row.line_offset
    file.write_bytes(file.read_bytes()[:size] + line)
    with pytest.raises(ConfigError, match=r"another record stands there[\s\S]*rebuild"):
        read_line(row._replace(line_bytes=len(line)))
    with pytest.raises(ConfigError, match="the record cannot be read"):
        read_line(row._replace(line_offset=3))
    shutil.rmtree(path)
    with pytest.raises(ConfigError, match=r"cannot be read[\s\S]*prune --missing"):
        read_line(row)


def test_a_cut_last_line_is_kept_told_and_read_when_it_is_whole(
    file_store, run_folder, record
):
    path = run_folder()
    line = to_line(record(run=path.name, window=7))
    with (path / "records.jsonl").open("ab") as file:
        file.write(line[:50])
    (told,) = index(file_store, path)
    assert told.added == 3
    assert told.notes[0].endswith(
        "records.jsonl:4: the last line is cut; it stays in the file and out of the "
        "store"
    )
    with (path / "records.jsonl").open("ab") as file:
        file.write(line[50:])
    (told,) = index(file_store, path)
    assert (told.added, told.notes) == (1, [])


def test_a_record_of_a_newer_schema_is_refused_and_all_before_it_kept(
    file_store, run_folder, record
):
    path = run_folder()
    folder = RunFolder(path)
    folder.append(record(schema=99))
    before = (path / "records.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=r"newer hil[\s\S]*records.jsonl:4[\s\S]*99"):
        index(file_store, path)
    assert len(rows(file_store)) == 3
    assert (path / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size_bytes": 2**63}, "size_bytes is beyond 63 bits"),
        ({"started_utc": "yesterday"}, "this is no time"),
    ],
)
def test_what_no_database_holds_is_refused_with_its_line(
    store, run_folder, record, changes, text
):
    path = run_folder(count=1)
    RunFolder(path).append(record(run=path.name, **changes))
    with pytest.raises(ConfigError, match=text) as caught:
        index(store, path)
    assert caught.value.where.endswith("records.jsonl:2")


def test_empty_lines_are_no_records(file_store, run_folder):
    path = run_folder(count=1)
    with (path / "records.jsonl").open("ab") as file:
        file.write(b"\n\n")
    (told,) = index(file_store, path)
    assert (told.added, told.notes) == (1, [])


def test_an_empty_run_is_told_and_makes_no_run(file_store, run_folder):
    path = run_folder(count=0)
    with pytest.raises(ConfigError, match=r"no records to import[\s\S]*no records\.js"):
        index(file_store, path)
    (path / "records.jsonl").write_bytes(b"")
    (told,) = index(file_store, path)
    assert told.run is None
    assert told.notes[0].endswith("records.jsonl: it holds no record yet")
    assert runs(file_store) == []


def test_a_path_that_is_not_there_is_told(file_store, tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        index(file_store, tmp_path / "nothing")


def test_a_folder_that_was_moved_stays_one_run(store, run_folder, tmp_path):
    path = run_folder()
    index(store, path)
    path.rename(tmp_path / "elsewhere")
    (told,) = index(store, tmp_path / "elsewhere")
    assert (told.added, told.notes) == (0, [])
    assert [run.path for run in runs(store)] == [
        str(tmp_path / "elsewhere" / "records.jsonl")
    ]


def test_a_copy_is_told_and_counted_once(file_store, run_folder, tmp_path):
    path = run_folder()
    index(file_store, path)
    shutil.copytree(path, tmp_path / "copy")
    (told,) = index(file_store, tmp_path / "copy")
    assert "skipped, it is a copy of" in told.notes[0]
    assert [run.path for run in runs(file_store)] == [str(path / "records.jsonl")]
    index(file_store, tmp_path / "copy", rebuild=True)
    (run,) = runs(file_store)
    assert (run.path, run.records) == (str(tmp_path / "copy" / "records.jsonl"), 3)


def test_a_file_that_was_rewritten_is_read_anew(store, run_folder, record):
    path = run_folder()
    index(store, path)
    lines = (path / "records.jsonl").read_bytes().splitlines(keepends=True)
    (path / "records.jsonl").write_bytes(lines[0] + to_line(record(window=50)))
    (told,) = index(store, path)
    assert "it was changed; all of it is read anew" in told.notes[0]
    assert sorted(row.window_index for row in rows(store)) == [0, 50]


def test_another_run_in_the_place_of_one_replaces_it(file_store, run_folder, record):
    path = run_folder()
    index(file_store, path)
    (path / "records.jsonl").write_bytes(to_line(record(run="another")))
    (told,) = index(file_store, path)
    assert "another run than before is there" in told.notes[0]
    assert [(run.name, run.records) for run in runs(file_store)] == [("another", 1)]


def test_an_environment_that_cannot_be_read_is_told(file_store, run_folder):
    path = run_folder()
    (path / "environment.json").write_text("{")
    (told,) = index(file_store, path)
    assert "environment.json: left out, it cannot be read" in told.notes[0]
    assert environment_of(runs(file_store)[0]) == {}


def test_a_bare_file_of_records_is_a_run(file_store, run_folder, tmp_path):
    shutil.copy(run_folder() / "records.jsonl", tmp_path / "baseline.jsonl")
    (told,) = index(file_store, tmp_path / "baseline.jsonl")
    assert told.added == 3


def test_many_processes_take_every_line_once(place, run_folder, tmp_path, processes):
    for name in ("20260101-000000-a", "20260102-000000-b"):
        path = run_folder(name, 1)
        line = json.loads((path / "records.jsonl").read_bytes())
        with (path / "records.jsonl").open("ab") as file:
            for window in range(1, 120):
                file.write(json.dumps(line | {"window": window}).encode() + b"\n")
    code = """
import pathlib
from hil.bench.summary import summarize
from hil.results.store.database import Store
from hil.results.store.indexing import import_records
with Store.open(place, create=True) as store:
    for folder in folders:
        file = pathlib.Path(folder) / "records.jsonl"
        import_records(store, file, summarize=summarize, batch=7)
"""
    folders = sorted(map(str, (tmp_path / "runs").iterdir()))
    orders = [folders, folders[::-1]] * 2
    calls = [(code, {"place": place, "folders": order}) for order in orders]
    processes.starmap(exec, calls, chunksize=1)
    with Store.open(place) as store:
        found = {(row.run, row.window_index) for row in rows(store)}
        assert len(found) == len(rows(store)) == 240


def test_progress_reaches_the_size_of_the_file(file_store, run_folder):
    path = run_folder(count=9)
    size = (path / "records.jsonl").stat().st_size
    for _ in range(2):
        steps = []
        index(file_store, path, advance=steps.append, batch=2)
        assert sum(steps) == size


def test_only_wanted_rows_are_counted(file_store, run_folder):
    index(file_store, run_folder())
    with file_store.reading() as connection:
        assert count(connection, Wanted(device="board-b")) == 1
