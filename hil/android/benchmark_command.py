"""Command lines of the stock v1 `benchmark_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

# The tool's own default. The limit holds for the warm-up and the timed runs each.
LONGEST_SECONDS = 150.0


def timed_run(
    binary: str,
    graph: str,
    *,
    warmup: int,
    min_runs: int,
    min_seconds: float,
    max_seconds: float,
) -> list[str]:
    """Return the arguments of one window: warm-up, timed runs, statistics.

    *max_seconds* limits the warm-up and the timed runs each, so the whole may take
    twice as long, and one inference more.
    """
    return [
        binary,
        f"--graph={graph}",
        f"--num_runs={max(min_runs, 1)}",
        f"--min_secs={_decimal(min_seconds)}",
        f"--max_secs={_decimal(min(max_seconds, LONGEST_SECONDS))}",
        f"--warmup_runs={warmup}",
        # Else the tool warms up for half a second whatever the number of runs.
        "--warmup_min_secs=0",
        "--num_threads=1",
        "--report_peak_memory_footprint=true",
    ]


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
