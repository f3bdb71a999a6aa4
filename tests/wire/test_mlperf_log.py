"""Logs of both runners; the expected figures stand in the logs or their README."""

from __future__ import annotations

import gzip
import statistics

import pytest

from hil.errors import ConfigError, MalformedFrame
from hil.wire.mlperf_log import parse_log
from hil.wire.mlperf_models import label_of
from hil.wire.mlperf_run import Mode, Runner

# file: model, mode, windows, median inferences a second, digits of it, stated
LOGS = {
    "v05_l4r5zi_tflm_kws_accuracy.txt.gz": ("kws01", "accuracy", 1000, 5.463, {}),
    "v05_scepu02_riscv_tflm_vww_performance.txt": (
        "vww01",
        "performance",
        5,
        1.181,
        {},
    ),
    "v07_rx65n_ad_performance.txt": ("ad01", "performance", 5, 116.908, {}),
    "v10_gap9_kws_performance.txt": ("kws01", "performance", 5, 2103.206, {}),
    "v12_cy8cproto062_vww_performance.txt": ("vww01", "performance", 5, 6.465, {}),
    "v12_g0b1re_m0plus_kws_performance.txt": ("kws01", "performance", 5, 2.107, {}),
    "v12_rh850_ic_performance.txt": ("ic01", "performance", 5, 4.294, {}),
    "v12_tinkerv_linux_ic_accuracy.txt": ("ic01", "accuracy", 200, 29.524, {}),
    "v13_l4r5zip_xcubeai_kws_performance.txt": (
        "kws01",
        "performance",
        5,
        23.032,
        {"median_throughput": 23.032},
    ),
    "v13_snapdragon_mtp_ad_performance.txt": (
        "ad01",
        "performance",
        5,
        14624.973,
        {"median_throughput": 14624.973},
    ),
    "v13_u385rg_ic_accuracy.txt": (
        "ic01",
        "accuracy",
        200,
        5.474,
        {"top1": 87.0, "auc": 0.988},
    ),
}
CLOCKS = {
    "v05_scepu02_riscv_tflm_vww_performance.txt": 1.0002,
    "v07_rx65n_ad_performance.txt": 1.0127,
    "v10_gap9_kws_performance.txt": 1.0010,
    "v12_g0b1re_m0plus_kws_performance.txt": 1.0034,
    "v12_rh850_ic_performance.txt": 0.9754,
    "v12_cy8cproto062_vww_performance.txt": 0.6685,
}


def read(shared, name):
    data = (shared / "data" / "mlperf_logs" / name).read_bytes()
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    return parse_log(data.decode(), where=name)


@pytest.mark.shared
@pytest.mark.parametrize("name", LOGS)
def test_a_published_log_gives_the_figures_that_it_states(shared, name):
    model, mode, windows, throughput, stated = LOGS[name]
    run = read(shared, name)
    assert (run.model, run.mode.value, len(run.windows)) == (model, mode, windows)
    median = statistics.median(window.throughput for window in run.windows)
    assert round(median, 3) == pytest.approx(throughput, abs=6e-4)
    assert run.stated == stated
    assert all(window.results and window.file for window in run.windows)


@pytest.mark.shared
@pytest.mark.parametrize("name", CLOCKS)
def test_both_clocks_of_a_published_log_are_read(shared, name):
    windows = read(shared, name).windows
    ratio = statistics.median(w.seconds / w.host_seconds for w in windows)
    assert ratio == pytest.approx(CLOCKS[name], abs=5e-5)


@pytest.mark.shared
def test_the_reference_boards_log_has_901_right_answers(shared):
    run = read(shared, "v05_l4r5zi_tflm_kws_accuracy.txt.gz")
    right = sum(
        max(range(12), key=window.results.__getitem__) == label_of(window.file)
        for window in run.windows
    )
    assert right == 901


@pytest.mark.shared
def test_a_log_of_streaming_states_detections_and_stamps(shared):
    run = read(shared, "v13_u385rg_sww_performance_echo.txt")
    assert run.mode is Mode.STREAMING
    assert run.laps_us == (14636565, 14637887)
    assert run.stated == {
        "true_positives": 44,
        "false_negatives": 6,
        "false_positives": 4,
        "duty_cycle": 0.60364,
        "period_seconds": 0.032061,
        "streaming_throughput": 51.67,
        "audio_seconds": 1200,
    }


