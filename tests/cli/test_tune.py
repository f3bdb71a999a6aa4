"""`hil tune` from the command line to the front, with an emulated board as judge."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from rich.console import Console

from hil.cli.main import main
from hil.deadline import Deadline
from hil.tools import Child

DIGITS = [
    "example:digits.tflite",
    "--dataset",
    "example:digits_test.npz",
    "--calibration",
    "example:digits_calibration.npz",
]
FAST = ["--windows", "2", "--warmup", "0", "--min-runs", "3", "--min-seconds", "0"]
# The tenth candidate is the float model.
SHORT = ["--device", "small-mcu", "--trials", "10", "--samples", "120"]
SHORT += ["--gate", "drop<=3"]
# The float model needs more RAM than this, int8 needs less.
SMALL = """
name = "small-mcu"
kind = "emulated-mcu"
arch = "armv7e-m"
core = "Cortex-M4 class"
ram_bytes = 36864
flash_bytes = 1048576
time_basis = "host_clock"
[link]
baud = 3000000
[firmware]
engine = "tflm"
reserved_ram_bytes = 16384
reserved_flash_bytes = 136584
[emulator]
rx_buffer_bytes = 4096
max_frame_bytes = 1024
"""


KILLED_AFTER = 2  # records


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to work in, with a board that is too small for some candidates."""
    folder = tmp_path_factory.mktemp("tune")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "small-mcu.toml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIL_PROFILES", str(folder / "profiles"))
        patch.chdir(folder)
        yield folder


def searched(place, name, number, seen):
    """Search as a child, signalled once *seen*; its exit code, words, run folder.

    In this process the signal would end a test between any two lines of any library.
    """
    log = place / f"{name}.log"
    words = ["-m", "hil", "tune", *DIGITS, *FAST, *SHORT, "--runs", name]
    child = Child([sys.executable, *words], stderr=log)
    try:
        deadline = Deadline(300)
        while not seen(place / name):
            assert child.exit_code is None, log.read_text()
            assert not deadline.expired
            time.sleep(0.01)
        os.kill(child.pid, number)
        code = child.wait(Deadline(300))
    finally:
        child.stop()
    (run,) = (place / name).iterdir()
    return code, log.read_text(), run


@pytest.fixture(scope="module")
def killed(place):
    """The run folder of a search that was killed while the board measured."""
    code, _, run = searched(
        place,
        "killed",
        signal.SIGKILL,
        lambda runs: len(lines(runs, "records.jsonl")) >= KILLED_AFTER,
    )
    assert code == -signal.SIGKILL
    # As if it had been killed within a line of each of them, too.
    for name in ("records.jsonl", "scores.jsonl", "tune.jsonl"):
        with (run / name).open("ab") as file:
            file.write(b'{"schema": 1, "va')
    return run


@pytest.fixture(scope="module")
def tuned(killed):
    """That search resumed: its status, its document and how it began."""
    before = {
        name: (killed / name).read_text().rpartition("\n")[0]
        for name in ("records.jsonl", "tune.jsonl")
    }
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(["tune", "--resume", str(killed), "--json", "-o", "out"])
    return status, json.loads(out.getvalue()), before


def lines(folder, name):
    found = list(folder.glob(f"**/{name}"))
    return found[0].read_bytes().split(b"\n")[:-1] if found else []


def read(run, name):
    return [json.loads(line) for line in lines(run, name)]


def test_a_killed_search_goes_on_where_it_stopped(killed, tuned):
    status, document, before = tuned
    assert status == 0
    for name, text in before.items():
        assert (killed / name).read_text().startswith(f"{text}\n")
    trials = [t for t in read(killed, "tune.jsonl") if t["event"] == "trial"]
    asked = [(t["variant"], t["samples"]) for t in trials]
    assert len(set(asked)) == len(asked)
    assert document["trials"] == 10


def test_each_finalist_was_measured_whole_in_one_sitting(killed, tuned):
    records = read(killed, "records.jsonl")
    assert len(records) > KILLED_AFTER
    begun = [r["window"] for r in records[:KILLED_AFTER]]
    assert begun == [0] * KILLED_AFTER
    for row in tuned[1]["devices"][0]["rows"]:
        own = [r for r in records if r["variant"] == row["variant"]]
        if own[-1]["status"] == "ok":
            assert [r["window"] for r in own][-2:] == [0, 1]


def test_the_front_has_what_is_better_than_plain_int8_and_smaller(tuned, place):
    (device,) = tuned[1]["devices"]
    rows = {row["variant"]: row for row in device["rows"]}
    plain = rows["int8"]
    better = [rows[name] for name in device["front"] if name != "int8"]
    better = [row for row in better if row["better_than_plain"]]
    assert better
    for row in better:
        assert row["size_bytes"] < plain["size_bytes"]
        assert row["figures"]["arena"] <= plain["figures"]["arena"]
        assert row["versus_plain"]["p_holm"] > 0.05
        made = (place / row["file"]).read_bytes()
        assert len(made) == row["size_bytes"]
    assert device["winner"] in device["front"]


def test_what_does_not_fit_is_a_record_and_not_the_end(killed, tuned):
    (failed,) = [r for r in read(killed, "records.jsonl") if r["variant"] == "as-is"]
    assert failed["status"] == "does_not_fit"
    (row,) = [
        row for row in tuned[1]["devices"][0]["rows"] if row["variant"] == "as-is"
    ]
    assert not row["on_front"]
    assert row["refused"].startswith("arena: 688 bytes missing")
    assert any(r["variant"] == "int16x8" for r in read(killed, "records.jsonl"))


