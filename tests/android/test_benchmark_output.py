from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.android.benchmark_output import (
    BenchmarkOutput,
    Delegation,
    parse,
    unconsumed_flags,
)
from hil.errors import FirmwareFault

# Public logs: TF 2.4 on Android (2021), TF 2.1x on a host (2023), GPU (2025).
OUTPUT_2021 = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [1]
Graph: [/data/local/tmp/albert_base.tflite]
#threads used for CPU inference: [1]
Loaded model /data/local/tmp/albert_base.tflite
INFO: Initialized TensorFlow Lite runtime.
The input model file size (MB): 11.983
Initialized session in 20.283ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 std=36489

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if \
exceeding 150 seconds.
count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419

Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, \
Inference (avg): 266473
Note: as the benchmark tool itself affects memory footprint, the following is only \
APPROXIMATE to the actual memory footprint of the model at runtime. Take the \
information at your discretion.
"""
OUTPUT_2023 = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Graph: [../efficientdet-lite0/1.tflite]
INFO: Signature to run: []
INFO: Loaded model ../efficientdet-lite0/1.tflite
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: The input model file size (MB): 4.56118
INFO: Initialized session in 52.687ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but \
terminate if exceeding 150 seconds.
INFO: count=35 first=19105 curr=13909 min=13585 max=19105 avg=14452.5 std=1240

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but \
terminate if exceeding 150 seconds.
INFO: count=70 first=14941 curr=14066 min=13728 max=16145 avg=14290.9 std=452

INFO: Inference timings in us: Init: 52687, First inference: 19105, Warmup (avg): \
14452.5, Inference (avg): 14290.9
INFO: Note: as the benchmark tool itself affects ...
INFO: Memory footprint delta from the start of the tool (MB): init=21.9492 \
overall=34.5234
"""
_GPU_2025 = """\
INFO: Created TensorFlow Lite delegate for GPU.
INFO: Loaded OpenCL library with dlopen.
INFO: Explicitly applied GPU delegate, and the model graph will be completely executed \
by the delegate.
INFO: The input model file size (MB): 4.2761
INFO: Initialized session in {session}ms.
INFO: count=5 first=106436 curr=105929 min=105929 max=106436 avg=106065 std=193 \
p5=105929 median=105948 p95=106436
INFO: count=50 first=106022 curr=105780 min=105416 max=106528 avg=105784 std=260 \
p5=105485 median=105718 p95=106281
INFO: Inference timings in us: Init: {init}, First inference: 106436, Warmup (avg): \
106065, Inference (avg): 105784
INFO: Memory footprint delta from the start of the tool (MB): init=14.4414 \
overall=14.8164
INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.2383
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 25 MB
INFO: + RssAnnon           : 18 MB
INFO: + RssFile + RssShmem : 7 MB
"""
OUTPUT_2025 = _GPU_2025.format(session="1361.24", init="1361238")
OUTPUT_2018 = """\
STARTING!
Num runs: [50]
Inter-run delay (seconds): [-1]
Graph: [/data/local/tmp/mobilenet.tflite]
Loaded model /data/local/tmp/mobilenet.tflite
resolved reporter
Initialized session in 38.467ms
Running benchmark for at least 1 iterations and at least 0.5 seconds
count=6 first=83935 curr=83021 min=83021 max=83935 avg=83235 std=335

Running benchmark for at least 50 iterations and at least 1 seconds
count=50 first=79913 curr=79703 min=79402 max=80213 avg=79760.9 std=166

Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9
Peak memory footprint (MB): init=1.91797 overall=6.58984
"""
TIMED = "count=3 first=1254313 curr=1248801 min=1248801 max=1254313"


def _output(
    *,
    warmup: str = "count=0",
    timed: str = "count=1 curr=3",
    warmup_avg: str = "0",
    first: str = "0",
    avg: str = "3",
    rest: str = "",
) -> str:
    return (
        f"INFO: {warmup}\n\nINFO: {timed}\n\nINFO: Inference timings in us: Init: 900, "
        f"First inference: {first}, Warmup (avg): {warmup_avg}, "
        f"Inference (avg): {avg}\n{rest}"
    )


