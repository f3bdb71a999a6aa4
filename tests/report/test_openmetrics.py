"""Results as OpenMetrics, held against the rules of its specification."""

from __future__ import annotations

import re

import pytest

from hil.report import openmetrics

SAMPLE = re.compile(
    r"(?P<name>[a-z_]+)\{(?P<labels>(?:[a-z_]+=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)*)\}"
    r" (?P<value>-?[0-9.e+-]+)"
)


@pytest.fixture
def text(record, instructions, failed, run_of):
    return openmetrics.render(
        run_of(
            record(),
            instructions(971_906, device="qemu"),
            failed(variant='he said "x"\\\n', problem="no"),
        )
    )


def test_families_stand_together_and_the_last_line_ends_the_file(text):
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""]
    family, seen = "", set()
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in seen
            seen.add(family)
        elif line.startswith("# UNIT "):
            _, _, named, unit = line.split(" ")
            assert named == family
            assert family.endswith(f"_{unit}")
        elif line.startswith("# HELP "):
            assert line.startswith(f"# HELP {family} ")
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            suffix = "_info" if kind == "info" else ""
            assert match["name"] == family + suffix
    assert len(seen) == 12


def test_figures_are_in_base_units_with_their_basis(text):
    who = 'run="run-1",model="digits",variant="int8",device="board",engine="tflm"'
    assert (
        f'hil_latency_seconds{{{who},basis="host_clock",stat="median"}} 0.00023995'
    ) in text
    assert f'hil_latency_runs{{{who},basis="host_clock"}} 40' in text
    assert f'hil_memory_bytes{{{who},part="arena"}} 8944' in text
    assert f'hil_metric{{{who},metric="top1",stat="value"}} 0.986' in text
    assert f'hil_metric_samples{{{who},metric="top1"}} 500' in text
    assert f'hil_equals_host_ratio{{{who},reference="tflm"}} 1' in text
    assert "hil_run_start_time_seconds" in text


def test_instructions_are_no_seconds(text):
    lines = [line for line in text.splitlines() if 'device="qemu"' in line]
    assert not any(line.startswith("hil_latency_seconds") for line in lines)
    assert any(
        line.startswith("hil_latency_instructions") and line.endswith(" 971906")
        for line in lines
    )


def test_a_state_is_one_of_all(text):
    states = [line for line in text.splitlines() if line.startswith("hil_status{")]
    assert len(states) == 3 * 9
    assert sum(line.endswith(" 1") for line in states) == 3


def test_labels_are_escaped(text):
    assert 'variant="he said \\"x\\"\\\\\\n"' in text


def test_the_reference_parser_reads_it(text):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    families = {f.name: f for f in parser.text_string_to_metric_families(text)}
    assert families["hil_latency_seconds"].unit == "seconds"
    variants = {s.labels["variant"] for s in families["hil_status"].samples}
    assert variants == {"int8", 'he said "x"\\\n'}
