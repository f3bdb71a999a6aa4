"""`hil mlperf` from the command line, and cassettes as devices of `hil bench`."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from hil.cli.main import main
from hil.deadline import Deadline
from hil.results.run_folder import load_records
from hil.tools import Child

GOOD = """\
Logging initialized. Writing output to x
Device name retrieved: me
Device model retrieved: kws01
"""


def log(path, *, runtime="10.500", windows=5):
    lines = [GOOD]
    lines += [
        f"0726.01{index:02d}00 ulp-mlperf: Loading file tst_00000{index}_A_1.bin "
        f"segment 0\n0726.01{index:02d}01 ulp-mlperf: Load complete.\n"
        "Running inference with 1/100 (warmup/measured) iterations ...\n"
        f"0726.01{index:02d}12 ulp-mlperf:   # Inferences :   100\n"
        f"0726.01{index:02d}12 ulp-mlperf:   Runtime      : {runtime} sec.\n"
        f"0726.01{index:02d}12 ulp-mlperf:   Throughput   : "
        f"{100 / float(runtime):.3f} inf./sec.\n"
        f"0726.01{index:02d}12 ulp-mlperf:   m-results    : [0.{index}, 0.9]\n"
        for index in range(windows)
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def hil(capsys):
    def run(*words):
        status = main(["mlperf", *map(str, words)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_a_run_within_the_rules_is_status_0(hil, tmp_path):
    status, out, _ = hil("check", log(tmp_path / "log.txt"))
    assert status == 0
    assert "passed" in out
    assert "failed" not in out


def test_a_run_that_breaks_a_rule_is_status_1_and_told_what_to_do(hil, tmp_path):
    status, out, _ = hil("check", log(tmp_path / "log.txt", runtime="1.000"))
    assert status == 1
    assert "window length: measure with N = 1050" in out


def test_json_is_one_document(hil, tmp_path):
    status, out, _ = hil("check", "--json", log(tmp_path / "a"), log(tmp_path / "b"))
    first, _ = json.loads(out)["runs"]
    assert status == 0
    assert (first["model"], first["windows"]) == ("kws01", 5)
    assert {f["outcome"] for f in first["findings"]} <= {"passed", "not known"}


def test_labels_and_another_run_are_held_against_it(hil, tmp_path):
    path = log(tmp_path / "log.txt")
    labels = tmp_path / "y.csv"
    labels.write_text("".join(f"tst_00000{i}_A_1.bin,2,0\n" for i in range(5)))
    _, out, _ = hil("check", path, "--labels", labels, "--accuracy", path)
    assert "5 of 5 answers are another class" in out
    assert "0 of 5 answers differ" in out


def test_what_is_no_log_is_status_2(hil, tmp_path):
    (tmp_path / "x").write_text("hello")
    status, _, err = hil("check", tmp_path / "x")
    assert status == 2
    assert "this is no log of MLPerf Tiny" in err


def test_a_log_is_imported_replayed_and_recorded(hil, tmp_path):
    tape, again, data = tmp_path / "tape", tmp_path / "again.gz", tmp_path / "x.npz"
    np.savez(data, x=np.zeros((5, 49, 10, 1), np.int8), y=np.ones(5, np.int64))
    status, _, err = hil("import", log(tmp_path / "log.txt"), "-o", tape)
    assert status == 0
    assert f"--port cassette:{tape}" in err
    words = ("--mode", "performance", "-n", 100, "--warmup", 1, "--out", tmp_path / "r")
    status, out, _ = hil(
        "run", data, "--port", f"cassette:{tape}", "--record", again, *words
    )
    assert status == 0, out
    assert "9.524 inf./s" in out
    (folder,) = (tmp_path / "r").iterdir()
    assert {path.name for path in folder.iterdir()} >= {
        "log.txt",
        "results.txt",
        "results.json",
        "mlperf.json",
    }
    status, _, _ = hil("check", folder)
    assert status == 0
    # The recording of the replay is a device as well.
    status, out, _ = hil("run", data, "--port", f"cassette:{again}", *words, "--json")
    assert status == 0
    assert json.loads(out)["retries"] == []


def test_another_dialogue_than_was_recorded_is_status_3(hil, tmp_path):
    tape, data = tmp_path / "tape", tmp_path / "x.npz"
    np.savez(data, x=np.zeros((5, 49, 10, 1), np.int8))
    hil("import", log(tmp_path / "log.txt"), "-o", tape)
    status, _, err = hil(
        "run", data, "--port", f"cassette:{tape}", "--out", tmp_path / "r"
    )
    assert status == 3
    assert "the host says something else than was recorded, from byte 7 on" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "which device?"),
        (("--port", "/dev/x", "--device", "native"), "which device?"),
        (("--port", "/dev/x", "--mode", "accurac"), "did you mean 'accuracy'?"),
        (("--device", "emulated-phone"), "a phone speaks no text protocol"),
        (
            ("--device", "emulated-mcu"),
            "a board that hil starts has no model that text could reach",
        ),
        (("--port", "cassette:none"), "the cassette cannot be read"),
    ],
)
def test_a_wrong_command_is_status_2(hil, tmp_path, words, text):
    status, _, err = hil("run", tmp_path / "x.npz", *words)
    assert status == 2
    assert text in err


@pytest.fixture
def emulator(shared):
    """An emulated board with the keyword model; yields its port."""
    model = shared / "models" / "kws_ref_model.tflite"
    argv = [sys.executable, "-m", "hil", "emulate", "mcu", "--model", str(model)]
    child = Child([*argv, "--set", "link.baud=12000000", "--watch-stdin"])
    yield child.read_line(Deadline(60))
    child.stop()


@pytest.mark.shared
def test_the_emulated_board_is_driven_over_its_pty(hil, shared, emulator, tmp_path):
    data = shared / "data" / "kws" / "kws01.npz"
    words = ("--port", emulator, "--baud", 12_000_000, "--out", tmp_path, "--json")
    status, out, _ = hil("run", data, "--limit", 40, *words)
    document = json.loads(out)
    assert status == 1  # 40 are not the whole set
    failed = [f["item"] for f in document["findings"] if f["outcome"] == "failed"]
    assert failed == ["whole set"]
    assert document["top1"] == 92.5
    assert document["retries"] == []
    status, out, _ = hil(
        "run", data, "--mode", "performance", "--seconds", 0.1, "--warmup", 1, *words
    )
    document = json.loads(out)
    kept = next(f for f in document["findings"] if f["item"] == "input kept")
    assert kept["found"] == "0 of 5 answers are another class"


@pytest.mark.parametrize("how", ["device", "port"])
def test_a_bench_run_is_recorded_and_replayed(tmp_path, monkeypatch, capsys, how):
    monkeypatch.chdir(tmp_path)
    plan = """\
