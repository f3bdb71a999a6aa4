"""Runs for reports, made of records as a bench writes them; one browser for all."""

from __future__ import annotations

import shutil

import pytest

from hil.bench.latency import windows_of
from hil.bench.summary import summarize
from hil.report.rows import Run, collect
from hil.vocab import (
    AccuracyCount,
    Agreement,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
    TimingSummary,
)

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"


def _record(**changes):
    values = {
        "schema": 1,
        "run": "run-1",
        "job_id": "j",
        "model": "digits",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-11-21T10:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 27488,
        "time_basis": TimeBasis.HOST_CLOCK,
        "engine": "tflm",
        "timing": Timing(
            basis=TimeBasis.HOST_CLOCK,
            invoke_ticks=tuple(238_000 + 100 * i for i in range(40)),
            tick_hz=1_000_000_000,
        ),
        "memory": {"arena_bytes": 8944},
        "accuracy": AccuracyCount(metric="top1", n=500, correct=493, wrong=(1,)),
        "agreement": Agreement(reference="tflm", n=500, identical=500),
    }
    return RunRecord(**(values | changes))


def _instructions(count, **changes):
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    timing = Timing(basis=basis, invoke_ticks=(count,) * 5)
    return _record(time_basis=basis, timing=timing, **changes)


def _summary(median_us, **changes):
    summary = TimingSummary(
        basis=TimeBasis.HOST_CLOCK,
        n=3000,
        first_us=31,
        min_us=9,
        max_us=8043,
        avg_us=14.7,
        median_us=median_us,
        p95_us=13,
    )
    return _record(timing=None, summary=summary, **changes)


def _failed(**changes):
    none = {"timing": None, "accuracy": None, "agreement": None, "memory": {}}
    return _record(**({"status": RunStatus.UNSUPPORTED_OP} | none | changes))


def _run(*records, name="run-1", environment=None):
    rows = collect(summarize(records), records, times=windows_of, ratings={})
    return Run(name=name, rows=rows, environment=environment or {})


@pytest.fixture(scope="session")
def record():
    """A function that makes a record; timed by the host's clock unless told."""
    return _record


@pytest.fixture(scope="session")
def instructions():
    """A function that makes a record of counted instructions."""
    return _instructions


@pytest.fixture(scope="session")
def summary():
    """A function that makes a record of which only statistics are known."""
    return _summary


@pytest.fixture(scope="session")
def failed():
    """A function that makes a record of a window that did not run."""
    return _failed


@pytest.fixture(scope="session")
def run_of():
    """A function that makes a run of records."""
    return _run


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the session, which keeps what its console said."""
    webdriver = pytest.importorskip("selenium.webdriver")
    if not (shutil.which(CHROMIUM) and shutil.which(DRIVER)):
        pytest.skip("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # The path keeps selenium from looking for a driver in the network.
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()
