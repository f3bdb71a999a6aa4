"""`hil bench` from the command line to the record, on real emulated devices."""

from __future__ import annotations

import json
import os
import pty
import threading
import tomllib
import tty

import numpy as np
import pytest

from hil.cli.main import main
from hil.results.run_folder import load_records, load_scores

FAST = ["--windows", "1", "--min-runs", "3", "--min-seconds", "0", "--samples", "5"]
DIGITS = [
    "example:digits.tflite",
    "--dataset",
    "example:digits_test.npz",
    "--calibration",
    "example:digits_calibration.npz",
]


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words, plan=None):
        if plan is not None:
            (tmp_path / "plan.toml").write_text(plan)
            words = ("plan.toml", *words)
        status = main(["bench", *words, "--json"])
        shown = capsys.readouterr()
        document = json.loads(shown.out) if shown.out else None
        return status, document, shown.err

    return run


@pytest.fixture
def serial_port():
    """A pty whose other end does what a test tells it to."""
    opened = []

    def start(behave):
        device, port = pty.openpty()
        tty.setraw(port)
        opened.extend([device, port])
        threading.Thread(target=behave, args=(device,), daemon=True).start()
        return os.ttyname(port)

    yield start
    for descriptor in opened:
        os.close(descriptor)


GOOD_DEVICE = """
[[device]]
profile = "emulated-mcu"
"""


def plan_with(port, *, others=GOOD_DEVICE, timeout=60):
    return f"""
[[model]]
path = "example:digits.tflite"
dataset = "example:digits_test.npz"
variants = ["as-is"]
{others}
[[device]]
profile = "broken.toml"
link = {{ port = "{port}" }}
[measure]
windows = 1
min_runs = 3
min_seconds = 0
samples = 5
timeout_seconds = {timeout}
"""


@pytest.fixture
def broken_profile(tmp_path):
    """A profile of a board that is reached by a port of its own."""
    (tmp_path / "broken.toml").write_text(
        'name = "broken"\nkind = "emulated-mcu"\narch = "x"\ncore = "x"\n'
        'ram_bytes = 262144\nflash_bytes = 1048576\ntime_basis = "host_clock"\n'
    )


def rows_of(document):
    return {row["device"]: row for row in document["results"]}


def test_both_emulated_devices_measure_a_variant(bench, tmp_path):
    status, document, _ = bench(*DIGITS, "--variants", "int8", *FAST)
    assert status == 0
    mcu, phone = document["results"]
    assert (mcu["device"], phone["device"]) == ("emulated-mcu", "emulated-phone")
    assert mcu["latency"]["n"] == 3
    assert mcu["memory"]["arena_bytes"] > 0
    assert phone["memory"]["peak_rss_bytes"] > 0
    for row, engine in ((mcu, "tflm"), (phone, "litert")):
        assert row["status"] == "ok"
        assert row["time_basis"] == "host_clock"
        assert row["accuracy"]["n"] == 5
        assert row["agreement"] | {"max_lsb": 0} == {
            "reference": engine,
            "identical": 5,
            "n": 5,
            "max_lsb": 0,
            "label_flips": 0,
        }
    (folder,) = (tmp_path / "runs").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert names >= {"records.jsonl", "plan.toml", "environment.json", "models", "logs"}
    records, _ = load_records(folder)
    assert {record.evidence["label"] for record in records} == {
        "full int8, int8 boundary"
    }


def test_options_of_measuring_are_laid_over_a_plan(bench, tmp_path):
    plan = """
[[model]]
path = "example:digits.tflite"
[[device]]
profile = "emulated-mcu"
link = { baud = 57600 }
[measure]
windows = 2
min_runs = 3
min_seconds = 0
"""
    status, document, _ = bench("--min-runs", "4", plan=plan)
    (row,) = document["results"]
    assert (status, row["windows"], row["latency"]["n"]) == (0, 2, 8)
    (folder,) = (tmp_path / "runs").iterdir()
    used = tomllib.loads((folder / "plan.toml").read_text())
    assert used["measure"] == {"windows": 2, "min_runs": 4, "min_seconds": 0}
    assert used["device"] == [{"profile": "emulated-mcu", "link": {"baud": 57600}}]
    status, _, told = bench("--windows", "-1", plan=plan)
    assert status == 2
    assert "plan.toml and the command line" in told


def test_the_report_of_a_run_is_the_table_that_the_run_gave(bench, tmp_path, capsys):
    _, document, _ = bench(*DIGITS, "--device", "emulated-mcu", *FAST)
    (folder,) = (tmp_path / "runs").iterdir()
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document
    assert main(["report", str(folder)]) == 0
    assert "emulated-mcu" in capsys.readouterr().out