[plan]
name = "t"
[[model]]
path = "example:digits.tflite"
dataset = "example:digits_test.npz"
calibration = "example:digits_calibration.npz"
variants = ["int8"]
[[device]]
{device}
[measure]
windows = 1
samples = 20
min_seconds = 0.01
"""
    record = 'profile = "emulated-mcu"\nlink = { record = "t.cassette" }'
    replay = {
        "device": 'profile = "cassette:t.cassette"',
        "port": 'profile = "emulated-mcu"\nlink = { port = "cassette:t.cassette" }',
    }[how]
    figures = []
    for device in (record, replay):
        (tmp_path / "plan.toml").write_text(plan.format(device=device))
        status = main(["bench", "plan.toml", "--json"])
        shown = capsys.readouterr()
        assert status == 0, shown.err
        (result,) = json.loads(shown.out)["results"]
        figures.append((result["latency"], result["agreement"], result["memory"]))
    assert figures[0] == figures[1]


def test_record_of_bench_keeps_the_dialogue_as_a_device(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["example:digits.tflite", "--windows", "1", "--min-seconds", "0.01"]
    words += ["--samples", "5", "--dataset", "example:digits_test.npz", "--json"]
    figures = []
    for device in (["emulated-mcu", "--record", "t.cassette"], ["cassette:t.cassette"]):
        status = main(["bench", *words, "--device", *device])
        shown = capsys.readouterr()
        assert status == 0, shown.err
        (result,) = json.loads(shown.out)["results"]
        figures.append((result["latency"], result["agreement"], result["memory"]))
    assert figures[0] == figures[1]


@pytest.mark.shared
@pytest.mark.parametrize("protocol", ["mlperf", "auto"])
def test_protocol_of_bench_chooses_the_dialect(
    shared, emulator, protocol, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(f"""\
[plan]
name = "t"
[[model]]
path = "{shared / "models" / "kws_ref_model.tflite"}"
dataset = "{shared / "data" / "kws" / "kws01.npz"}"
variants = ["as-is"]
[[device]]
profile = "emulated-mcu"
link = {{ port = "{emulator}", baud = 12000000 }}
[measure]
windows = 1
samples = 5
min_runs = 2
min_seconds = 0
""")
    status = main(["bench", "plan.toml", "--protocol", protocol, "--json"])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    (result,) = json.loads(shown.out)["results"]
    assert result["agreement"]["identical"] == 5
    (record,) = load_records(next((tmp_path / "runs").iterdir()))[0]
    assert ("firmware_model" in record.evidence) == (protocol == "mlperf")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--record", "t"], 2, "one recording holds the dialogue with one device"),
        (["--protocol", "morse"], 2, "allowed: 'hil', 'mlperf' or 'auto'"),
        (
            ["--device", "emulated-mcu", "--protocol", "mlperf"],
            3,
            "a board that hil starts has no model that text could reach",
        ),
        (
            ["--device", "emulated-phone", "--protocol", "mlperf"],
            2,
            "link.protocol is of boards on a serial line",
        ),
    ],
)
def test_what_bench_cannot_record_or_speak_is_refused(
    words, status, told, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "example:digits.tflite", *words]) == status
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
