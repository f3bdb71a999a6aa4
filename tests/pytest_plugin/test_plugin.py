"""The plugin in pytest sessions of its own, as a user starts them."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points

import pytest

from hil import tools
from hil.bench.comparing.side import load_side
from hil.bench.summary import summarize
from hil.deadline import Deadline
from hil.results.run_folder import load_records
from hil.vocab import RunStatus

pytest_plugins = ["pytester"]

# pytest refuses one module under two names: that of the entry point, and its own.
_INSTALLED = {found.name for found in entry_points(group="pytest11")}
LOADED = () if "hil" in _INSTALLED else ("-p", "hil.pytest_plugin")
SMALL = (
    "dataset='example:digits_test.npz', samples=5, windows=1, min_runs=2, min_seconds=0"
)
MEASURES = f"hil_bench('example:digits.tflite', variants=['int8'], {SMALL})"


@pytest.fixture
def session(pytester, monkeypatch, tmp_path_factory):
    """Run pytest with the plugin in a process of its own."""
    # Locks of other sessions of this machine are none of these tests' business.
    monkeypatch.setenv("HIL_LOCKS", str(tmp_path_factory.mktemp("locks")))
    pytester.makeini("[pytest]\naddopts = --strict-markers --import-mode=importlib")

    def run(*words):
        return pytester.runpytest_subprocess(*LOADED, *words, timeout=120)

    return run


def properties(path):
    """Return the properties of each test in a JUnit XML file."""
    return {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ET.parse(path).iter("testcase")
    }


def test_the_plugin_imports_neither_numpy_nor_an_engine_nor_pydantic():
    code = "import json, sys, hil.pytest_plugin; print(json.dumps(list(sys.modules)))"
    output = tools.run([sys.executable, "-c", code], deadline=Deadline(60))
    loaded = set(json.loads(output.stdout))
    assert "hil.pytest_plugin" in loaded
    assert not loaded & {
        "numpy",
        "pydantic",
        "ai_edge_litert",
        "tflite_micro",
        "serial",
    }


def test_a_session_that_uses_no_fixture_of_it_loads_nothing_heavy(pytester, session):
    pytester.makepyfile(
        """
        import sys

        def test_nothing_heavy_is_loaded():
            assert not {"numpy", "pydantic", "ai_edge_litert"} & set(sys.modules)
        """
    )
    session("--hil-record", "runs", "--hil-profile", "emulated-mcu").assert_outcomes(
        passed=1
    )
    assert not (pytester.path / "runs").exists()


def test_markers_and_options_are_told(session):
    told = session("--markers", "--help").stdout.str()
    for name in ("hil_profile(NAME", "emulated_mcu(NAME", "emulated_phone(NAME"):
        assert f"@pytest.mark.{name}" in told
    told = session("--help").stdout.str()
    for option in ("--hil-profile", "--hil-record", "--hil-lock-seconds"):
        assert option in told


def test_without_a_device_a_test_is_skipped_and_says_what_to_give(pytester, session):
    pytester.makepyfile("def test_a(hil_bench): pass")
    result = session("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        "*no device: --hil-profile NAME, or the marker hil_profile"
    )


def test_each_device_that_is_named_gets_its_own_test_and_a_marker_wins(
    pytester, session
):
    pytester.makepyfile(
        """
        import pytest

        def test_named(hil_device):
            assert hil_device.name in {"emulated-mcu", "native"}

        @pytest.mark.hil_profile("qemu-mps2-an386")
        def test_marked(hil_device):
            assert hil_device.name == "qemu-mps2-an386"

        @pytest.mark.parametrize("hil_device", ["native"], indirect=True)
        def test_told(hil_device):
            assert hil_device.name == "native"

        def test_without():
            pass
        """
    )
    result = session("-v", "--hil-profile", "emulated-mcu", "--hil-profile", "native")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_named?emulated-mcu? PASSED*",
            "*::test_named?native? PASSED*",
            "*::test_marked?qemu-mps2-an386? PASSED*",
            "*::test_told?native? PASSED*",
        ]
    )


def test_a_device_that_nobody_knows_is_an_error_with_the_nearest_name(
    pytester, session
):
    pytester.makepyfile("def test_a(hil_device): pass")
    result = session("--hil-profile", "emulated-mcp")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "no device profile is called 'emulated-mcp'",
            "*did you mean 'emulated-mcu'?",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*During handling*")


def test_a_wait_below_zero_is_refused(session):
    result = session("--hil-lock-seconds", "-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--hil-lock-seconds: not below 0")


def test_figures_go_to_junit_and_to_one_run_folder_of_all_workers(pytester, session):
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.parametrize("time", [1, 2])
        def test_int8(hil_bench, time):
            (result,) = {MEASURES}
            assert result.memory["arena_bytes"] < 10_000
            assert result.latency.n == 2

        def test_refused(hil_bench):
            (result,) = hil_bench(
                "example:digits.tflite", variants=["float16"], windows=1, min_runs=1,
                min_seconds=0, accept=["unsupported_op"],
            )
            assert result.latency is None
        """
    )
    words = ("--hil-profile", "emulated-mcu", "--hil-record", "runs")
    result = session(*words, "-n", "2", "--junitxml", "junit.xml")
    result.assert_outcomes(passed=3)

    (folder,) = (pytester.path / "runs").iterdir()
    result.stdout.fnmatch_lines([f"records: {folder}", f"figures: hil report {folder}"])
    # Two tests asked for one row, maybe of two workers: it was measured once.
    rows = summarize(load_records(folder)[0])
    assert sorted((row.variant, row.status, row.windows) for row in rows) == [
        ("float16", RunStatus.UNSUPPORTED_OP, 0),
        ("int8", RunStatus.OK, 1),
    ]
    assert len(load_side(folder).rows) == 2

    told = properties(pytester.path / "junit.xml")
    assert told["test_int8[emulated-mcu-1]"] == told["test_int8[emulated-mcu-2]"]
    figures = told["test_int8[emulated-mcu-1]"]
    row = "digits int8 on emulated-mcu"
    assert figures[f"{row}: status"] == "ok"
    assert figures[f"{row}: time_basis"] == "host_clock"
    assert figures[f"{row}: latency_n"] == "2"
    assert float(figures[f"{row}: latency_median_us"]) > 0
    assert figures[f"{row}: memory_arena_bytes"] == "7732"
    assert figures[f"{row}: metric_n"] == "5"
    assert figures[f"{row}: equals_host"] == "5/5 = tflm"
    refused = told["test_refused[emulated-mcu]"]
    assert refused["digits float16 on emulated-mcu: status"] == "unsupported_op"


