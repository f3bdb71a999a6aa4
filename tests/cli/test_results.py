"""`hil results` from the command line."""

from __future__ import annotations

import csv
import io
import json
import shutil

import pytest

from hil.cli import results_page
from hil.cli.main import main
from hil.results.records import to_line
from hil.vocab import (
    AccuracyCount,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
)

RUN = "20260101-000000-nightly"


def record(**changes):
    values = {
        "schema": 1,
        "run": RUN,
        "job_id": "digits.int8.board-a.0",
        "model": "digits",
        "variant": "int8",
        "device": "board-a",
        "kind": TargetKind.MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.EMULATED_INSTRUCTIONS,
        "engine": "tflm",
        "timing": Timing(
            basis=TimeBasis.EMULATED_INSTRUCTIONS, tick_hz=None, invoke_ticks=(7,) * 9
        ),
        "memory": {"arena_bytes": 24272},
        "accuracy": AccuracyCount(metric="top1", n=10, correct=9, wrong=(3,)),
    }
    return RunRecord(**(values | changes))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with one run of two records; the store is where it is by default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_STORE", raising=False)
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    failed = record(
        device="=board",
        window=1,
        status=RunStatus.CRASHED,
        problem="it died\n\x1b[31mred",
        timing=None,
        accuracy=None,
        memory={},
        started_utc="2026-01-01T00:00:01.000+00:00",
    )
    (folder / "records.jsonl").write_bytes(to_line(record()) + to_line(failed))
    (folder / "environment.json").write_text(
        json.dumps({"hil": "0.1.0", "packages": {"numpy": "2"}})
    )
    return folder


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(["results", *map(str, words)])
        return status, *capsys.readouterr()

    return run


def test_runs_are_imported_listed_and_shown_with_what_to_do_next(runs, run):
    assert run("list")[0] == 2
    status, out, err = run("import")
    assert (status, out) == (0, "")
    assert "2 new records of 1 run; the store is" in err
    assert "runs/hil.db\nhil results list shows them" in err
    status, out, err = run("list")
    head, first, second = out.splitlines()
    assert head.split()[:4] == ["id", "run", "started", "model"]
    assert "=board" in first
    assert "crashed" in first
    assert "7 insn  n=9, insn" in second
    assert "24,272 B" in second
    assert "90.0 %, n=10" in second
    assert err == "2 of 2 records; hil results show ID tells of one\n"
    status, out, err = run("show", 2)
    assert status == 0
    assert "problem  it died\n         \\x1b[31mred" in out
    assert "\x1b" not in out
    status, out, err = run("show", RUN)
    assert "environment  hil 0.1.0" in out
    assert "packages     numpy 2" in out
    assert f"hil report {runs} shows its figures" in err
    assert run("list", "--runs")[1].splitlines()[1].startswith(RUN)


@pytest.mark.usefixtures("runs")
def test_json_is_one_document_and_nothing_else(run):
    _, out, _ = run("import", "--json")
    assert json.loads(out)["runs"][0]["added"] == 2
    _, out, _ = run("list", "--json")
    told = json.loads(out)
    assert (told["schema"], told["total"]) == (1, 2)
    failed, well = told["records"]
    assert well["latency"]["median_insn"] == 7
    assert well["memory"] == {"arena_bytes": 24272}
    assert well["place"]["line_offset"] == 0
    assert not {"latency", "memory", "accuracy"} & set(failed)
    _, out, _ = run("show", well["id"], "--json")
    shown = json.loads(out)
    assert shown["record"] == well
    assert shown["line"]["timing"]["invoke_ticks"] == [7] * 9
    (one,) = json.loads(run("show", RUN, "--json")[1])["runs"]
    assert one["environment"]["hil"] == "0.1.0"
    (listed,) = json.loads(run("list", "--runs", "--json")[1])["runs"]
    assert listed == one
    none = json.loads(run("list", "--device", "nobody", "--json")[1])
    assert (none["total"], none["records"]) == (0, [])


@pytest.mark.usefixtures("runs")
def test_filters_and_a_limit_say_what_they_left_out(run):
    run("import")
    _, out, err = run("list", "--limit", 1)
    assert len(out.splitlines()) == 2
    assert "1 of 2 records; --limit 0 lists all" in err
    assert "=board" in run("list", "--status", "crashed", "--since", "2026-01-01")[1]
    _, out, err = run("list", "--device", "bard")
    assert out == ""
    assert "no record has the device 'bard'; did you mean" in err
    status, _, err = run("list", "--since", "tomorrow")
    assert status == 2
    assert "this is no time\n  where:   --since\n  found:   'tomorrow'" in err


def test_the_store_is_where_the_option_or_the_environment_says(
    runs, run, tmp_path, monkeypatch
):
    run("import", "--store", tmp_path / "a" / "one.db")
    assert (tmp_path / "a" / "one.db").exists()
    monkeypatch.setenv("HIL_STORE", f"sqlite:///{tmp_path}/two.db")
    run("import", runs)
    assert (tmp_path / "two.db").exists()
    assert not (tmp_path / "runs" / "hil.db").exists()


