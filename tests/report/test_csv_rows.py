"""Results as CSV."""

from __future__ import annotations

import csv
import io

from hil.report import csv_rows
from hil.vocab import Setting


def read(*runs):
    return list(csv.DictReader(io.StringIO(csv_rows.render(runs))))


def test_a_row_has_raw_figures_with_their_unit_in_the_column(record, run_of):
    (row,) = read(run_of(record(setting=Setting(threads=2))))
    assert row["median_us"] == "239.95"
    assert row["median_insn"] == ""
    assert (row["n"], row["interval_over"]) == ("40", "40 runs")
    assert (row["low_us"], row["high_us"]) != ("", "")
    assert row["memory_arena_bytes"] == "8944"
    assert (row["metric"], row["metric_value"], row["metric_n"]) == (
        *("top1", "0.986"),
        "500",
    )
    assert (row["setting"], row["time_basis"]) == ("2 threads", "host_clock")


def test_instructions_never_stand_in_a_column_of_times(instructions, run_of):
    (row,) = read(run_of(instructions(971_906)))
    assert row["median_us"] == ""
    assert row["median_insn"] == "971906.0"


def test_all_runs_are_in_one_table_and_what_was_not_measured_is_empty(
    record, failed, run_of
):
    rows = read(run_of(record(), name="a"), run_of(failed(problem="no"), name="b"))
    assert [(row["run"], row["status"]) for row in rows] == [
        ("a", "ok"),
        ("b", "unsupported_op"),
    ]
    assert rows[1]["problem"] == "no"
    assert rows[1]["n"] == rows[1]["memory_arena_bytes"] == rows[1]["metric"] == ""


def test_text_that_a_spreadsheet_would_run_is_made_text(record, failed, run_of):
    hostile = '=HYPERLINK("http://x","y")'
    rows = read(
        run_of(record(model=hostile), failed(variant="@x", problem='a\n"b",\x1b[0m'))
    )
    assert rows[0]["model"] == f"'{hostile}"
    assert rows[1]["variant"] == "'@x"
    assert rows[1]["problem"] == 'a\n"b",\\x1b[0m'
