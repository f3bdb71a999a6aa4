"""A phone that runs the stock benchmark_model: gate, window, answers, clean up."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.facts_record import facts_record
from hil.android.facts_script import facts_script
from hil.android.phone_facts import PhoneFacts, read_facts
from hil.android.tool_model import ToolModel
from hil.android.window_watch import WindowVerdict
from hil.deadline import Deadline
from hil.errors import BrokenSetup, TargetError
from hil.models.facts import read_model
from hil.targets.phone_answers import AnswerRun
from hil.targets.phone_binary import ToolBinary, find_binary
from hil.targets.phone_claims import IN_USE, PhoneClaims
from hil.targets.phone_conditions import DEFAULT_CONDITIONS, PhoneConditions
from hil.targets.phone_folder import FOLDER, PhoneFolder
from hil.targets.phone_gate import PhoneGate, gate_rule
from hil.targets.phone_mode import FixedPerformance
from hil.targets.phone_profile import profiled
from hil.targets.phone_run import Placement, Sentinel, WindowJudge, place
from hil.targets.phone_window import WindowRunner
from hil.vocab import Measurement, TimingSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    from hil import vocab
    from hil.android.benchmark_output import BenchmarkOutput
    from hil.links.phone import Phone
    from hil.vocab import DeviceProfile, Job

    # Whether the answers to a job's first samples decide what the rest would say.
    Decide = Callable[[Job, npt.NDArray[np.generic]], bool]

_CLEAN_SECONDS = 5.0
_RESOLUTION_US = 1.0  # the tool keeps whole microseconds and cuts the rest
# Cheap phones leave the number of the reference design in: it tells no two apart.
_SERIAL = re.compile(r"(?!unknown|0123456789ABCDEF\Z)[A-Za-z0-9._:-]{1,64}")
_SERIALS = "getprop ro.serialno; getprop ro.boot.serialno"


class PhoneTarget:
    """Orders the steps of a job on a phone behind any link that speaks ADB."""

    def __init__(
        self,
        profile: DeviceProfile,
        link: Phone,
        conditions: PhoneConditions = DEFAULT_CONDITIONS,
        *,
        decide: Decide | None = None,
        claims: PhoneClaims = IN_USE,
    ) -> None:
        """Take the profile and the way to the phone, which is not opened yet.

        Two targets with the same *claims* never have one phone; a recording of a phone
        may be replayed beside it, and has its own.
        """
        self.profile = profile
        self._link = link
        self._conditions = conditions
        self._decide = decide
        self._claims = claims
        self._mode = FixedPerformance(link)
        self._serial: str | None = None
        self._session: _Session | None = None

    def open(self, deadline: vocab.Deadline) -> None:
        """Reach the phone, ask what it is, and make a folder that is ours alone.

        BrokenSetup where it cannot be reached, is another profile's phone too, or has
        no benchmark_model; ConfigError where the binary is not for it.
        """
        self._link.open(deadline)
        self._claim(deadline)
        script = facts_script(token=self._link.draw())
        facts = read_facts(self._link.shell(script, deadline).stdout)
        binary = find_binary(
            self._link,
            self._conditions.binary,
            identity=facts.identity,
            device=self.profile.name,
            deadline=deadline,
        )
        folder = PhoneFolder(self._link, f"{FOLDER}/{self._link.draw()}")
        folder.make(deadline)
        self._mode.recover(deadline)
        if self._conditions.fixed_performance and facts.offers_fixed_performance:
            self._mode.turn_on(deadline)
        self._session = _Session(
            facts=facts,
            binary=binary,
            folder=folder,
            windows=WindowRunner(
                link=self._link,
                binary=binary.path,
                folder=folder,
                judge=WindowJudge(holds_clock=self._mode.is_on),
                sentinel=self._sentinel(binary, folder, deadline),
                mode=self._mode.told,
            ),
        )

    def measure(self, job: Job, deadline: vocab.Deadline) -> Measurement:
        """Run one window for its times, and each sample once for its answer.

        Where the phone does not become cool in time, only the evidence of that comes
        back. ConfigError where the phone does not have what the setting asks for.
        """
        session = self._session
        assert session is not None
        placement = place(job.setting, session.facts)
        data = read_model(job.model.path)
        model = ToolModel.of(data, str(job.model.path))
        evidence = self._origin(session)
        refused = self._gate(evidence, deadline)
        if refused is not None:
            evidence["window"] = refused
            return Measurement(engine="benchmark_model", evidence=evidence)
        graph = session.folder.put(data, deadline)
        where = self._where(job)
        window = session.windows.run(
            model, job, graph=graph, placement=placement, where=where, deadline=deadline
        )
        evidence |= window.evidence
        answers = None
        if job.samples is not None:
            answers = self._answers(
                model,
                job,
                graph=graph,
                placement=placement,
                evidence=evidence,
                deadline=deadline,
            )
        if self._conditions.op_profile and job.window == 0:
            evidence["profile"] = profiled(
                self._link,
                session.binary.path,
                graph,
                settings=placement.run,
                where=self._where(job),
                deadline=deadline,
            )
        return Measurement(
            engine="benchmark_model",
            summary=self._summary(window.output),
            memory=window.memory,
            outputs=answers,
            probe_output=window.answer,
            evidence=evidence,
        )

    def close(self) -> None:
        """Put the phone back as it was, as far as it can be reached, and leave."""
        deadline = Deadline(_CLEAN_SECONDS)
        # Each step is taken also where one before it fails, as a recording may.
        with contextlib.ExitStack() as steps:
            steps.callback(self._link.close)
            steps.callback(self._release)
            steps.callback(self._leave_folder, deadline)
            with contextlib.suppress(TargetError):
                self._mode.turn_off(deadline)

    def _leave_folder(self, deadline: vocab.Deadline) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(TargetError):
                session.folder.remove(deadline)

    def _release(self) -> None:
        serial, self._serial = self._serial, None
        if serial is not None:
            self._claims.release(serial, self.profile.name)

    def _claim(self, deadline: vocab.Deadline) -> None:
        told = self._link.shell(_SERIALS, deadline).stdout.decode(errors="replace")
        serial = next(
            (line.strip() for line in told.splitlines() if line.strip()), None
        )
        if serial is not None and _SERIAL.fullmatch(serial):
            self._claims.claim(serial, self.profile.name)
            self._serial = serial

    def _sentinel(
        self, binary: ToolBinary, folder: PhoneFolder, deadline: vocab.Deadline
    ) -> Sentinel | None:
        if self._conditions.sentinel is None:
            return None
        graph = folder.put(read_model(self._conditions.sentinel), deadline)
        return Sentinel(self._link, binary.path, graph)

    def _gate(
        self, evidence: dict[str, object], deadline: vocab.Deadline
    ) -> Mapping[str, object] | None:
        """Wait until the phone is cool; return the verdict on a window that is not run.

        BrokenSetup where the plan demands a gate and the phone has no thermometer, or
        where the time did not do for a look at a phone that seems cool.
        """
        conditions = self._conditions
        gate = PhoneGate(self._link, gate_rule(conditions.max_start_c))
        gate.rest(conditions.cooldown_seconds, deadline)
        if conditions.temperature_gate is False:
            return None
        outcome = gate.wait(conditions.gate_wait_seconds, deadline)
        evidence["gate"] = outcome.record()
        if outcome.verdict.is_open:
            return None
        if outcome.verdict.is_early:
            raise BrokenSetup(
                "the temperature gate had too little time, and the phone seems cool",
                where=self.profile.name,
                found=f"{outcome.waited_seconds:.0f} s, of gate_wait_seconds = "
                f"{conditions.gate_wait_seconds:g} and half of what the job had left",
                allowed=f"at least {gate.rule.over_seconds:g} s",
                remedy="raise gate_wait_seconds or timeout_seconds, or [phone] "
                "temperature_gate = false",
            )
        if outcome.has_thermometer:
            reason = (
                f"the gate did not open within {outcome.waited_seconds:.0f} s of the "
                f"phone's time: {outcome.verdict.reason}"
            )
            return {"verdict": WindowVerdict.THROTTLED.value, "reasons": [reason]}
        if conditions.temperature_gate is None:
            return None
        raise BrokenSetup(
            "the plan demands a temperature gate, and the phone has no thermometer",
            where=self.profile.name,
            found=outcome.verdict.reason,
            remedy="[phone] temperature_gate = false, and cooldown_seconds = 300",
        )

    def _answers(
        self,
        model: ToolModel,
        job: Job,
        *,
        graph: str,
        placement: Placement,
        evidence: dict[str, object],
        deadline: vocab.Deadline,
    ) -> npt.NDArray[np.generic]:
        """Run every sample once, and pull all answers."""
        assert self._session is not None
        assert job.samples is not None
        binary = self._session.binary
        run = AnswerRun(
            link=self._link,
            binary=binary.path,
            graph=graph,
            model=model,
            settings=placement.run,
            identity=f"{job.model.sha256} {binary.digest}",
            where=self._where(job),
        )
        decide = self._decide if self._conditions.stop_early else None
        rows, resumed = run.run(
            job.samples,
            deadline,
            is_decided=None if decide is None else lambda rows: decide(job, rows),
        )
        evidence["samples_run"] = len(rows)
        evidence["samples_resumed"] = resumed
        return rows

    def _summary(self, output: BenchmarkOutput) -> TimingSummary:
        runs = output.inference
        return TimingSummary(
            basis=self.profile.time_basis,
            n=runs.n,
            first_us=runs.first_us,
            min_us=runs.min_us,
            max_us=runs.max_us,
            avg_us=runs.avg_us,
            std_us=runs.std_us,
            p5_us=runs.p5_us,
            median_us=runs.median_us,
            p95_us=runs.p95_us,
            resolution_us=_RESOLUTION_US,
        )

    def _where(self, job: Job) -> str:
        return f"{job.model.name} ({job.model.variant}) on {self.profile.name}"

    def _origin(self, session: _Session) -> dict[str, object]:
        return {
            "phone": facts_record(session.facts),
            "serial": self._serial,
            **session.binary.record(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What is known of the phone while it is open."""

    facts: PhoneFacts
    binary: ToolBinary
    folder: PhoneFolder
    windows: WindowRunner