def test_what_goes_wrong_with_a_measurement_fails_its_test_with_the_reason(
    pytester, session
):
    pytester.makepyfile(
        f"""
        def test_first(hil_bench):
            {MEASURES}

        def test_otherwise(hil_bench):
            hil_bench("example:digits.tflite", variants=["int8", "as-is"], windows=2,
                      dataset="example:digits_test.npz")

        def test_misspelt(hil_bench):
            hil_bench("example:digits.tflite", windws=2)

        def test_refused(hil_bench):
            hil_bench("example:digits.tflite", variants=["float16"], windows=1)

        def test_no_file(hil_bench):
            hil_bench("nothing.tflite")
        """
    )
    result = session("--hil-profile", "emulated-mcu")
    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines(
        [
            "this run has the row already, measured otherwise",
            "  where:   digits int8, as-is on emulated-mcu",
            "  found:   measured first by *::test_first?emulated-mcu?",
            "unknown key 'measure.windws'",
            "  remedy:  did you mean 'windows'?",
            "digits float16 on emulated-mcu: unsupported_op",
            "  found:   tflm cannot run DEQUANTIZE*",
            "where that is what this test expects: accept=?'unsupported_op'?",
            "*nothing.tflite*",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")


def test_windows_of_a_measurement_that_was_cut_off_join_no_other(pytester, session):
    """The first test ends behind its first window, as one that runs out of time."""
    pytester.makepyfile(
        """
        import pytest
        from hil.pytest_plugin.record_folder import SharedRunFolder

        ARGUMENTS = dict(variants=["int8"], windows=3, min_runs=2, min_seconds=0)

        def test_stopped(hil_bench, monkeypatch):
            append = SharedRunFolder.append

            def stop(folder, record):
                append(folder, record)
                pytest.fail("time is up")

            monkeypatch.setattr(SharedRunFolder, "append", stop)
            hil_bench(
                "example:digits.tflite", calibration="example:digits_calibration.npz",
                **ARGUMENTS,
            )

        def test_same(hil_bench):
            hil_bench(
                "example:digits.tflite", calibration="example:digits_calibration.npz",
                **ARGUMENTS,
            )
        """
    )
    result = session("--hil-profile", "emulated-mcu", "--hil-record", "runs")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "this run has a part of the row, and its measurement was cut off",
            "  where:   digits int8 on emulated-mcu",
            "  found:   1 window of a test that did not end",
        ]
    )


