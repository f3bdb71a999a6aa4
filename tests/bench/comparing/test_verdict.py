"""Planted regressions are caught, and what did not change raises no alarm."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.bench.comparing.side import load_side, make_side
from hil.bench.comparing.verdict import compare_runs, failing
from hil.bench.gates import parse_gate
from hil.results.comparison import GateOutcome, Verdict
from hil.results.scores import StoredScores
from hil.vocab import RunStatus, TimeBasis, Timing, TimingSummary

GATES = ("latency<+5%", "insn<+0.1%", "arena<=24000", "accuracy>=-1pt")


def compared(base, new, *gates, **options):
    sides = (make_side(base, name="base"), make_side(new, name="new"))
    return compare_runs(*sides, gates=[parse_gate(g) for g in gates], **options)


def change(found, figure):
    return next(c for row in found.rows for c in row.changes if c.figure == figure)


def stored(hits, **changes):
    scores = SampleScores(
        metric=find_metric("top1"), n=len(hits), hits=np.asarray(hits, np.bool_)
    )
    values = {"model": "m", "variant": "int8", "device": "board", "engine": "tflm"}
    return StoredScores(scores=scores, **(values | changes))


def test_two_tenths_of_a_per_cent_more_instructions_are_caught(made):
    found = compared(made.counted(1_000_000), made.counted(1_002_000), GATES[1])
    told = change(found, "insn")
    assert (told.verdict, told.exact) == (Verdict.WORSE, True)
    assert told.difference == pytest.approx(0.002)
    (gate,) = found.gates
    assert gate.outcome is GateOutcome.BROKEN
    assert gate.found == "1,000,000 to 1,002,000 insn, +2,000 insn, +0.2000%"


def test_one_instruction_is_seen_and_may_be_allowed(made):
    found = compared(made.counted(1_000_000), made.counted(1_000_001), GATES[1])
    assert change(found, "insn").verdict is Verdict.WORSE
    assert found.gates[0].outcome is GateOutcome.HELD


def test_the_limit_itself_is_exact(made):
    runs = made.counted(1_000_000), made.counted(1_001_000)
    below, upto = compared(*runs, "insn<+0.1%", "insn<=+0.1%").gates
    assert (below.outcome, upto.outcome) == (GateOutcome.BROKEN, GateOutcome.HELD)


@pytest.mark.parametrize("seed", range(5))
def test_six_per_cent_of_latency_are_caught_in_noise(made, seed):
    found = compared(
        made.timed(seed),
        made.timed(seed + 100, median_us=1060, of_window=0.002),
        "latency<+4%",
        "latency<+5%",
    )
    told = change(found, "latency")
    assert told.verdict is Verdict.WORSE
    assert 0 < told.low < 0.06 < told.high < 0.09
    assert found.gates[0].outcome is GateOutcome.BROKEN
    assert failing(found.gates, accept_undecided=False)


def test_two_hundred_bytes_of_arena_are_caught(made):
    grown = made.timed(2, memory={"arena_bytes": 24_200})
    found = compared(made.timed(1), grown, "arena<=24000", "arena<=+0B", "arena<+1%")
    told = change(found, "arena")
    assert (told.base, told.new, told.verdict) == (24_000, 24_200, Verdict.WORSE)
    outcomes = [gate.outcome for gate in found.gates]
    assert outcomes == [GateOutcome.BROKEN, GateOutcome.BROKEN, GateOutcome.HELD]
    assert found.gates[0].found == "24,200 B"
    assert found.gates[1].found == "24,000 to 24,200 B, +200 B"


def test_three_points_of_accuracy_are_caught(made):
    base = made.judged(made.timed(1), range(100))
    new = made.judged(made.timed(1), range(130))
    found = compared(base, new, GATES[3])
    told = change(found, "accuracy")
    assert told.verdict is Verdict.WORSE
    assert told.difference == pytest.approx(-0.03)
    assert told.how == (
        "McNemar over 1000 samples, 30 lost, 0 gained (the records' lists of wrong "
        "samples)"
    )
    (gate,) = found.gates
    assert gate.outcome is GateOutcome.BROKEN
    assert gate.found.startswith("-3.00 pt, McNemar over 1000 samples, 30 lost")


def test_scores_of_samples_come_before_the_lists_of_wrong_ones(made):
    rows = made.judged(made.timed(1), [], n=500)
    hits = np.ones(500, np.bool_)
    fewer = hits.copy()
    fewer[:15] = False
    base = make_side(rows, name="base", scores=[stored(hits)])
    new = make_side(rows, name="new", scores=[stored(fewer)])
    found = compare_runs(base, new, gates=[parse_gate(GATES[3])])
    told = change(found, "accuracy")
    assert told.how == "McNemar over 500 samples, 15 lost, 0 gained (scores.jsonl)"
    assert found.gates[0].outcome is GateOutcome.BROKEN


def test_equal_answers_keep_a_gate_however_few_they_are(made):
    rows = made.judged(made.timed(1), [3], n=20)
    found = compared(rows, rows, GATES[3])
    assert change(found, "accuracy").verdict is Verdict.EQUAL
    assert found.gates[0].outcome is GateOutcome.HELD


def test_too_few_samples_are_undecided_and_say_how_many_would_tell(made):
    base = made.judged(made.timed(1), [3], n=100)
    new = made.judged(made.timed(1), [4], n=100)
    (gate,) = compared(base, new, GATES[3]).gates
    assert gate.outcome is GateOutcome.UNDECIDED
    assert "samples would tell" in gate.found


def test_different_samples_are_compared_by_counts_and_it_is_said(made):
    base = made.judged(made.timed(1), range(100), n=1000)
    new = made.judged(made.timed(1), range(300), n=900)
    found = compared(base, new, GATES[3])
    told = change(found, "accuracy")
    assert told.how == (
        "by counts, not paired: the two did not see the same samples, so they cannot "
        "be paired"
    )
    assert (told.n_base, told.n_new, told.verdict) == (1000, 900, Verdict.WORSE)
    assert found.gates[0].outcome is GateOutcome.BROKEN


def test_the_unpaired_interval_is_newcombes(made):
    """Example (a) of Newcombe 1998: 56/70 and 48/80 differ by 0.0524 to 0.3339."""
    base = made.judged(made.timed(1), range(32), n=80)
    new = made.judged(made.timed(1), range(14), n=70)
    told = change(compared(base, new), "accuracy")
    assert told.low == pytest.approx(0.0524, abs=5e-5)
    assert told.high == pytest.approx(0.3339, abs=5e-5)


def test_an_absolute_accuracy_is_held_to_its_one_sided_bound(made):
    rows = made.judged(made.timed(1), range(50))
    found = compared(rows, rows, "accuracy>=90%", "accuracy>=95%", "accuracy>=98%")
    outcomes = [gate.outcome.value for gate in found.gates]
    assert outcomes == ["held", "undecided", "broken"]
    assert found.gates[0].found.startswith("95.0% (93.7% .. 96.0%, one-sided 95%")


def test_the_same_run_twice_keeps_every_gate(made):
    rows = made.judged(made.timed(1), range(50))
    boards = made.counted(device="qemu")
    found = compared([*rows, *boards], [*rows, *boards], *GATES)
    assert {gate.outcome for gate in found.gates} == {GateOutcome.HELD}
    assert {c.verdict for row in found.rows for c in row.changes} == {
        Verdict.EQUAL,
        Verdict.NOT_SHOWN,
    }


def test_no_change_raises_an_alarm_in_five_per_cent_at_most(made):
    """The short form of benchmarks/test_comparing.py, which repeats it 1,000 times."""
    alarms = 0
    for seed in range(200):
        found = compared(
            made.timed(2 * seed, runs=15), made.timed(2 * seed + 1, runs=15)
        )
        alarms += change(found, "latency").verdict is not Verdict.NOT_SHOWN
    assert alarms <= 10


def test_no_change_of_instructions_raises_no_alarm(made):
    found = compared(made.counted(), made.counted(), GATES[1])
    assert change(found, "insn").verdict is Verdict.EQUAL
    assert found.gates[0].outcome is GateOutcome.HELD


def test_an_interval_between_is_undecided_and_more_windows_would_tell(made):
    found = compared(
        made.timed(1, of_window=0.06), made.timed(2, of_window=0.06), "latency<+5%"
    )
    (gate,) = found.gates
    assert gate.outcome is GateOutcome.UNDECIDED
    assert gate.found.endswith("bootstrap over 6 windows each; more windows would tell")
    assert failing(found.gates, accept_undecided=True) == []
    assert failing(found.gates, accept_undecided=False) == [gate]


def test_too_few_windows_are_undecided_and_say_so(made):
    found = compared(made.timed(1, count=3), made.timed(2, count=3), "latency<+5%")
    told = change(found, "latency")
    assert told.verdict is Verdict.UNDECIDED
    assert told.how == (
        "too few: 3 windows each; four windows a side are the fewest; the default of "
        "six is better"
    )
    assert (told.low, found.gates[0].outcome) == (None, GateOutcome.UNDECIDED)


def test_a_single_window_is_compared_by_its_parts(made):
    found = compared(made.timed(1, count=1, runs=240), made.timed(2, count=1, runs=240))
    assert change(found, "latency").how == "bootstrap over 12 parts of 1 window each"


def test_a_gain_that_is_asked_for_must_be_shown(made):
    slow, fast = made.timed(1), made.timed(2, median_us=800)
    assert compared(slow, fast, "latency<-10%").gates[0].outcome is GateOutcome.HELD
    assert compared(slow, slow, "latency<-10%").gates[0].outcome is GateOutcome.BROKEN


def test_an_absolute_latency_is_held_against_the_interval(made):
    rows = made.timed(1)
    outcomes = [
        gate.outcome.value
        for gate in compared(
            rows, rows, "latency<2ms", "latency<1000us", "latency<500us"
        ).gates
    ]
    assert outcomes == ["held", "undecided", "broken"]


def test_a_limit_in_microseconds_is_of_the_change(made):
    slower = made.timed(2, median_us=1100)
    gates = compared(made.timed(1), slower, "latency<+50us", "latency<+200us").gates
    assert [gate.outcome.value for gate in gates] == ["broken", "held"]


def test_a_row_that_fails_now_breaks_its_gates(made):
    crashed = [made.record(0, status=RunStatus.CRASHED, problem="it died", memory={})]
    found = compared(made.timed(1), crashed, "latency<+5%", "arena<=24000")
    assert [gate.outcome for gate in found.gates] == [GateOutcome.BROKEN] * 2
    assert found.gates[0].found == "the new run has no such figure: crashed"
    assert (found.rows[0].new_status, found.rows[0].problem) == ("crashed", "it died")


def test_a_row_that_works_now_has_nothing_to_be_compared_with(made):
    crashed = [made.record(0, status=RunStatus.CRASHED, problem="it died", memory={})]
    found = compared(crashed, made.timed(1), "latency<+5%", "arena<=24000")
    first, second = found.gates
    assert (first.outcome, first.found) == (
        GateOutcome.UNDECIDED,
        "the base has no such figure",
    )
    assert second.outcome is GateOutcome.HELD


@pytest.mark.parametrize(
    ("name", "figure"),
    [("peak_rss_bytes", "rss"), ("tool_peak_bytes", "tool_peak_bytes")],
)
def test_a_peak_that_varies_from_start_to_start_is_no_change(made, name, figure):
    base, new = (
        made.timed(seed, memory={name: peak})
        for seed, peak in ((1, 37_703_647), (2, 37_854_574))
    )
    told = change(compared(base, new), figure)
    assert (told.verdict, told.exact) == (Verdict.NOT_SHOWN, False)
    grown = made.timed(2, memory={name: 39_703_647})
    assert change(compared(base, grown), figure).verdict is Verdict.WORSE


def test_memory_that_varies_is_held_to_the_most_that_a_window_took(made):
    rows = [
        made.record(w, memory={"peak_rss_bytes": size})
        for w, size in enumerate([10, 11, 12, 10, 11, 30])
    ]
    gates = compared(rows, rows, "rss<=29B", "rss<=30B").gates
    assert [gate.outcome.value for gate in gates] == ["broken", "held"]


def test_medians_that_a_tool_cut_are_not_sharper_than_its_step(made):
    def windows(median_us):
        summary = TimingSummary(
            basis=TimeBasis.HOST_CLOCK,
            n=50,
            first_us=9,
            min_us=5,
            max_us=9,
            avg_us=6,
            median_us=median_us,
            resolution_us=1,
        )
        return [made.record(w, summary=summary) for w in range(6)]

    told = change(compared(windows(6), windows(7)), "latency")
    assert told.verdict is Verdict.NOT_SHOWN
    assert (told.low, told.high) == (pytest.approx(0), pytest.approx(1 / 3))
    assert change(compared(windows(6), windows(8)), "latency").verdict is Verdict.WORSE


def test_runs_of_no_time_have_no_ratio(made):
    timing = Timing(
        basis=TimeBasis.HOST_CLOCK,
        tick_hz=1000,
        invoke_ticks=(1, 1),
        overhead_ticks=1,
    )
    rows = [made.record(w, timing=timing) for w in range(6)]
    told = change(compared(rows, rows, "latency<+5%"), "latency")
    assert told.how == "a median of 0 has no ratio: the timer is too coarse"


def test_a_gate_on_a_figure_that_nothing_has_names_those_that_exist(made):
    with pytest.raises(Exception, match="no row that both runs have") as caught:
        compared(made.timed(1), made.timed(2), "insn<+0.1%")
    assert caught.value.exit_status == 2
    assert str(caught.value) == (
        "no row that both runs have has the figure of the gate 'insn<+0.1%'\n"
        "  found:   insn\n"
        "  allowed: latency, size, arena\n"
        "  remedy:  instructions are of boards in QEMU, latency of all others"
    )


def test_a_run_is_read_with_what_its_folder_holds(made, folder):
    rows = made.judged(made.counted(), [3], n=50)
    hits = np.arange(50) != 3
    base = folder("base", rows, stored=[stored(hits)], environment={"hil": "0.1.0"})
    new = folder("new", rows, stored=[stored(hits)], environment={"hil": "0.2.0"})
    found = compare_runs(load_side(base), load_side(new))
    assert change(found, "insn").verdict is Verdict.EQUAL
    assert change(found, "accuracy").how.endswith("(scores.jsonl)")
    (fact,) = found.facts
    assert (fact.name, fact.base, fact.new) == ("hil", "0.1.0", "0.2.0")
    by_file = compare_runs(load_side(base / "records.jsonl"), load_side(new))
    assert by_file.facts == found.facts