def test_the_2021_generation_is_read() -> None:
    output = parse(OUTPUT_2021, "")
    assert output.warmup is not None
    assert (output.warmup.n, output.warmup.avg_us) == (2, 302814)
    timed = output.inference
    assert (timed.n, timed.first_us, timed.last_us) == (50, 266601, 266931)
    assert (timed.min_us, timed.max_us, timed.avg_us) == (265837, 268116, 266473)
    assert (timed.std_us, timed.median_us) == (419, None)
    assert (output.init_us, output.first_inference_us) == (20283, 339304)
    assert output.memory.overall_mb is None
    assert output.unknown_lines == ()


def test_the_2023_generation_with_its_prefix_is_read() -> None:
    output = parse(OUTPUT_2023, "")
    assert (output.inference.n, output.inference.avg_us) == (70, 14290.9)
    assert (output.init_us, output.first_inference_us) == (52687, 19105)
    assert (output.memory.init_mb, output.memory.overall_mb) == (21.9492, 34.5234)
    assert output.memory.peak_mb is None
    assert output.unknown_lines == ()


def test_the_2025_generation_has_percentiles_and_memory() -> None:
    output = parse(OUTPUT_2025, "")
    timed = output.inference
    assert (timed.p5_us, timed.median_us, timed.p95_us) == (105485, 105718, 106281)
    assert (output.memory.peak_mb, output.memory.rss_mb) == (93.2383, 25)
    assert [(v.extent, v.name) for v in output.delegates] == [(Delegation.FULL, "GPU")]
    assert output.unknown_lines == ()


def test_the_2018_generation_is_read_and_strange_lines_are_kept() -> None:
    output = parse(OUTPUT_2018, "")
    assert (output.inference.n, output.inference.avg_us) == (50, 79760.9)
    assert (output.init_us, output.first_inference_us) == (38467, None)
    assert (output.memory.init_mb, output.memory.overall_mb) == (1.91797, 6.58984)
    assert output.unknown_lines == ("resolved reporter",)


def test_a_log_joined_from_two_runs_is_refused() -> None:
    joined = _GPU_2025.format(session="1361.24", init="87639")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(joined, "")
    assert caught.value.allowed == "Init of the session, 1.36124e+06 us"


@pytest.mark.parametrize("prefix", ["05-12 10:01:02.345  712  712 I ", "... ", "I/"])
def test_a_log_taken_from_logcat_is_read(prefix: str) -> None:
    logged = "".join(
        f"{prefix}tflite  : {line}\n" for line in OUTPUT_2023.splitlines() if line
    )
    assert parse(logged, "") == parse(OUTPUT_2023, "")


def test_the_summary_line_of_a_logcat_alone_is_not_enough() -> None:
    line = (
        "... tflite  : Inference timings in us: Init: 1007529, First inference: 4098, "
        "Warmup (avg): 1686.59, Inference (avg): 1687.92\n"
    )
    with pytest.raises(FirmwareFault, match="lacks the warm-up block"):
        parse(line, "")


def test_a_mean_of_a_second_or_more_is_in_scientific_notation() -> None:
    output = parse(
        _output(timed=f"{TIMED} avg=1.25081e+06 std=2460", avg="1.25081e+06")
    )
    assert output.inference.avg_us == 1250810


def test_runs_that_all_took_the_same_time_have_no_spread() -> None:
    timed = parse(_output(timed="count=50 curr=3(all same)")).inference
    assert (timed.n, timed.first_us, timed.min_us, timed.max_us) == (50, 3, 3, 3)
    assert (timed.avg_us, timed.std_us) == (3, 0)


@pytest.mark.parametrize("nothing", ["count=0", "count=0 p5=0 median=0 p95=0"])
@pytest.mark.parametrize("mean", ["0", "nan", "-nan"])
def test_a_warm_up_of_no_runs_is_absent(nothing: str, mean: str) -> None:
    output = parse(_output(warmup=nothing, warmup_avg=mean))
    assert output.warmup is None
    assert output.first_inference_us == 0


