"""The nouns that every part of hil shares; imports nothing from hil."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt


# What a record keeps beside its figures: plain JSON values, nothing of hil's own.
Evidence = Mapping[str, object]


class TargetKind(enum.Enum):
    """What sort of device a profile describes, and so which target drives it."""

    EMULATED_MCU = "emulated-mcu"
    NATIVE = "native"
    QEMU = "qemu"
    MCU = "mcu"
    EMULATED_PHONE = "emulated-phone"
    PHONE = "phone"


class TimeBasis(enum.Enum):
    """What one tick means. Numbers with different bases are never compared."""

    CPU_CYCLES = "cpu_cycles"  # a hardware counter such as DWT->CYCCNT
    DEVICE_CLOCK = "device_clock"  # the device's own clock
    HOST_CLOCK = "host_clock"  # an emulator that runs on this machine
    EMULATED_INSTRUCTIONS = "emulated_instructions"  # QEMU -icount: not a time


class RunStatus(enum.Enum):
    """How a job ended. Only OK carries a speed that means anything."""

    OK = "ok"
    WRONG_OUTPUT = "wrong_output"
    DOES_NOT_FIT = "does_not_fit"
    UNSUPPORTED_OP = "unsupported_op"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    THROTTLED = "throttled"
    LINK_BROKEN = "link_broken"
    BROKEN_SETUP = "broken_setup"


# What ends a job whatever its model is: the device, the way to it, or its firmware.
DEVICE_FAILURES: Final = frozenset(
    {
        RunStatus.BROKEN_SETUP,
        RunStatus.CRASHED,
        RunStatus.LINK_BROKEN,
        RunStatus.TIMED_OUT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSettings:
    """How to reach a board: a port, or an identity by which a port is found."""

    port: str | None = None  # device path, socket://, rfc2217:// or a pty
    usb_serial: str | None = None
    vid_pid: str | None = None  # "0483:374b"
    location: str | None = None  # USB bus and port, "1-2.3"
    baud: int = 115200
    protocol: str = "hil"  # or "mlperf", or "auto": what answers
    record: Path | None = None  # a cassette is made of the dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class AdbSettings:
    """How to reach a phone: its adb serial over USB, or a TCP address.

    A *cassette* answers in the place of a phone, which is not reached at all then.
    """

    serial: str | None = None
    host: str | None = None
    port: int = 5555
    cassette: str | None = None  # "cassette:FILE", as it is named
    record: Path | None = None  # a cassette is made of the dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareSettings:
    """What runs on a board: the template it is rendered from and its engine."""

    template: str | None = None
    engine: str = "tflm"
    cpu_flags: tuple[str, ...] = ()
    reserved_ram_bytes: int = 0  # stack, buffers and static data of the firmware
    reserved_flash_bytes: int = 0  # code of the firmware and its kernels
    board: str | None = None  # what HELLO must answer; absent: the profile's name
    build_id: str | None = None  # likewise; absent: any build is taken
    image: Path | None = None  # what is flashed where another build answers


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """A host tool and its arguments, for flashing, reset or power."""

    tool: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """What an emulated device answers beyond its memory sizes."""

    rx_buffer_bytes: int = 16384  # what a board takes in while it computes
    max_frame_bytes: int = 8192
    properties: Mapping[str, str] = field(default_factory=dict)  # getprop
    features: tuple[str, ...] = ()  # ADB features in the connection banner
    require_auth: bool = False
    storage_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuSettings:
    """Which of QEMU's machines runs the firmware, and how its clock goes."""

    machine: str
    icount_shift: int  # an instruction takes 2 to this power ns of virtual time
    serial: int | None = None  # the serial port that is the line; None: semihosting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """One file of device_profiles/, validated."""

    name: str
    kind: TargetKind
    arch: str
    core: str
    clock_hz: int | None
    ram_bytes: int
    flash_bytes: int
    time_basis: TimeBasis
    link: SerialSettings | AdbSettings
    firmware: FirmwareSettings = FirmwareSettings()
    flash: CommandSettings | None = None
    reset: CommandSettings | None = None
    power: CommandSettings | None = None
    emulator: EmulatorSettings = EmulatorSettings()
    qemu: QemuSettings | None = None
    source: Path | None = None  # the file it was read from
    overrides: tuple[str, ...] = ()  # "link.baud=9600", laid over the file


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArtifact:
    """A .tflite file and what is known about it without running it."""

    name: str
    variant: str  # the recipe, or "as-is" where the file was not changed
    path: Path
    sha256: str
    size_bytes: int
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a phone is to run a model; what is None is left to the phone.

    `cores` is a choice of the phone's clusters ("big", "4-7"), `delegate` one of none,
    xnnpack, gpu, nnapi and npu.
    """

    threads: int = 1
    cores: str | None = None
    delegate: str | None = None

    def __str__(self) -> str:
        """Return it as a row of a table names it; empty where nothing is set."""
        words = "" if self.threads == 1 else f"{self.threads} threads"
        return ", ".join(filter(None, (words, self.cores, self.delegate)))


def place(device: str, setting: Setting | None) -> str:
    """Return where a variant ran: the device, and how where that was set."""
    return f"{device} ({setting})" if setting and str(setting) else device


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One window of one model variant on one device: the smallest unit that is run.

    `samples` are the inputs to stream for accuracy, already in the type of the
    model's input, shape [n, *input_shape without batch]; absent in windows that only
    measure time. `probe` is one such input, shape [1, ...], for the timed runs.
    `setting` is None where the device has nothing to set.
    """

    id: str
    model: ModelArtifact
    device: DeviceProfile
    window: int
    warmup: int
    min_runs: int
    min_seconds: float
    probe: npt.NDArray[np.generic]
    samples: npt.NDArray[np.generic] | None = None
    setting: Setting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Raw ticks of every measured invocation, never pre-averaged."""

    basis: TimeBasis
    invoke_ticks: tuple[int, ...]
    tick_hz: int | None = None  # None where ticks are no time, as instructions
    overhead_ticks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingSummary:
    """One window of a tool that prints statistics only, such as benchmark_model.

    All figures in microseconds. Percentiles are absent where the tool is too old to
    print them. `std_us` is the population standard deviation. The tool cuts single
    values to multiples of `resolution_us`; 0 means that it does not.
    """

    basis: TimeBasis
    n: int
    first_us: float
    min_us: float
    max_us: float
    avg_us: float
    std_us: float | None = None
    p5_us: float | None = None
    median_us: float | None = None
    p95_us: float | None = None
    resolution_us: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a target saw when it ran a job; no verdict on the answers in it.

    `memory` uses the names of the result JSON (`arena_bytes`, `peak_rss_bytes`, ...)
    and holds only what was measured. `outputs` has shape [n, *output_shape], one row
    per sample, in the type of the model's output.
    """

    engine: str
    timing: Timing | None = None
    summary: TimingSummary | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    outputs: npt.NDArray[np.generic] | None = None
    probe_output: npt.NDArray[np.generic] | None = None
    retries: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyCount:
    """Right and wrong answers; rates and intervals are computed when read."""

    metric: str
    n: int
    correct: int
    wrong: tuple[int, ...]  # indices of the wrong samples, for paired tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A device's outputs held against a host engine's on the same inputs.

    `max_lsb` counts steps of the output's quantization; for a float output it is
    absent and `max_relative` stands for it.
    """

    reference: str
    n: int
    identical: int
    label_flips: int | None = None
    max_lsb: int | None = None
    max_relative: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is written to records.jsonl: one line per job, raw figures only."""

    schema: int
    run: str
    job_id: str
    model: str
    variant: str
    device: str
    kind: TargetKind
    window: int
    status: RunStatus
    started_utc: str
    seconds: float
    model_sha256: str
    size_bytes: int
    time_basis: TimeBasis
    setting: Setting | None = None
    engine: str | None = None
    problem: str | None = None
    timing: Timing | None = None
    summary: TimingSummary | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    accuracy: AccuracyCount | None = None
    agreement: Agreement | None = None
    retries: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it ran: the device, and how where that was set."""
        return place(self.device, self.setting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A distribution in microseconds, or in instructions where that is the basis.

    `low` and `high` are a 95 % confidence interval of the median by order statistics
    over what `interval_over` says; absent where there are too few values. `n` counts
    invocations. Percentiles are absent where n is too small for them. `cycles` is the
    median in cycles of the core, by a clock of `clock_hz`, where these were counted.
    `timer_step` and `timer_overhead` are in the unit of the distribution; the step is
    an upper bound, by the values seen. `doubts` say what speaks against the figures.
    """

    basis: TimeBasis
    n: int
    median: float | None = None
    p90: float | None = None
    p95: float | None = None
    min: float | None = None
    max: float | None = None
    low: float | None = None
    high: float | None = None
    interval_over: str | None = None  # "6 windows", "120 runs"
    p99: float | None = None
    mad: float | None = None
    cycles: float | None = None
    clock_hz: int | None = None
    timer_step: float | None = None
    timer_overhead: float | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """A share of right answers with its 95 % Wilson interval."""

    metric: str
    n: int
    correct: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All records of a variant in one place, summed up: a row of the table."""

    run: str
    model: str
    variant: str
    device: str
    kind: TargetKind
    engine: str | None
    status: RunStatus
    problem: str | None
    size_bytes: int
    time_basis: TimeBasis
    windows: int
    setting: Setting | None = None
    latency: Latency | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    accuracy: Accuracy | None = None
    agreement: Agreement | None = None
    retries: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it ran: the device, and how where that was set."""
        return place(self.device, self.setting)


