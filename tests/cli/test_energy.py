"""`hil energy`: the table, the document, and times that cannot be read."""

from __future__ import annotations

import json

import pytest

from hil.cli.main import main
from hil.results.records import to_line
from hil.vocab import RunRecord, RunStatus, TargetKind, TimeBasis, Timing


@pytest.fixture
def run(tmp_path):
    """A run with one job of 4 s, whose window took 1 s for ten inferences."""
    timing = Timing(
        basis=TimeBasis.DEVICE_CLOCK, tick_hz=1000, invoke_ticks=(100,) * 10
    )
    record = RunRecord(
        schema=1,
        run="x",
        job_id="digits.int8.board.0",
        model="digits",
        variant="int8",
        device="board",
        kind=TargetKind.MCU,
        window=0,
        status=RunStatus.OK,
        started_utc="2026-01-01T00:00:00.000+00:00",
        seconds=4.0,
        model_sha256="ab" * 32,
        size_bytes=1000,
        time_basis=TimeBasis.DEVICE_CLOCK,
        timing=timing,
    )
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "records.jsonl").write_bytes(to_line(record))
    return folder


@pytest.fixture
def trace(tmp_path):
    """Ten seconds of 3 mW on the meter's own clock."""
    path = tmp_path / "trace.csv"
    path.write_text("time (s),power (mW)\n" + "".join(f"{i},3\n" for i in range(11)))
    return path


BEGINS = ["--begins", "2025-12-31T23:59:58Z"]


def test_the_table_has_the_figure_and_how_it_was_found(run, trace, capsys):
    assert main(["energy", str(run), str(trace), *BEGINS]) == 0
    seen = capsys.readouterr()
    assert "300.000" in seen.out  # 3 mW for 0.1 s
    assert "needs two windows" in seen.out
    assert "1, stretch" in seen.out
    assert "edges of a pin are surer" in seen.err


def test_the_document_has_every_window(run, trace, capsys):
    assert main(["energy", str(run), str(trace), *BEGINS, "--json"]) == 0
    (figure,) = json.loads(capsys.readouterr().out)["energy"]
    assert figure["median_uj"] == pytest.approx(300)
    (window,) = figure["windows"]
    assert window["inferences"] == 10
    assert window["uj_per_inference"] == pytest.approx(300)


def test_an_offset_moves_the_meter_s_clock(run, trace, capsys):
    words = ["energy", str(run), str(trace), "--begins", "2025-12-31T23:00:00+00:00"]
    assert main(words) == 2
    assert "no trace covers the job" in capsys.readouterr().err
    assert main([*words, "--offset-seconds", "3598"]) == 0


@pytest.mark.parametrize(
    ("time", "words"),
    [("noon", "--begins is no time"), ("2026-01-01T00:00:00", "its time zone")],
)
def test_a_time_that_is_none_is_refused(run, trace, capsys, time, words):
    assert main(["energy", str(run), str(trace), "--begins", time]) == 2
    assert words in capsys.readouterr().err


def test_a_trace_on_its_own_clock_asks_when_it_began(run, trace, capsys):
    assert main(["energy", str(run), str(trace)]) == 2
    assert "--begins" in capsys.readouterr().err
