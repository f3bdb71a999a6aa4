"""Successive halving with a judge whose best answer is known."""

from __future__ import annotations

import pytest

from hil.accuracy.gate import Outcome
from hil.bench.tuning.journal import Journal
from hil.bench.tuning.search import Screening, plan_rungs, search
from hil.bench.tuning.space import PLAIN, Axis, candidate, default_space
from hil.vocab import RunStatus

SPACE = default_space(phones=False)
RUNGS = plan_rungs(trials=24, finalists=4, samples=800)
BEST = candidate(
    {
        Axis.DIET: "slim",
        Axis.GRANULARITY: "per-tensor",
        Axis.CALIBRATOR: "mse",
        Axis.BIASES: "bias",
    }
)
_BYTES = {"slim": -3000, "per-tensor": -5000, "worst1-int16": 200, "as-is": 50_000}
_LOSS = {"mse": -0.02, "bias": -0.01, "percentile-99.9": 0.05}


class FakeJudge:
    """Each change has its own effect; *failing* and *broken* never come through."""

    def __init__(self, *, failing=(), broken=(), stop_after=None):
        self.asked = []
        self._failing = failing
        self._broken = broken
        self._stop_after = stop_after

    def __call__(self, found, *, samples):
        if self._stop_after is not None and len(self.asked) == self._stop_after:
            raise KeyboardInterrupt
        self.asked.append((found.name, samples))
        values = [value for _, value in found.changes]
        if set(values) & set(self._failing):
            return Screening(
                candidate=found,
                status=RunStatus.UNSUPPORTED_OP,
                problem="no kernel for CONV_2D of int16",
            )
        gone = set(values) & set(self._broken)
        return Screening(
            candidate=found,
            status=RunStatus.OK,
            n=40 if gone else samples,
            sha256=found.name,
            size_bytes=30_000 + sum(_BYTES.get(value, 0) for value in values),
            arena_bytes=8_000,
            loss=0.1 + sum(_LOSS.get(value, 0) for value in values),
            outcome=Outcome.FAILED if gone else Outcome.UNDECIDABLE,
        )


def test_the_known_best_is_found_though_it_is_four_changes_away():
    judge = FakeJudge()
    finalists = search(SPACE, judge, RUNGS)
    assert finalists[:2] == [PLAIN, BEST]
    tried = {name for name, _ in judge.asked}
    everything = 2 * 2 * 4 * 2 * 4 * 5
    assert len(tried) == 24 < everything / 10


def test_each_rung_tries_fewer_candidates_on_more_samples():
    judge = FakeJudge()
    search(SPACE, judge, RUNGS)
    counts = {n: sum(m == n for _, m in judge.asked) for n in (100, 400)}
    assert counts == {100: 24, 400: 12}
    assert len(judge.asked) == 36


def test_the_finalists_are_as_many_as_asked_for_with_plain_int8_beside_them():
    finalists = search(SPACE, FakeJudge(), RUNGS)
    assert finalists[0] == PLAIN
    assert len(finalists) == 5


def test_the_best_of_each_arithmetic_goes_to_the_device_that_alone_tells_its_speed():
    decisions = []
    rungs = plan_rungs(trials=24, finalists=6, samples=800)
    finalists = search(SPACE, FakeJudge(), rungs, decided=decisions.append)
    assert [f.arithmetic for f in finalists[1:4]] == ["int8"] * 3
    kinds = {found.arithmetic for found in finalists}
    assert kinds == {"int8", "int16x8", "mixed int16", "as-is"}
    (told,) = [d for d in decisions if d.candidate == "as-is" and d.rung == 1]
    assert told.reason.endswith("after 400 samples, the first of as-is")


def test_a_candidate_that_fails_is_told_with_its_reason_and_the_search_goes_on():
    decisions = []
    judge = FakeJudge(failing=["int16x8", "per-tensor"])
    finalists = search(SPACE, judge, RUNGS, decided=decisions.append)
    (told,) = [d for d in decisions if d.candidate == "int16x8"]
    assert not told.kept
    assert told.reason == "unsupported_op: no kernel for CONV_2D of int16"
    assert not any(f.get(Axis.GRANULARITY) for f in finalists)
    assert finalists[1].name == "int8+slim+mse+bias"