class Deadline(Protocol):
    """A point in time; one deadline is passed down a whole call chain."""

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0.0."""

    @property
    def expired(self) -> bool:
        """Whether no time is left."""

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline *seconds* from now, but not after this one."""


class Link(Protocol):
    """A pipe of bytes to a device. Knows nothing of the messages in it."""

    def open(self, deadline: Deadline) -> None:
        """Open the pipe, or raise BrokenSetup or LinkClosed."""

    def read(self, deadline: Deadline) -> bytes:
        """Return at least one byte, or raise LinkTimeout or LinkClosed."""

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of *data*, or raise LinkTimeout or LinkClosed."""

    def close(self) -> None:
        """Close the pipe; may be called any number of times."""


class Target(Protocol):
    """A device that can be given a job: a board, an emulator or a phone."""

    profile: DeviceProfile

    def open(self, deadline: Deadline) -> None:
        """Reach the device and ask what it is."""

    def measure(self, job: Job, deadline: Deadline) -> Measurement:
        """Run *job* and return what was seen, or raise a HilError."""

    def close(self) -> None:
        """Leave the device; may be called any number of times."""


class Engine(Protocol):
    """A way to run a model on this machine."""

    name: str
    version: str

    @property
    def last_invoke_ns(self) -> int:
        """Nanoseconds of the last bare invocation, copying in and out left out."""

    def load(self, model: bytes) -> None:
        """Prepare *model*, or raise ModelError, UnsupportedOp or DoesNotFit."""

    def invoke(
        self, inputs: Sequence[npt.NDArray[np.generic]]
    ) -> list[npt.NDArray[np.generic]]:
        """Write *inputs* (one array per input tensor), run, return the outputs."""

    def memory(self) -> Mapping[str, int]:
        """Bytes that the engine knows it uses, by the names of the result JSON."""

    def tensors(self) -> Mapping[int, npt.NDArray[np.generic]]:
        """Tensors of the last invocation by index, where the engine keeps them."""
