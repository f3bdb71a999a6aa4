"""The runner with fake targets: order, retries, lanes, and what is never lost."""

from __future__ import annotations

import dataclasses
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hil.bench.jobs import lanes, plan_jobs
from hil.bench.judge import Judge, Verdict
from hil.bench.plan import Measure
from hil.bench.runner import Runner
from hil.bench.variants import Variant
from hil.errors import (
    BrokenSetup,
    DeviceCrashed,
    DoesNotFit,
    LinkClosed,
    LinkTimeout,
    ModelError,
    RecordingError,
    UnsupportedOp,
)
from hil.profiles import find_profile
from hil.results.run_folder import RunFolder, load_records
from hil.vocab import (
    Measurement,
    ModelArtifact,
    RunStatus,
    TimeBasis,
    Timing,
)

TICKS = Timing(basis=TimeBasis.HOST_CLOCK, tick_hz=1000, invoke_ticks=(5, 6))


def variant(name):
    artifact = ModelArtifact(
        name="m",
        variant=name,
        path=Path("m.tflite"),
        sha256=f"{name:0<64}",
        size_bytes=10,
        ops=("SOFTMAX",),
    )
    samples = np.zeros((3, 4), np.int8)
    return Variant(
        artifact=artifact,
        data=b"",
        label="full int8",
        metric="top1",
        probe=samples[:1],
        samples=samples,
        labels=np.zeros(3, np.int64),
    )


def device(name, basis=TimeBasis.HOST_CLOCK):
    profile = find_profile("emulated-mcu")
    return dataclasses.replace(profile, name=name, time_basis=basis)


class FakeTarget:
    """Answers each job from a script; a HilError in it is raised."""

    def __init__(self, profile, script, log):
        self.profile = profile
        self._script = script
        self._log = log

    def open(self, deadline):
        self._log.append(("open", self.profile.name))
        self._answer("open")

    def measure(self, job, deadline):
        self._log.append((job.model.variant, self.profile.name, job.window))
        self._answer(job.model.variant)
        return Measurement(engine="fake", timing=TICKS, outputs=job.samples)

    def close(self):
        self._log.append(("close", self.profile.name))

    def _answer(self, what):
        queue = self._script.get((self.profile.name, what), [])
        if queue and (error := queue.pop(0)) is not None:
            raise error


class AlwaysRight(Judge):
    def judge(self, job, variant, measurement):
        return Verdict(status=RunStatus.OK)


@pytest.fixture
def run(tmp_path):
    def start(variants, devices, script=None, judge=None, **measure):
        log = []
        folder = RunFolder.create(tmp_path, "t")
        runner = Runner(
            folder=folder,
            judge=judge or AlwaysRight(),
            make_target=lambda profile: FakeTarget(profile, script or {}, log),
            measure=Measure(**({"windows": 2} | measure)),
        )
        records = runner.run([variant(v) for v in variants], devices)
        kept, _ = load_records(folder.path)
        assert sorted(r.job_id for r in kept) == sorted(r.job_id for r in records)
        return (
            records,
            [entry for entry in log if entry[0] not in {"open", "close"}],
            log,
        )

    return start


def test_windows_of_the_variants_are_interleaved(run):
    _, jobs, _ = run(["a", "b"], [device("x")])
    assert jobs == [("a", "x", 0), ("b", "x", 0), ("a", "x", 1), ("b", "x", 1)]


def test_windows_run_one_after_the_other_where_that_is_asked(run):
    _, jobs, _ = run(["a", "b"], [device("x")], order="sequential")
    assert jobs == [("a", "x", 0), ("a", "x", 1), ("b", "x", 0), ("b", "x", 1)]


def test_only_the_first_window_streams_the_samples():
    measure = Measure(windows=3)
    jobs = [job for _, job in plan_jobs([variant("a")], [device("x")], measure)]
    assert [job.samples is not None for job in jobs] == [True, False, False]


def test_devices_on_this_hosts_clock_share_a_lane_and_others_do_not():
    here, there = device("a"), device("b", TimeBasis.DEVICE_CLOCK)
    also_here = device("c")
    assert lanes([here, there, also_here]) == [[here, also_here], [there]]
    assert lanes([there]) == [[there]]


def test_a_device_is_opened_once_and_closed_at_the_end(run):
    _, _, log = run(["a", "b"], [device("x")])
    assert [entry for entry in log if entry[0] in {"open", "close"}] == [
        ("open", "x"),
        ("close", "x"),
    ]


