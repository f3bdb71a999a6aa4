"""Records that stay in their file: by row, in order, and what is told of damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.results.records import to_line
from hil.results.row_records import by_row, open_records
from hil.vocab import RunRecord, RunStatus, Setting, TargetKind, TimeBasis, Timing


def record(window=0, **changes):
    values = {
        "schema": 1,
        "run": "run",
        "job_id": f"j{window}",
        "model": "m",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.MCU,
        "window": window,
        "status": RunStatus.OK,
        "started_utc": f"2026-01-01T00:00:0{window}.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
    }
    return RunRecord(**(values | changes))


MIXED = [
    changed
    for window in (2, 0, 1)
    for changed in (
        record(window, evidence={"window": window, "told": ["a", {"b": 1.5}]}),
        record(window, variant="float", seconds=0.25),
        record(window, setting=Setting(threads=4)),
    )
]


def write(path, records):
    path.write_bytes(b"".join(map(to_line, records)))
    return path


@pytest.fixture
def file(tmp_path):
    """A file of three rows, whose windows come in turn."""
    return write(tmp_path / "records.jsonl", MIXED)


def test_a_file_has_the_rows_that_its_records_have(file):
    opened, notes = open_records(file)
    kept, stored = by_row(MIXED), by_row(opened)
    assert list(stored) == list(kept)
    assert len(kept) == 3
    for key, row in kept.items():
        assert list(stored[key].records) == row.records
        assert stored[key].seconds == row.seconds
        assert stored[key].started_utc == row.started_utc == MIXED[3].started_utc
    assert notes == []


def test_all_records_come_in_the_order_of_the_file(file):
    opened, _ = open_records(file.parent)
    assert opened
    assert list(opened) == list(opened) == MIXED


def test_some_records_of_a_row_are_read_by_their_numbers(file):
    opened, _ = open_records(file)
    (first, *_) = by_row(opened).values()
    of_row = MIXED[::3]
    assert len(first.records) == 3
    assert [first.records[0], first.records[-1]] == [of_row[0], of_row[-1]]
    assert first.records[1:] == of_row[1:]
    with pytest.raises(IndexError):
        first.records[3]


def test_rows_that_do_not_fit_the_memory_are_read_again(tmp_path):
    big = {"stdout": "x" * (3 << 19)}
    records = [record(0, evidence=big), record(0, variant="float", evidence=big)]
    opened, _ = open_records(write(tmp_path / "records.jsonl", records))
    rows = list(by_row(opened).values())
    for number in (0, 1, 0, 1):
        assert list(rows[number].records) == [records[number]]


def test_records_that_are_added_later_are_left_out(file):
    opened, _ = open_records(file)
    with file.open("ab") as more:
        more.write(to_line(record(variant="later")))
    assert list(opened) == MIXED


def test_a_cut_last_line_is_skipped_and_told(file):
    with file.open("ab") as more:
        more.write(to_line(record())[:40])
    opened, notes = open_records(file)
    assert list(opened) == MIXED
    assert notes == [f"{file}:10: the last line is cut; skipped"]


def test_damage_is_an_error_with_its_line_before_anything_is_shown(file):
    file.write_bytes(to_line(record()) + b"\n{}\n" + to_line(record()))
    with pytest.raises(ConfigError, match=r"records\.jsonl:3"):
        open_records(file)


def test_a_file_that_changes_while_it_is_read_is_an_error_with_the_place(file):
    opened, _ = open_records(file)
    row = by_row(opened)[("run", "m", "float", "board", None)]
    file.write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="the record cannot be read") as caught:
        list(row.records)
    assert caught.value.where == f"{file}, byte {len(to_line(MIXED[0]))}"


def test_a_file_that_goes_away_while_it_is_read_is_an_error(file):
    opened, _ = open_records(file)
    (row, *_) = by_row(opened).values()
    file.unlink()
    with pytest.raises(ConfigError, match="there are no records to read"):
        list(row.records)


def test_a_folder_without_records_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="there are no records to read") as caught:
        open_records(tmp_path)
    assert caught.value.where == str(tmp_path / "records.jsonl")


def test_an_empty_file_has_no_record(tmp_path):
    opened, notes = open_records(write(tmp_path / "records.jsonl", []))
    assert not opened
    assert notes == []


def test_a_pipe_is_read_once_and_kept():
    reading, writing = os.pipe()
    try:
        os.write(writing, b"".join(map(to_line, MIXED)))
        os.close(writing)
        opened, _ = open_records(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
    assert list(opened) == MIXED


def test_raw_ticks_of_any_size_are_read_back(tmp_path):
    timing = Timing(
        basis=TimeBasis.CPU_CYCLES, tick_hz=64_000_000, invoke_ticks=(0, 2**63, 2**64)
    )
    records = [record(timing=timing)]
    opened, _ = open_records(write(tmp_path / "records.jsonl", records))
    assert list(opened) == records
