"""`hil report` on the command line."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET

import pytest

from hil.cli.main import main
from hil.results.records import to_line
from hil.vocab import RunRecord, RunStatus, TargetKind, TimeBasis, Timing


def record(**changes):
    timing = Timing(
        basis=TimeBasis.HOST_CLOCK, invoke_ticks=(238_000,) * 30, tick_hz=1_000_000_000
    )
    values = {
        "schema": 1,
        "run": "r",
        "job_id": "j",
        "model": "digits",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-11-21T10:00:00+00:00",
        "seconds": 1.0,
        "model_sha256": "ab" * 32,
        "size_bytes": 10,
        "time_basis": TimeBasis.HOST_CLOCK,
        "timing": timing,
    }
    return RunRecord(**(values | changes))


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path / "20261121-digits", record())


def made(path, *records):
    path.mkdir()
    (path / "records.jsonl").write_bytes(b"".join(map(to_line, records)))
    return path


@pytest.mark.parametrize(
    ("suffix", "form", "begins"),
    [
        ("html", "html", "<!DOCTYPE html>"),
        ("csv", "csv", "run,started_utc,model"),
        ("json", "json", "{"),
        ("md", "markdown", "### <code>"),
        ("xml", "junit", "<?xml"),
        ("prom", "openmetrics", "# TYPE hil_run info"),
        ("txt", "terminal", "digits"),
    ],
)
def test_the_name_of_the_file_tells_the_format(
    folder, tmp_path, capsys, suffix, form, begins
):
    file = tmp_path / f"report.{suffix}"
    assert main(["report", str(folder), "--output", str(file)]) == 0
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", f"written: {file}\n")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert main(["report", str(folder), "--format", form]) == 0
    # A table for the terminal has the terminal's width, the rest is the same.
    assert capsys.readouterr().out.splitlines() == text.splitlines()


def test_a_name_that_tells_no_format_is_refused(folder, tmp_path, capsys):
    file = tmp_path / "report.pdf"
    assert main(["report", str(folder), "--output", str(file)]) == 2
    assert capsys.readouterr().err == (
        "error: the name of --output does not tell the format\n"
        "  found:   report.pdf\n"
        "  allowed: a name that ends with .html, .csv, .json, .md, .xml, .prom, .txt\n"
        "  remedy:  another name, or --format\n"
    )
    assert main(["report", str(folder), "--output", str(file), "--format", "csv"]) == 0
    assert file.exists()


def test_json_and_another_format_exclude_each_other(folder, capsys):
    assert main(["report", str(folder), "--json", "--format", "csv"]) == 2
    assert "--json and --format ask for different things" in capsys.readouterr().err
    assert main(["report", str(folder), "--json", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["variant"] == "int8"


def test_the_newest_run_is_told_whichever_comes_first(folder, tmp_path, capsys):
    older = made(
        tmp_path / "z-older",
        record(run="z", size_bytes=5, started_utc="2026-11-20T10:00:00+00:00"),
    )
    assert main(["report", str(folder), str(older), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run"] == "20261121-digits"
    assert [one["run"] for one in told["history"]] == ["z-older"]
    assert main(["report", str(folder), str(older), "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["run"] for row in rows] == ["z-older", "20261121-digits"]


def test_a_run_without_records_is_left_out_and_alone_refused(folder, tmp_path, capsys):
    empty = made(tmp_path / "empty")
    assert main(["report", str(folder), str(empty)]) == 0
    assert f"note: {empty}: no records yet; left out" in capsys.readouterr().err
    assert main(["report", str(empty)]) == 2
    assert capsys.readouterr().err == (
        f"note: {empty}: no records yet; left out\n"
        "error: there are no records in the run\n"
        f"  where:   {empty}\n"
        "  remedy:  a run that has ended its first job\n"
    )


def test_a_cut_last_line_is_told_and_the_rest_reported(folder, capsys):
    file = folder / "records.jsonl"
    file.write_bytes(file.read_bytes() + b'{"schema":1,"ru')
    assert main(["report", str(folder), "--format", "csv"]) == 0
    streams = capsys.readouterr()
    assert streams.err == f"note: {file}:2: the last line is cut; skipped\n"
    assert len(streams.out.splitlines()) == 2


def test_a_run_that_was_killed_is_not_told_as_a_whole_one(folder, capsys):
    plan = '[[model]]\npath = "digits.tflite"\nvariants = ["int8", "as-is"]\n'
    (folder / "plan.toml").write_text(f'{plan}[[device]]\nprofile = "board"\n')
    assert main(["report", str(folder), "--format", "markdown"]) == 0
    streams = capsys.readouterr()
    assert "rows without a record: 1 of 2" in streams.err
    assert "cut off&#58; 1 of 6 windows measured" in streams.out
    assert main(["compare", str(folder), str(folder)]) == 0
    assert streams.err in capsys.readouterr().err


def test_what_the_plan_accepts_is_skipped_in_junit(tmp_path, capsys):
    folder = made(
        tmp_path / "run",
        record(status=RunStatus.UNSUPPORTED_OP, timing=None),
        record(status=RunStatus.CRASHED, timing=None, variant="b"),
    )
    for plan, counts in (
        ('[gate]\naccept = ["unsupported_op"]\n', ("0", "1", "1")),
        ("", ("1", "1", "0")),
    ):
        (folder / "plan.toml").write_text(plan)
        assert main(["report", str(folder), "--format", "junit"]) == 0
        suite = ET.fromstring(capsys.readouterr().out)
        names = ("failures", "errors", "skipped")
        assert tuple(suite.get(name) for name in names) == counts


def test_what_the_run_ran_on_is_on_the_page(folder, capsys):
    (folder / "environment.json").write_text('{"cpu": "AMD EPYC"}')
    assert main(["report", str(folder), "--format", "html"]) == 0
    assert "AMD EPYC" in capsys.readouterr().out
    (folder / "environment.json").write_text("[damaged")
    assert main(["report", str(folder), "--format", "html"]) == 0
    assert "What it ran on" not in capsys.readouterr().out


def test_a_page_that_cannot_take_its_place_is_not_left_beside_it(folder, tmp_path):
    taken = tmp_path / "report.html"
    taken.mkdir()
    before = sorted(tmp_path.iterdir())
    assert main(["report", str(folder), "--output", str(taken)]) == 3
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_that_cannot_be_written_is_an_error(folder, tmp_path, capsys):
    file = tmp_path / "absent" / "report.html"
    assert main(["report", str(folder), "--output", str(file)]) == 3
    assert capsys.readouterr().err == (
        "error: the report cannot be written\n"
        f"  where:   {file}\n"
        "  found:   No such file or directory\n"
        "  remedy:  free space, or another file\n"
    )
