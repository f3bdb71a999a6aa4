from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.android.benchmark_command import (
    Delegate,
    RunSettings,
    input_flags,
    single_run,
    timed_run,
    value_file_prefix,
)
from hil.deadline import Deadline
from hil.errors import ModelError
from hil.tools import run


def _flags(argv: list[str]) -> dict[str, str]:
    return dict(flag.removeprefix("--").split("=", 1) for flag in argv[1:])


def test_a_window_says_how_often_and_how_long() -> None:
    argv = timed_run(
        "/b", "/m.tflite", warmup=3, min_runs=50, min_seconds=0.5, max_seconds=12.25
    )
    assert argv[0] == "/b"
    assert _flags(argv) == {
        "graph": "/m.tflite",
        "num_runs": "50",
        "min_secs": "0.5",
        "max_secs": "12.25",
        "warmup_runs": "3",
        "warmup_min_secs": "0",
        "num_threads": "1",
        "report_peak_memory_footprint": "true",
    }


def test_a_window_times_one_run_at_least_and_stays_below_the_limit_of_the_tool() -> (
    None
):
    flags = _flags(
        timed_run("/b", "/m", warmup=0, min_runs=0, min_seconds=0, max_seconds=1e4)
    )
    assert (flags["num_runs"], flags["max_secs"]) == ("1", "150")


@pytest.mark.parametrize(
    ("delegate", "flag", "asked"),
    [
        (Delegate.NONE, "--use_xnnpack=false", None),
        (Delegate.XNNPACK, "--use_xnnpack=true", "XNNPACK"),
        (Delegate.GPU, "--use_gpu=true", "GPU"),
        (Delegate.NNAPI, "--use_nnapi=true", "NNAPI"),
        (Delegate.NPU, "--use_npu=true", "NPU"),
    ],
)
def test_a_delegate_has_its_flag_and_its_name_in_the_output(
    delegate: Delegate, flag: str, asked: str | None
) -> None:
    assert flag in RunSettings(delegate=delegate).flags()
    assert delegate.asked == asked


def test_a_variant_has_threads_cores_a_profile_and_a_result_file() -> None:
    settings = RunSettings(
        threads=4,
        mask="f0",
        has_op_profile=True,
        profile_file="/p.csv",
        result_file="/r.pb",
    )
    argv = timed_run(
        "/b",
        "/m",
        warmup=1,
        min_runs=50,
        min_seconds=1,
        max_seconds=9,
        settings=settings,
    )
    assert argv[:3] == ["taskset", "f0", "/b"]
    flags = _flags(argv[2:])
    assert (flags["num_threads"], flags["result_file_path"]) == ("4", "/r.pb")
    assert flags["enable_op_profiling"] == "true"
    assert flags["op_profiling_output_mode"] == "csv"
    assert flags["op_profiling_output_file"] == "/p.csv"


def test_a_profile_without_a_file_is_printed() -> None:
    flags = RunSettings(has_op_profile=True).flags()
    assert flags == ["--num_threads=1", "--enable_op_profiling=true"]


def test_a_single_run_has_no_warm_up() -> None:
    flags = _flags(single_run("/b", "/m"))
    assert (flags["num_runs"], flags["warmup_runs"]) == ("1", "0")
    assert (flags["min_secs"], flags["warmup_min_secs"]) == ("0", "0")


def test_the_colon_of_a_name_is_doubled_where_it_parts_name_and_path() -> None:
    name = "serving_default_image:0"
    assert input_flags(name, (1, 8, 8, 1), where="m.tflite") == [
        "--input_layer=serving_default_image:0",
        "--input_layer_shape=1,8,8,1",
    ]
    flag = "--input_layer_value_files=serving_default_image::0:"
    assert value_file_prefix(name) == flag


@pytest.mark.parametrize("name", ["a,b", "", "a\0b"])
def test_a_name_that_the_grammar_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be told the name") as caught:
        input_flags(name, (1,), where="m.tflite")
    assert caught.value.where == "m.tflite"


NAMES = st.text(
    st.characters(exclude_characters=",\0", exclude_categories=["Cs"]), min_size=1
)


@settings(max_examples=20, deadline=None)
@given(NAMES)
def test_a_shell_hands_on_any_name_as_it_is(name: str) -> None:
    argv = ["printf", "%s\\0", *input_flags(name, (1,), where="m")]
    argv.append(value_file_prefix(name) + "/x")
    shell = run(["sh", "-c", shlex.join(argv)], deadline=Deadline(10))
    assert shell.stdout.decode().split("\0")[:-1] == argv[2:]
