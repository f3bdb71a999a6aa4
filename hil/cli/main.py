"""The `hil` command: finds the verb's module, runs it, prints errors.

A verb's module is imported when the verb is used, so that `hil --help` stays fast.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from hil import __version__
from hil.errors import ConfigError, HilError, RecordingError, nearest
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS: Final = {
    "bench": "measure model variants on devices: latency, memory, accuracy",
    "calibrate": "X-ray of a calibration set: what to drop, whether it is enough",
    "claims": "published figures held against measured ones",
    "codegen": "a C array for TFLite Micro, with the op resolver it needs",
    "compare": "two runs held against each other: what changed, how surely; gates",
    "convert": "Keras, SavedModel or GraphDef to .tflite, by TensorFlow",
    "devices": "list or show the profiles of devices",
    "diverge": "who computes what: engines and devices bit for bit, layer by layer",
    "doctor": "what is missing on this machine, and the command that installs it",
    "emulate": "an emulated device that any client may talk to (serial pty, adb)",
    "energy": "a power meter's traces laid over a run: microjoules per inference",
    "evaluate": "models on one dataset, on this host: accuracy, paired with a baseline",
    "firmware": "a model as firmware of a board: new (folder for CMake), build, flash",
    "inspect": "what a .tflite really is: label, operators, tensors, sizes",
    "mlperf": "MLPerf Tiny: judge a run or log, drive a device by the text protocol",
    "qat": "fine-tune to int8, held against quantizing without training",
    "qualify": "whether a device can be trusted: items against limits, a certificate",
    "quantize": "float .tflite to dynamic, float16, int8, int16x8, weight-only int8",
    "report": "earlier runs as a table, HTML, CSV, Markdown, JUnit, OpenMetrics",
    "results": "run folders indexed in SQL: import, list, show, export, prune",
    "shrink": "flash diet: a .tflite without what no kernel reads, answers proved",
    "toco": "an old toco or tflite_convert line: what it meant, what it means now",
    "tune": "search variants of a float model, with the device as judge",
}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_HELP: Final = {"-h", "--help", "help"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = 0
    try:
        status = _run(words)
        print(end="", flush=True)  # here, where it can be told what went wrong
    except HilError as exc:
        return _told(exc)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `hil ... | head` does.
        _drop_output()
    except Exception as exc:  # noqa: BLE001 - the only catch-all: a fault of hil's own
        if isinstance(exc, OSError) and exc.errno in _FULL:
            _drop_output()
            return _told(_disk_full(exc))
        traceback.print_exc()
        print("error: this is a fault in hil; please report it", file=sys.stderr)
        return 70
    return status


def _told(exc: HilError) -> int:
    print(f"error: {printable(str(exc), keep_lines=True)}", file=sys.stderr)
    return exc.exit_status


def _disk_full(exc: OSError) -> HilError:
    """Return the error of a file that no code beside it expects to be full: stdout."""
    return RecordingError(
        "the disk is full, and what was written is cut",
        where=str(exc.filename or "standard output"),
        found=exc.strerror or str(exc),
        remedy="free space; records that are on the disk are whole",
    )


def _drop_output() -> None:
    """Have Python not try again, at its end, what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in _HELP:
        print(_overview())
        return 0
    if words[0] == "--version":
        print(f"hil {__version__}")
        return 0
    return _run_verb(words[0], words[1:])


def _run_verb(verb: str, arguments: Sequence[str]) -> int:
    if verb not in VERBS:
        raise ConfigError(
            f"there is no verb {verb!r}",
            allowed=", ".join(VERBS),
            remedy=nearest(verb, VERBS) or "hil --help",
        )
    module = importlib.import_module(f"hil.cli.{verb}")
    try:
        module.app(args=list(arguments), prog_name=f"hil {verb}")
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    return 0


def _overview() -> str:
    width = max(len(verb) for verb in VERBS)
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    return f"""\
hil {__version__}: how a TFLite model really behaves on the device it will ship on

usage: hil VERB [OPTIONS] ...    (hil VERB --help tells the options)

{verbs}

Exit status: 0 all well; 1 a measurement failed; 2 the command, plan, profile or model
is wrong; 3 a device or tool failed."""