def test_the_statistics_of_an_op_profile_are_not_taken() -> None:
    rest = "Timings (microseconds): count=1 curr=11409\nMemory (bytes): count=0\n"
    output = parse(_output(rest=rest))
    assert (output.inference.n, output.inference.avg_us) == (1, 3)
    assert output.unknown_lines == ()


def test_a_run_that_timed_nothing_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="timed no run"):
        parse(_output(timed="count=0", avg="0"))


@pytest.mark.parametrize(
    ("line", "extent", "name"),
    [
        (
            (
                "INFO: Explicitly applied NNAPI delegate, and the model graph will be "
                "partially executed by the delegate w/ 3 delegate kernels."
            ),
            Delegation.PARTIAL,
            "NNAPI",
        ),
        (
            (
                "WARN: Though EXTERNAL delegate is explicitly applied, the model graph "
                "will not be executed by the delegate."
            ),
            Delegation.NONE,
            "EXTERNAL",
        ),
        (
            (
                "VERBOSE: Replacing 58 out of 58 node(s) with delegate "
                "(TfLiteXNNPackDelegate) node, yielding 1 partitions for subgraph 0."
            ),
            Delegation.FULL,
            "TfLiteXNNPackDelegate",
        ),
        (
            (
                "VERBOSE: Replacing 57 out of 58 node(s) with delegate "
                "(TfLiteXNNPackDelegate) node, yielding 2 partitions"
            ),
            Delegation.PARTIAL,
            "TfLiteXNNPackDelegate",
        ),
        ("ERROR: Disallowed CPU fallback detected.", Delegation.NONE, ""),
    ],
)
def test_a_line_of_a_delegate_decides_what_ran(
    line: str, extent: Delegation, name: str
) -> None:
    (verdict,) = parse(_output(), f"{line}\n").delegates
    assert (verdict.extent, verdict.name) == (extent, name)
    assert verdict.text in line


def test_flags_that_the_build_does_not_know_are_named() -> None:
    line = "WARN: Unconsumed cmdline flags: --use-gpu=true --foo\n"
    assert parse(_output(rest=line)).unconsumed_flags == ("--use-gpu=true", "--foo")
    assert unconsumed_flags("", line) == ("--use-gpu=true", "--foo")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("std=452", "std=45", "std=45 cannot be that of 70 runs"),
        ("std=452", "std=4520", "std=4520 cannot be that of 70 runs"),
        ("first=14941", "first=1494", "first=1494 is not between min=13728"),
        ("curr=14066", "curr=99999", "curr=99999 is not between min=13728"),
        ("max=16145 avg=14290.9", "max=16145 avg=1429", "avg=1429 cannot be the mean"),
        ("Inference (avg): 14290.9", "Inference (avg): 1429", "Inference (avg): 1429"),
        ("Warmup (avg): 14452.5", "Warmup (avg): 14452", "Warmup (avg): 14452"),
        ("First inference: 19105", "First inference: 1", "First inference: 1,"),
        ("count=70", "count=7", "7 runs"),
        ("overall=34.5234", "overall=3", "init=21.9492 overall=3"),
    ],
)
def test_figures_that_contradict_each_other_are_refused(
    old: str, new: str, found: str
) -> None:
    assert old in OUTPUT_2023
    with pytest.raises(FirmwareFault, match="figures contradict") as caught:
        parse(OUTPUT_2023.replace(old, new), "")
    assert caught.value.found is not None
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("old", "new"),
    [("median=105718", "median=105400"), ("p95=106281", "p95=206281")],
)
def test_percentiles_that_do_not_rise_are_refused(old: str, new: str) -> None:
    with pytest.raises(FirmwareFault, match="do not rise"):
        parse(OUTPUT_2025.replace(old, new), "")


@pytest.mark.parametrize(
    "timed",
    [
        "count=50 first=266601 curr=266931 min=2658",
        "count=1 curr=3(all same)",
        "count=2 curr=3",
        "count=0 curr=3",
        "count=1 first=3 curr=3 min=3 max=3 avg=3 std=0",
        "count=-1 curr=3",
        "count=50 curr=3 (all same)",
    ],
)
def test_a_statistics_line_that_breaks_the_grammar_is_refused(timed: str) -> None:
    with pytest.raises(FirmwareFault, match="a statistics line"):
        parse(_output(timed=timed))