def test_a_record_that_cannot_be_kept_fails_the_test(pytester, session):
    pytester.makepyfile(f"def test_a(hil_bench): {MEASURES}")
    pytester.path.joinpath("file").write_text("no folder")
    result = session("--hil-profile", "emulated-mcu", "--hil-record", "file")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["the run cannot be recorded", "*remedy:  another folder with --hil-record"]
    )


def test_two_workers_never_use_one_device_at_once(pytester, session):
    """Both workers run this test at the same time (--dist each) on one device."""
    pytester.makepyfile(
        """
        import os
        import threading

        def test_alone(hil_device):
            busy = os.open("busy", os.O_CREAT | os.O_EXCL)
            threading.Event().wait(0.5)  # long enough for the other to come in
            os.close(busy)
            os.unlink("busy")
        """
    )
    words = ("--dist", "each", "--tx", "2*popen", "--hil-profile", "emulated-mcu")
    session(*words).assert_outcomes(passed=2)


def test_a_device_that_stays_in_use_is_told_with_its_holder(pytester, session):
    pytester.makepyfile(
        """
        import os
        import threading
        from pathlib import Path

        def test_alone(hil_device):
            # The first that comes stays until the other has given up.
            for _ in range(600):
                if Path("given-up").exists():
                    break
                threading.Event().wait(0.05)
        """
    )
    pytester.makeconftest(
        """
        from pathlib import Path

        def pytest_runtest_logreport(report):
            if report.failed:
                Path("given-up").touch()
        """
    )
    words = ("--dist", "each", "--tx", "2*popen", "--hil-profile", "emulated-mcu")
    result = session(*words, "--hil-lock-seconds", "0.2")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the device is in use",
            "*found:   process *::test_alone?emulated-mcu? (gw?), since *",
            "*remedy:  wait until that has ended, or a longer --hil-lock-seconds",
        ]
    )


def test_an_emulated_mcu_answers_a_client_of_pyserial(pytester, session):
    pytester.makepyfile(
        """
        import pytest
        import serial
        from hil.deadline import Deadline
        from hil.links.serial_port import SerialLink
        from hil.session import Session

        def test_default(emulated_mcu):
            with serial.Serial(emulated_mcu.port, timeout=0) as port:
                assert port.read(1) == b""
            assert emulated_mcu.profile.name == "emulated-mcu"

        @pytest.mark.emulated_mcu(settings=["ram_bytes=131072"])
        def test_smaller(emulated_mcu):
            assert emulated_mcu.profile.ram_bytes == 131072

        @pytest.mark.emulated_mcu("native")
        def test_other_kind(emulated_mcu):
            pass

        @pytest.mark.emulated_mcu(faults="reboot")
        def test_other_argument(emulated_mcu):
            pass
        """
    )
    result = session()
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "native cannot be emulated so",
            "*allowed: a profile of kind emulated-mcu",
            "the marker emulated_mcu has other arguments",
            "  found:   faults",
            "*allowed: a name, settings=?...?",
        ]
    )


def test_an_emulated_phone_is_what_marker_or_parameter_say(pytester, session):
    pytester.makepyfile(
        """
        import pytest
        from adb_shell.adb_device import AdbDeviceTcp

        def shell(phone, command):
            device = AdbDeviceTcp(phone.host, phone.port)
            device.connect()
            try:
                return device.shell(command).strip()
            finally:
                device.close()

        NAME = "getprop ro.hil.personality"
        CORES = "cat /sys/devices/system/cpu/possible"

        def test_default(emulated_phone):
            assert shell(emulated_phone, "echo hello") == "hello"
            assert emulated_phone.address == f"127.0.0.1:{emulated_phone.port}"

        @pytest.mark.emulated_phone("three-clusters")
        def test_marker(emulated_phone):
            assert shell(emulated_phone, NAME) == "three-clusters"
            assert shell(emulated_phone, CORES) == "0-7"

        @pytest.mark.parametrize("emulated_phone", ["32-bit"], indirect=True)
        def test_parameter(emulated_phone):
            assert shell(emulated_phone, NAME) == "32-bit"

        @pytest.mark.emulated_phone(faults="full command=echo")
        def test_faults(emulated_phone):
            told = shell(emulated_phone, "getprop ro.hil.faults")
            assert told == "full command=echo"

        @pytest.mark.emulated_phone(faults="nonsense")
        def test_no_start(emulated_phone):
            pass
        """
    )
    result = session()
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(
        ["the emulator did not start", "*where:   emulated-phone, log in *"]
    )
