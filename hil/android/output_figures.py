"""The lines with figures of a v1 `benchmark_model`: each read whole, once, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.android.printed_number import DOUBLE, INTEGER, is_fraction, is_printed
from hil.android.refusal import contradiction, damaged

if TYPE_CHECKING:
    from collections.abc import Sequence

_KIB_PER_MIB = 1024
_NAN = r"-?nan"
SESSION = re.compile(rf"Initialized session in (?P<session>{DOUBLE})ms\.?")
PHASE = re.compile(
    rf"Running benchmark for (?:at least )?(?P<n>{INTEGER}) iterations:?"
    rf"(?: and at least (?P<min>{DOUBLE}|-[0-9]+) seconds"
    rf"(?: but terminate if exceeding (?P<max>{DOUBLE}) seconds\.?)?)?\.?"
)
COUNT = re.compile(r"count=.*")
SUMMARY = re.compile(
    rf"Inference timings in us: Init: (?P<init>{INTEGER}), "
    rf"First inference: (?P<first>{INTEGER}), "
    rf"Warmup \(avg\): (?P<warmup>{DOUBLE}|{_NAN}), "
    rf"Inference \(avg\): (?P<inference>{DOUBLE})"
)
SUMMARY_2018 = re.compile(
    rf"Average inference timings in us: Warmup: (?P<warmup>{DOUBLE}|{_NAN}), "
    rf"Init: (?P<init>{INTEGER}), (?:Inference|no stats): (?P<inference>{DOUBLE})"
)
FOOTPRINT = re.compile(
    rf"(?:Memory footprint delta from the start of the tool|Peak memory footprint)"
    rf" \(MB\): init=(?P<init>{DOUBLE}) overall=(?P<overall>{DOUBLE})"
)
PEAK = re.compile(
    rf"Overall peak memory footprint \(MB\) via periodic monitoring: (?P<peak>{DOUBLE})"
)
RSS = re.compile(rf"- VmRSS +: (?P<mb>{INTEGER}) MB")
RSS_ANON = re.compile(rf"\+ RssAnnon +: (?P<mb>{INTEGER}) MB")
RSS_FILE = re.compile(rf"\+ RssFile \+ RssShmem +: (?P<mb>{INTEGER}) MB")
SIZE = re.compile(rf"The input model file size \(MB\): (?P<mb>{DOUBLE})")
# A line that starts so must be read whole, and the text may stand nowhere else.
HEADS = (
    ("The input model file size (MB)", "M", SIZE),
    ("Initialized session in ", "S", SESSION),
    ("Running benchmark for ", "P", PHASE),
    ("count=", "C", COUNT),
    ("Average inference timings in us: ", "T", SUMMARY_2018),
    ("Inference timings in us: ", "T", SUMMARY),
    ("Memory footprint delta", "F", FOOTPRINT),
    ("Overall peak memory footprint", "K", PEAK),
    ("Peak memory footprint", "F", FOOTPRINT),
    ("- VmRSS", "R", RSS),
    ("+ RssAnnon", "A", RSS_ANON),
    ("+ RssFile + RssShmem", "B", RSS_FILE),
)
# The tool is one thread that prints them in this order; some builds lack some.
_ORDER = re.compile(r"M?S?(?:PCPC|CC)(?:TF?K?R?A?B?)?")
# What only a line that was joined with another one, or has lost its head, holds.
_INSIDE = re.compile(
    r"count=[0-9]|nitialized session in |ning benchmark for |timings in us: "
    r"|\(MB\): |VmRSS|RssAnnon|RssFile|\(MB\) via"
    r"|\b(?:curr|min|max|avg|std|p5|median|p95)=[0-9]"
)
_NAMES = {
    "M": "the model's size",
    "S": "Initialized session",
    "P": "Running benchmark",
    "C": "count=",
    "T": "Inference timings",
    "F": "Memory footprint",
    "K": "Overall peak memory footprint",
    "R": "VmRSS",
    "A": "RssAnnon",
    "B": "RssFile + RssShmem",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The matches of the lines with figures, and their order."""

    order: str
    found: dict[re.Pattern[str], list[re.Match[str]]] = field(default_factory=dict)

    def one(self, *patterns: re.Pattern[str]) -> re.Match[str] | None:
        """Return the only line of these patterns; None where there is none."""
        matches = self.all(*patterns)
        return matches[0] if matches else None

    def all(self, *patterns: re.Pattern[str]) -> list[re.Match[str]]:
        """Return the lines of these patterns."""
        return [match for pattern in patterns for match in self.found.get(pattern, [])]

    def refuse_disorder(self) -> None:
        """Raise FirmwareFault unless the lines are those of one run, in order."""
        if _ORDER.fullmatch(self.order):
            return
        shown = ", ".join(_NAMES[letter] for letter in self.order)
        raise contradiction(
            f"lines in this order: {shown}",
            allowed="those of one run: session, twice a phase and its statistics, "
            "timings, memory",
        )


def figures_of(lines: Sequence[str]) -> Figures:
    """Return the lines with figures; FirmwareFault where one is damaged.

    Lines of an op profile have statistics inside too: `take_profile` takes them away.
    """
    order = ""
    found: dict[re.Pattern[str], list[re.Match[str]]] = {}
    for line in lines:
        head = next((h for h in HEADS if line.startswith(h[0])), None)
        if head is None:
            if _INSIDE.search(line):
                raise damaged(line, allowed="one whole line")
            continue
        _, letter, pattern = head
        match = pattern.fullmatch(line)
        if match is None or not _is_printed(match):
            raise damaged(line)
        order += letter
        found.setdefault(pattern, []).append(match)
    return Figures(order=order, found=found)


def _is_printed(match: re.Match[str]) -> bool:
    """Tell whether a C++ stream prints the line's numbers like this."""
    texts = [t for t in match.groupdict().values() if t is not None]
    doubles = [t for t in texts if "." in t or "e+" in t or "e-" in t]
    if not all(is_printed(t) for t in doubles):
        return False
    if match.re in (FOOTPRINT, PEAK):
        return all(is_fraction(t, _KIB_PER_MIB) for t in texts)
    return True