def test_a_transient_failure_is_tried_again_and_recorded(run):
    script = {("x", "a"): [LinkTimeout("nothing came"), None]}
    records, _, _ = run(["a"], [device("x")], script)
    assert [r.status for r in records] == [RunStatus.OK, RunStatus.OK]
    assert records[0].retries == ("window 0: nothing came",)
    assert records[1].retries == ()


def test_a_transient_failure_is_tried_three_times_and_no_more(run):
    script = {("x", "a"): [LinkClosed("gone")] * 9}
    records, jobs, _ = run(["a", "b"], [device("x")], script)
    assert jobs.count(("a", "x", 0)) == 3
    failed = records[0]
    assert (failed.status, len(failed.retries)) == (RunStatus.LINK_BROKEN, 2)
    assert [r.variant for r in records[1:]] == ["b", "b"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnsupportedOp("no kernel for LSTM"), RunStatus.UNSUPPORTED_OP),
        (
            DoesNotFit(region="arena", needed_bytes=9, available_bytes=5, where="x"),
            RunStatus.DOES_NOT_FIT,
        ),
        (DeviceCrashed("it died"), RunStatus.CRASHED),
        (ModelError("it is broken"), RunStatus.BROKEN_SETUP),
    ],
)
def test_a_lasting_failure_is_recorded_once_and_not_tried_again(run, error, status):
    records, jobs, _ = run(["a", "b"], [device("x")], {("x", "a"): [error] * 9})
    assert jobs.count(("a", "x", 0)) == 1
    assert ("a", "x", 1) not in jobs
    failed = [r for r in records if r.variant == "a"]
    assert [r.status for r in failed] == [status]
    assert failed[0].problem == str(error)
    assert [r.status for r in records if r.variant == "b"] == [RunStatus.OK] * 2


def test_a_timeout_is_told_as_one(run):
    script = {("x", "a"): [LinkTimeout("silent")] * 3}
    records, _, _ = run(["a"], [device("x")], script)
    assert [r.status for r in records] == [RunStatus.TIMED_OUT]


def test_a_refusal_leaves_the_device_open_and_a_broken_link_does_not(run):
    _, _, log = run(["a"], [device("x")], {("x", "a"): [UnsupportedOp("no")]})
    assert log.count(("open", "x")) == 1
    _, _, log = run(["a"], [device("x")], {("x", "a"): [LinkClosed("gone")]})
    assert log.count(("open", "x")) == 2


def test_a_device_that_cannot_be_opened_costs_its_own_jobs_only(run):
    script = {("x", "open"): [BrokenSetup("no such port")] * 9}
    records, _, log = run(["a", "b"], [device("x"), device("y")], script)
    assert log.count(("open", "x")) == 1
    broken = [r for r in records if r.device == "x"]
    assert {(r.variant, r.status) for r in broken} == {
        ("a", RunStatus.BROKEN_SETUP),
        ("b", RunStatus.BROKEN_SETUP),
    }
    assert all(r.problem == "no such port" for r in broken)
    whole = [r for r in records if r.device == "y"]
    assert [r.status for r in whole] == [RunStatus.OK] * 4


def phone(name):
    return dataclasses.replace(find_profile("emulated-phone"), name=name)


def test_a_phone_that_was_there_and_is_gone_is_a_broken_link_at_once(run):
    gone = LinkClosed("the connection to the phone is gone")
    nobody = BrokenSetup("the phone cannot be reached")
    script = {("p", "a"): [gone], ("p", "open"): [None, nobody]}
    records, _, log = run(["a", "b"], [phone("p"), phone("q")], script)
    by_device = {d: [r for r in records if r.device == d] for d in ("p", "q")}
    assert {r.status for r in by_device["p"]} == {RunStatus.LINK_BROKEN}
    assert {r.problem for r in by_device["p"]} == {str(gone)}
    assert {r.variant for r in by_device["p"]} == {"a", "b"}
    assert {r.status for r in by_device["q"]} == {RunStatus.OK}
    assert log.count(("open", "p")) == 2


def test_a_phone_whose_link_breaks_in_every_try_of_a_job_is_not_tried_again(run):
    gone = [LinkClosed("the connection to the phone is gone") for _ in range(9)]
    records, done, _ = run(["a", "b"], [phone("p")], {("p", "a"): gone})
    assert [r.status for r in records] == [RunStatus.LINK_BROKEN] * 2
    assert done == [("a", "p", 0)] * 3


def test_a_board_is_tried_with_the_next_model_after_its_link_broke(run):
    gone = [LinkClosed("the port went away") for _ in range(9)]
    records, _, _ = run(["a", "b"], [device("d")], {("d", "a"): gone}, windows=1)
    assert [r.status for r in records] == [RunStatus.LINK_BROKEN, RunStatus.OK]


