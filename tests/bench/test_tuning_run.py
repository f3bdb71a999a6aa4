"""A whole search with a device that is made up, and what is left of it to resume."""

from __future__ import annotations

import dataclasses

import pytest

from hil.accuracy.gate import Gate
from hil.bench.evaluation import answers
from hil.bench.judge import make_engine, reference_engine
from hil.bench.tuning.run import Budget, run_search
from hil.bench.tuning.settings import read_settings, settings_document
from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, UnsupportedOp
from hil.profiles import find_profile
from hil.results.run_folder import RunFolder
from hil.vocab import Measurement, RunStatus, TimeBasis, Timing

COUNTS = "qemu-mps2-an386"
CLOCK = "emulated-mcu"


class FakeBoard:
    """Answers as the host engine does; some variants it refuses, or it is not there."""

    def __init__(self, profile, *, refused=(), lost=()):
        self.profile = profile
        self.measured = []
        self._refused = refused
        self._lost = lost

    def open(self, deadline):
        pass

    def close(self):
        pass

    def measure(self, job, deadline):
        assert not deadline.expired
        variant = job.model.variant
        if variant in self._refused:
            raise UnsupportedOp("no kernel for CONV_2D")
        if variant in self._lost:
            raise BrokenSetup("nothing answers")
        self.measured.append(variant)
        outputs = None
        if job.samples is not None:
            engine = make_engine(reference_engine(self.profile))
            outputs = answers(engine, job.model.path.read_bytes(), job.samples)
        counts = self.profile.time_basis is TimeBasis.EMULATED_INSTRUCTIONS
        return Measurement(
            engine="fake",
            timing=Timing(
                basis=self.profile.time_basis,
                tick_hz=None if counts else 1_000_000,
                invoke_ticks=(1000, 1000, 1000),
            ),
            memory={"arena_bytes": 5000},
            outputs=outputs,
        )


@pytest.fixture
def settings(digits, tmp_path):
    def make(*devices, windows=1, samples=120, **changes):
        values = {
            "model": digits / "digits.tflite",
            "dataset": digits / "digits_test.npz",
            "calibration": digits / "digits_calibration.npz",
            "pixels": None,
            "metric": "top1",
            "devices": devices,
            "measure": {"windows": windows, "samples": samples},
            "gate": Gate(most_drop=0.03),
            "accept_undecidable": False,
            "objectives": [],
            "trials": 3,
            "finalists": 3,
            "seed": 0,
        }
        text = settings_document(**(values | changes))
        return read_settings(text, where="plan.toml", folder=tmp_path)

    return make


def tune(settings, folder, board, **more):
    return run_search(settings, folder, make_target=lambda _: board, **more)


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path, "tune")


def test_a_board_that_counts_instructions_is_read_back_from_its_records(
    settings, folder
):
    board = FakeBoard(find_profile(COUNTS))
    found = tune(settings(COUNTS), folder, board)
    (standing,) = found.standings
    assert standing.device == COUNTS
    assert standing.winner != "int8"
    speeds = {row.result.latency.median for row in standing.rows}
    assert speeds == {1000}


def test_what_the_device_refuses_is_a_row_and_is_not_asked_again(settings, folder):
    board = FakeBoard(find_profile(COUNTS), refused=["int8+slim"])
    (standing,) = tune(settings(COUNTS), folder, board).standings
    (row,) = [r for r in standing.rows if r.result.variant == "int8+slim"]
    assert row.result.status is RunStatus.UNSUPPORTED_OP
    assert row.refused == "no kernel for CONV_2D"
    assert standing.winner == "int8+per-tensor"
    again = FakeBoard(find_profile(COUNTS))
    tune(settings(COUNTS), folder, again)
    assert again.measured == []


def test_what_could_not_be_reached_is_measured_when_the_search_is_resumed(
    settings, folder
):
    first = FakeBoard(find_profile(COUNTS), lost=["int8+per-tensor"])
    (standing,) = tune(settings(COUNTS), folder, first).standings
    assert standing.winner == "int8+slim"
    second = FakeBoard(find_profile(COUNTS))
    (standing,) = tune(settings(COUNTS), folder, second).standings
    assert second.measured == ["int8+per-tensor"]
    assert {row.result.status for row in standing.rows} == {RunStatus.OK}


def test_times_of_this_hosts_clock_are_taken_in_one_sitting(settings, folder):
    plan = settings(CLOCK, windows=2)
    tune(plan, folder, FakeBoard(find_profile(CLOCK), lost=["int8+per-tensor"]))
    second = FakeBoard(find_profile(CLOCK))
    tune(plan, folder, second)
    assert sorted(second.measured) == sorted(
        2 * ["int8", "int8+per-tensor", "int8+slim"]
    )
    third = FakeBoard(find_profile(CLOCK))
    tune(plan, folder, third)
    assert third.measured == []


def test_a_spent_budget_leaves_what_was_measured(settings, folder):
    spent = Budget(screening=Deadline(0), measuring=Deadline(0))
    board = FakeBoard(find_profile(COUNTS))
    found = tune(settings(COUNTS, windows=3), folder, board, budget=spent)
    assert found.cut
    assert board.measured == ["int8"]
    assert found.standings[0].winner == "int8"
    whole = tune(settings(COUNTS, windows=3), folder, FakeBoard(board.profile))
    assert not whole.cut
    assert len(whole.standings[0].rows) == 3


def test_a_damaged_record_is_told_with_its_line(settings, folder):
    (folder.path / "records.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(ConfigError, match="the record cannot be read") as caught:
        tune(settings(COUNTS), folder, FakeBoard(find_profile(COUNTS)))
    assert caught.value.where.endswith("records.jsonl:1")


def test_another_order_of_the_samples_is_another_search(settings, folder):
    plan = settings(COUNTS)
    board = FakeBoard(find_profile(COUNTS))
    tune(plan, folder, board)
    with pytest.raises(ConfigError, match="the dataset changed since the search began"):
        tune(dataclasses.replace(plan, seed=1), folder, board)


def test_a_search_without_samples_is_refused(settings, folder):
    plan = settings(COUNTS)
    measure = dataclasses.replace(plan.plan.measure, samples=0)
    none = dataclasses.replace(plan.plan, measure=measure)
    with pytest.raises(ConfigError, match="the search needs samples"):
        tune(
            dataclasses.replace(plan, plan=none),
            folder,
            FakeBoard(find_profile(COUNTS)),
        )
