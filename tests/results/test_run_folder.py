"""Run folders: whole records, kept at once, and read back."""

from __future__ import annotations

import json
import os
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil import tools
from hil.deadline import Deadline
from hil.errors import ConfigError, RecordingError
from hil.results.environment import capture
from hil.results.records import from_line, to_line
from hil.results.run_folder import RunFolder, load_plan, load_records, safe_name
from hil.vocab import (
    AccuracyCount,
    Agreement,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
    TimingSummary,
)


def record(**changes):
    values = {
        "schema": 1,
        "run": "20260101-000000-x",
        "job_id": "digits.int8.emulated-mcu.0",
        "model": "digits",
        "variant": "int8",
        "device": "emulated-mcu",
        "kind": TargetKind.EMULATED_MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
    }
    return RunRecord(**(values | changes))


FULL = record(
    engine="tflm",
    timing=Timing(
        basis=TimeBasis.HOST_CLOCK, tick_hz=10**9, invoke_ticks=(1, 2, 2**63)
    ),
    summary=TimingSummary(
        basis=TimeBasis.HOST_CLOCK, n=3, first_us=1, min_us=1, max_us=3, avg_us=2
    ),
    memory={"arena_bytes": 24272},
    accuracy=AccuracyCount(metric="top1", n=10, correct=9, wrong=(3,)),
    agreement=Agreement(reference="tflm", n=10, identical=10, label_flips=0, max_lsb=0),
    retries=("window 0: nothing came in time",),
    evidence={"board": "emulated", "nested": {"list": [1, 2]}},
)


def test_a_record_comes_back_as_it_was_written():
    assert from_line(to_line(FULL), where="here") == FULL


def test_what_was_not_measured_is_absent_and_neither_null_nor_zero():
    line = json.loads(to_line(record()))
    assert not {"timing", "accuracy", "agreement", "problem", "engine"} & set(line)
    assert "null" not in to_line(record()).decode()


def test_a_record_of_a_newer_schema_is_refused():
    with pytest.raises(
        ConfigError, match=r"newer hil[\s\S]*schema 2[\s\S]*upgrade hil"
    ):
        from_line(to_line(record(schema=2)), where="records.jsonl:1")


def test_a_newer_word_of_a_newer_schema_is_told_as_newer():
    line = to_line(record(schema=2)).replace(b'"ok"', b'"splendid"')
    with pytest.raises(ConfigError, match="written by a newer hil"):
        from_line(line, where="records.jsonl:1")


def test_an_accuracy_of_no_samples_is_a_damaged_record():
    nothing = AccuracyCount(metric="top1", n=0, correct=0, wrong=())
    with pytest.raises(ConfigError, match="an accuracy of 0 samples"):
        from_line(to_line(record(accuracy=nothing)), where="records.jsonl:1")


def test_counted_instructions_have_no_rate_and_are_read_back():
    counted = record(
        timing=Timing(
            basis=TimeBasis.EMULATED_INSTRUCTIONS, tick_hz=None, invoke_ticks=(7, 7)
        )
    )
    assert from_line(to_line(counted), where="here") == counted


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(line):
    with pytest.raises(ConfigError, match="the record cannot be read"):
        from_line(line, where="here")


def test_records_are_read_back_in_order(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    for window in range(3):
        folder.append(record(window=window))
    records, notes = load_records(folder.path)
    assert [r.window for r in records] == [0, 1, 2]
    assert notes == []


def test_two_runs_in_one_second_get_two_folders(tmp_path):
    paths = {RunFolder.create(tmp_path, "demo").path for _ in range(3)}
    assert len(paths) == 3


def test_a_cut_last_line_is_skipped_and_told(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    folder.append(record())
    with (folder.path / "records.jsonl").open("ab") as file:
        file.write(to_line(record())[:40])
    records, notes = load_records(folder.path)
    assert len(records) == 1
    assert notes[0].endswith("records.jsonl:2: the last line is cut; skipped")


def test_damage_in_the_middle_is_an_error_with_its_line(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(to_line(record()) + b"{}\n" + to_line(record()))
    with pytest.raises(ConfigError, match=r"records\.jsonl:2"):
        load_records(path)


def test_a_folder_without_records_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="there are no records to read"):
        load_records(tmp_path)


def test_models_and_outputs_are_kept_beside_the_records(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    path = folder.add_model(b"model", "ab" * 32)
    assert path.read_bytes() == b"model"
    outputs = np.arange(6, dtype=np.int8).reshape(2, 3)
    kept = folder.add_outputs("digits.int8.../../etc", outputs)
    assert kept.parent == folder.path / "outputs"
    assert np.array_equal(np.load(kept, allow_pickle=False), outputs)
    assert not list(folder.path.rglob("*.part"))


@given(st.text(max_size=200))
def test_no_name_leaves_the_folder(name):
    safe = safe_name(name)
    assert "/" not in safe
    assert safe not in {"", ".", ".."}
    assert len(safe) <= 100


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match=r"cannot be recorded[\s\S]*--out"):
        RunFolder.create(tmp_path / "file", "demo")


def test_a_device_that_is_full_is_an_error_that_says_so(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    (folder.path / "records.jsonl").symlink_to("/dev/full")
    with pytest.raises(RecordingError, match="No space left on device"):
        folder.append(record())


def test_a_disk_that_fills_up_leaves_whole_records_only(tmp_path):
    # A file size limit in a child stands for the full disk: write() then does part
    # of the work before it fails, as it does when space runs out in mid-line.
    folder = RunFolder.create(tmp_path, "demo")
    folder.append(FULL)
    one = (folder.path / "records.jsonl").stat().st_size
    code = textwrap.dedent(f"""\
        import resource, pathlib
        from hil.errors import RecordingError
        from hil.results.run_folder import RunFolder, load_records
        folder = RunFolder(pathlib.Path({str(folder.path)!r}))
        (record,), _ = load_records(folder.path)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({int(one * 2.5)}, {int(one * 2.5)}))
        folder.append(record)
        try:
            folder.append(record)
        except RecordingError as exc:
            print(exc)
        """)
    output = tools.run([sys.executable, "-c", code], deadline=Deadline(60))
    assert b"File too large" in output.stdout
    records, notes = load_records(folder.path)
    assert (len(records), notes) == (2, [])


def test_the_plan_of_a_run_is_read_from_beside_its_records(tmp_path):
    folder = RunFolder.create(tmp_path, "demo")
    assert load_plan(folder.path) is None
    folder.write_text("plan.toml", "[plan]\n")
    assert load_plan(folder.path) == "[plan]\n"
    assert load_plan(folder.path / "records.jsonl") == "[plan]\n"
    (folder.path / "plan.toml").write_bytes(b"\xff")
    assert load_plan(folder.path) is None


def test_the_environment_names_what_would_change_a_figure():
    environment = capture()
    assert environment["packages"]["ai-edge-litert"]
    assert environment["python"] == sys.version.split()[0]
    assert environment["cpu_count"] == os.cpu_count()
    json.dumps(environment)
