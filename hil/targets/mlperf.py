"""A board that speaks MLPerf Tiny's text protocol, and finding out whether it does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import (
    BrokenSetup,
    ConfigError,
    FirmwareFault,
    LinkTimeout,
    ProtocolMismatch,
)
from hil.models.facts import read_model
from hil.models.graph import read_graph
from hil.session.mlperf import MlperfSession
from hil.targets.mcu import McuTarget
from hil.vocab import Measurement, TimeBasis, Timing
from hil.wire.mlperf_models import BENCHMARKS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from hil.models.graph import Tensor
    from hil.vocab import Deadline, DeviceProfile, Evidence, Job, Link

_TICK_HZ: Final = 1_000_000
_HELLO_SECONDS: Final = 2.0
_TELLS = {TimeBasis.DEVICE_CLOCK, TimeBasis.HOST_CLOCK}
_IMAGES = {"vww01", "ic01", "ic02"}
_ANOMALY = "ad01"


class MlperfTarget:
    """Orders the steps of a job on a device whose model is in its firmware.

    A window is one `infer N`: its ticks are the device's microseconds for all N, so one
    tick is 1/N of a microsecond of an inference. Samples are run one by one.
    """

    def __init__(self, profile: DeviceProfile, link: Link) -> None:
        """Take the profile and the way to the device, which is not opened yet."""
        self.profile = profile
        self._session = MlperfSession(link)

    def open(self, deadline: Deadline) -> None:
        """Open the link, ask the name; BrokenSetup for a profile with other ticks."""
        if self.profile.time_basis not in _TELLS:
            raise BrokenSetup(
                "a device of MLPerf Tiny tells microseconds, not what its profile says",
                where=self.profile.name,
                found=self.profile.time_basis.value,
                allowed=", ".join(sorted(basis.value for basis in _TELLS)),
                remedy='time_basis = "device_clock" in the profile',
            )
        self._session.open(deadline)

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Time the probe in one window, then run each sample once.

        Raises ConfigError for a model that the text protocol cannot bring inputs to.
        """
        session = self._session
        before = len(session.retries)
        graph = read_graph(read_model(job.model.path), where=str(job.model.path))
        subgraph = graph.subgraphs[0]
        source = subgraph.tensors[subgraph.inputs[0]]
        answer = subgraph.tensors[subgraph.outputs[0]]
        model = session.identity.model or ""
        self._check_size(model, source)
        probe = _sent(job.probe, source, model)
        done = session.infer(probe, deadline)
        # A device may stand still for its first inference only: it is no probe then.
        done = session.infer(probe, deadline, n=2)
        each_us = max(1.0, (done.elapsed_us or 0) / done.n)
        n = max(job.min_runs, math.ceil(job.min_seconds * _TICK_HZ / each_us))
        done = session.infer(probe, deadline, n=n, warmup=job.warmup)
        if not done.elapsed_us:
            raise FirmwareFault("no time passes on the device's clock", where=model)
        outputs = None
        if job.samples is not None:
            rows = [
                session.infer(_sent(x, source, model), deadline) for x in job.samples
            ]
            outputs = _rows([row.results or () for row in rows], answer)
        return Measurement(
            engine=job.device.firmware.engine,
            timing=Timing(
                basis=self.profile.time_basis,
                tick_hz=_TICK_HZ * n,
                invoke_ticks=(done.elapsed_us,),
            ),
            outputs=outputs,
            probe_output=_rows([done.results or ()], answer),
            retries=tuple(session.retries[before:]),
            evidence=self._evidence(n),
        )

    def close(self) -> None:
        """Close the link."""
        self._session.close()

    def _check_size(self, model: str, source: Tensor) -> None:
        benchmark = BENCHMARKS.get(model)
        elements = source.elements
        size = elements * np.dtype(source.type).itemsize
        sent = {_ANOMALY: 4 * elements}.get(
            model, elements if model in _IMAGES else size
        )
        if benchmark is not None and benchmark.input_bytes != sent:
            raise ConfigError(
                "the device runs another model",
                where=self.profile.name,
                found=f"{model}, which takes {benchmark.input_bytes:,} bytes",
                allowed=f"{sent:,} bytes, the input of this model",
                remedy="give the model that is in the device's firmware",
            )

    def _evidence(self, n: int) -> Evidence:
        identity = self._session.identity
        return {
            "protocol": "mlperf",
            "name": identity.name,
            "firmware_profile": identity.profile,
            "firmware_model": identity.model,
            "window_inferences": n,
        }


