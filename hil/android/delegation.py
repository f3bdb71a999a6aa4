"""How much of a model a delegate took over, from the lines that say so.

Wordings: tflite/tools/benchmark/benchmark_tflite_model.cc, tflite/core/subgraph.cc,
tflite/delegates/{utils/simple_delegate.cc, gpu/common/model_builder.cc, coreml,
nnapi}, tflite/tools/delegates of LiteRT and of TensorFlow since 2019.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FirmwareFault
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Delegation(enum.Enum):
    """How much of a model a delegate took over."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegateVerdict:
    """One line that decides what the figure is a figure of.

    `name` is empty where the line names no delegate. `taken` of `total` nodes went to
    the delegate, where the line tells.
    """

    extent: Delegation
    name: str
    text: str
    taken: int | None = None
    total: int | None = None


_FULL, _PARTIAL, _NONE = Delegation.FULL, Delegation.PARTIAL, Delegation.NONE
_COUNTED = (
    re.compile(
        r"Replacing (?P<taken>[0-9]+) out of (?P<total>[0-9]+) node\(s\) with delegate "
        r"\((?P<name>[^)]+)\) node, yielding [0-9]+ partitions.*"
    ),
    re.compile(
        r"(?P<name>.+?) delegate: (?P<taken>[0-9]+) nodes delegated out of "
        r"(?P<total>[0-9]+) nodes(?:,? with [0-9]+ partitions)?\.?"
    ),
    re.compile(
        r"(?:.*only the first |First )?(?P<taken>[0-9]+) (?:operations|ops) will run "
        r"on the (?P<name>GPU), and the remaining (?P<rest>[0-9]+)"
        r"(?: operations will run)? on the CPU\.?",
        re.IGNORECASE,
    ),
    re.compile(
        r"No operations will run on the (?P<name>GPU), and all (?P<rest>[0-9]+) "
        r"operations will run on the CPU\.?"
    ),
)
# Before 2020 the total was not told; one partition is the whole graph.
_REPLACED_2019 = re.compile(
    r"Replacing (?P<taken>[0-9]+) node\(s\) with delegate \((?P<name>[^)]+)\) node, "
    r"yielding (?P<partitions>[0-9]+) partitions\.?"
)
_TOLD = (
    (
        _FULL,
        (
            r"Explicitly applied (?P<name>.+?) delegate, and the model graph will be "
            r"completely executed by the delegate\.?"
        ),
    ),
    (
        _PARTIAL,
        (
            r"Explicitly applied (?P<name>.+?) delegate, and the model graph will be "
            r"partially executed by the delegate(?: w/ [0-9]+ delegate kernels)?\.?"
        ),
    ),
    (
        _NONE,
        (
            r"Though (?P<name>.+?) delegate is explicitly applied, the model graph "
            r"will not be executed by the delegate\.?"
        ),
    ),
    (_NONE, r"Failed to apply (?P<name>.+?) delegate\.?"),
    (_NONE, r"(?P<name>\S+) acceleration is unsupported on this platform\.?"),
    (_NONE, r"Could not create (?P<name>\S+) delegate: .*"),
    (_NONE, r"Couldn't load (?P<name>NNAPI) support library from path: .*"),
    (_NONE, r"`--use_(?P<name>nnapi)=true` must be set for .*"),
    (_PARTIAL, r"Operator .* refused by (?P<name>NNAPI) delegate: .*"),
    (_NONE, r"Disallowed CPU fallback detected\."),
    (_NONE, r"Restored original execution plan after delegate application failure\."),
)
_TOLD_PATTERNS = tuple((extent, re.compile(text)) for extent, text in _TOLD)
_FAMILIES = {
    "gpu": "gpu",
    "tflitegpudelegate": "gpu",
    "tflitegpudelegatev2": "gpu",
    "nnapi": "nnapi",
    "tflitennapidelegate": "nnapi",
    "hexagon": "hexagon",
    "tflitehexagondelegate": "hexagon",
    "coreml": "coreml",
    "tflitecoremldelegate": "coreml",
    "xnnpack": "xnnpack",
    "tflitexnnpackdelegate": "xnnpack",
    "ynnpack": "ynnpack",
    "ynnpackdelegate": "ynnpack",
    "tfliteflexdelegate": "flex",
}
# Delegates that call themselves as they like: a library's own, and v2's.
_OWN_NAMES = frozenset({"external", "stable_delegate", "npu", "gpu"})


