"""Results as a table and as JSON."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from hil.report import document, figures, terminal
from hil.vocab import (
    Accuracy,
    Agreement,
    Latency,
    Result,
    RunStatus,
    TargetKind,
    TimeBasis,
)


def result(**changes):
    values = {
        "run": "r",
        "model": "digits",
        "variant": "int8",
        "device": "emulated-mcu",
        "kind": TargetKind.EMULATED_MCU,
        "engine": "tflm",
        "status": RunStatus.OK,
        "problem": None,
        "size_bytes": 27488,
        "time_basis": TimeBasis.HOST_CLOCK,
        "windows": 6,
        "latency": Latency(
            basis=TimeBasis.HOST_CLOCK,
            n=120,
            median=238.1,
            p90=305.2,
            min=230,
            max=400,
            low=237.6,
            high=238.4,
        ),
        "memory": {"arena_bytes": 8944},
        "accuracy": Accuracy(
            metric="top1", n=500, correct=493, value=0.986, low=0.9714, high=0.9932
        ),
        "agreement": Agreement(
            reference="tflm", n=500, identical=500, label_flips=0, max_lsb=0
        ),
    }
    return Result(**(values | changes))


def shown(*results, width=220):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(terminal.render(results, width=width))
    return console.file.getvalue()


def test_every_figure_stands_with_its_basis_size_and_interval():
    text = shown(result())
    for part in (
        "27,488 B",
        "238 us, p90 305 us  237.6 .. 238.4 us, n=120, host clock",
        "8,944 B  arena",
        "98.6 %, n=500  97.1 .. 99.3 %",
        "500/500  = tflm",
    ):
        assert part in text


def test_a_row_takes_two_lines_and_120_columns_where_the_terminal_is_narrow():
    phone = result(
        variant="weight-only-int8",
        device="emulated-phone",
        memory={"peak_rss_bytes": 41_000_000},
        latency=Latency(
            basis=TimeBasis.HOST_CLOCK,
            n=12000,
            median=1234,
            p95=1300,
            low=1200,
            high=1300,
        ),
        agreement=Agreement(
            reference="litert", n=500, identical=480, label_flips=7, max_lsb=22
        ),
    )
    lines = shown(phone, width=120).splitlines()
    assert [line.split()[0] for line in lines[:4]] == [
        "digits",
        "variant",
        "weight-only-int8",
        "27,488",
    ]
    assert "1.20 .. 1.30 ms, n=12000, host clock" in lines[3]
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("width", [80, 118, 123, 180, 215, 216])
def test_no_terminal_is_so_narrow_that_a_figure_is_cut(width):
    insn = Latency(
        basis=TimeBasis.EMULATED_INSTRUCTIONS,
        n=40,
        median=1627411,
        p90=1627411,
        low=1627411,
        high=1627412,
    )
    row = result(
        variant="weight-only-int8",
        device="qemu-riscv32-virt",
        time_basis=insn.basis,
        latency=insn,
        agreement=Agreement(
            reference="litert-ref", n=500, identical=480, label_flips=7, max_lsb=22
        ),
    )
    text = shown(row, width=width)
    assert "…" not in text
    for figure in ("1,627,412", "n=40,", "8,944", "99.3", "480/500", "22 LSB", "ok"):
        assert figure in text


def test_time_of_this_machine_is_told_to_be_no_devices_latency():
    assert (
        "host clock: the time that this machine took, by an emulator or a process. It "
        "compares variants with each other; it is no device's latency."
    ) in shown(result())
    other = Latency(basis=TimeBasis.CPU_CYCLES, n=9, median=1)
    assert "no device's latency" not in shown(
        result(latency=other, time_basis=TimeBasis.CPU_CYCLES)
    )


def test_what_was_not_measured_is_a_dash():
    text = shown(
        result(latency=None, memory={}, accuracy=None, agreement=None, size_bytes=1)
    )
    assert text.splitlines()[2].split()[-4:] == ["-"] * 4


def test_a_failed_row_is_explained_below_the_table():
    text = shown(
        result(status=RunStatus.UNSUPPORTED_OP, latency=None, problem="no kernel for X")
    )
    assert "unsupported op" in text
    assert "int8 on emulated-mcu: unsupported op" in text
    assert "  no kernel for X" in text


def test_retries_are_told():
    text = shown(result(retries=("window 0: nothing came in time",)))
    assert "tried again: window 0: nothing came in time" in text


def test_names_and_problems_cannot_command_the_terminal():
    text = shown(
        result(
            model="[red]\x1b[2Jm",
            status=RunStatus.CRASHED,
            problem="\x1b]0;title\x07[bold]\x9b",
        )
    )
    assert "\x1b" not in text
    assert "[red]\\x1b[2Jm" in text
    assert "[bold]\\x9b" in text


def test_instructions_are_never_printed_as_a_time():
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    latency = Latency(basis=basis, n=5, median=7_702_405, p90=7_702_500)
    text = shown(result(latency=latency, time_basis=basis))
    assert "7,702,405 insn" in text
    assert " us" not in text
    assert " ms" not in text
    (row,) = document.render([result(latency=latency, time_basis=basis)], run="r")[
        "results"
    ]
    assert row["latency"] == {
        "n": 5,
        "median_insn": 7_702_405,
        "p90_insn": 7_702_500,
    }


def test_a_95th_percentile_is_called_one():
    latency = Latency(basis=TimeBasis.HOST_CLOCK, n=5, median=1, p95=1234)
    assert "p95 1.23 ms" in shown(result(latency=latency))


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0.5, "0.50 us"),
        (68.14, "68.1 us"),
        (238.6, "239 us"),
        (1234, "1.23 ms"),
        (45600, "45.6 ms"),
        (2_500_000, "2.50 s"),
    ],
)
def test_times_have_three_digits_that_count(microseconds, text):
    assert figures.duration(microseconds) == text


def test_differences_from_the_host_engine_are_counted():
    agreed = Agreement(
        reference="litert", n=1000, identical=636, label_flips=7, max_lsb=22
    )
    assert figures.agreement(agreed) == ("636/1000 = litert", "max 22 LSB, 7 flips")
    floats = Agreement(reference="litert", n=10, identical=9, max_relative=1.5e-7)
    assert figures.agreement(floats) == ("9/10 = litert", "max 1.5e-07")


def test_the_json_has_the_names_that_others_rely_on():
    rendered = document.render([result()], run="20260101-000000-digits")
    assert json.loads(json.dumps(rendered)) == {
        "schema": 1,
        "run": "20260101-000000-digits",
        "results": [
            {
                "model": "digits",
                "variant": "int8",
                "device": "emulated-mcu",
                "engine": "tflm",
                "status": "ok",
                "size_bytes": 27488,
                "time_basis": "host_clock",
                "windows": 6,
                "latency": {
                    "n": 120,
                    "median_us": 238.1,
                    "p90_us": 305.2,
                    "min_us": 230,
                    "max_us": 400,
                    "low_us": 237.6,
                    "high_us": 238.4,
                },
                "memory": {"arena_bytes": 8944},
                "accuracy": {
                    "metric": "top1",
                    "correct": 493,
                    "n": 500,
                    "value": 0.986,
                    "low": 0.9714,
                    "high": 0.9932,
                },
                "agreement": {
                    "reference": "tflm",
                    "identical": 500,
                    "n": 500,
                    "max_lsb": 0,
                    "label_flips": 0,
                },
            }
        ],
    }


def test_absent_figures_are_absent_from_the_json():
    bare = result(
        latency=None, memory={}, accuracy=None, agreement=None, problem="no kernel"
    )
    (row,) = document.render([bare], run="r")["results"]
    assert not {"latency", "memory", "accuracy", "agreement"} & set(row)
    assert row["problem"] == "no kernel"


def test_cycles_doubts_and_missing_percentiles_are_told():
    latency = Latency(
        basis=TimeBasis.CPU_CYCLES,
        n=20,
        median=10_000,
        cycles=1_800_000,
        clock_hz=180_000_000,
        doubts=("drift: +3.0% from the first to the last of 6 windows",),
    )
    text = shown(result(latency=latency))
    assert "10 ms  n=20, 1,800,000 at 180 MHz, cpu cycles" in text
    assert "int8 on emulated-mcu: drift: +3.0% from the first to the last" in text
    told = document.render([result(latency=latency)], run="r")["results"][0]["latency"]
    assert told == {
        "n": 20,
        "median_us": 10_000,
        "median_cycles": 1_800_000,
        "clock_hz": 180_000_000,
        "doubts": ["drift: +3.0% from the first to the last of 6 windows"],
    }
