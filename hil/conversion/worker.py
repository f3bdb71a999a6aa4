"""The child process that runs TensorFlow: python -m hil.conversion.worker FOLDER LOG.

FOLDER/order.json says what is asked for, hil.conversion.orders answers it there. All
that is printed goes to LOG. The child ends with status 0 where it answered; anything
else is a crash.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from hil.conversion.failure import MISSING


def main(folder: Path, log_path: Path) -> None:
    """Answer the order in *folder*, or say there that TensorFlow is not installed."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    try:
        # Seconds to import, and not there without the extra.
        from hil.conversion.orders import answer  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in {"tensorflow", "keras", "h5py"}:
            raise
        traceback.print_exc()
        (folder / "error.json").write_text(json.dumps(MISSING))
        return
    answer(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