@pytest.mark.usefixtures("runs")
def test_one_damaged_run_does_not_stop_the_others(run, tmp_path):
    bad = tmp_path / "runs" / "20250101-000000-bad"
    bad.mkdir()
    (bad / "records.jsonl").write_bytes(to_line(record(run="bad", schema=9)))
    status, out, err = run("import", "--json")
    told = json.loads(out)
    assert status == 2
    assert [each["run"] for each in told["runs"]] == [RUN]
    assert "newer hil" in told["failed"][0]["problem"]
    assert "error: the record was written by a newer hil" in err
    assert "1 of 2 files could not be imported as a whole" in err


def test_of_a_run_that_is_damaged_now_all_that_became_of_it_is_told(runs, run):
    run("import")
    file = runs / "records.jsonl"
    first, _ = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + b"{}\n")
    status, out, err = run("import", "--json")
    (failed,) = json.loads(out)["failed"]
    assert status == 2
    assert (failed["run"], failed["added"]) == (RUN, 1)
    assert "it was changed; all of it is read anew" in failed["notes"][0]
    assert "it was changed; all of it is read anew" in err
    assert "1 new record of 1 run" in err


def test_a_rebuild_reads_all_again(runs, run):
    run("import")
    assert "0 new records" in run("import")[2]
    assert "2 new records" in run("import", "--rebuild", runs)[2]


def test_a_record_without_its_folder_is_told_with_an_error(runs, run):
    run("import")
    shutil.rmtree(runs)
    status, out, err = run("show", 1)
    assert status == 2
    assert "digits.int8.board-a.0" in out
    assert "the line of this record cannot be read" in err
    status, out, _ = run("show", 1, "--json")
    assert (status, "line" in json.loads(out)) == (2, False)


@pytest.mark.usefixtures("runs")
def test_what_is_not_in_the_store_is_told(run):
    run("import")
    status, _, err = run("show", "99")
    assert (status, "no such record in the store" in err) == (2, True)
    status, _, err = run("show", "20260101-000000-nighty")
    assert status == 2
    assert "there is no such run in the store" in err
    assert f"did you mean '{RUN}'?" in err


@pytest.mark.usefixtures("runs")
def test_an_export_is_a_table_for_a_spreadsheet_without_formulas(run, tmp_path):
    run("import")
    _, out, err = run("export")
    failed, well = csv.DictReader(io.StringIO(out))
    assert failed["device"] == "'=board"
    assert failed["problem"] == "it died\\n\\x1b[31mred"
    assert failed["latency_median"] == ""
    assert (well["latency_median"], well["arena_bytes"]) == ("7.0", "24272")
    assert err == "2 records\n"
    file = tmp_path / "out.json"
    _, out, err = run("export", "--format", "json", "-o", file, "--status", "ok")
    assert (out, err) == ("", f"1 record in {file}\n")
    assert len(json.loads(file.read_text())["records"]) == 1
    status, _, err = run("export", "-o", tmp_path / "no" / "out.csv")
    assert status == 3
    assert "the export cannot be written" in err
    assert "no record has" in run("export", "--model", "nothing")[2]


def test_prune_only_tells_until_it_is_asked_to_do_it(runs, run):
    run("import")
    status, _, err = run("prune")
    assert (status, "nothing was said to prune" in err) == (2, True)
    _, out, err = run("prune", "--before", "2027-01-01")
    assert RUN in out
    assert "1 run (2 records) would be taken out; no folder is touched" in err
    assert "nothing was done; --yes does it" in err
    assert "2 of 2 records" in run("list")[2]
    _, _, err = run("prune", "--before", "2027-01-01", "--yes")
    assert "1 run (2 records) taken out; no folder is touched" in err
    assert "0 of 0 records" in run("list")[2]
    assert (runs / "records.jsonl").exists()


def test_prune_deletes_folders_only_with_both_flags(runs, run, tmp_path):
    other = tmp_path / "runs" / "baseline"
    shutil.copytree(runs, other)
    (other / "records.jsonl").write_bytes(to_line(record(run="baseline")))
    run("import")
    words = ("prune", "--before", "2027-01-01", "--folders")
    _, out, err = run(*words, "--json")
    told = json.loads(out)
    assert told["done"] is False
    assert {each["run"]: each["deletes_folder"] for each in told["runs"]} == {
        RUN: True,
        "baseline": False,
    }
    assert runs.exists()
    _, _, err = run(*words, "--yes")
    assert "the folder of baseline stays: it has not the name of a run folder" in err
    assert "2 runs (3 records) taken out, with 1 folder deleted" in err
    assert not runs.exists()
    assert other.exists()


def test_prune_finds_folders_that_are_gone(runs, run):
    run("import")
    assert "0 runs (0 records) would be taken out" in run("prune", "--missing")[2]
    shutil.rmtree(runs)
    assert "1 run (2 records) taken out" in run("prune", "--missing", "--yes")[2]


def test_a_narrow_terminal_gets_two_lines_a_record():
    lines = list(results_page.run_lines([], width=80))
    assert [line.split("  ")[0] for line in lines] == ["run", "last record"]
    (line,) = results_page.run_lines([], width=200)
    assert line.startswith("run  last record  records  ok")
