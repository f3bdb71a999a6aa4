"""The cost of measuring on emulated phones: accuracy samples, eight phones at once."""

from __future__ import annotations

import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.links.adb import AdbLink
from hil.models.facts import artifact
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.targets.phone_conditions import PhoneConditions
from hil.tools import Child
from hil.vocab import AdbSettings, Job

PHONE = """
import sys
from hil.emulators.phone.adbd import run
from hil.emulators.phone.phone_clock import SkippingClock
from hil.profiles import find_profile
run(find_profile(sys.argv[1]), port=0, watch_stdin=True, clock=SkippingClock())
"""
NAME = "emulated-phone-two-clusters"
PHONES = 8
WINDOWS = 3
SAMPLES = 500


@pytest.fixture
def start(tmp_path):
    """Start a phone and return an open target of it."""
    with contextlib.ExitStack() as stack:

        def one():
            child = Child([sys.executable, "-c", PHONE, NAME])
            stack.callback(child.stop)
            host, _, port = child.read_line(Deadline(60)).rpartition(":")
            way = AdbSettings(host=host, port=int(port))
            link = AdbLink(way, key_path=tmp_path / "adbkey")
            name = f"phone-{port}"
            profile = find_profile(NAME, overrides=[f'name="{name}"'])
            target = PhoneTarget(profile, link, PhoneConditions())
            stack.callback(target.close)
            target.open(Deadline(60))
            return target

        yield one


@pytest.fixture
def job(digits):
    with np.load(digits / "digits_test.npz") as data:
        samples = np.resize(data["x"].astype(np.float32), (SAMPLES, 8, 8, 1))
    return Job(
        id="j",
        model=artifact(digits / "digits.tflite"),
        device=find_profile(NAME),
        window=0,
        warmup=2,
        min_runs=20,
        min_seconds=0.5,
        probe=samples[:1],
        samples=samples,
    )


def _without_samples(job):
    return replace(job, samples=None)


def test_500_accuracy_samples_take_at_most_a_minute(benchmark, start, job):
    target = start()
    windows_only = time.perf_counter()
    target.measure(_without_samples(job), Deadline(120))
    windows_only = time.perf_counter() - windows_only
    measured = benchmark.pedantic(lambda: target.measure(job, Deadline(300)), rounds=1)
    assert measured.evidence["samples_run"] == SAMPLES
    seconds = benchmark.stats["median"] - windows_only
    benchmark.extra_info["seconds"] = seconds
    print(
        f"\n{SAMPLES} samples: {seconds:.1f} s, {1000 * seconds / SAMPLES:.0f} ms each"
    )
    assert seconds <= 60


def _work_seconds(target, job):
    """Run some windows; return how long the phone timed its model in them."""
    work = 0.0
    for _ in range(WINDOWS):
        summary = target.measure(_without_samples(job), Deadline(300)).summary
        work += summary.n * summary.avg_us / 1e6
    return work


def test_eight_phones_side_by_side_cost_as_much_a_phone_second_as_one(
    benchmark, start, job
):
    targets = [start() for _ in range(PHONES)]
    _work_seconds(targets[0], job)
    before = time.perf_counter()
    work = _work_seconds(targets[0], job)
    alone = (time.perf_counter() - before) / work

    def together():
        with ThreadPoolExecutor(PHONES) as pool:
            return sum(pool.map(lambda target: _work_seconds(target, job), targets))

    work = benchmark.pedantic(together, rounds=1)
    side_by_side = benchmark.stats["median"] / work
    benchmark.extra_info["ratio"] = side_by_side / alone
    print(
        f"\na phone-second of work: {alone:.2f} s alone, {side_by_side:.2f} s with "
        f"{PHONES} phones, {side_by_side / alone:.2f} times"
    )
    assert side_by_side <= 1.5 * alone
