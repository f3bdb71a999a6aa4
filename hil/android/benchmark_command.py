"""Command lines of the stock `benchmark_model`.

They are lists of arguments: the link quotes each for the device's shell (`shlex.join`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

# The tool's own default. The limit holds for the warm-up and the timed runs each.
LONGEST_SECONDS = 150.0


class Delegate(enum.Enum):
    """What a run is to use; the value is the name in the tool's output."""

    NONE = "none"  # the built-in kernels; builds since 2021 use XNNPACK unless told
    XNNPACK = "XNNPACK"
    GPU = "GPU"
    NNAPI = "NNAPI"
    NPU = "NPU"  # v2 only

    @property
    def asked(self) -> str | None:
        """The name for `benchmark_output.parse`; None where no delegate is wanted."""
        return None if self is Delegate.NONE else self.value


_DELEGATE_FLAGS = {
    Delegate.NONE: "--use_xnnpack=false",
    Delegate.XNNPACK: "--use_xnnpack=true",
    Delegate.GPU: "--use_gpu=true",
    Delegate.NNAPI: "--use_nnapi=true",
    Delegate.NPU: "--use_npu=true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What one variant of a run asks for.

    `delegate` None leaves the choice to the build. `mask` is the hexadecimal mask of
    `taskset` (see `cpu_mask`). With `has_op_profile` each operator is timed: the whole
    gets slower, so its times are no measurement. `profile_file` and `result_file` are
    paths on the phone; without `profile_file` the profile is printed.
    """

    threads: int = 1
    delegate: Delegate | None = None
    mask: str | None = None
    has_op_profile: bool = False
    profile_file: str | None = None
    result_file: str | None = None

    def before(self) -> list[str]:
        """Return what stands in front of the binary."""
        return [] if self.mask is None else ["taskset", self.mask]

    def flags(self) -> list[str]:
        """Return the tool's flags for these settings."""
        flags = [f"--num_threads={self.threads}"]
        if self.delegate is not None:
            flags.append(_DELEGATE_FLAGS[self.delegate])
        if self.has_op_profile:
            flags.append("--enable_op_profiling=true")
            if self.profile_file is not None:
                flags.append("--op_profiling_output_mode=csv")
                flags.append(f"--op_profiling_output_file={self.profile_file}")
        if self.result_file is not None:
            flags.append(f"--result_file_path={self.result_file}")
        return flags


_ONE_THREAD = RunSettings()


def timed_run(
    binary: str,
    graph: str,
    *,
    warmup: int,
    min_runs: int,
    min_seconds: float,
    max_seconds: float,
    settings: RunSettings = _ONE_THREAD,
) -> list[str]:
    """Return the arguments of one window: warm-up, timed runs, statistics.

    *max_seconds* limits the warm-up and the timed runs each, so the whole may take
    twice as long, and one inference more. See `phase_limit`.
    """
    return [
        *settings.before(),
        binary,
        f"--graph={graph}",
        f"--num_runs={max(min_runs, 1)}",
        f"--min_secs={_decimal(min_seconds)}",
        f"--max_secs={_decimal(phase_limit(min_seconds, max_seconds))}",
        f"--warmup_runs={warmup}",
        # Else the tool warms up for half a second whatever the number of runs.
        "--warmup_min_secs=0",
        *settings.flags(),
        "--report_peak_memory_footprint=true",
    ]


def phase_limit(min_seconds: float, max_seconds: float) -> float:
    """Return the seconds after which the tool ends a phase, done or not.

    The tool's own default, unless less is left or more was asked for.
    """
    return min(max_seconds, max(LONGEST_SECONDS, min_seconds))


def single_run(binary: str, graph: str) -> list[str]:
    """Return the arguments of exactly one inference, for its output."""
    return [
        binary,
        f"--graph={graph}",
        "--num_runs=1",
        "--min_secs=0",
        "--warmup_runs=0",
        "--warmup_min_secs=0",
        "--num_threads=1",
    ]


def input_flags(name: str, shape: Sequence[int], *, where: str) -> list[str]:
    """Return the flags that name an input; `value_file_prefix` needs them beside it.

    ModelError where benchmark_model's grammar cannot say the tensor's name: it parts
    a list of names at commas and has no escape for one. *where* names the model.
    """
    if not name or "," in name or "\0" in name:
        raise ModelError(
            "benchmark_model cannot be told the name of the model's input",
            where=where,
            found=f"an input tensor named {printable(name)!r}",
            allowed="a name that is not empty and has no comma",
            remedy="rename the input tensor when the model is converted",
        )
    return [
        f"--input_layer={name}",
        f"--input_layer_shape={','.join(str(size) for size in shape)}",
    ]


def value_file_prefix(name: str) -> str:
    """Return the flag that gives input *name* its values; append the file's path.

    A colon parts name and path, so one in the name is doubled (that escape is this
    flag's alone: benchmark_tflite_model.h, SplitInputLayerNameAndValueFile).
    """
    return f"--input_layer_value_files={name.replace(':', '::')}:"


def _decimal(seconds: float) -> str:
    # Not in scientific notation, which not every reader of the tool's flags takes.
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
