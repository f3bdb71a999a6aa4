from __future__ import annotations

import pytest

from hil.android.benchmark_command import Delegate, RunSettings, timed_run
from hil.android.benchmark_flags import (
    flags_of,
    flags_of_usage,
    refuse_unknown_flags,
)
from hil.android.benchmark_output import Generation
from hil.errors import ConfigError

USAGE = (
    "ERROR: usage: /data/local/tmp/benchmark_model <flags>\nFlags:\n"
    "\t--num_runs=50       \tint32\toptional\texpected number of runs\n"
    "\t--input_layer=      \tstring\toptional\tinput layer names\n"
    "\t--gpu-precision=auto\tstring\toptional\tGPU precision\n"
    "\t--graph=            \tstring\trequired\tgraph file name\n"
)


def _argv(settings: RunSettings) -> list[str]:
    return timed_run(
        "/b",
        "/m",
        warmup=1,
        min_runs=2,
        min_seconds=1,
        max_seconds=2,
        settings=settings,
    )


@pytest.mark.parametrize(
    "delegate", [Delegate.NONE, Delegate.XNNPACK, Delegate.GPU, Delegate.NNAPI]
)
def test_the_newest_interpreter_tool_has_every_flag_that_a_run_needs(
    delegate: Delegate,
) -> None:
    settings = RunSettings(
        delegate=delegate, has_op_profile=True, profile_file="/p", result_file="/r"
    )
    refuse_unknown_flags(_argv(settings), flags_of(Generation.Y2025), where="/b")


def test_the_compiled_model_tool_has_gpu_and_npu_but_no_op_profile() -> None:
    known = flags_of(Generation.COMPILED)
    for delegate in (Delegate.GPU, Delegate.NPU):
        refuse_unknown_flags(_argv(RunSettings(delegate=delegate)), known, where="/b")
    with pytest.raises(ConfigError, match="does not have a flag") as caught:
        refuse_unknown_flags(
            _argv(RunSettings(has_op_profile=True)), known, where="/b\x1b"
        )
    assert caught.value.found == "--enable_op_profiling"
    assert caught.value.where == "/b\\x1b"


def test_a_tool_of_2018_has_no_gpu_and_no_limit_of_seconds() -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_unknown_flags(
            _argv(RunSettings(delegate=Delegate.GPU)),
            flags_of(Generation.Y2018),
            where="/b",
        )
    assert caught.value.found == (
        "--max_secs, --use_gpu, --report_peak_memory_footprint"
    )


def test_the_flags_of_a_binary_are_read_from_its_usage_text() -> None:
    assert flags_of_usage(USAGE) == {
        "num_runs",
        "input_layer",
        "gpu-precision",
        "graph",
    }


def test_any_other_text_is_no_usage_text() -> None:
    with pytest.raises(ConfigError, match="not the usage text") as caught:
        flags_of_usage("sh: /data/local/tmp/benchmark_model: not found\n")
    assert caught.value.found == "0 flags"