def test_devices_in_lanes_of_their_own_run_at_the_same_time(tmp_path):
    meeting = threading.Barrier(2, timeout=30)

    class Meets(FakeTarget):
        def measure(self, job, deadline):
            meeting.wait()
            return super().measure(job, deadline)

    devices = [device("x", TimeBasis.DEVICE_CLOCK), device("y", TimeBasis.CPU_CYCLES)]
    runner = Runner(
        folder=RunFolder.create(tmp_path, "t"),
        judge=AlwaysRight(),
        make_target=lambda profile: Meets(profile, {}, []),
        measure=Measure(windows=1),
    )
    assert len(runner.run([variant("a")], devices)) == 2


def test_control_c_breaks_the_jobs_off_and_leaves_each_device(tmp_path):
    log = []
    meeting = threading.Barrier(2, timeout=30)
    forever = threading.Event()

    class Waits(FakeTarget):
        def measure(self, job, deadline):
            if job.window == 0:
                return super().measure(job, deadline)
            if meeting.wait() == 0:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            while not deadline.expired:
                forever.wait(0.01)
            raise LinkTimeout("nobody waits any more")

    devices = [device("x", TimeBasis.DEVICE_CLOCK), device("y", TimeBasis.CPU_CYCLES)]
    folder = RunFolder.create(tmp_path, "t")
    runner = Runner(
        folder=folder,
        judge=AlwaysRight(),
        make_target=lambda profile: Waits(profile, {}, log),
        measure=Measure(windows=3, timeout_seconds=3600),
    )
    with pytest.raises(KeyboardInterrupt):
        runner.run([variant("a")], devices)
    assert sorted(entry for entry in log if entry[0] == "close") == [
        ("close", "x"),
        ("close", "y"),
    ]
    kept, _ = load_records(folder.path)
    assert [(r.window, r.status) for r in kept] == [(0, RunStatus.OK)] * 2


def test_control_c_while_the_lanes_start_breaks_them_off_as_well(tmp_path, monkeypatch):
    submit = ThreadPoolExecutor.submit
    first = threading.Event()
    forever = threading.Event()

    class Waits(FakeTarget):
        def measure(self, job, deadline):
            first.set()
            while not deadline.expired:
                forever.wait(0.01)
            raise LinkTimeout("nobody waits any more")

    def pressed(pool, *arguments):
        if first.is_set():
            raise KeyboardInterrupt
        future = submit(pool, *arguments)
        first.wait()
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", pressed)
    devices = [device("x", TimeBasis.DEVICE_CLOCK), device("y", TimeBasis.CPU_CYCLES)]
    folder = RunFolder.create(tmp_path, "t")
    runner = Runner(
        folder=folder,
        judge=AlwaysRight(),
        make_target=lambda profile: Waits(profile, {}, []),
        measure=Measure(windows=1, timeout_seconds=5),
    )
    with pytest.raises(KeyboardInterrupt):
        runner.run([variant("a")], devices)
    assert runner.records == []


def test_a_wrong_answer_is_recorded_with_what_was_measured(run):
    class AlwaysWrong(Judge):
        def judge(self, job, variant, measurement):
            return Verdict(status=RunStatus.WRONG_OUTPUT, problem="all differ")

    records, _, _ = run(["a"], [device("x")], judge=AlwaysWrong())
    (record,) = records
    assert (record.status, record.problem) == (RunStatus.WRONG_OUTPUT, "all differ")
    assert record.timing == TICKS


def test_outputs_are_kept_as_evidence(run, tmp_path):
    run(["a"], [device("x")])
    kept = list(tmp_path.rglob("outputs/*.npy"))
    assert [path.name for path in kept] == ["m.a.x.0.npy"]


def test_a_full_disk_ends_the_run_and_keeps_the_records_before_it(tmp_path):
    log = []
    folder = RunFolder.create(tmp_path, "t")

    class FillsUp(FakeTarget):
        def measure(self, job, deadline):
            if job.window == 1:
                records = folder.path / "records.jsonl"
                records.rename(folder.path / "kept.jsonl")
                records.symlink_to("/dev/full")
            return super().measure(job, deadline)

    runner = Runner(
        folder=folder,
        judge=AlwaysRight(),
        make_target=lambda profile: FillsUp(profile, {}, log),
        measure=Measure(windows=3),
    )
    with pytest.raises(RecordingError, match="No space left on device"):
        runner.run([variant("a")], [device("x")])
    assert log[-1] == ("close", "x")
    kept, notes = load_records(folder.path / "kept.jsonl")
    assert (len(kept), notes) == (1, [])
