"""The child that trains: python -m hil.quantization.qat.worker FOLDER LOG.

FOLDER/order.json says what is asked for; the models and told.json, or error.json, are
written beside it. All that is printed goes to LOG. The child ends with status 0 where
it answered; anything else is a crash.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from hil.errors import HilError
from hil.quantization.qat.failure import error_to_json, missing_to_json

_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "optuna")


def main(folder: Path, log_path: Path) -> None:
    """Answer the order in *folder*, or say there why not."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    answer = folder / "error.json"
    try:
        for package in _PACKAGES:
            importlib.import_module(package)
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        if name not in _PACKAGES:
            raise
        traceback.print_exc()
        answer.write_text(json.dumps(missing_to_json(name)))
        return
    # Seconds to import, and not there without the extra.
    from hil.quantization.qat.worker_train import train  # noqa: PLC0415

    try:
        train(folder)
    except HilError as exc:
        traceback.print_exc()
        answer.write_text(json.dumps(error_to_json(exc)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
