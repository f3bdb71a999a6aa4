"""A run of benchmark_model on a phone, watched by one script while it goes on.

The script starts the program in the background and, until it has ended, prints what
`facts_script` asks and what /proc tells of the process; then what the program printed.
That is one round trip, and nothing that the host or the way to it does can disturb the
watch. Only what mksh and toybox of Android 6 and later have is used.

The watch itself takes processor time: a few commands each `interval_seconds`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.android.cpu_load import parse_own_ticks
from hil.android.facts_script import WATCHED, facts_script
from hil.android.phone_facts import PhoneFacts, read_facts
from hil.errors import FirmwareFault
from hil.links.adb_output import ShellResult
from hil.printable import tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil import vocab
    from hil.links.phone import Phone

_KIB = 1024
_INTERVALS = (0.1, 1.0)  # seconds: often enough for a short window, seldom for others
_SHARE_OF_WINDOW = 0.25
_PEAK = re.compile(r"^VmHWM:\s+(?P<kib>[0-9]{1,12}) kB\s*$", re.MULTILINE)
_STAT = re.compile(r"^[0-9]{1,10} \(.*\) [A-Za-z] .*$", re.MULTILINE)
_CORES = re.compile(r"^Cpus_allowed:\s+(?P<mask>[0-9a-fA-F,]{1,200})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSample:
    """One look at the phone; `process` is what /proc told of the program then."""

    facts: PhoneFacts
    process: str = ""
    is_alive: bool = False  # at the end of the look

    @property
    def peak_bytes(self) -> int | None:
        """The most memory that the process ever held, by VmHWM."""
        found = _PEAK.search(self.process)
        return int(found["kib"]) * _KIB if found else None

    @property
    def own_ticks(self) -> int | None:
        """How long the process has run on any core, in the kernel's ticks."""
        found = _STAT.search(self.process)
        return parse_own_ticks(found[0]) if found else None

    @property
    def cpus_allowed(self) -> str | None:
        """The mask of the cores that the process may use."""
        found = _CORES.search(self.process)
        return found["mask"] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRun:
    """What the program printed and how it ended, and all looks; the first is before."""

    result: ShellResult
    samples: tuple[WatchSample, ...]

    @property
    def judged(self) -> tuple[PhoneFacts, ...]:
        """The looks for `judge_window`; clocks count only while the program ran."""
        before, *later = self.samples
        return (
            before.facts,
            *(s.facts if s.is_alive else replace(s.facts, cores=None) for s in later),
        )

    @property
    def peak_bytes(self) -> int | None:
        """The largest VmHWM that was seen."""
        return max((p for s in self.samples if (p := s.peak_bytes)), default=None)

    @property
    def cpus_allowed(self) -> str | None:
        """The mask that was seen last."""
        return next((m for s in reversed(self.samples) if (m := s.cpus_allowed)), None)

    def gpu_bytes(self) -> int | None:
        """The most that the program held on the GPU, where the phone tells it."""
        pid = self.result.pid
        told = [s.facts.gpu_memory for s in self.samples if s.facts.gpu_memory]
        sizes = [gpu.by_pid[pid] for gpu in told if pid in gpu.by_pid] if pid else []
        return max(sizes, default=None)


def interval_seconds(min_seconds: float) -> float:
    """Return the pause between two looks at a window of at least *min_seconds*."""
    low, high = _INTERVALS
    return min(high, max(low, min_seconds * _SHARE_OF_WINDOW))


def watched_run(
    link: Phone,
    argv: Sequence[str],
    *,
    folder: str,
    interval: float,
    asks_gpu: bool,
    where: str,
    deadline: vocab.Deadline,
) -> WatchedRun:
    """Run *argv* on the phone under watch; its streams are kept in *folder* meanwhile.

    FirmwareFault where the script did not come to its end.
    """
    asked = (*WATCHED, "gpu") if asks_gpu else WATCHED
    mark = f"hil{link.draw()}"
    script = _script(
        argv,
        mark=mark,
        folder=folder,
        interval=interval,
        look=facts_script(asked, token=link.draw()),
    )
    result = link.shell(script, deadline)
    return _read(result, mark=mark, asked=asked, where=where)


def _script(
    argv: Sequence[str],
    *,
    mark: str,
    folder: str,
    interval: float,
    look: str,
) -> str:
    out, err = shlex.quote(f"{folder}/stdout"), shlex.quote(f"{folder}/stderr")
    status = '"/proc/$p/status" 2>/dev/null'
    # A program that has ended is gone from /proc, or a zombie until it is waited for.
    return f"""w={mark}
p=
while :; do
echo "$w sample"
{look}
if [ -n "$p" ]; then
echo "$w process"
grep -e ^State: -e ^VmHWM: -e ^Cpus_allowed: {status}
cat "/proc/$p/stat" 2>/dev/null
grep -q '^State:.[RSDTtI]' {status} || break
echo "$w alive"
sleep {interval:g} 2>/dev/null || sleep 1
else
{shlex.join(argv)} >{out} 2>{err} &
p=$!
echo "$w started $p"
fi
done
wait "$p"
r=$?
echo "$w ended $r"
cat {out}
echo
echo "$w stderr"
cat {err}
echo
echo "$w done"
"""


def _read(
    result: ShellResult, *, mark: str, asked: Sequence[str], where: str
) -> WatchedRun:
    parts = _parts(result.stdout, mark)
    if not parts or parts[-1][0] != "done":
        raise FirmwareFault(
            "the watch on the phone did not come to its end",
            where=where,
            found=tail(result.stderr or result.stdout, lines=2) or "no output",
            remedy="free space in /data/local/tmp? a shell older than Android 6?",
        )
    samples: list[WatchSample] = []
    code, pid = 0, result.pid
    stdout = stderr = b""
    for name, content in parts:
        word, _, number = name.partition(" ")
        match word:
            case "sample":
                samples.append(WatchSample(facts=read_facts(content, asked)))
            case "started":
                pid = int(number)
            case "process":
                text = content.decode(errors="replace")
                samples[-1] = replace(samples[-1], process=text)
            case "alive":
                samples[-1] = replace(samples[-1], is_alive=True)
            case "ended":
                code, stdout = int(number), content.removesuffix(b"\n")
            case "stderr":
                stderr = content.removesuffix(b"\n")
            case _:
                assert word == "done"
    told = ShellResult(exit_code=code, stdout=stdout, stderr=stderr, pid=pid)
    return WatchedRun(result=told, samples=tuple(samples))


def _parts(output: bytes, mark: str) -> list[tuple[str, bytes]]:
    """Return the name and the content of each part, which the next one ends."""
    line = re.compile(
        rb"^%b (sample|process|alive|stderr|done|(?:started|ended) [0-9]{1,10})\r?\n"
        % mark.encode(),
        re.MULTILINE,
    )
    found = list(line.finditer(output))
    ends = [match.start() for match in found[1:]] + [len(output)]
    return [
        (match[1].decode(), output[match.end() : end])
        for match, end in zip(found, ends, strict=True)
    ]