def test_a_run_that_its_time_limit_ended_may_be_shorter_than_asked_for() -> None:
    phases = (
        "Running benchmark for at least 1 iterations and at least 0 seconds but "
        "terminate if exceeding 3 seconds.\ncount=1 curr=1250000\n\n"
        "Running benchmark for at least 50 iterations and at least 1 seconds but "
        f"terminate if exceeding 3 seconds.\n{TIMED} avg=1.25081e+06 std=2460\n\n"
        "Inference timings in us: Init: 9, First inference: 1250000, "
        "Warmup (avg): 1.25e+06, Inference (avg): 1.25081e+06\n"
    )
    assert parse(phases, "").inference.n == 3


def test_two_different_summaries_are_refused() -> None:
    again = (
        "Inference timings in us: Init: 900, First inference: 0, Warmup (avg): 0, "
        "Inference (avg): 4\n"
    )
    with pytest.raises(FirmwareFault, match="figures contradict"):
        parse(_output(rest=again))


def test_the_output_of_several_runs_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(_output() + _output())
    assert caught.value.found == "4 lines of statistics"


def test_an_output_without_a_timed_block_names_what_is_missing() -> None:
    cut = OUTPUT_2023[: OUTPUT_2023.index("INFO: Running benchmark for at least 50")]
    with pytest.raises(FirmwareFault, match="lacks the timed block") as caught:
        parse(cut, "")
    assert caught.value.found is not None
    assert "count=35" in caught.value.found


def test_no_output_at_all_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="nothing was printed"):
        parse("", "")


def test_the_compiled_model_tool_is_told_from_the_interpreter_tool() -> None:
    with pytest.raises(FirmwareFault, match="use the v1") as caught:
        parse("\n========== BENCHMARK RESULTS ==========\n", "")
    assert caught.value.found is not None


def test_control_characters_of_the_device_are_shown_in_an_error() -> None:
    with pytest.raises(FirmwareFault) as caught:
        parse(_output(timed="count=1\x1b[2J"))
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[2J" in str(caught.value)


def _same_or_absent(value: object, truth: object) -> bool:
    return value is None or value == truth


def _tells_the_truth(output: BenchmarkOutput, truth: BenchmarkOutput) -> bool:
    """Figures of time are all there; lost lines of memory may be absent, not wrong."""
    times = ("warmup", "inference", "init_us", "first_inference_us")
    memory = ("init_mb", "overall_mb", "peak_mb", "rss_mb")
    return all(getattr(output, k) == getattr(truth, k) for k in times) and all(
        _same_or_absent(getattr(output.memory, k), getattr(truth.memory, k))
        for k in memory
    )


def _damage(text: str, data: st.DataObject) -> str:
    lines = text.splitlines(keepends=True)
    index = st.integers(0, len(lines) - 1)
    how = data.draw(
        st.sampled_from(["cut", "drop", "join", "swap", "double", "behead"])
    )
    i, j = data.draw(index), data.draw(index)
    if how == "cut":
        return text[: data.draw(st.integers(0, len(text)))]
    if how == "drop":
        del lines[i]
    elif how == "join":
        lines[i] = lines[i].rstrip("\n")
    elif how == "swap":
        lines[i], lines[j] = lines[j], lines[i]
    elif how == "double":
        lines.insert(j, lines[i])
    else:
        lines[i] = lines[i][data.draw(st.integers(0, len(lines[i]))) :]
    return "".join(lines)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_output_gives_the_truth_or_an_error(data: st.DataObject) -> None:
    text = data.draw(
        st.sampled_from([OUTPUT_2018, OUTPUT_2021, OUTPUT_2023, OUTPUT_2025])
    )
    truth = parse(text, "")
    damaged = text
    for _ in range(data.draw(st.integers(1, 3))):
        damaged = _damage(damaged, data) if damaged else damaged
    try:
        output = parse(damaged, "")
    except FirmwareFault:
        return
    assert _tells_the_truth(output, truth)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_is_refused_and_never_crashes_the_parser(
    stdout: str, stderr: str
) -> None:
    with pytest.raises(FirmwareFault):
        parse(stdout, stderr)
