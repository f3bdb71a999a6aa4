"""A reset line is pulsed, the other one released, the port closed again."""

from __future__ import annotations

import os

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, LinkTimeout
from hil.links.control_lines import ControlLine, pulse


class LoggedPort:
    """Writes down what is done to it; pyserial's interface."""

    def __init__(self, log):
        object.__setattr__(self, "log", log)

    def __setattr__(self, name, value):
        self.log.append((name, value))

    def open(self):
        self.log.append("open")

    def close(self):
        self.log.append("close")


@pytest.mark.parametrize("line", list(ControlLine))
def test_the_line_is_asserted_and_released_on_an_open_port(line):
    log = []
    pulse("/dev/x", line, Deadline(5), make_port=lambda _: LoggedPort(log))
    name = line.value
    assert sorted(log[:2]) == [("dtr", False), ("rts", False)]
    assert log[2:] == ["open", (name, True), (name, False), "close"]


def test_a_pty_has_no_control_lines():
    board, port = os.openpty()
    try:
        with pytest.raises(BrokenSetup, match="RTS line cannot be switched"):
            pulse(os.ttyname(port), ControlLine.RTS, Deadline(5))
    finally:
        os.close(board)
        os.close(port)


def test_a_missing_port_is_told():
    with pytest.raises(BrokenSetup, match="/dev/none"):
        pulse("/dev/none", ControlLine.DTR, Deadline(5))


def test_without_time_nothing_is_pulsed():
    with pytest.raises(LinkTimeout, match="no time was left"):
        pulse("/dev/x", ControlLine.DTR, Deadline(0), make_port=pytest.fail)
