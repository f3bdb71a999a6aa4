"""Fine-tuning by tensorflow-model-optimization, in a child process; checked by hil.

The parent never imports TensorFlow. The child (hil.quantization.qat.worker) gets the
request as a file and writes models beside it; what it prints is the log. However it
ends, its end becomes a HilError. A model that is not int8 throughout is refused.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil import tools
from hil.errors import WrongQuantization
from hil.models.graph import read_graph
from hil.models.label import Kind, label
from hil.quantization.qat.failure import child_failed, error_from_json
from hil.quantization.qat.request import check_request, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.quantization.qat.request import QatRequest
    from hil.vocab import Deadline

WORKER: Final = "hil.quantization.qat.worker"
FLOAT: Final = "float"
QAT: Final = "qat"
TUNED: Final = "qat-tuned"
_FILES: Final = {FLOAT: "float.tflite", QAT: "qat.tflite", TUNED: "tuned.tflite"}
# Read when TensorFlow is imported: oneDNN rounds by the processor, and no GPU is used.
# With the third, tf.keras is tf_keras, which tensorflow-model-optimization works on.
_ENVIRONMENT: Final = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "1",
    "PYTHONUNBUFFERED": "1",
}
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuned:
    """The .tflite files by variant (`float`, `qat`, `qat-tuned`), and how they came.

    `float` is the source itself, not trained further. `qat-tuned` is there where the
    tuning found better ranges. `told` holds losses, seconds and the trials.
    """

    request: QatRequest
    models: Mapping[str, bytes]
    told: Mapping[str, object]
    log_path: Path


def fine_tune(
    request: QatRequest,
    deadline: Deadline,
    *,
    log_path: Path,
    python: str = sys.executable,
) -> FineTuned:
    """Fine-tune one model; what the child printed is in *log_path* afterwards.

    Raises ConfigError or ModelError for what cannot be trained, WrongQuantization where
    an operator stayed float, ToolError where the child died or the deadline passed,
    ToolMissing without the extra.
    """
    check_request(request)
    with tempfile.TemporaryDirectory(prefix="hil-qat-") as name:
        folder = Path(name)
        (folder / "order.json").write_text(json.dumps(to_json(request)))
        _run_child(folder, deadline, log_path=log_path, python=python)
        stopped = folder / "error.json"
        if stopped.exists():
            raise error_from_json(json.loads(stopped.read_text()))
        told = json.loads((folder / "told.json").read_text())
        models = {
            variant: (folder / file).read_bytes()
            for variant, file in _FILES.items()
            if (folder / file).exists()
        }
    for variant, data in models.items():
        if variant != FLOAT:
            require_int8(data, where=f"{request.source} as {variant}")
    return FineTuned(request=request, models=models, told=told, log_path=log_path)


def require_int8(data: bytes, *, where: str) -> None:
    """Raise WrongQuantization, with the operators' names, unless all computes int8.

    One FakeQuant that is missing makes its operator float in silence.
    """
    truth = label(read_graph(data, where))
    if truth.kind is Kind.INT8:
        return
    names = [place.name for place in truth.floats]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    floats = f"; float: {', '.join(names[:_NAMED])}{more}" if names else ""
    raise WrongQuantization(
        "the fine-tuned model is not int8 throughout",
        where=where,
        found=f"{truth.text}{floats}",
        allowed="full int8",
        remedy="a FakeQuant is missing there; hil quantize needs none",
    )


def _run_child(
    folder: Path, deadline: Deadline, *, log_path: Path, python: str
) -> None:
    argv = (python, "-P", "-m", WORKER, str(folder), str(log_path.absolute()))
    exit_code = tools.run_logged(
        argv, log_path=log_path, deadline=deadline, env=_ENVIRONMENT
    )
    if exit_code != 0:
        raise child_failed(argv, exit_code, log_path=log_path)
