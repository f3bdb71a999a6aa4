"""Why a `benchmark_model` failed, told from its exit code and last lines."""

from __future__ import annotations

import re

from hil.android.delegation import fallback, verdicts
from hil.android.output_lines import output_lines
from hil.errors import DeviceCrashed, FirmwareFault, HilError, UnsupportedOp
from hil.printable import printable, tail

# Texts of the runtime (tflite/core/interpreter_builder.cc, subgraph.cc) that name an
# operator which this build cannot run.
_OPERATOR = re.compile(
    r"Didn't find op for builtin opcode"
    r"|Op builtin_code out of range"
    r"|Encountered unresolved custom op"
    r"|Regular TensorFlow ops are not supported by this interpreter"
    r"|Select TensorFlow op\(s\), included in the given model"
    r"|[Uu]nsupported (?:operator|op|builtin|custom op)\b"
    r"|[Oo]perator \S+ is not supported",
)
_CRASH = re.compile(
    r"^(?:Aborted|Segmentation fault|Illegal instruction|Bus error|Killed|"
    r"Floating point exception|Terminated)\b",
    re.MULTILINE,
)
_SIGNALS = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL"}
_SIGNALS |= {11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}
_SIGNAL_BASE = 128  # a shell's, and adbd's, exit code of a process that a signal ended
_NOT_RUNNABLE = {126: "it may not be executed", 127: "it was not found"}


def failure(
    exit_code: int, stdout: str, *, stderr: str, where: str, asked: str | None = None
) -> HilError:
    """Return the error that tells why the tool ended with *exit_code*, not zero.

    DeviceCrashed where a signal ended it, UnsupportedOp where a line names an operator
    that the runtime cannot run, FirmwareFault otherwise; each with the last lines.
    Where the delegate *asked* for (see `delegation.fallback`) was not applied, that is
    the reason.
    """
    both = f"{stdout}\n{stderr}"
    last = tail(both) or "it printed nothing"
    operator = next(
        (line for line in both.splitlines() if _OPERATOR.search(line)), None
    )
    if exit_code in _NOT_RUNNABLE:
        return FirmwareFault(
            f"benchmark_model cannot run on the phone: {_NOT_RUNNABLE[exit_code]}",
            where=where,
            found=last,
            remedy="push the binary that fits the phone's ABI, and chmod 755 it",
        )
    if operator is not None:
        return UnsupportedOp(
            "benchmark_model cannot run an operator of the model",
            where=where,
            found=printable(operator).strip(),
            remedy="a newer benchmark_model, or a model without that operator",
        )
    if exit_code > _SIGNAL_BASE or _CRASH.search(both):
        number = exit_code - _SIGNAL_BASE
        ended = _SIGNALS.get(number, f"signal {number}" if number > 0 else "a signal")
        return DeviceCrashed(
            f"benchmark_model died by {ended}", where=where, found=last
        )
    told = verdicts([*output_lines(stdout), *output_lines(stderr)])
    if asked is not None and told:
        refused = fallback(told, asked, where=where)
        if refused is not None:
            return refused
    return FirmwareFault(
        f"benchmark_model failed with status {exit_code}", where=where, found=last
    )
