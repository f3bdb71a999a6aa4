"""One script that asks a phone for everything, and the cutting of its answer.

A round trip for each of a dozen questions would cost more than their answers. Each
part ends with a line `MARK NAME STATUS`; the mark is a number drawn anew each time and
told on the first line, so that no property of a phone can pretend to be such a line.
A part without its last line was cut, and is not believed.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CPU = "/sys/devices/system/cpu"
_CLOCKS = (
    "cpuinfo_max_freq",
    "cpuinfo_min_freq",
    "scaling_cur_freq",
    "scaling_governor",
    "related_cpus",
)
_VERSION = "1"
_HEAD = re.compile(r"(?P<mark>hil[0-9a-f]{16}) facts 1")


def _cpu_question() -> str:
    files = ["online", "possible", "present", "cpu[0-9]*/cpu_capacity"]
    files += [f"cpu[0-9]*/cpufreq/{name}" for name in _CLOCKS]
    files += [f"cpufreq/policy[0-9]*/{name}" for name in _CLOCKS]
    return f"cd {_CPU} && grep -H . {' '.join(files)}"


# POSIX sh, as in mksh and toybox of Android 8 and later. The dumps of power and display
# are hundreds of kilobytes long, so they are sifted on the phone.
QUESTIONS: Final[Mapping[str, str]] = {
    "properties": "getprop",
    "kernel": "cat /proc/version",
    "cpu": _cpu_question(),
    "cpuinfo": (
        "grep -e ^processor -e '^CPU implementer' -e '^CPU part' -e ^Hardware"
        " /proc/cpuinfo"
    ),
    "memory": "cat /proc/meminfo",
    "battery": "dumpsys battery",
    "thermal": "dumpsys thermalservice",
    "zones": (
        "cd /sys/class/thermal && grep -H . thermal_zone[0-9]*/type"
        " thermal_zone[0-9]*/temp"
    ),
    "screen": (
        "dumpsys power | grep -e Wakefulness= -e 'Display Power: state=';"
        " dumpsys display | grep -e mScreenState= -e DisplayState="
    ),
    "gpu": "dumpsys gpu | grep -e '^Global total' -e '^Proc ' -e ^Failed",
    "fixed_performance": "cmd power help | grep -e 'Power manager' -e fixed-perf",
    "load": "cat /proc/loadavg",
    "stat": "grep ^cpu /proc/stat",
    "uptime": "cat /proc/uptime",
}


# What changes while a window runs; asked many times, so without the large dumps.
WATCHED: Final = ("cpu", "battery", "thermal", "zones", "load", "stat", "uptime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The answer to one question: both streams, and its exit status."""

    text: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came, by question, and the questions whose answer did not come whole."""

    asked: tuple[str, ...] = tuple(QUESTIONS)
    parts: Mapping[str, Part] = field(default_factory=dict)
    cut: tuple[str, ...] = ()


def facts_script(
    asked: Sequence[str] = tuple(QUESTIONS), *, token: str | None = None
) -> str:
    """Return the script that asks these questions; its answer is for `read_answer`.

    *token* are the 16 hexadecimal digits of its mark; without, they are drawn here.
    """
    mark = f"hil{secrets.token_hex(8) if token is None else token}"
    lines = [f"m={mark}", f'echo "$m facts {_VERSION}"']
    lines += [
        f'( {QUESTIONS[name]} ) 2>&1; s=$?; echo; echo "$m {name} $s"' for name in asked
    ]
    return "\n".join(lines)


def read_answer(output: bytes, asked: Sequence[str] = tuple(QUESTIONS)) -> Answer:
    """Cut what the script printed into its parts; text that is no UTF-8 is replaced.

    An answer without the first line, or of another version, has no part at all. Where a
    part's last line is missing, the next one holds the text of both, and is left out.
    """
    text = output.decode(errors="replace").replace("\r\n", "\n")
    head, _, rest = text.partition("\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        return Answer(asked=tuple(asked), cut=tuple(asked))
    end = re.compile(
        rf"^{found['mark']} (?P<name>[a-z_]+) (?P<status>[0-9]{{1,3}})\n", re.MULTILINE
    )
    parts: dict[str, Part] = {}
    names = list(asked)
    at = 0
    for match in end.finditer(rest):
        content, at = rest[at : match.start()], match.end()
        name = match["name"]
        if names[:1] == [name]:
            parts[name] = Part(text=content, exit_code=int(match["status"]))
        names = names[names.index(name) + 1 :] if name in names else names
    return Answer(
        asked=tuple(asked),
        parts=parts,
        cut=tuple(name for name in asked if name not in parts),
    )
