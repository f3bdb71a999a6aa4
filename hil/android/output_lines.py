"""The lines of a phone's text without line ends, empty lines and loggers' prefixes."""

from __future__ import annotations

import re

# Android's log, as `logcat` shows it in its threadtime and brief formats, and as
# Android Studio does: date, time, PID-TID, tag, package, level, message.
_LOGCAT = re.compile(
    r"^(?:[0-9-]+ [0-9:.]+ +[0-9]+-[0-9]+ +(?:tflite|litert) +[A-Za-z0-9_.]+ +"
    r"[VDIWEF]  "
    r"|(?:[^\[\]=]*[ \t]|[VDIWEF]/)?(?:tflite|litert)[ \t]*"
    r"(?:\([ \t]*[0-9]+\))?[ \t]*: )"
)
# TFLITE_LOG and the minimal loggers of both runtimes.
_LEVEL = re.compile(r"^(?:INFO|WARN|WARNING|ERROR|FATAL|VERBOSE|DEBUG): ?")
# LITERT_LOG names the place in the source.
_SOURCE = re.compile(r"^\[[A-Za-z0-9_./+-]+:[0-9]+\](?: |$)")
_BLANKS = " \t\r\f\v"


def decoded(text: str | bytes) -> str:
    """Return *text*; bytes that are no UTF-8 become U+FFFD, which no figure holds."""
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def output_lines(text: str | bytes) -> list[str]:
    """Return the lines that are not empty, bare of prefixes and of blanks at the end.

    An old adbd turns each line end into CR LF, or into CR CR LF on its terminal.
    """
    lines = []
    for raw in decoded(text).split("\n"):
        line = _LOGCAT.sub("", raw.rstrip(_BLANKS), count=1)
        while (bare := _SOURCE.sub("", _LEVEL.sub("", line, count=1), count=1)) != line:
            line = bare
        if line.strip(_BLANKS):
            lines.append(line)
    return lines


def is_logcat(text: str | bytes) -> bool:
    """Tell whether each line that is not empty is one of Android's log."""
    lines = [line for line in decoded(text).split("\n") if line.strip(_BLANKS)]
    return bool(lines) and all(_LOGCAT.match(line) for line in lines)


def has_cut_end(text: str | bytes) -> bool:
    """Tell whether the last line lacks its end, which each logger writes."""
    whole = decoded(text)
    return bool(whole.strip(_BLANKS + "\n")) and not whole.rstrip(" \t\r").endswith(
        "\n"
    )
