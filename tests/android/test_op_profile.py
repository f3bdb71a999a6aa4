from __future__ import annotations

import math
from pathlib import Path

import pytest

from hil.android.benchmark_output import parse
from hil.android.op_profile import ProfilePhase, parse_profile_file
from hil.errors import FirmwareFault

DATA = Path(__file__).parents[1] / "data" / "benchmark_model"
PRINTED = (DATA / "2023-op-profile.txt").read_text()
CSV = (DATA / "op-profile.csv").read_text()
SUBGRAPHS = (DATA / "op-profile-subgraphs.txt").read_text()
PLAIN = (DATA / "2023.txt").read_text()


def test_a_printed_profile_has_both_phases() -> None:
    profile = parse(PRINTED).profile
    assert profile is not None
    start = profile.main(ProfilePhase.INITIALIZATION)
    assert start is not None
    assert [row.name for row in start.ops] == [
        "ModifyGraphWithDelegate/0",
        "AllocateTensors/0",
    ]
    assert start.ops[0].mem_kb == 7148
    runs = profile.main(ProfilePhase.RUNS)
    assert runs is not None
    assert (len(runs.ops), runs.total.n) == (12, 70)
    row = runs.ops[3]
    assert row.type == "Convolution (NHWC, QC8) GEMM"
    assert row.name == "Delegate/Convolution (NHWC, QC8) GEMM:2"
    assert (row.times_called, row.start_ms) == (13, None)
    # The time is that of one call.
    assert math.isclose(row.per_run_ms, row.avg_ms * 13)
    total_ms = sum(row.per_run_ms for row in runs.ops)
    assert math.isclose(total_ms * 1000, runs.total.avg_us, rel_tol=0.01)


def test_commas_in_the_names_of_a_csv_part_no_columns() -> None:
    profile = parse(PLAIN, profile_file=CSV).profile
    assert profile is not None
    runs = profile.main(ProfilePhase.RUNS)
    assert runs is not None
    assert [row.name for row in runs.ops[-2:]] == [
        "[StatefulPartitionedCall:3, StatefulPartitionedCall:1]:12",
        "[a, b,c]:13",
    ]
    assert runs.ops[1].type == "Convolution (NHWC, QC8) IGEMM"


def test_graphs_within_a_graph_and_a_delegates_own_operators_stand_alone() -> None:
    profile = parse_profile_file(SUBGRAPHS)
    assert [graph.graph for graph in profile.graphs] == [
        "",
        "Subgraph (index: 1, name: body)",
        "Delegate internal",
    ]
    assert profile.graphs[1].ops[1].times_called == 6
    assert profile.graphs[0].ops[1].start_ms == 4.269
    assert profile.main(ProfilePhase.INITIALIZATION) is None


def test_tabs_that_became_blanks_are_read() -> None:
    assert parse(PRINTED.expandtabs(8)).profile == parse(PRINTED).profile


def test_the_profile_of_2018_has_no_title() -> None:
    profile = parse((DATA / "2018-op-profile.txt").read_text()).profile
    assert profile is not None
    assert not profile.names_phase
    titled = PRINTED[: PRINTED.index("INFO: Profiling Info")]
    table = (DATA / "2018-op-profile.txt").read_text()
    with pytest.raises(FirmwareFault, match="lacks its title") as caught:
        parse(titled + table[table.index("=====") :])
    assert caught.value.found == "a profile of the generation 2023"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("DWConv:1\n", "DWConv:9\n", "the row of Delegate/Convolution"),
        ("Number of nodes executed: 12", "Number of nodes executed: 13", "12 rows of"),
        ("12 nodes observed", "2 nodes observed", "12 rows of 12 operators"),
    ],
)
def test_tables_that_contradict_each_other_are_refused(
    old: str, new: str, found: str
) -> None:
    assert old in PRINTED
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(PRINTED.replace(old, new, 1))
    assert caught.value.where == "benchmark_model's op profile"
    assert caught.value.found is not None
    assert caught.value.found.startswith(found)


def test_a_profile_without_the_slowest_operators_is_refused() -> None:
    a, b = SUBGRAPHS.index("===== Top by"), SUBGRAPHS.index("Number of nodes")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file(SUBGRAPHS[: a - 25] + SUBGRAPHS[b:])
    assert caught.value.allowed == "5 rows"


def test_rows_in_another_order_are_refused() -> None:
    lines = SUBGRAPHS.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if "[conv2/Relu6]:1" in line)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file("".join(lines))
    assert caught.value.found is not None
    assert "% up to it" in caught.value.found


def test_a_time_that_does_not_fit_its_share_is_refused() -> None:
    row = next(x for x in SUBGRAPHS.splitlines() if "[loop]:3" in x)
    first, avg = row.split("\t")[3:5]
    slower = row.replace(f"{first}\t{avg}", f"{first}\t    9.000")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file(SUBGRAPHS.replace(row, slower))
    assert caught.value.allowed == "1 calls of 9 ms"


def test_a_summary_by_type_that_is_not_the_sum_is_refused() -> None:
    row = next(x for x in SUBGRAPHS.splitlines() if "CONV_2D" in x and "[" not in x)
    changed = row.replace("\t        2\t", "\t        3\t", 1)
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file(SUBGRAPHS.replace(row, changed))
    assert caught.value.found == "CONV_2D: 3 nodes, 2 calls"


def test_a_profile_of_more_runs_than_were_timed_is_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse((DATA / "2025-gpu.txt").read_text(), profile_file=CSV)
    assert caught.value.found == "an op profile of 70 runs"
    assert caught.value.allowed == "50 timed runs"


def test_two_profiles_of_one_run_are_refused() -> None:
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse(PRINTED, profile_file=CSV)
    assert caught.value.found == "two op profiles"


def test_phases_in_another_order_are_refused() -> None:
    at = CSV.index("Operator-wise")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file(CSV[at:] + CSV[:at])
    assert caught.value.found == "runs, initialization"


def test_a_graph_that_is_told_twice_is_refused() -> None:
    at = SUBGRAPHS.index("Delegate internal")
    with pytest.raises(FirmwareFault, match="contradict") as caught:
        parse_profile_file(SUBGRAPHS + SUBGRAPHS[at:])
    assert caught.value.allowed == "each graph once"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (CSV[:-30], "is cut"),
        (CSV[: CSV.index("Number of nodes")], "is cut"),
        ("", "lacks its title"),
        ("hello\n", "is damaged"),
        (CSV[CSV.index("=====") :], "contradict"),
        (CSV.replace("node type, first", "node type, last", 1), "is damaged"),
        (CSV.replace("node type, count", "node type, sum", 1), "is damaged"),
        (CSV.replace("Memory (bytes): count=0", "gone", 1), "is damaged"),
        (CSV.replace("Timings (micro", "Times (micro", 1), "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(text: str, error: str) -> None:
    with pytest.raises(FirmwareFault, match=error):
        parse_profile_file(text)
