"""A source model to .tflite: TensorFlow works in a child, hil proves the result.

The parent never imports TensorFlow. The child (hil.conversion.worker) gets the requests
as a file, writes each .tflite beside it and one line of JSON about each; what it and
TensorFlow print is the log. However the child ends, its end becomes a HilError.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil import tools
from hil.conversion.check import check_result
from hil.conversion.failure import child_failed, error_from_json
from hil.conversion.request import OUTCOMES, check_request, to_json
from hil.conversion.sources import find_kind
from hil.errors import HilError
from hil.models.graph import read_graph
from hil.models.label import label
from hil.models.summary import TensorLine, tensor_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.conversion.request import ConversionRequest
    from hil.models.label import Label
    from hil.vocab import Deadline

WORKER = "hil.conversion.worker"
# TensorFlow reads these when it is imported. oneDNN picks its kernels, and so the
# rounding of a calibration, by the processor; no converter needs a GPU; level 1 leaves
# out notes on the processor but keeps warnings and errors in the log.
_ENVIRONMENT = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A .tflite, what it is by its own tensors, and how it came about.

    `warnings` is what the asker should know though the result is as asked for: weights
    that TensorFlow leaves float, few samples. `fake_quants` are names of nodes with a
    range in the source, `samples` how many calibrated it. `seconds` is the converter's
    own time, without TensorFlow's start and the reading of the source.
    """

    request: ConversionRequest
    data: bytes
    label: Label
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    warnings: tuple[str, ...]
    fake_quants: tuple[str, ...]
    samples: int
    seconds: float
    tensorflow: str
    log_path: Path


def convert(
    request: ConversionRequest, deadline: Deadline, *, log_path: Path
) -> Converted:
    """Convert one model; what the child printed is in *log_path* afterwards.

    Raises ConfigError or ModelError for what cannot be converted, WrongQuantization
    where the result is not as asked for, ToolError where the child died or the
    deadline passed, ToolMissing without the extra.
    """
    (outcome,) = convert_each([request], deadline, log_path=log_path)
    if isinstance(outcome, HilError):
        raise outcome
    return outcome


def convert_each(
    requests: Sequence[ConversionRequest],
    deadline: Deadline,
    *,
    log_path: Path,
    python: str = sys.executable,
) -> list[Converted | HilError]:
    """Convert as each request says, with one start of TensorFlow for all.

    An error that TensorFlow or its result gives, and a child that dies over a request,
    is returned in the place of that request and does not keep the others from being
    made. Raised is what is known before, of requests and sources, and what ends the
    child before it comes to a request. *python* runs the child.
    """
    for request in requests:
        check_request(request)
    outcomes: list[Converted | HilError] = []
    while len(outcomes) < len(requests):
        outcomes += _with_one_start(
            requests[len(outcomes) :],
            deadline,
            log_path=log_path,
            python=python,
            again=bool(outcomes),
        )
    return outcomes


def _with_one_start(
    requests: Sequence[ConversionRequest],
    deadline: Deadline,
    *,
    log_path: Path,
    python: str,
    again: bool,
) -> list[Converted | HilError]:
    """Return the outcomes up to the request that ends the child, at least one."""
    kinds = [find_kind(request.source) for request in requests]
    with tempfile.TemporaryDirectory(prefix="hil-convert-") as name:
        folder = Path(name)
        order = {
            "kinds": [kind.value for kind in kinds],
            "requests": [to_json(request) for request in requests],
        }
        (folder / "order.json").write_text(json.dumps(order))
        argv = (python, "-P", "-m", WORKER, name, str(log_path.absolute()))
        exit_code = tools.run_logged(
            argv, log_path=log_path, deadline=deadline, env=_ENVIRONMENT, append=again
        )
        answered = _answered(folder)
        outcomes = [
            _outcome(request, told, folder=folder, log_path=log_path)
            for request, told in zip(requests, answered or (), strict=False)
        ]
    if exit_code == 0:
        assert len(outcomes) == len(requests), "a child that ends well answers each"
        return outcomes
    last = requests[min(len(outcomes), len(requests) - 1)]
    subject = f"{last.source} to {last.mode.value}"
    died = child_failed(subject, exit_code, log_path=log_path)
    if answered is None and not again:
        raise died
    # The deadline is that of all: past it nothing is tried again.
    left = len(requests) - len(outcomes)
    return [*outcomes, *[died] * (left if exit_code is None else min(1, left))]


def _answered(folder: Path) -> list[dict[str, object]] | None:
    """Return what the child told of each request; None where it came to none of them.

    Raises what it found of itself, such as that TensorFlow is not installed.
    """
    stopped = folder / "error.json"
    if stopped.exists():
        raise error_from_json(json.loads(stopped.read_text()))
    path = folder / OUTCOMES
    if not path.exists():
        return None
    # A child that was killed may leave a part of a line.
    whole = path.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _outcome(
    request: ConversionRequest,
    told: Mapping[str, object],
    *,
    folder: Path,
    log_path: Path,
) -> Converted | HilError:
    if "error" in told:
        return error_from_json(told["error"])
    data = (folder / str(told["file"])).read_bytes()
    fake_quants = tuple(_texts(told["fake_quants"]))
    try:
        graph = read_graph(data, f"{request.source} as {request.mode.value}")
        truth, warnings = (
            (label(graph), [])
            if request.legacy is not None
            else check_result(graph, request, fake_quants=fake_quants)
        )
    except HilError as exc:
        return exc
    main = graph.subgraphs[0]
    return Converted(
        request=request,
        data=data,
        label=truth,
        inputs=tuple(tensor_line(main.tensors[index]) for index in main.inputs),
        outputs=tuple(tensor_line(main.tensors[index]) for index in main.outputs),
        warnings=(*_texts(told["warnings"]), *warnings),
        fake_quants=fake_quants,
        samples=int(str(told["samples"])),
        seconds=float(str(told["seconds"])),
        tensorflow=str(told["tensorflow"]),
        log_path=log_path,
    )


def _texts(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(item) for item in value]
