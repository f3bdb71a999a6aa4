"""Traces of power meters: what each form says, and what is refused."""

from __future__ import annotations

import json
import struct

import pytest

from hil.errors import ConfigError
from hil.results.energy_files import read_trace


@pytest.fixture
def csv_of(tmp_path):
    def write(text):
        path = tmp_path / "trace.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _mlperf(path, rate, samples):
    path.write_bytes(b"\xf1" + struct.pack(f"<{1 + len(samples)}f", rate, *samples))
    return path


def test_mlperf_s_binary_trace_is_energy_by_sample_with_edges_beside_it(tmp_path):
    path = _mlperf(tmp_path / "trace1-energy.bin", 1000.0, [1.0, 2.0, 3.0, 4.0])
    (tmp_path / "trace1-timestamps.json").write_text(json.dumps([0.003, 0.001]))
    trace = read_trace(path)
    assert trace.events == (0.001, 0.003)
    assert trace.energy_uj(0.001, 0.003) == pytest.approx(5.0)
    assert trace.energy_uj(0.0, 0.004) == pytest.approx(10.0)
    assert trace.energy_uj(0.0005, 0.001) == pytest.approx(0.5)  # half a sample
    assert not trace.is_absolute


def test_a_binary_trace_without_edges_has_none(tmp_path):
    trace = read_trace(_mlperf(tmp_path / "any.bin", 10.0, [1.0]))
    assert trace.events == ()


def test_joulescope_s_energy_is_taken_as_it_is(csv_of):
    trace = read_trace(
        csv_of(
            "#time,current,voltage,power,charge,energy\n"
            "0.0,0.4,4.7,1.9,0,0\n"
            "0.5,0.4,4.7,1.9,0.2,0.9505\n"
        )
    )
    assert trace.energy_uj(0.0, 0.5) == pytest.approx(950_500)


def test_otii_s_current_and_voltage_are_multiplied(csv_of):
    trace = read_trace(
        csv_of("Timestamp,Main current (A),Main voltage (V)\n0,0.001,3\n2,0.003,3\n")
    )
    assert trace.energy_uj(0.0, 2.0) == pytest.approx(12_000)  # 6 mW for 2 s


def test_units_stand_in_the_names_and_lines_of_comment_before_them(csv_of):
    text = "made by a meter\n\ntime (ms);power (uW)\n0;10\n1000;10\n"
    assert read_trace(csv_of(text)).energy_uj(0, 1) == pytest.approx(10)
    text = "time_us,current [mA]\n0,2\n1000000,2\n"
    assert read_trace(csv_of(text), volts=3.0).energy_uj(0, 1) == pytest.approx(6000)


@pytest.mark.parametrize("sign", ["\u00b5", "\u03bc"], ids=["micro", "Greek mu"])
def test_both_signs_for_micro_are_read(csv_of, sign):
    trace = read_trace(csv_of(f"time ({sign}s),power ({sign}W)\n0,5\n2e6,5\n"))
    assert trace.energy_uj(0.0, 2.0) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("joules", "found"),
    [
        ([0, 2, 4, 6, 0.5, 2.5, 4.5], "6, then 0.5 J"),
        ([1.0, 1.2, 0.8, 1.1, 0.9, 1.0], "1.2, then 0.8 J"),
        ([3, 2, 1], "3, then 2 J"),
    ],
    ids=["set back to zero", "of each sample alone", "the meter turned round"],
)
def test_energy_that_goes_back_is_refused(csv_of, joules, found):
    rows = "".join(f"{second},{value}\n" for second, value in enumerate(joules))
    with pytest.raises(ConfigError, match="goes back") as caught:
        read_trace(csv_of(f"time,energy\n{rows}"))
    assert caught.value.found == found


def test_a_meters_noise_around_zero_does_not_go_back(csv_of):
    trace = read_trace(csv_of("time,energy\n0,0\n1,3e-9\n2,2e-9\n3,1\n4,2\n"))
    assert trace.energy_uj(2.0, 4.0) == pytest.approx(2e6)


def test_unix_time_in_milliseconds_without_a_unit_asks_for_it(csv_of):
    text = "timestamp,power\n1767225600000,1\n1767225601000,1\n"
    with pytest.raises(ConfigError, match="no Unix time in seconds") as caught:
        read_trace(csv_of(text))
    assert "time (ms)" in caught.value.remedy
    named = text.replace("timestamp", "timestamp (ms)")
    assert read_trace(csv_of(named)).begin == pytest.approx(1767225600)


def test_a_quote_that_does_not_end_is_no_csv(csv_of):
    with pytest.raises(ConfigError, match="no CSV"):
        read_trace(csv_of('time,power\n0,"' + "1\n" * 200_000))


def test_unix_time_is_recognized(csv_of):
    assert read_trace(
        csv_of("time,power\n1767225600.0,1\n1767225601.0,1\n")
    ).is_absolute


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "neither MLPerf's binary trace nor a CSV"),
        ("1,2\n3,4\n", "neither MLPerf's binary trace nor a CSV"),
        ("time,current\n0,1\n1,1\n", "does not say the power"),
        ("time,power,power\n0,1,1\n", "two columns are named power"),
        ("time,power\n0,1\nend\n", "a line that is no sample"),
        ("time,power\n0,1\n1,x\n", "a line that is no sample"),
        ("time,power\n0,1\n", "this is no trace"),
        ("time,power\n1,1\n0,1\n", "this is no trace"),
        ("time,power\n0,1\n1,nan\n", "values that are no numbers"),
    ],
)
def test_a_csv_that_is_no_trace_is_refused(csv_of, text, what):
    with pytest.raises(ConfigError, match=what):
        read_trace(csv_of(text))


def test_a_bad_line_is_named_with_its_number(csv_of):
    with pytest.raises(ConfigError) as caught:
        read_trace(csv_of("time,power\n0,1\n1,x\n"))
    assert caught.value.where.endswith("trace.csv:3")


def test_a_current_alone_asks_for_the_voltage(csv_of):
    with pytest.raises(ConfigError) as caught:
        read_trace(csv_of("time,current\n0,1\n1,1\n"))
    assert caught.value.remedy == "--volts 3.3, where the supply's voltage is fixed"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xf1\0\0", "the trace is cut"),
        (b"\xf1" + struct.pack("<2f", 10, 1) + b"\0", "the trace is cut"),
        (b"\xf1" + struct.pack("<2f", 0, 1), "no sample rate"),
        (b"\xf1" + struct.pack("<2f", float("nan"), 1), "no sample rate"),
        (b"\xf1" + struct.pack("<f", 10), "this is no trace"),
    ],
)
def test_a_damaged_binary_trace_is_refused(tmp_path, data, what):
    (tmp_path / "trace1-energy.bin").write_bytes(data)
    with pytest.raises(ConfigError, match=what):
        read_trace(tmp_path / "trace1-energy.bin")


@pytest.mark.parametrize("text", ["{", '[{"a": 1}]', "5"])
def test_timestamps_that_are_no_list_of_seconds_are_refused(tmp_path, text):
    path = _mlperf(tmp_path / "trace1-energy.bin", 1000.0, [1.0, 2.0])
    (tmp_path / "trace1-timestamps.json").write_text(text)
    with pytest.raises(ConfigError, match="the timestamps cannot be read"):
        read_trace(path)


def test_a_trace_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the trace cannot be read"):
        read_trace(tmp_path / "none.csv")
