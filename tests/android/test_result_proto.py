from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hil.android.benchmark_output import Generation, parse
from hil.android.result_file import parse_result_file
from hil.errors import FirmwareFault

DATA = Path(__file__).parents[1] / "data" / "benchmark_model"
FILE = (DATA / "compiled.result.pb").read_bytes()
STDOUT = (DATA / "compiled.stdout.txt").read_text()
STDERR = (DATA / "compiled.stderr.txt").read_text()
SECONDS = {
    1: 10.0,
    2: 9.0,
    3: 12.0,
    4: 0.5,
    5: 10.0,
    6: 9.0,
    7: 11.0,
    8: 40.0,
    9: 20.0,
    10: 15.0,
}


def _message(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2, len(body)]) + body


def _file(
    changed: dict[int, float] | None = None, *, misc: bytes | None = None
) -> bytes:
    values = SECONDS | (changed or {})
    latency = b"".join(
        bytes([number << 3 | 5]) + struct.pack("<f", value)
        for number, value in values.items()
    )
    runs = b"\x10\x32\x18\x01" if misc is None else misc
    return _message(2, latency) + _message(4, runs)


def test_the_file_alone_gives_its_figures() -> None:
    output = parse(result_file=FILE)
    assert output.generation is Generation.Y2025
    assert output.avg_us == pytest.approx(85367.4)
    assert output.init_us == pytest.approx(45317)
    assert (output.memory.overall_mb, output.memory.peak_mb) == (35389 / 1024, 40.5)
    assert output.timed is None
    result = output.result_file
    assert result is not None
    assert (result.num_runs, result.num_warmup_runs) == (50, 5)
    assert result.median_ms == pytest.approx(85.19)
    assert result.p95_ms == pytest.approx(88.53)


def test_the_file_is_held_against_what_was_printed() -> None:
    assert parse(STDOUT, STDERR, result_file=FILE).inference.n == 50
    assert parse(stderr=STDERR, result_file=FILE).resolution_us == 1


@pytest.mark.parametrize("text", ["2025-gpu.txt", "2023.txt"])
def test_the_file_of_another_run_is_refused(text: str) -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse((DATA / text).read_text(), result_file=FILE)
    assert caught.value.where == "benchmark_model's result file"


def test_the_file_of_another_run_of_the_v2_tool_is_refused() -> None:
    template = (DATA / "compiled-template.stderr.txt").read_text()
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(stderr=template, result_file=FILE)
    assert caught.value.found == "avg_ms 85.3674"


def test_a_memory_other_than_the_printed_one_is_refused() -> None:
    text = STDERR.replace("Peak memory:          40.50", "Peak memory:          41.50")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(STDOUT, text, result_file=FILE)
    assert caught.value.found == "peak_mb 40.5 of the result file"


def test_every_cut_of_the_file_is_refused() -> None:
    for size in range(len(FILE)):
        with pytest.raises(FirmwareFault):
            parse_result_file(FILE[:size])


def test_an_empty_file_says_what_is_missing() -> None:
    with pytest.raises(FirmwareFault, match="lacks figures") as caught:
        parse_result_file(b"")
    assert caught.value.found is not None
    assert caught.value.found.startswith("0 bytes without average_warm_up_ms, avg_ms")


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(FirmwareFault, match="result file cannot be read") as caught:
        parse_result_file(b"\xff\xff")
    assert caught.value.found is not None
    assert "not a protobuf" in caught.value.found


def test_a_field_that_is_there_twice_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="cannot be read") as caught:
        parse_result_file(_file() + _message(2, b""))
    assert caught.value.found == "field 2 is there twice or of another type"


def test_a_field_of_a_newer_tool_is_passed_over() -> None:
    assert parse_result_file(_file() + _message(9, b"new")).avg_ms == 10


@pytest.mark.parametrize(
    ("changed", "allowed"),
    [
        ({1: float("nan")}, "numbers only"),
        ({2: 9.5}, "min, p5, median, p95 and max that rise"),
        ({1: 13.0}, "a mean between 9 and 12"),
        ({4: 5.0}, "that of runs from 9 to 12"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    changed: dict[int, float], allowed: str
) -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_result_file(_file(changed))
    assert caught.value.allowed == allowed


def test_a_file_of_no_runs_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="timed no run"):
        parse_result_file(_file(misc=b"\x10\x00\x18\x01"))