EEMBC = """\
00001.000 parser: m-version[3.0.10]
00001.000 parser: Command "bloadp dut "C:\\a b\\tst_000001_Left_2.bin" 512 490"
00001.000 parser: Sending 490 bytes
00002.000 dut: profile%m-profile-[X]
00002.000 dut: m-model-[kws01]
00002.000 dut: bytes 490
m-warmup-start-1
00002.100 dut: m-infer-start-10
00002.100 dut: m-lap-us-1000000
00012.200 dut: m-lap-us-11100000
00012.200 dut: m-infer-done
00012.200 dut: m-results-[0.5,0.5,]
00012.200 dut: m-ready
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_traps_of_eembc_logs(end):
    run = parse_log(EEMBC.replace("\n", end), where="log")
    assert (run.runner, run.version, run.profile) == (Runner.EEMBC, "3.0.10", "X")
    (window,) = run.windows
    assert (window.file, window.segment) == ("tst_000001_Left_2.bin", 512)
    assert (window.n, window.warmup, window.seconds) == (10, 1, 10.1)
    assert window.input_bytes == 490


def test_a_device_that_echoes_its_commands_is_read():
    # As two boards of v0.7 are logged: a bare CR, the echo, the message behind it.
    echoed = EEMBC.replace(" dut: m-", " dut: \rm-").replace(
        "bytes 490\nm-warmup-start-1", "\rinfer 10 1m-warmup-start-1"
    )
    assert parse_log(echoed, where="log") == parse_log(EEMBC, where="log")


def test_inputs_that_come_through_the_proxy_of_an_energy_run_have_their_names():
    proxied = EEMBC.replace("bloadp dut", "bloadp")
    assert parse_log(proxied, where="log") == parse_log(EEMBC, where="log")


MLCOMMONS = """\
Logging initialized. Writing output to log.txt
Device name retrieved: board
Device model retrieved: kws01
0725.190332 ulp-mlperf: Loading file tst_000000_Stop_7.bin segment 0
0725.190333 ulp-mlperf: Load complete.
Running inference with 1/250 (warmup/measured) iterations ...
"""


def test_windows_of_a_run_with_a_meter_have_their_time_from_its_end():
    text = MLCOMMONS + (
        "done\n"
        "Captured samples:16108 timestamps:2\n"
        "0725.190346 ulp-mlperf: Loading file tst_000001_Left_2.bin segment 0\n"
        "0725.190347 ulp-mlperf: Load complete.\n"
        "Running inference with 1/240 (warmup/measured) iterations ...\n"
        "Captured samples:13970 timestamps:2\n"
        "Power Edition Output\n"
        "Energy data for trial 0\n"
        "Elapsed time  : 12.06\n"
        "Inferences    : 250\n"
        "Energy data for trial 1\n"
        "Elapsed time  : 11.056000000000001\n"
        "Median energy cost is 245.3412 uJ/inf.\n"
    )
    run = parse_log(text, where="log")
    assert (run.mode, run.model) == (Mode.ENERGY, "kws01")
    assert run.stated == {"median_energy_uj": 245.3412}
    assert [(w.file, w.n, w.warmup, w.results) for w in run.windows] == [
        ("tst_000000_Stop_7.bin", 250, 1, None),
        ("tst_000001_Left_2.bin", 240, 1, None),
    ]
    assert [w.seconds for w in run.windows] == [12.06, pytest.approx(11.056)]


def test_results_are_read_with_sign_and_exponent():
    text = MLCOMMONS + "0725.190346 ulp-mlperf:   m-results    : [-6.1, 6.4, 1e-05]\n"
    assert parse_log(text, where="log").windows[0].results == (-6.1, 6.4, 1e-05)
    with pytest.raises(MalformedFrame, match="results of the device") as refused:
        parse_log(text.replace("6.4", "6.4.1"), where="log")
    assert refused.value.found == "'[-6.1, 6.4.1, 1e-05]'"


def test_a_log_with_a_meter_is_of_energy():
    text = "00001.000 emon: m-power[on]\n" + EEMBC.replace("dut: m", "io: [dut]: m")
    text = "\n".join(line for line in text.splitlines() if "m-lap-us" not in line)
    run = parse_log(text, where="log")
    assert run.mode is Mode.ENERGY
    assert run.windows[0].seconds is None


def test_what_is_no_log_is_refused():
    with pytest.raises(ConfigError, match="this is no log of MLPerf Tiny") as refused:
        parse_log("hello\n", where="x.txt")
    assert refused.value.found == "'hello'"
    with pytest.raises(ConfigError, match="no log") as refused:
        parse_log("", where="x.txt")
    assert refused.value.found == "an empty file"


def test_a_log_without_an_inference_is_refused():
    with pytest.raises(ConfigError, match="the log has no inference") as refused:
        parse_log("00001.000 dut: m-ready\n", where="x.txt")
    assert refused.value.found == "a log of the EEMBC EnergyRunner without m-results"


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("tst_000000_Stop_7.bin", 7),
        ("normal_id_01_00000003_hist_librosa.bin", 0),
        ("anomaly_id_01_00000003_hist_librosa.bin", 1),
        ("000000343218.bin", 1),
        ("emu_s_002009.bin", 2),
        ("other.bin", None),
        (None, None),
    ],
)
def test_names_of_inputs_tell_their_class(file, label):
    assert label_of(file) == label
