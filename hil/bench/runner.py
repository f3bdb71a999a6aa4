"""Jobs to records: each device in its lane, retries counted, each record kept at once.

Devices whose clock is this machine's share one lane, since running two at once would
disturb both; every other device has a lane of its own and they run side by side.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime as dt
import threading
import time
from typing import TYPE_CHECKING

from hil.bench.jobs import lanes, plan_jobs
from hil.deadline import Deadline
from hil.errors import HilError, RecordingError, TargetError
from hil.results.records import SCHEMA
from hil.vocab import AdbSettings, RunRecord, RunStatus, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.bench.judge import Judge, Verdict
    from hil.bench.plan import Measure
    from hil.bench.variants import Variant
    from hil.results.run_folder import RunFolder
    from hil.vocab import DeviceProfile, Evidence, Job, Measurement, Target

_RETRIES = 2


class Runner:
    """Runs the jobs of a plan and keeps every record as it is made."""

    def __init__(
        self,
        *,
        folder: RunFolder,
        judge: Judge,
        make_target: Callable[[DeviceProfile], Target],
        measure: Measure,
        settings: Sequence[Setting] = (Setting(),),
        on_start: Callable[[Job], None] = lambda _: None,
        on_record: Callable[[RunRecord], None] = lambda _: None,
    ) -> None:
        """Take the seams: where records go, who judges, how a target is made."""
        self._folder = folder
        self._judge = judge
        self._make_target = make_target
        self._measure = measure
        self._settings = settings
        self._on_start = on_start
        self._on_record = on_record
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._cut = threading.Event()
        self.records: list[RunRecord] = []

    def run(
        self, variants: Sequence[Variant], devices: Sequence[DeviceProfile]
    ) -> list[RunRecord]:
        """Run everything and return the records in the order in which they ended.

        A device that fails costs its own jobs only. Raises RecordingError where a
        record cannot be kept; the ones before it are whole. At Ctrl-C the jobs under
        way are broken off and leave no record, and each device is left as it was.
        """
        groups = lanes(devices)
        with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
            try:
                # Here already: a Ctrl-C before would wait for every job of the lanes.
                futures = [pool.submit(self._lane, variants, group) for group in groups]
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except KeyboardInterrupt:
                # It comes to this thread alone; the lanes see it by their deadlines.
                self._stop.set()
                self._cut.set()
                raise
            finally:
                # Whatever ended one lane early, the others stop after their job.
                self._stop.set()
        return self.records

    def _lane(
        self, variants: Sequence[Variant], devices: Sequence[DeviceProfile]
    ) -> None:
        stations = {d.name: _Station(d, self._make_target) for d in devices}
        try:
            jobs = plan_jobs(variants, devices, self._measure, settings=self._settings)
            for variant, job in jobs:
                if self._stop.is_set():
                    return
                station = stations[job.device.name]
                if (job.model.sha256, job.setting) not in station.failed:
                    self._do(job, variant, station)
        except RecordingError:
            self._stop.set()
            raise
        finally:
            for station in stations.values():
                station.close()

    def _do(self, job: Job, variant: Variant, station: _Station) -> None:
        self._on_start(job)
        started = dt.datetime.now(tz=dt.UTC)
        start = time.monotonic()
        retries: list[str] = []
        measurement: Measurement | None = None
        verdict: Verdict | None = None
        problem: HilError | None = None
        try:
            measurement = self._measured(job, station, retries)
            verdict = self._judge.judge(job, variant, measurement)
        except RecordingError:
            raise
        except HilError as exc:
            if self._cut.is_set():
                return  # the device did not fail: nobody waited for it
            problem = exc
        record = _record(
            job,
            run=self._folder.name,
            started=started,
            seconds=time.monotonic() - start,
            retries=tuple(retries),
            evidence=_origin(variant),
        )
        record = _completed(record, measurement, verdict, problem)
        if measurement is not None and measurement.outputs is not None:
            self._folder.add_outputs(job.id, measurement.outputs)
        if record.status is not RunStatus.OK:
            station.failed.add((job.model.sha256, job.setting))
        self._keep(record)

    def _measured(self, job: Job, station: _Station, retries: list[str]) -> Measurement:
        """Measure, trying again after a transient error, all by one deadline."""
        deadline = Deadline(self._measure.timeout_seconds, is_cut=self._cut.is_set)
        while True:
            try:
                target = station.opened(deadline)
                return target.measure(job, deadline)
            except HilError as exc:
                station.broke(exc)
                if isinstance(exc, TargetError):
                    # The device may be in any state; a refusal leaves it well.
                    station.close()
                exhausted = len(retries) >= _RETRIES or deadline.expired
                if not exc.transient or exhausted or station.is_lost:
                    station.give_up(exc)
                    raise
                retries.append(f"window {job.window}: {exc.what}")

    def _keep(self, record: RunRecord) -> None:
        with self._lock:
            self._folder.append(record)
            self.records.append(record)
        self._on_record(record)


class _Station:
    """One device during a run: its target, and what is known to fail on it."""

    def __init__(
        self, profile: DeviceProfile, make_target: Callable[[DeviceProfile], Target]
    ) -> None:
        self._profile = profile
        self._make_target = make_target
        self._target: Target | None = None
        self._lost: HilError | None = None
        self._broken: HilError | None = None
        self._tries = 0
        self.failed: set[tuple[str, Setting | None]] = set()

    def opened(self, deadline: Deadline) -> Target:
        """Return the open target; a device that was lost stays lost."""
        if self._lost is not None:
            raise self._lost
        if self._target is None:
            target = self._make_target(self._profile)
            try:
                target.open(deadline)
            except HilError as exc:
                target.close()
                self._tries += 1
                if not exc.transient or self._tries > _RETRIES:
                    # The first cause explains every job that follows: a device that
                    # was there is gone, whatever its address says now.
                    self._lost = self._broken or exc
                    raise self._lost from exc
                raise
            self._target, self._tries = target, 0
        return self._target

    @property
    def is_lost(self) -> bool:
        """Whether nothing more will be tried on it."""
        return self._lost is not None

    def broke(self, exc: HilError) -> None:
        """Remember a broken link: where the device was, nobody may answer now."""
        if self._target is not None:
            self._broken = exc if exc.status is RunStatus.LINK_BROKEN else None

    def give_up(self, exc: HilError) -> None:
        """Take a phone whose link broke in every try of a job for gone.

        A board is tried again with the next model, which may do it no harm.
        """
        is_phone = isinstance(self._profile.link, AdbSettings)
        if is_phone and exc.status is RunStatus.LINK_BROKEN:
            self._lost = self._lost or exc

    def close(self) -> None:
        """Leave the device."""
        if self._target is not None:
            self._target.close()
            self._target = None


def _record(
    job: Job,
    *,
    run: str,
    started: dt.datetime,
    seconds: float,
    retries: tuple[str, ...],
    evidence: Evidence,
) -> RunRecord:
    return RunRecord(
        schema=SCHEMA,
        run=run,
        job_id=job.id,
        model=job.model.name,
        variant=job.model.variant,
        device=job.device.name,
        kind=job.device.kind,
        window=job.window,
        status=RunStatus.OK,
        started_utc=started.isoformat(timespec="milliseconds"),
        seconds=round(seconds, 6),
        model_sha256=job.model.sha256,
        size_bytes=job.model.size_bytes,
        time_basis=job.device.time_basis,
        setting=job.setting,
        retries=retries,
        evidence=evidence,
    )


def _origin(variant: Variant) -> Evidence:
    """Return what the file is, by its own tensors, and what it was calibrated on."""
    origin = {"label": variant.label}
    return origin | (
        {"calibration": variant.calibration} if variant.calibration else {}
    )


def _completed(
    record: RunRecord,
    measurement: Measurement | None,
    verdict: Verdict | None,
    problem: HilError | None,
) -> RunRecord:
    """Return the record with what was measured, judged or gone wrong laid in."""
    if measurement is not None:
        record = dataclasses.replace(
            record,
            engine=measurement.engine,
            timing=measurement.timing,
            summary=measurement.summary,
            memory=measurement.memory,
            retries=(*record.retries, *measurement.retries),
            evidence={**record.evidence, **measurement.evidence},
        )
    if verdict is not None:
        record = dataclasses.replace(
            record,
            status=verdict.status,
            problem=verdict.problem,
            accuracy=verdict.accuracy,
            agreement=verdict.agreement,
        )
    if problem is not None:
        record = dataclasses.replace(
            record, status=problem.status, problem=str(problem)
        )
    return record
