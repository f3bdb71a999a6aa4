"""Qualification: a good device passes, and each fault fails an item of its own."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from hil.bench.qualify import Outcome, Subject, qualify
from hil.bench.qualifying.judge import judge
from hil.bench.qualifying.limits import DEFAULT_LIMITS, read_limits
from hil.bench.qualifying.observation import from_lines, to_line
from hil.deadline import Deadline
from hil.emulators.board import Board
from hil.emulators.fake_kernels import FakeKernels
from hil.links.fake import FakeClock, FakeLink, drop
from hil.session.session import Session
from hil.vocab import (
    DeviceProfile,
    EmulatorSettings,
    FirmwareSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)

MODEL = b'{"inputs": [4], "outputs": [2], "arena": 100}'
SAMPLES = np.arange(40, dtype=np.int8).reshape(10, 4)


def profile(*, basis=TimeBasis.DEVICE_CLOCK, engine="compiled"):
    return DeviceProfile(
        name="played",
        kind=TargetKind.MCU,
        arch="armv7e-m",
        core="fake",
        clock_hz=None,
        ram_bytes=20_000,
        flash_bytes=60_000,
        time_basis=basis,
        link=SerialSettings(baud=115200),
        firmware=FirmwareSettings(engine=engine),
        emulator=EmulatorSettings(rx_buffer_bytes=2048, max_frame_bytes=1024),
    )


class Device:
    """A board whose runs and bytes take time on the clock that the host sees."""

    def __init__(self, *faults, byte_seconds=10 / 115200, **parts):
        self.clock = FakeClock()
        self.runs = 0
        self.run_seconds = 0.001
        self.ticks_of = lambda run: 1_000_000 + 100 * (run % 7)
        device = self

        class Kernels(FakeKernels):
            @property
            def last_invoke_ns(self):
                return device.ticks_of(device.runs)

            def invoke(self, inputs):
                device.runs += 1
                device.clock.seconds += device.run_seconds
                self._runs = 0  # the answers depend on nothing but the inputs
                return super().invoke(inputs)

        self.board = Board(profile(**parts), Kernels, clock=self.clock)
        self._byte_seconds = byte_seconds
        self.link = FakeLink(self._answer, clock=self.clock, to_device=faults)

    def _answer(self, data):
        said = self.board.feed(data)
        self.clock.seconds += (len(data) + len(said)) * self._byte_seconds
        return said

    def items(
        self,
        *,
        model=MODEL,
        samples=SAMPLES,
        expected=None,
        seconds=1.0,
        keep=lambda _: None,
        more=None,
    ):
        session = Session(self.link)
        deadline = Deadline(10_000, now=self.clock)
        session.open(deadline)
        if expected is None and samples is not None:
            expected = answers_of(samples)
        subject = Subject(
            model=model,
            probe=SAMPLES[:1],
            samples=samples,
            expected=expected,
            reference="played",
        )
        others = [(session, dataclasses.replace(subject, **more))] if more else []
        found = qualify(
            session,
            subject,
            deadline,
            more=others,
            keep=keep,
            seconds=seconds,
            now=self.clock,
        )
        return {item.name: item for item in found}


def answers_of(samples):
    kernels = FakeKernels()
    kernels.load(MODEL)
    rows = []
    for sample in samples:
        kernels._runs = 0
        rows.append(np.concatenate([o.ravel() for o in kernels.invoke([sample[None]])]))
    return np.stack(rows)


def outcomes(items):
    return {name: item.outcome for name, item in items.items()}


def failed(items):
    return [name for name, item in items.items() if item.outcome is Outcome.FAILED]


def test_a_good_device_passes_every_item():
    items = Device().items()
    named = outcomes(items)
    assert {name for name, found in named.items() if found is Outcome.PASSED} == {
        "link errors",
        "link throughput",
        "timer monotonic",
        "timer resolution",
        "timer drift",
        "repeatability",
        "thermal stability",
        "memory arena",
        "parity",
    }
    assert set(named.values()) == {Outcome.PASSED, Outcome.NOT_MEASURABLE}
    assert items["link throughput"].figure.endswith("of 115,200 baud")
    assert items["timer resolution"].figure == "100 ticks = 0.1 us"
    assert items["parity"].figure == "10 of 10 identical to played"


def test_evidence_is_plain_json():
    for item in Device().items().values():
        json.dumps(item.evidence)


def test_a_lost_frame_fails_the_link():
    items = Device(drop(4)).items()
    assert failed(items) == ["link errors"]
    assert items["link errors"].figure.startswith("1 lost, 0 wrong of")
    assert len(items["link errors"].evidence["lost"]) == 1


def test_a_slow_link_fails_its_throughput_alone():
    assert failed(Device(byte_seconds=30 / 115200).items()) == ["link throughput"]


def test_a_device_that_stops_to_answer_fails_instead_of_raising():
    device = Device(drop(*range(3, 10_000)))
    items = device.items()
    assert items["link"].outcome is Outcome.FAILED
    assert "did not come in time" in items["link"].figure
    assert items["model transfer"].outcome is Outcome.FAILED


@pytest.mark.parametrize("factor", [1.5, 0.5])
def test_a_clock_that_is_not_what_it_says_fails_the_drift(factor):
    device = Device()
    device.ticks_of = lambda run: int(factor * (1_000_000 + 100 * (run % 7)))
    items = device.items()
    assert "timer drift" in failed(items)
    low, high = items["timer drift"].limit.split(" .. ")
    assert 0.7 < float(low) < 1 < float(high) < 1.2


def test_runs_that_take_less_than_their_ticks_on_the_line_leave_the_drift_open():
    device = Device()
    device.run_seconds = 0.0001
    device.ticks_of = lambda run: 100_000 + 10 * (run % 7)
    items = device.items()
    assert items["timer drift"].outcome is Outcome.UNDECIDED
    assert "too short" in items["timer drift"].figure


def test_a_counter_that_wraps_fails_monotonic():
    device = Device()
    device.ticks_of = lambda run: (1 << 40) if run % 50 == 0 else 1_000_000 + run % 7
    items = device.items()
    assert "timer monotonic" in failed(items)
    assert "0 of no time, 0 too long" not in items["timer monotonic"].figure


def test_a_counter_that_does_not_move_is_no_time_basis():
    device = Device()
    device.ticks_of = lambda _: 0
    items = device.items()
    assert items["timer"].outcome is Outcome.NOT_MEASURABLE
    assert "the counter does not move" in items["timer"].figure
    assert "timer drift" not in items
    assert items["parity"].outcome is Outcome.PASSED


def test_a_coarse_counter_fails_the_resolution():
    device = Device()
    device.ticks_of = lambda run: 1_000_000 + 500_000 * (run % 2)
    assert "timer resolution" in failed(device.items())


def test_runs_that_are_all_equal_leave_the_resolution_open():
    device = Device()
    device.ticks_of = lambda _: 1_000_000
    items = device.items()
    assert items["timer resolution"].outcome is Outcome.NOT_MEASURABLE
    assert items["timer resolution"].figure == "every run took 1,000,000 ticks"
    assert failed(items) == []


def test_windows_that_differ_fail_the_repeatability_and_a_trend_the_heat():
    device = Device()
    device.ticks_of = lambda run: 900_000 + 200 * run
    items = device.items()
    assert {"repeatability", "thermal stability"} <= set(failed(items))
    assert items["repeatability"].limit == "at most 2%"
    assert items["thermal stability"].limit == (
        "within 2% from the first to the last window"
    )


def test_what_is_seen_is_kept_as_it_is_made_and_gives_the_same_items_again():
    kept = []
    items = Device().items(keep=kept.append)
    assert [one.seen for one in kept] == [
        "device",
        "link",
        "windows",
        "answers",
        "memory",
    ]
    lines = [to_line(one) for one in kept]
    again = judge(from_lines(lines, where="seen"), read_limits(DEFAULT_LIMITS)[0])
    assert {item.name: item for item in again} == items


def test_a_second_model_has_items_of_its_own_name():
    extra = {"name": "second", "labels": np.array([0, 1] * 5)}
    items = Device().items(more=extra)
    assert items["parity second"].outcome is Outcome.PASSED
    assert items["accuracy second"].n is None
    assert items["accuracy second"].figure.endswith(
        "the limits name no share for second"
    )
    assert items["accuracy drop second"].outcome is Outcome.UNDECIDED
    assert "samples decide: --samples" in items["accuracy drop second"].figure


def test_instructions_must_repeat_exactly_and_are_no_time(monkeypatch):
    monkeypatch.setattr("hil.emulators.board._TICK_HZ", 0)
    device = Device(basis=TimeBasis.EMULATED_INSTRUCTIONS)
    device.ticks_of = lambda _: 5000
    items = device.items()
    assert items["timer"].outcome is Outcome.NOT_MEASURABLE
    assert items["timer"].figure == (
        "ticks are instructions that an emulator counts, which are no time"
    )
    assert [name for name in items if name.startswith("timer ")] == []
    assert items["repeatability"].outcome is Outcome.PASSED
    assert items["repeatability"].limit == "all equal"
    assert items["repeatability"].figure.startswith("5,000 instructions in each of ")
    # One run that counts another number is enough: medians would not show it.
    device.ticks_of = lambda run: 5001 if run == device.runs_before + 500 else 5000
    device.runs_before = device.runs
    items = device.items()
    assert failed(items) == ["repeatability"]
    assert items["repeatability"].figure.startswith("5,000 to 5,001 instructions in ")


def test_a_device_that_does_not_say_how_long_a_tick_is_leaves_the_drift_open(
    monkeypatch,
):
    monkeypatch.setattr("hil.emulators.board._TICK_HZ", 0)
    items = Device().items()
    assert items["timer drift"].outcome is Outcome.NOT_MEASURABLE
    assert items["timer drift"].figure == ("the device does not say how long a tick is")


def test_one_wrong_answer_fails_the_parity_of_a_compiled_engine():
    expected = answers_of(SAMPLES)
    expected[3, 0] += 1
    items = Device().items(expected=expected)
    assert failed(items) == ["parity"]
    assert items["parity"].figure == "9 of 10 identical to played"
    assert items["parity"].limit == "all identical"


@pytest.mark.parametrize(
    ("steps", "outcome"), [(1, Outcome.PASSED), (2, Outcome.FAILED)]
)
def test_tflite_micro_may_round_the_other_way(steps, outcome):
    expected = answers_of(SAMPLES)
    row = int(np.argmin(expected[:, 0]))
    expected[row, 0] += steps
    items = Device(engine="tflm").items(expected=expected)
    assert items["parity"].outcome is outcome


def test_without_samples_parity_is_open():
    items = Device().items(samples=None)
    assert items["parity"].outcome is Outcome.NOT_MEASURABLE
    assert "name a --dataset" in items["parity"].figure


def test_a_model_that_the_device_cannot_run_leaves_the_rest_open():
    items = Device().items(model=b'{"unsupported": "CONV_2D"}')
    assert failed(items) == []
    for name in ("timer", "repeatability", "parity"):
        assert items[name].outcome is Outcome.NOT_MEASURABLE
        assert items[name].figure.startswith("no model: the device cannot run")
