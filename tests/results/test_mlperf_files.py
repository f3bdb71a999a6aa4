"""Result files as the runner writes them, and all ways to read them back."""

from __future__ import annotations

import json

import pytest

from hil.errors import ConfigError, RecordingError
from hil.results.mlperf_cassette import cassette_of
from hil.results.mlperf_files import MlperfFiles
from hil.results.mlperf_import import read_run
from hil.wire.mlperf import Inference
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window


def window(index, *, n=100, start=1_000_000_000, elapsed=11_000_000, **changes):
    done = Inference(
        n=n, warmup=1, start_us=start, end_us=start + elapsed, results=(0.25, 0.75)
    )
    values = {
        "n": n,
        "warmup": 1,
        "file": f"tst_00000{index}_Left_1.bin",
        "seconds": elapsed / 1e6,
        "inference": done,
        "host_seconds": elapsed / 1e6 + 0.001,
        "results": done.results,
        "input_bytes": 490,
        "label": 1,
    }
    return Window(**(values | changes))


def run(mode=Mode.PERFORMANCE, windows=5, **changes):
    return MlperfRun(
        runner=Runner.HIL,
        mode=mode,
        windows=tuple(window(i, **changes) for i in range(windows)),
        model="kws01",
        name="me",
        profile="P",
        laps_us=(1, 2, 3),
    )


def written(folder, done, **figures):
    files = MlperfFiles(folder)
    files._began = files._began.replace(year=2020)  # the loop took its time
    files.device(name=done.name, profile=done.profile, model=done.model)
    for each in done.windows:
        files.window(each, mode=done.mode, classes=12)
    files.finish(done, **figures)


def test_a_performance_run_has_the_runners_files(tmp_path):
    written(tmp_path, run())
    results = (tmp_path / "results.txt").read_text().splitlines()
    assert results[:5] == [
        "Performance results for window 1",
        "    # Inferences : 100",
        "    Runtime: 11.0 sec.",
        "    Throughput: 9.090909090909092 inf./sec.",
        "    Runtime requirements have been met.",
    ]
    assert results[-2][11:] == " ulp-mlperf: Median throughput is      9.091 inf./sec."
    (first, *_) = json.loads((tmp_path / "results.json").read_text())
    assert first == {
        "file": "tst_000000_Left_1.bin",
        "classes": "12",
        "class": "1",
        "bytes_to_send": None,
        "stride": None,
        "total_length": None,
        "infer": {
            "start_time": 1_000_000_000,
            "end_time": 1_011_000_000,
            "results": [0.25, 0.75],
            "elapsed_time": 11_000_000,
            "total_inferences": 1,
            "iterations": 100,
            "warmups": 1,
            "throughput": 100 / 11,
        },
        "mode": "p",
    }


def test_the_log_reads_as_the_runners_and_the_folder_as_hils(tmp_path):
    written(tmp_path, run())
    log = read_run(tmp_path / "log.txt")
    assert (log.runner, log.model, log.name) == (Runner.MLCOMMONS, "kws01", "me")
    assert log.stated == {"median_throughput": 9.091}
    assert [w.throughput for w in log.windows] == [pytest.approx(100 / 11)] * 5
    own = read_run(tmp_path)
    assert own.runner is Runner.HIL
    assert own.stated == {"median_throughput": 9.091}
    assert own.laps_us == (1, 2, 3)
    assert own.windows[0].host_seconds == 11.001
    assert own.windows[0].results == (0.25, 0.75)
    assert own.windows[0].label == 1


def test_an_accuracy_run_states_top1_and_auc(tmp_path):
    written(tmp_path, run(Mode.ACCURACY, 3, n=1), top1=90.12, auc=0.9951)
    lines = (tmp_path / "results.txt").read_text().splitlines()
    assert [line[12:] for line in lines] == [
        "ulp-mlperf: Top 1% = 90.1",
        "ulp-mlperf: AUC = 0.995",
    ]
    assert read_run(tmp_path).stated == {"top1": 90.1, "auc": 0.995}
    objects = json.loads((tmp_path / "results.json").read_text())
    assert {each["mode"] for each in objects} == {"a"}
    assert "throughput" not in objects[0]["infer"]


def test_runs_that_break_the_runners_rules_state_its_errors(tmp_path):
    written(tmp_path, run(windows=4))
    assert (
        "ERROR 1 - loop_count was not exactly 5."
        in (tmp_path / "results.txt").read_text()
    )
    files = MlperfFiles(tmp_path)
    files.finish(run())
    assert (
        "ERROR 2 - loop exited before 10 seconds elapsed."
        in (tmp_path / "results.txt").read_text()
    )


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(RecordingError, match="a result file cannot be written"):
        MlperfFiles(tmp_path / "none")


def test_labels_go_before_those_that_the_names_tell(tmp_path):
    written(tmp_path, run())
    read = read_run(tmp_path, {"tst_000001_Left_1.bin": 5})
    assert [w.label for w in read.windows] == [1, 5, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{}", "this is no run of hil's"),
        ("[", "this is no run of hil's"),
        ('{"schema": 9}', "the run is of another version of hil"),
        ('{"schema": 1, "windows": [{"x": 1}]}', "this is no run of hil's"),
    ],
)
def test_a_run_that_is_none_is_refused(tmp_path, text, what):
    (tmp_path / "mlperf.json").write_text(text)
    with pytest.raises(ConfigError, match=what):
        read_run(tmp_path)


def test_a_log_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the log cannot be read") as found:
        read_run(tmp_path)
    assert "log.txt.gz" in found.value.allowed
    (tmp_path / "x.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError, match="the log cannot be read"):
        read_run(tmp_path / "x.gz")


def test_a_streaming_run_is_no_cassette():
    with pytest.raises(ConfigError, match="a streaming run has no dialogue"):
        cassette_of(run(Mode.STREAMING), origin="x")


def test_a_cassette_needs_the_inputs_of_its_windows():
    done = run()
    with pytest.raises(ConfigError, match="the inputs are not those of the log") as e:
        cassette_of(done, origin="x", inputs=[bytes(490)])
    assert e.value.allowed == "5, one a window, in the log's order"
    with pytest.raises(ConfigError, match="an input is not that of the log") as e:
        cassette_of(done, origin="x", inputs=[bytes(489)] * 5)
    assert (e.value.where, e.value.found) == ("x, window 1", "489 bytes")


def test_a_cassette_needs_to_know_how_large_an_input_is():
    done = run(input_bytes=None)
    assert cassette_of(done, origin="x")
    unknown = MlperfRun(
        runner=Runner.EEMBC, mode=Mode.ENERGY, windows=done.windows, model="x"
    )
    with pytest.raises(ConfigError, match="does not say how large the inputs are"):
        cassette_of(unknown, origin="x")