def test_the_front_has_a_picture(tuned, place):
    (device,) = tuned[1]["devices"]
    assert device["pictures"] == ["out/front-small-mcu.svg", "out/front-small-mcu.png"]
    svg, png = (place / name for name in device["pictures"])
    assert "digits on small-mcu" in svg.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_search_that_ended_is_told_again_as_a_table(killed, tuned, capsys):
    before = (killed / "records.jsonl").read_bytes()
    assert main(["tune", "--resume", str(killed)]) == 0
    shown = capsys.readouterr()
    winner = tuned[1]["devices"][0]["winner"]
    assert f"winner: {winner} (by latency, flash, arena, in this order)" in shown.out
    assert "as-is: not on the front: does not fit: arena: " in shown.out
    assert "worse in none, not shown less accurate: " in shown.out
    assert "host clock: " in shown.out
    assert "fewer than 4 windows cannot tell times of the host clock apart" in shown.out
    assert f"written: {killed}/front/digits_{winner}.tflite" in shown.err
    assert f"written: {killed}/front/front-small-mcu.svg" in shown.err
    assert (killed / "records.jsonl").read_bytes() == before


def test_a_narrow_terminal_cuts_no_figure(killed, tuned, capsys, monkeypatch):
    plain = next(r for r in tuned[1]["devices"][0]["rows"] if r["variant"] == "int8")
    narrow = Console(width=90, highlight=False)
    monkeypatch.setattr("hil.cli.tune.result_console", lambda: narrow)
    assert main(["tune", "--resume", str(killed)]) == 0
    shown = capsys.readouterr().out
    assert f"file {plain['size_bytes']:,} B" in shown
    assert f"arena {plain['figures']['arena']:,.0f} B" in shown
    assert "\u2026" not in shown


def test_control_c_tells_how_to_go_on_and_a_budget_ends_it_in_time(place, capsys):
    status, told, run = searched(
        place, "stopped", signal.SIGINT, lambda runs: lines(runs, "tune.jsonl")
    )
    command = f"hil tune --resume stopped/{run.name}"
    assert status == 130
    assert f"to go on: {command}" in told
    known = lines(run, "tune.jsonl")
    main([*command.split()[1:], "--budget-minutes", "0"])
    assert f"the budget is spent; to go on: {command}" in capsys.readouterr().err
    assert len(lines(run, "records.jsonl")) == 1
    assert lines(run, "tune.jsonl")[: len(known)] == known


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "hil tune needs --dataset"),
        (["--dataset", "example:digits_test.npz"], "hil tune needs --calibration"),
        (
            [*DIGITS[1:], "--gate", "drop<=3"],
            "hil tune needs --device",
        ),
        ([*DIGITS[1:], "--device", "native", "--gate", "5"], "drop<=POINTS"),
    ],
)
def test_what_a_search_needs_is_told(words, told, place, capsys):
    runs = sorted(place.iterdir())
    assert main(["tune", "example:digits.tflite", *words]) == 2
    assert told in capsys.readouterr().err
    assert sorted(place.iterdir()) == runs


def test_a_search_without_a_model_says_so(capsys):
    assert main(["tune"]) == 2
    shown = capsys.readouterr().err
    assert "hil tune needs MODEL" in shown
    assert "hil tune --resume RUN" in shown


def test_a_folder_without_a_search_cannot_be_resumed(place, capsys):
    assert main(["tune", "--resume", str(place)]) == 2
    assert "there is no search to resume" in capsys.readouterr().err


def test_what_the_plan_says_already_is_refused_beside_resume(killed, capsys):
    words = ["--resume", str(killed), "--seed", "0", "--gate", "drop<=1"]
    assert main(["tune", "example:digits.tflite", *words]) == 2
    shown = capsys.readouterr().err
    assert "a search that is resumed has its plan already" in shown
    assert "found:   --gate, --seed, MODEL" in shown


def test_a_search_is_not_resumed_with_other_samples(killed, tuned, capsys):
    assert tuned[0] == 0
    plan = killed / "plan.toml"
    text = plan.read_text()
    plan.write_text(text.replace("seed=0", "seed=1"))
    assert main(["tune", "--resume", str(killed)]) == 2
    plan.write_text(text)
    assert "the dataset changed since the search began" in capsys.readouterr().err


def test_a_model_that_is_quantized_already_is_refused(tuned, place, capsys):
    winner = tuned[1]["devices"][0]["winner"]
    words = [f"out/digits_{winner}.tflite", *DIGITS[1:], *SHORT, "--runs", "refused"]
    assert main(["tune", *words]) == 2
    assert "not one that is quantized already" in capsys.readouterr().err
    assert not lines(place / "refused", "tune.jsonl")


def test_samples_without_labels_cannot_judge(place, digits, capsys):
    with np.load(digits / "digits_test.npz", allow_pickle=False) as data:
        np.savez(place / "bare.npz", x=data["x"])
    words = ["example:digits.tflite", "--dataset", "bare.npz", *DIGITS[3:], *SHORT]
    assert main(["tune", *words, "--runs", "refused"]) == 2
    assert "the search needs labels to judge accuracy by" in capsys.readouterr().err


def test_a_board_that_is_not_there_is_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [*DIGITS, *FAST, "--device", "nucleo-l4r5zi", "--trials", "2"]
    assert main(["tune", *words, "--samples", "20"]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "the device failed with every variant: no port is the board's" in shown
    assert "remedy: plug the board in" in shown
    assert "no variant passed the gate" not in shown