class DialectTarget:
    """A device that is asked which dialect it speaks, or is known to speak one.

    `auto` asks HELLO first: a firmware that speaks both is driven by frames.
    """

    def __init__(self, profile: DeviceProfile, connect: Callable[[], Link]) -> None:
        """Take the profile and how to come by a link, each time it is opened."""
        self.profile = profile
        self._connect = connect
        self._target: McuTarget | MlperfTarget | None = None

    @property
    def target(self) -> McuTarget | MlperfTarget:
        """What talks to the device, once it is open."""
        assert self._target is not None
        return self._target

    def open(self, deadline: Deadline) -> None:
        """Reach the device; LinkTimeout where it speaks neither dialect."""
        self.close()
        link = self._connect()
        if getattr(self.profile.link, "protocol", "auto") == "auto":
            framed = McuTarget(self.profile, link)
            try:
                framed.open(deadline.sooner(_HELLO_SECONDS))
            except (LinkTimeout, ProtocolMismatch):
                framed.close()
            else:
                self._target = framed
                return
        text = MlperfTarget(self.profile, link)
        text.open(deadline)
        self._target = text

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job* in the dialect that was found."""
        return self.target.measure(job, deadline)

    def close(self) -> None:
        """Close the link."""
        if self._target is not None:
            self._target.close()
            self._target = None


def _sent(row: npt.NDArray[np.generic], source: Tensor, model: str) -> bytes:
    """Return the bytes that the firmware turns into this value of the input tensor."""
    if model in _IMAGES and row.dtype == np.int8:
        return (row.astype(np.int16) + 128).astype(np.uint8).tobytes()
    if model in _IMAGES:
        return row.astype(np.uint8).tobytes()
    if model == _ANOMALY and source.quantization is not None:
        scale, zero = _quantization(source)
        return ((row.astype(np.float64) - zero) * scale).astype("<f4").tobytes()
    return row.tobytes()


def _rows(answers: list[tuple[float, ...]], tensor: Tensor) -> npt.NDArray[np.generic]:
    """Return printed values in the type of the output tensor, [n, *shape].

    Firmwares cut or round to three decimals or more, less than half a step of an int8
    output in 1/256: the nearest step is the device's own. Raises FirmwareFault where
    the number of values is not the model's.
    """
    shape = tensor.shape[1:]
    size = math.prod(shape)
    for values in answers:
        if len(values) != size:
            raise FirmwareFault(
                "the device answers with another number of values",
                found=f"{len(values)} values",
                allowed=f"{size}, the model's output",
                remedy="compare models of which the device prints the output itself",
            )
    flat = np.array(answers, np.float64).reshape(len(answers), *shape)
    dtype = np.dtype(tensor.type)
    if dtype.kind != "i" or tensor.quantization is None:
        return flat.astype(dtype)
    scale, zero = _quantization(tensor)
    limits = np.iinfo(dtype)
    steps = np.rint(flat / scale) + zero
    clipped: npt.NDArray[np.generic] = np.clip(steps, limits.min, limits.max)
    return clipped.astype(dtype)


def _quantization(tensor: Tensor) -> tuple[float, int]:
    assert tensor.quantization is not None
    return float(tensor.quantization.scales[0]), int(tensor.quantization.zero_points[0])