def test_plain_int8_goes_to_the_device_even_where_it_fails():
    class OnlySlim(FakeJudge):
        def __call__(self, found, *, samples):
            if found.get(Axis.DIET) is None:
                self.asked.append((found.name, samples))
                return Screening(
                    candidate=found, status=RunStatus.BROKEN_SETUP, problem="no"
                )
            return super().__call__(found, samples=samples)

    finalists = search(SPACE, OnlySlim(), RUNGS)
    assert [found.name for found in finalists] == ["int8", "int8+slim"]


def test_a_broken_gate_ends_a_candidate_at_the_sample_that_decided():
    decisions = []
    judge = FakeJudge(broken=["percentile-99.9"])
    search(SPACE, judge, RUNGS, decided=decisions.append)
    (told,) = [d for d in decisions if d.candidate == "int8+percentile-99.9"]
    assert told.reason == "the gate is broken, decided after 40 samples"
    assert ("int8+percentile-99.9", 400) not in judge.asked


def test_a_file_that_was_tried_under_another_name_is_not_tried_on():
    class Twins(FakeJudge):
        def __call__(self, found, *, samples):
            answer = super().__call__(found, samples=samples)
            if found.name != "int8+percentile-99.99":
                return answer
            return Screening(
                candidate=found,
                status=RunStatus.OK,
                n=samples,
                sha256="int8",
                size_bytes=30_000,
                loss=0.1,
            )

    decisions = []
    judge = Twins()
    search(SPACE, judge, RUNGS, decided=decisions.append)
    (told,) = [d for d in decisions if d.candidate == "int8+percentile-99.99"]
    assert (told.kept, told.reason) == (False, "the same file as int8")


def test_no_more_is_tried_once_the_time_is_over_and_what_is_known_decides():
    judge = FakeJudge()
    late = search(SPACE, judge, RUNGS, out_of_time=lambda: len(judge.asked) >= 3)
    assert [name for name, _ in judge.asked] == ["int8", "int8+slim", "int8+per-tensor"]
    assert [f.name for f in late] == ["int8", "int8+per-tensor", "int8+slim"]


def test_without_any_time_plain_int8_still_goes_to_the_device():
    judge = FakeJudge()
    assert search(SPACE, judge, RUNGS, out_of_time=lambda: True) == [PLAIN]
    assert judge.asked == []


def test_of_equal_candidates_one_goes_on_before_those_that_change_more():
    class AllAlike(FakeJudge):
        def __call__(self, found, *, samples):
            answer = super().__call__(found, samples=samples)
            slim = found.get(Axis.DIET) is not None
            return Screening(
                candidate=found,
                status=RunStatus.OK,
                n=samples,
                sha256=answer.sha256,
                size_bytes=27_000 if slim else 30_000,
                loss=0.1,
            )

    rungs = plan_rungs(trials=24, finalists=2, samples=800)
    finalists = search(SPACE, AllAlike(), rungs)
    names = [found.name for found in finalists]
    assert names == ["int8", "int8+slim", "int16x8+slim"]


@pytest.mark.parametrize("cut", [1, 7, 24, 30])
def test_a_search_that_was_cut_goes_on_where_it_stopped(cut, tmp_path):
    whole = FakeJudge()
    expected = search(SPACE, whole, RUNGS)
    first = FakeJudge(stop_after=cut)
    journal = Journal(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, journal.remembered(first), RUNGS, decided=journal.decide)
    second = FakeJudge()
    journal = Journal(tmp_path)
    found = search(SPACE, journal.remembered(second), RUNGS, decided=journal.decide)
    assert found == expected
    assert first.asked + second.asked == whole.asked


def test_a_search_that_ended_asks_nothing_again_and_writes_nothing_again(tmp_path):
    journal = Journal(tmp_path)
    search(SPACE, journal.remembered(FakeJudge()), RUNGS, decided=journal.decide)
    before = (tmp_path / "tune.jsonl").read_bytes()
    again, judge = Journal(tmp_path), FakeJudge()
    search(SPACE, again.remembered(judge), RUNGS, decided=again.decide)
    assert judge.asked == []
    assert (tmp_path / "tune.jsonl").read_bytes() == before
    assert len(again.screenings) == 36
    assert again.decisions == journal.decisions


@pytest.mark.parametrize(
    ("samples", "rungs"), [(1000, (125, 500)), (80, (50, 50)), (20, (20, 20))]
)
def test_the_first_rung_takes_an_eighth_of_the_samples_and_at_least_fifty(
    samples, rungs
):
    assert plan_rungs(trials=9, finalists=3, samples=samples).samples == rungs
