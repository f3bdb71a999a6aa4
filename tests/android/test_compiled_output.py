from __future__ import annotations

from pathlib import Path

import pytest

from hil.android.benchmark_output import Generation, parse
from hil.errors import FirmwareFault

DATA = Path(__file__).parents[1] / "data" / "benchmark_model"
TEMPLATE = (DATA / "compiled-template.stderr.txt").read_text()
STDOUT = (DATA / "compiled.stdout.txt").read_text()
STDERR = (DATA / "compiled.stderr.txt").read_text()


def test_the_block_alone_gives_figures_of_ten_microseconds() -> None:
    output = parse(stderr=TEMPLATE)
    assert output.generation is Generation.COMPILED
    assert (output.avg_us, output.init_us) == (85230, 45320)
    assert (output.first_inference_us, output.warmup_avg_us) == (120450, 98760)
    assert output.resolution_us == 10
    memory = output.memory
    assert (memory.init_mb, memory.overall_mb, memory.peak_mb) == (12.34, 34.56, 40)
    block = output.compiled
    assert block is not None
    assert (block.n, block.warmup_n, block.signature) == (50, 5, "serving_default")
    assert (block.min_ms, block.max_ms, block.std_ms) == (82.10, 92.45, 3.21)
    assert block.throughput_mb_s == 12.45
    assert output.unknown_lines == ()
    with pytest.raises(FirmwareFault, match="lacks the statistics of the timed runs"):
        _ = output.inference


def test_the_lines_of_standard_output_are_exact_and_fit_the_block() -> None:
    output = parse(STDOUT, STDERR)
    assert output.inference.n == 50
    assert output.inference.first_us == 87102
    assert (output.init_us, output.resolution_us) == (45317, 1)
    assert parse(STDOUT + STDERR).inference == output.inference


def test_a_memory_that_was_not_watched_is_absent() -> None:
    text = TEMPLATE.replace(
        "Peak memory:          40.00 MB",
        "Peak memory usage not available. (peak_mem_mb <= 0)",
    )
    assert parse(stderr=text).memory.peak_mb is None


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("85.23", "95.23", "Inference (avg) 95.23 ms"),
        ("(std):      3.21", "(std):      32.10", "Inference (std) 32.1"),
        ("(first):       120.45", "(first):       920.45", "Warmup (first) 920.45 ms"),
        ("Overall footprint:    34", "Overall footprint:    4", "Overall footprint"),
    ],
)
def test_a_block_that_contradicts_itself_is_refused(
    old: str, new: str, error: str
) -> None:
    assert old in TEMPLATE
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(stderr=TEMPLATE.replace(old, new))
    assert caught.value.found is not None
    assert caught.value.found.startswith(error)


def test_a_block_of_another_run_than_the_lines_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(STDOUT, TEMPLATE)
    assert caught.value.found == "Inference (avg) 85.23 ms"
    assert caught.value.allowed == "85367.4 us of its count= line"


def test_two_blocks_are_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(stderr=TEMPLATE * 2)
    assert caught.value.allowed == "one block of results"


def test_a_cut_block_is_refused() -> None:
    cut = TEMPLATE[: TEMPLATE.index("INFO: [benchmark_litert_model.h:104]")]
    with pytest.raises(FirmwareFault, match="block of results is cut") as caught:
        parse(stderr=cut)
    assert caught.value.found == "no line of === after 'init_mb'"


def test_a_block_that_lost_a_line_is_refused() -> None:
    lines = [line for line in TEMPLATE.splitlines(keepends=True) if "(min)" not in line]
    with pytest.raises(FirmwareFault, match="lacks a line"):
        parse(stderr="".join(lines))


def test_a_block_with_a_line_of_another_kind_is_refused() -> None:
    text = TEMPLATE.replace("Throughput:           12.45 MB/s", "Throughput: fast")
    with pytest.raises(FirmwareFault, match="is damaged") as caught:
        parse(stderr=text)
    assert caught.value.found == "Throughput: fast"


def test_a_block_of_no_runs_is_refused() -> None:
    text = TEMPLATE.replace("85.23 ms (50 runs)", "nan ms (0 runs)")
    for name, value in (("min", "82.10 ms"), ("max", "92.45 ms"), ("std", "3.21")):
        text = text.replace(f"Inference ({name}):      {value}", "gone")
    text = text.replace("gone", "No inference runs were performed.", 1)
    text = "".join(x for x in text.splitlines(keepends=True) if "gone" not in x)
    with pytest.raises(FirmwareFault, match="timed no run"):
        parse(stderr=text)


def test_lines_without_statistics_beside_a_block_are_a_cut_output() -> None:
    cut = STDOUT[: STDOUT.index("INFO: count=50")]
    with pytest.raises(FirmwareFault, match="lacks the timed block"):
        parse(cut, STDERR)


def test_the_summaries_of_both_tools_are_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse((DATA / "2023.txt").read_text(), TEMPLATE)
    assert caught.value.allowed == "one of them: the v2 tool prints no such line"
