"""The times of single operators: from the board's ticks to the evidence."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, DeviceCrashed, LinkTimeout
from hil.models.graph import read_graph
from hil.targets.layer_ticks import check_instructions, layer_ticks
from hil.vocab import TimeBasis, Timing

US = TimeBasis.DEVICE_CLOCK


@pytest.fixture(scope="module")
def graph(digits):
    return read_graph((digits / "digits.tflite").read_bytes(), "digits").subgraphs[0]


class Board:
    """A session with a board whose operators take 1, 2, 3 ... hundred ticks."""

    def __init__(self, *, basis=US, tick_hz=8_000_000, operators=None, fails=None):
        self.device = SimpleNamespace(time_basis=basis, tick_hz=tick_hz)
        self._operators = operators
        self._fails = fails

    def profile(self, deadline):
        assert deadline.remaining <= 30
        if self._fails:
            raise self._fails
        return [100 * (number + 1) for number in range(self._operators)]


@pytest.mark.parametrize(
    ("basis", "tick_hz", "unit", "first"),
    [
        (TimeBasis.CPU_CYCLES, 64_000_000, "cycles", 100),
        (TimeBasis.EMULATED_INSTRUCTIONS, None, "insn", 100),
        (TimeBasis.DEVICE_CLOCK, 8_000_000, "us", 12.5),
        (TimeBasis.HOST_CLOCK, 1_000_000_000, "us", 0.1),
    ],
)
def test_operators_have_the_unit_of_the_boards_ticks(
    graph, basis, tick_hz, unit, first
):
    board = Board(basis=basis, tick_hz=tick_hz, operators=len(graph.operators))
    ops = layer_ticks(board, graph, Deadline(600))["ops"]
    assert [op["type"] for op in ops] == [op.name for op in graph.operators]
    assert ops[0] == {"type": "CONV_2D", "name": ops[0]["name"], unit: first}
    assert ops[0]["name"].startswith("digits_1/stem_1/")
    assert ops[1][unit] == pytest.approx(2 * first)


@pytest.mark.parametrize(
    ("board", "told"),
    [
        (Board(operators=3), "the device has 3 operators, the model 11"),
        (Board(operators=11, tick_hz=None), "does not say how long a tick is"),
        (Board(fails=LinkTimeout("nothing came in time")), "nothing came in time"),
        (Board(fails=DeviceCrashed("the board fell over")), "the board fell over"),
    ],
)
def test_a_board_that_cannot_tell_costs_the_profile_only(graph, board, told):
    found = layer_ticks(board, graph, Deadline(600))
    assert told in found["problem"]
    assert "ops" not in found


def _counted(*instructions):
    return {"ops": [{"type": "CONV_2D", "name": "", "insn": n} for n in instructions]}


def _insn(*ticks):
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    return Timing(basis=basis, tick_hz=None, invoke_ticks=ticks)


def test_a_run_that_counts_a_round_less_than_its_operators_is_refused():
    told = 57_010_298  # of 895,871,098, by a timer that goes round every 167,772,160
    profile = _counted(448_000_000, 447_871_458)
    with pytest.raises(BrokenSetup, match="more instructions than") as caught:
        check_instructions(_insn(told, told), profile, where="qemu-mps2-an385")
    assert caught.value.found == "57,010,298 in a run, 895,871,458 in its operators"


@pytest.mark.parametrize(
    "profile", [_counted(500_000_000, 395_880_000), {"problem": "not supported"}]
)
def test_what_timing_the_operators_costs_is_no_round(profile):
    check_instructions(_insn(895_871_098), profile, where="qemu-mps2-an385")