def test_a_variant_is_held_to_the_float_model_on_this_host(bench, tmp_path, capsys):
    words = [*DIGITS, "--variants", "int8", "--gate", "drop<=1", *FAST]
    status, document, _ = bench(*words)
    assert status == 1, "five samples decide nothing"
    for row in document["results"]:
        assert row["status"] == "ok"
        assert row["variant"] == "int8", "the baseline is no row of its own"
        found = row["versus"]
        assert found["baseline"] == "as-is on litert, this host"
        assert (found["lost"], found["gained"], found["p_holm"]) == (0, 0, 1.0)
        assert found["gate"]["outcome"] == "undecidable"
        assert found["gate"]["samples_needed"] > 5
        assert row["accuracy"]["ties"] == 0
        assert row["accuracy"]["worst_class"]["n"] >= 1
    (folder,) = (tmp_path / "runs").iterdir()
    scores, _ = load_scores(folder)
    assert {s.device for s in scores} == {None, "emulated-mcu", "emulated-phone"}
    assert main(["report", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "top1 against as-is on litert, this host (100.0 %, n=5)" in out
    assert "undecidable with 5 samples; about" in out
    (folder / "scores.jsonl").unlink()
    assert main(["report", str(folder), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["results"]
    assert "versus" not in rows[0], "without the host's scores there is no baseline"
    assert rows[0]["accuracy"]["n"] == 5


def test_a_gate_that_samples_decide_is_passed(bench):
    words = [*DIGITS, "--variants", "as-is,int8", "--gate", "drop<=3"]
    status, document, _ = bench(*words, "--baseline", "as-is", *FAST[:-1], "200")
    rows = {(row["device"], row["variant"]): row for row in document["results"]}
    assert status == 0
    assert "versus" not in rows["emulated-mcu", "as-is"]
    found = rows["emulated-mcu", "int8"]["versus"]
    assert found["baseline"] == "as-is on emulated-mcu"
    assert found["gate"]["outcome"] == "passed"


def test_a_gate_without_labels_stays_open(bench, tmp_path, digits):
    with np.load(digits / "digits_test.npz") as data:
        np.savez(tmp_path / "x.npz", x=data["x"][:9])
    words = ["example:digits.tflite", "--dataset", "x.npz", "--gate", "drop<=1"]
    status, document, told = bench(*words, "--device", "emulated-mcu", *FAST)
    assert (status, document["results"][0]["status"]) == (1, "ok")
    assert "the gate is open for as-is on emulated-mcu: no labels" in told


def test_without_a_gate_the_difference_is_told_all_the_same(bench):
    status, document, _ = bench(*DIGITS, "--variants", "int8", *FAST)
    assert status == 0
    assert "gate" not in document["results"][0]["versus"]


@pytest.mark.parametrize("metric", ["top5", "auc", "cosine", "mse", "none"])
def test_every_metric_of_a_plan_reaches_the_record(bench, metric):
    words = [*DIGITS, "--variants", "int8", "--metric", metric]
    status, document, _ = bench(*words, "--device", "emulated-mcu", *FAST[:-1], "60")
    (row,) = document["results"]
    assert status == 0
    if metric == "none":
        assert "accuracy" not in row
        return
    found = row["accuracy"]
    assert (found["metric"], found["n"]) == (metric, 60)
    assert found["low"] <= found["value"] <= found["high"]
    if metric in {"cosine", "mse"}:
        assert found["target"] == "the outputs of as-is on litert"


def test_a_metric_that_counts_nothing_stands_in_the_table(bench, tmp_path, capsys):
    words = [*DIGITS, "--variants", "int8", "--metric", "auc"]
    bench(*words, "--device", "emulated-mcu", *FAST[:-1], "60")
    (folder,) = (tmp_path / "runs").iterdir()
    assert main(["report", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "auc 1, n=60" in out
    assert "digits: auc against as-is on litert" in out


def test_what_tflm_cannot_run_is_a_failure_unless_it_is_accepted(bench):
    words = [*DIGITS, "--variants", "dynamic", "--device", "emulated-mcu", *FAST]
    status, document, _ = bench(*words)
    (row,) = document["results"]
    assert (status, row["status"]) == (1, "unsupported_op")
    assert "CONV_2D" in row["problem"]
    assert "latency" not in row
    assert bench(*words, "--accept", "unsupported_op")[0] == 0


def test_a_model_that_does_not_fit_tells_the_missing_bytes(bench):
    plan = """
[[model]]
path = "example:digits.tflite"
[[device]]
profile = "emulated-mcu"
ram_bytes = 20000
[measure]
windows = 1
"""
    status, document, _ = bench(plan=plan)
    (row,) = document["results"]
    assert (status, row["status"]) == (1, "does_not_fit")
    assert "arena" in row["problem"]
    assert "bytes missing" in row["problem"]


@pytest.mark.usefixtures("broken_profile")
def test_a_missing_port_costs_its_own_rows_only(bench):
    status, document, _ = bench(plan=plan_with("/dev/no-such-port"))
    rows = rows_of(document)
    assert status == 3
    assert rows["emulated-mcu"]["status"] == "ok"
    assert rows["broken"]["status"] == "broken_setup"
    assert "/dev/no-such-port" in rows["broken"]["problem"]


@pytest.mark.usefixtures("broken_profile")
def test_a_device_that_goes_silent_is_timed_out(bench, serial_port):
    port = serial_port(lambda _: None)
    # Alone: a good device would have to start and be measured in as short a time.
    status, document, _ = bench(plan=plan_with(port, others="", timeout=2))
    assert status == 3
    assert rows_of(document)["broken"]["status"] == "timed_out"


@pytest.mark.usefixtures("broken_profile")
def test_a_device_that_answers_garbage_is_told_as_one(bench, serial_port):
    def babble(device):
        try:
            while os.read(device, 4096):
                os.write(device, b"\x55 boot: no such protocol\r\n\0" * 20)
        except OSError:
            return

    port = serial_port(babble)
    status, document, _ = bench(plan=plan_with(port, others="", timeout=2))
    broken = rows_of(document)["broken"]
    assert status == 3
    assert broken["status"] == "timed_out"
    assert "no frame" in broken["problem"]


def test_a_run_that_cannot_be_recorded_is_status_3(bench, tmp_path):
    (tmp_path / "full").write_text("")
    status, document, told = bench(*DIGITS, *FAST, "--out", str(tmp_path / "full"))
    assert (status, document) == (3, None)
    assert "the run cannot be recorded" in told


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("shape", "shape"),
        ("range", "preprocessing"),
        ("type", "type"),
    ],
)
def test_a_dataset_that_is_not_the_models_is_refused(bench, tmp_path, dataset, says):
    x = {
        "shape": np.zeros((30, 9, 9, 1), np.float32),
        "range": np.linspace(0, 255, 30 * 64, dtype=np.float32).reshape(30, 8, 8, 1),
        "type": np.zeros((30, 8, 8, 1), np.int32),
    }[dataset]
    np.savez(tmp_path / "x.npz", x=x, y=np.zeros(30, np.int64))
    words = ["example:digits.tflite", "--dataset", "x.npz", "--variants", "int8"]
    data = ["--calibration", "example:digits_calibration.npz"]
    status, document, told = bench(*words, *data, "--device", "emulated-mcu", *FAST)
    assert (status, document) == (2, None)
    assert says in told


@pytest.mark.parametrize(("start", "shared"), [(320, 40), (400, 0)])
def test_samples_that_calibrate_and_measure_are_told(
    bench, digits, tmp_path, start, shared
):
    with np.load(digits / "digits_test.npz") as file:
        x, y = file["x"], file["y"]
    np.savez(tmp_path / "c.npz", x=x[start : start + 40])
    np.savez(tmp_path / "t.npz", x=x[300:360], y=y[300:360])
    words = ["--calibration", "c.npz", "--dataset", "t.npz", "--variants", "int8"]
    device = ["--device", "emulated-mcu", *FAST]
    _, _, said = bench("example:digits.tflite", *words, *device)
    told = " ".join(said.split())
    assert "note: calibrated on 40 samples of c.npz" in told
    flattered = (
        f"; {shared} of the 60 samples that measure accuracy are among them, which "
        "flatters it"
    )
    assert (flattered in told) is (shared > 0)
    assert ("flatters" in told) is (shared > 0)


@pytest.mark.shared
def test_the_keyword_model_is_right_901_times_on_the_board(bench, shared):
    status, document, _ = bench(
        str(shared / "models/kws_ref_model.tflite"),
        "--dataset",
        str(shared / "data/kws/kws01.npz"),
        "--device",
        "emulated-mcu",
        "--windows",
        "1",
    )
    (row,) = document["results"]
    assert status == 0
    assert (row["accuracy"]["correct"], row["accuracy"]["n"]) == (901, 1000)
    assert row["memory"]["arena_bytes"] == 22868
    assert row["agreement"]["identical"] == 1000
