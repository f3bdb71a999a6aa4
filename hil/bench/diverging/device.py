"""A device whose answers are compared: its tensors are read where it gives them out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from hil.bench.diverging.exposed import expose, layers
from hil.bench.diverging.side import LayersUnknown, require_same_answer
from hil.errors import DoesNotFit, FirmwareFault, ModelError
from hil.models.facts import sha256_of
from hil.targets.layers import Prepared, Wrapped
from hil.targets.mcu import McuTarget
from hil.vocab import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from hil.bench.diverging.subject import Subject
    from hil.models.graph import Tensor
    from hil.session.session import Session
    from hil.vocab import Deadline, Target

    KeepModel = Callable[[bytes, str], Path]

# Outputs that one firmware gives out: HELLO names their sizes in one small frame.
_MOST_EXPOSED = 16


class DeviceSide:
    """A board, emulator or phone, open for as long as its layers may be asked for."""

    tolerance = 0.0

    def __init__(
        self,
        target: Target,
        subject: Subject,
        deadline: Deadline,
        *,
        keep_model: KeepModel,
    ) -> None:
        """Run all inputs on *target*, which is open; raises what it raises.

        *keep_model* puts a model and its SHA-256 where a firmware can be built of it.
        """
        self.name = target.profile.name
        self._target = target
        self._subject = subject
        self._keep_model = keep_model
        self._job = _job(target, subject)
        seen = target.measure(self._job, deadline)
        if seen.outputs is None:
            raise FirmwareFault("the device gave no answers", where=self.name)
        self.engine = seen.engine
        self.outputs = seen.outputs.reshape(
            len(seen.outputs), *subject.output.shape[1:]
        )
        self.rows = np.arange(len(self.outputs))
        self._loaded: frozenset[int] | None = None  # tensors that are given out
        self._keeps_all = True  # until it refuses one of the model as it is
        self._staged: int | None = None

    def layer(
        self, row: int, tensor: int, deadline: Deadline
    ) -> npt.NDArray[np.generic]:
        """Return what the tensor holds for input *row*, or raise LayersUnknown."""
        if self._keeps_all:
            try:
                return self._ask(row, tensor, self._every, deadline)
            except FirmwareFault:
                self._keeps_all, self._loaded = False, None
        try:
            return self._ask(row, tensor, self._block(tensor), deadline)
        except (DoesNotFit, FirmwareFault, ModelError) as exc:
            raise LayersUnknown(
                f"{self.name} does not give out its layers", found=exc.what
            ) from exc

    @property
    def _every(self) -> frozenset[int]:
        return frozenset(index for _, index in layers(self._subject.graph))

    def _block(self, tensor: int) -> frozenset[int]:
        """Return the layers that one firmware gives out: *tensor* and its followers."""
        if self._loaded is not None and tensor in self._loaded:
            return self._loaded
        order = list(dict.fromkeys(index for _, index in layers(self._subject.graph)))
        at = order.index(tensor)
        block = order[at : at + _MOST_EXPOSED]
        return frozenset((*block, self._subject.main.outputs[0]))

    def _ask(
        self, row: int, tensor: int, wanted: frozenset[int], deadline: Deadline
    ) -> npt.NDArray[np.generic]:
        subject = self._subject
        if self._loaded != wanted:
            self._load(wanted, deadline)
        session = _session_of(self._target, self.name)
        if self._staged != row:
            session.invoke([subject.samples[row].tobytes()], deadline, n=1)
            self._staged = row
            answer = self._read(session, subject.output, deadline)
            require_same_answer(answer, self.outputs[row], who=self.name, row=row)
        return self._read(session, subject.main.tensors[tensor], deadline)

    def _read(
        self, session: Session, tensor: Tensor, deadline: Deadline
    ) -> npt.NDArray[np.generic]:
        data = session.tensor(tensor.index, deadline)
        values = np.frombuffer(data, dtype=np.dtype(tensor.type))
        if values.size != tensor.elements:
            raise LayersUnknown(
                f"{self.name} gives out another size of tensor {tensor.index}",
                found=f"{len(data)} bytes",
                allowed=f"{tensor.elements} of {tensor.type}",
            )
        return values.reshape(tensor.shape)

    def _load(self, wanted: frozenset[int], deadline: Deadline) -> None:
        """Let the device hold a model that gives out the layers *wanted*.

        Firmware that reuses memory keeps what is an output. Where all are wanted the
        model stays as it is: a device that keeps every tensor does so for any model.
        """
        subject, model = self._subject, self._subject.data
        if not self._keeps_all:
            where = f"{subject.artifact.path}, with layers as outputs"
            model = expose(model, subject.graph, sorted(wanted), where=where)
        sha256 = sha256_of(model)
        artifact = dataclasses.replace(
            self._job.model,
            path=self._keep_model(model, sha256),
            sha256=sha256,
            size_bytes=len(model),
        )
        self._staged = self._loaded = None
        if isinstance(self._target, Prepared):
            job = dataclasses.replace(self._job, model=artifact)
            self._target.prepare(job, deadline)
        _session_of(self._target, self.name).load_model(model, deadline)
        self._loaded = wanted


def _job(target: Target, subject: Subject) -> Job:
    """Return a job that is about answers only: one timed run."""
    return Job(
        id=f"{subject.artifact.name}.{target.profile.name}",
        model=subject.artifact,
        device=target.profile,
        window=0,
        warmup=0,
        min_runs=1,
        min_seconds=0.0,
        probe=subject.samples[:1],
        samples=subject.samples,
    )


def _session_of(target: Target, name: str) -> Session:
    while isinstance(target, Wrapped):
        target = target.target
    if not isinstance(target, McuTarget):
        raise LayersUnknown(
            f"{name} gives out its answers only",
            found="a device that runs benchmark_model",
            remedy="hold the host engine litert, which has its kernels, to the other",
        )
    return target.session
