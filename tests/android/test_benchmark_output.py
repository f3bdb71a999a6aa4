from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.android.benchmark_output import (
    Generation,
    parse,
    unconsumed_flags,
)
from hil.android.delegation import Delegation
from hil.errors import FirmwareFault

# Public logs: a phone's of 2018 and 2021, a host's of 2023, a phone's GPU of 2025.
DATA = Path(__file__).parents[1] / "data" / "benchmark_model"
OUTPUT_2018 = (DATA / "2018.txt").read_text()
OUTPUT_2021 = (DATA / "2021.txt").read_text()
OUTPUT_2023 = (DATA / "2023.txt").read_text()
OUTPUT_2025 = (DATA / "2025-gpu.txt").read_text()
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
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse((DATA / "2025-gpu-joined.txt").read_bytes())
    assert caught.value.found == "Init 87639 us"
    assert caught.value.allowed == "that of the session, 1.36124e+06 us"


@pytest.mark.parametrize("prefix", ["05-12 10:01:02.345  712  712 I ", "... ", "I/"])
def test_a_log_taken_from_logcat_is_read(prefix: str) -> None:
    logged = "".join(
        f"{prefix}tflite  : {line}\n" for line in OUTPUT_2023.splitlines() if line
    )
    assert parse(logged, "") == parse(OUTPUT_2023, "")


def test_a_log_taken_from_android_studio_is_read() -> None:
    head = "2023-06-14 10:55:21.105 18088-18091 tflite                  "
    app = "org.tensorflow.lite.benchmark        I  "
    logged = "".join(
        f"{head}{app}{line}\n" for line in OUTPUT_2023.splitlines() if line
    )
    assert parse(logged, "") == parse(OUTPUT_2023, "")


def test_the_app_tells_means_alone_in_the_log() -> None:
    output = parse((DATA / "logcat-app.txt").read_bytes())
    assert (output.avg_us, output.warmup_avg_us) == (1687.92, 1686.59)
    assert (output.init_us, output.first_inference_us) == (1007529, 4098)
    with pytest.raises(FirmwareFault, match="lacks the statistics") as caught:
        _ = output.inference
    assert caught.value.found == "only their mean, 1687.92 us"


def test_the_summary_line_alone_on_a_stream_is_a_cut_output() -> None:
    line = (DATA / "logcat-app.txt").read_text().partition(": ")[2]
    with pytest.raises(FirmwareFault, match="lacks the warm-up block"):
        parse(line)


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        (OUTPUT_2018, Generation.Y2018),
        (OUTPUT_2021, Generation.Y2021),
        (OUTPUT_2023, Generation.Y2023),
        (OUTPUT_2025, Generation.Y2025),
    ],
)
def test_the_generation_is_told(text: str, generation: Generation) -> None:
    assert parse(text).generation is generation


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
    output = parse((DATA / "2023-op-profile.txt").read_bytes())
    assert (output.inference.n, output.inference.avg_us) == (70, 14290.9)
    assert output.unknown_lines == ()


def test_a_piece_of_an_op_profile_is_damage() -> None:
    rest = "Timings (microseconds): count=1 curr=11409\nMemory (bytes): count=0\n"
    with pytest.raises(FirmwareFault, match="is damaged") as caught:
        parse(_output(rest=rest))
    assert caught.value.allowed == "a whole op profile"


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


def test_flags_that_the_build_does_not_know_are_an_error() -> None:
    line = "WARN: Unconsumed cmdline flags: --use-gpu=true --foo\n"
    assert unconsumed_flags("", line) == ("--use-gpu=true", "--foo")
    with pytest.raises(FirmwareFault, match="does not know a flag") as caught:
        parse(_output(rest=line))
    assert caught.value.found == "--use-gpu=true --foo"
    assert unconsumed_flags("WARN: Unconsumed cmdline flags: \n", "") == (
        "(not named)",
    )


def test_a_delegate_that_was_asked_for_and_took_a_part_is_a_failure() -> None:
    line = (
        "VERBOSE: Replacing 57 out of 58 node(s) with delegate (TfLiteGpuDelegateV2) "
        "node, yielding 2 partitions for subgraph 0.\n"
    )
    with pytest.raises(FirmwareFault, match="GPU delegate took only a part") as caught:
        parse(_output(), line, asked="GPU")
    assert caught.value.found is not None
    assert caught.value.found.startswith("1 of 58 nodes fell back to the CPU (")


def test_a_delegate_that_took_all_is_none() -> None:
    assert parse(OUTPUT_2025, asked="GPU").delegates[0].extent is Delegation.FULL


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
    assert caught.value.found == (
        "lines in this order: count=, count=, Inference timings, count=, count=, "
        "Inference timings"
    )


def test_an_output_without_a_timed_block_names_what_is_missing() -> None:
    cut = OUTPUT_2023[: OUTPUT_2023.index("INFO: Running benchmark for at least 50")]
    with pytest.raises(FirmwareFault, match="lacks the timed block") as caught:
        parse(cut, "")
    assert caught.value.found is not None
    assert "count=35" in caught.value.found


def test_no_output_at_all_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="nothing was printed"):
        parse("", "")


def test_control_characters_of_the_device_are_shown_in_an_error() -> None:
    with pytest.raises(FirmwareFault) as caught:
        parse(_output(timed="count=1\x1b[2J"))
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[2J" in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_is_refused_and_never_crashes_the_parser(
    stdout: str, stderr: str
) -> None:
    with pytest.raises(FirmwareFault):
        parse(stdout, stderr)


@pytest.mark.parametrize("mean", ["1687.9", "1.68792", "1688"])
def test_a_mean_that_may_have_lost_digits_is_refused_where_it_is_told_once(
    mean: str,
) -> None:
    text = (DATA / "logcat-app.txt").read_text().replace("1687.92", mean)
    with pytest.raises(FirmwareFault, match="may be cut") as caught:
        parse(text)
    assert caught.value.allowed is not None
    assert "six digits" in caught.value.allowed


def test_the_parts_of_the_resident_memory_add_up() -> None:
    wrong = OUTPUT_2025.replace("RssAnnon           : 18", "RssAnnon           : 8")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(wrong)
    assert caught.value.found == "VmRSS 25 MB"


def test_percentiles_in_one_line_only_are_refused() -> None:
    wrong = OUTPUT_2025.replace(" p5=105929 median=105948 p95=106436", "")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(wrong)
    assert caught.value.found == "percentiles in one of two lines"
