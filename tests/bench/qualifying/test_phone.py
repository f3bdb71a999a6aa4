"""A phone is qualified by its jobs: windows, failures, heat, memory and answers."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.qualify import Outcome, Subject, qualify_phone
from hil.bench.qualifying.observation import from_lines, to_line
from hil.deadline import Deadline
from hil.errors import DoesNotFit, LinkTimeout
from hil.links.fake import FakeClock
from hil.vocab import (
    AdbSettings,
    DeviceProfile,
    Job,
    Measurement,
    ModelArtifact,
    TargetKind,
    TimeBasis,
    TimingSummary,
)

SAMPLES = np.arange(40, dtype=np.float32).reshape(10, 4)
ANSWERS = np.eye(10, dtype=np.float32)
PROFILE = DeviceProfile(
    name="played",
    kind=TargetKind.PHONE,
    arch="arm64",
    core="fake",
    clock_hz=None,
    ram_bytes=4_000_000,
    flash_bytes=60_000_000,
    time_basis=TimeBasis.DEVICE_CLOCK,
    link=AdbSettings(),
)


class Phone:
    """A target whose runs take 1 ms on the clock that the host sees."""

    profile = PROFILE

    def __init__(self):
        self.clock = FakeClock()
        self.calls = 0
        self.us_of = lambda _: 1000.0
        self.told_us_of = None
        self.fails_at = ()
        self.refuses = None
        self.runs = True
        self.watch = lambda call: {"verdict": "valid", "hottest_c": 30.0 + call}
        self.outputs = ANSWERS

    def measure(self, job, deadline):
        self.calls += 1
        if self.refuses is not None:
            raise self.refuses
        if self.calls in self.fails_at:
            raise LinkTimeout("nothing came", found="0 bytes")
        evidence = {
            "phone": {"ram_total_bytes": 3_900_000, "model": "Played"},
            "window": self.watch(self.calls),
            "stdout": "much",
        }
        if not self.runs:
            return Measurement(engine="benchmark_model", evidence=evidence)
        us = self.us_of(self.calls)
        runs = max(1, round(job.min_seconds / (us * 1e-6)))
        self.clock.seconds += 0.1 + runs * us * 1e-6
        told = us if self.told_us_of is None else self.told_us_of(us)
        return Measurement(
            engine="benchmark_model",
            summary=TimingSummary(
                basis=TimeBasis.DEVICE_CLOCK,
                n=runs,
                first_us=told,
                min_us=told,
                max_us=told,
                avg_us=told,
                median_us=told,
                resolution_us=1.0,
            ),
            memory={"peak_rss_bytes": 1_000_000},
            outputs=self.outputs if job.samples is not None else None,
            evidence=evidence,
        )

    def open(self, deadline):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError

    def items(self, *, samples=SAMPLES, keep=lambda _: None):
        job = Job(
            id="job",
            model=ModelArtifact(
                name="digits",
                variant="as-is",
                path=None,
                sha256="0" * 64,
                size_bytes=1,
                ops=(),
            ),
            device=PROFILE,
            window=0,
            warmup=2,
            min_runs=20,
            min_seconds=0.1,
            probe=SAMPLES[:1],
            samples=samples,
        )
        subject = Subject(
            model=b"",
            probe=SAMPLES[:1],
            samples=samples,
            expected=None if samples is None else ANSWERS,
            reference="litert",
            labels=np.arange(10),
            name="digits",
        )
        found = qualify_phone(
            self,
            [(subject, job)],
            Deadline(10_000, now=self.clock),
            keep=keep,
            seconds=2.0,
            now=self.clock,
        )
        return {item.name: item for item in found}


def failed(items):
    return [name for name, item in items.items() if item.outcome is Outcome.FAILED]


def test_a_good_phone_fails_nothing():
    kept = []
    items = Phone().items(keep=kept.append)
    assert failed(items) == []
    passed = {n for n, item in items.items() if item.outcome is Outcome.PASSED}
    assert passed >= {
        "link errors",
        "timer monotonic",
        "timer resolution",
        "timer drift",
        "repeatability",
        "thermal stability",
        "memory RAM",
        "memory peak",
        "parity",
    }
    assert items["timer drift"].value == pytest.approx(1.0)
    assert items["thermal stability"].figure.endswith("; 35.0 to 42.0 C")
    assert items["accuracy"].outcome is Outcome.UNDECIDED
    assert "stdout" not in b"".join(map(to_line, kept)).decode()
    assert from_lines(map(to_line, kept), where="kept") == kept


def test_windows_that_fail_are_counted_and_the_rest_stands():
    phone = Phone()
    phone.fails_at = (6,)
    items = phone.items()
    assert failed(items) == ["link errors"]
    assert items["link errors"].figure == "1 failed, 0 tried again of 11 jobs"
    assert items["link errors"].evidence["failed"] == ["nothing came: 0 bytes"]
    assert items["repeatability"].n == 7


def test_a_phone_that_went_away_is_left_alone_after_three_failures():
    phone = Phone()
    phone.fails_at = range(100)
    items = phone.items()
    assert phone.calls == 3
    assert failed(items) == ["link errors", "parity"]
    assert items["repeatability"].outcome is Outcome.NOT_MEASURABLE


def test_a_clock_that_tells_half_the_time_fails_the_drift():
    phone = Phone()
    phone.told_us_of = lambda us: us / 2
    assert failed(phone.items()) == ["timer drift"]


def test_a_phone_that_becomes_slower_fails_the_thermal_stability():
    phone = Phone()
    phone.us_of = lambda call: 1000.0 * 1.03**call
    items = phone.items()
    assert "thermal stability" in failed(items)
    assert items["thermal stability"].value == pytest.approx(0.207, abs=0.01)


def test_a_phone_that_throttles_fails_with_the_reasons():
    phone = Phone()
    reasons = ["a pinned core fell to 50% of its clock"]
    phone.watch = lambda _: {"verdict": "throttled", "reasons": reasons}
    items = phone.items()
    assert failed(items) == ["thermal stability"]
    assert items["thermal stability"].figure == reasons[0]


def test_a_phone_that_does_not_become_cool_fails_that_and_leaves_the_rest_open():
    phone = Phone()
    phone.runs = False
    reasons = ["the gate did not open within 600 s"]
    phone.watch = lambda _: {"verdict": "throttled", "reasons": reasons}
    items = phone.items()
    assert failed(items) == ["thermal stability"]
    assert items["thermal stability"].figure == reasons[0]
    assert items["parity"].figure == "the phone did not run: see thermal stability"
    assert items["repeatability"].figure.startswith("no window was run")


def test_a_model_that_is_too_fast_for_the_tool_is_not_decided():
    phone = Phone()
    phone.us_of = lambda _: 10.0
    items = phone.items()
    assert items["timer resolution"].outcome is Outcome.UNDECIDED
    assert items["timer resolution"].figure == (
        "1 us, a run takes 10 us: take a model of 100 us or more"
    )
    assert items["timer drift"].outcome is Outcome.UNDECIDED
    assert items["timer drift"].figure.endswith("take a slower model")


def test_a_model_that_does_not_fit_leaves_the_rest_open():
    phone = Phone()
    phone.refuses = DoesNotFit(
        region="RAM", needed_bytes=2, available_bytes=1, where="played"
    )
    items = phone.items()
    assert failed(items) == []
    assert items["parity"].figure == "no model: RAM: 1 bytes missing"


def test_another_answer_fails_the_parity():
    phone = Phone()
    phone.outputs = ANSWERS + np.float32(0.01)
    assert failed(phone.items()) == ["parity"]


def test_without_samples_parity_is_open():
    items = Phone().items(samples=None)
    assert items["parity"].outcome is Outcome.NOT_MEASURABLE
    assert "name a --dataset" in items["parity"].figure
