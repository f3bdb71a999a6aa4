"""A microcontroller that speaks hil's framed protocol: load, time, stream, read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import BrokenSetup
from hil.models.facts import read_model
from hil.models.graph import read_graph
from hil.session.session import Session
from hil.targets.layer_ticks import check_instructions, layer_ticks
from hil.vocab import Measurement, Timing

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.models.graph import Tensor
    from hil.vocab import Deadline, DeviceProfile, Evidence, Job, Link
    from hil.wire.hello import HelloReply

# A window of a very fast model must still end; its interval is narrow long before.
_MOST_RUNS = 100_000


class McuTarget:
    """Orders the steps of a job on a board behind any link."""

    def __init__(self, profile: DeviceProfile, link: Link) -> None:
        """Take the profile and the way to the board, which is not opened yet."""
        self.profile = profile
        self._link = link
        self._session: Session | None = None

    def open(self, deadline: Deadline) -> None:
        """Open the link and say hello; BrokenSetup where another board answers."""
        self._session = Session(self._link)
        device = self._session.open(deadline)
        if device.time_basis is not self.profile.time_basis:
            raise BrokenSetup(
                "the board counts another time than its profile says",
                where=f"{self.profile.name}, {device.board}",
                found=device.time_basis.value if device.time_basis else "no basis",
                allowed=self.profile.time_basis.value,
                remedy="correct time_basis in the profile, or name the right board",
            )

    @property
    def session(self) -> Session:
        """The dialogue with the board, once it is open."""
        assert self._session is not None
        return self._session

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Load the model, time the probe, stream the samples, ask for the rest."""
        assert self._session is not None
        session = self._session
        before = len(session.retries)
        data = read_model(job.model.path)
        graph = read_graph(data, where=str(job.model.path)).subgraphs[0]
        output = graph.tensors[graph.outputs[0]]
        session.load_model(data, deadline)
        timing = _timed(session, job, deadline)
        probe_output = _rows(session.read_outputs(deadline), output)
        outputs = None
        if job.samples is not None:
            packed = [row.tobytes() for row in job.samples]
            runs = session.run_samples(packed, deadline)
            outputs = _rows([answer for _, answer in runs], output)
        memory = session.memory(deadline)
        evidence = _evidence(session.device)
        if job.window == 0:
            profile = layer_ticks(session, graph, deadline)
            check_instructions(timing, profile, where=self.profile.name)
            evidence = {**evidence, "profile": profile}
        return Measurement(
            engine=session.device.engine,
            timing=timing,
            memory=memory,
            outputs=outputs,
            probe_output=probe_output,
            retries=tuple(session.retries[before:]),
            evidence=evidence,
        )

    def close(self) -> None:
        """Close the link."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _timed(session: Session, job: Job, deadline: Deadline) -> Timing:
    """Invoke until the job's runs and seconds are both reached, warm-up apart."""
    tick_hz = session.device.tick_hz
    inputs = [job.probe.tobytes()]
    if job.warmup:
        session.invoke(inputs, deadline, n=job.warmup)
    ticks = session.invoke(inputs, deadline, n=job.min_runs)
    while tick_hz and sum(ticks) < job.min_seconds * tick_hz:
        left_ticks = job.min_seconds * tick_hz - sum(ticks)
        mean_ticks = max(1.0, sum(ticks) / len(ticks))
        more = min(math.ceil(left_ticks / mean_ticks), _MOST_RUNS - len(ticks))
        if more <= 0:
            break
        ticks += session.invoke(inputs, deadline, n=more)
    return Timing(
        basis=job.device.time_basis, tick_hz=tick_hz, invoke_ticks=tuple(ticks)
    )


def _rows(outputs: list[bytes], tensor: Tensor) -> npt.NDArray[np.generic]:
    """Return the answers as an array [n, *output_shape without batch]."""
    flat = np.frombuffer(b"".join(outputs), dtype=np.dtype(tensor.type))
    return flat.reshape(len(outputs), *tensor.shape[1:])


def _evidence(hello: HelloReply) -> Evidence:
    return {
        "board": hello.board,
        "build_id": hello.build_id,
        "firmware_engine": hello.engine,
        "arena_capacity_bytes": hello.arena_capacity_bytes,
    }