def verdict(line: str) -> DelegateVerdict | None:
    """Return what *line* says of a delegate; None where it says nothing of one."""
    for pattern in _COUNTED:
        if match := pattern.fullmatch(line):
            return _counted(match)
    if match := _REPLACED_2019.fullmatch(line):
        taken = int(match["taken"])
        return DelegateVerdict(
            extent=_FULL if match["partitions"] == "1" else _PARTIAL,
            name=match["name"],
            text=line,
            taken=taken,
            total=taken if match["partitions"] == "1" else None,
        )
    for extent, pattern in _TOLD_PATTERNS:
        if match := pattern.fullmatch(line):
            name = match.groupdict().get("name") or ""
            return DelegateVerdict(extent=extent, name=name, text=line)
    return None


def verdicts(lines: Iterable[str]) -> tuple[DelegateVerdict, ...]:
    """Return what each of *lines* says of a delegate, in their order."""
    return tuple(v for line in lines if (v := verdict(line)) is not None)


def fallback(
    found: Iterable[DelegateVerdict], asked: str, *, where: str
) -> FirmwareFault | None:
    """Return the error unless the delegate *asked* for took the whole model.

    It tells how many nodes fell back. *asked* is a name as benchmark_model prints it:
    GPU, NNAPI, Hexagon, COREML, XNNPACK, YNNPACK, EXTERNAL, NPU, ...
    """
    concerning = [v for v in found if _concerns(v, asked)]
    worse = [v for v in concerning if v.extent is not _FULL]
    if concerning and not worse:
        return None
    if not concerning:
        found_text = "no line of the output says that it was applied"
    else:
        found_text = f"{_fallen(worse)} ({printable(worse[-1].text).strip()})"
    taken_part = any(v.extent is _PARTIAL or v.taken for v in worse)
    how = "took only a part of the model" if taken_part else "was not applied"
    return FirmwareFault(
        f"the {printable(asked)} delegate {how}",
        where=where,
        found=found_text,
        allowed="all nodes on the delegate that was asked for",
        remedy="ask for no delegate, or use a model whose operators it supports",
    )


def _counted(match: re.Match[str]) -> DelegateVerdict:
    groups = match.groupdict()
    taken = int(groups.get("taken") or 0)
    total = int(groups["total"]) if groups.get("total") else taken + int(groups["rest"])
    extent = _NONE if taken == 0 else _FULL if taken == total else _PARTIAL
    return DelegateVerdict(
        extent=extent, name=groups["name"], text=match[0], taken=taken, total=total
    )


def _concerns(told: DelegateVerdict, asked: str) -> bool:
    if not told.name:
        return True
    wanted = asked.lower()
    told_of = _FAMILIES.get(told.name.lower())
    if told_of is None:
        return told.name.lower() == wanted or wanted in _OWN_NAMES
    return told_of == _FAMILIES.get(wanted, wanted)


def _fallen(worse: list[DelegateVerdict]) -> str:
    """Tell how many nodes stayed on the CPU, of the subgraphs that were counted."""
    counted = [v for v in worse if v.total is not None]
    if not counted:
        if all(v.extent is _NONE for v in worse):
            return "all nodes fell back to the CPU"
        return "an unknown number of nodes fell back to the CPU"
    # A delegate counts the same nodes as the graph, which counts each subgraph.
    by_graph = [v for v in counted if v.text.startswith("Replacing ")] or counted[:1]
    graphs = {v.text: (v.taken or 0, v.total or 0) for v in by_graph}.values()
    fallen = sum(total - taken for taken, total in graphs)
    return f"{fallen} of {sum(total for _, total in graphs)} nodes fell back to the CPU"
