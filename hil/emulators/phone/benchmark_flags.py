"""The flags of benchmark_model (v1): names, types, defaults, parsing.

Names, order and log texts are those of LiteRT's `tflite/tools/benchmark`. Flags that
this stand-in cannot honour are left out on purpose: they are then reported as
"Unconsumed cmdline flags", as the real program does with flags it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = bool | int | float | str
# Compiled once in the runtime, not in every child that it forks.
_ARGUMENT: Final = re.compile(r"--(\w+)(?:=(.*))?", re.DOTALL)
_WHOLE: Final = re.compile(r"[-+]?\d{1,10}")
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,15}\.?\d{0,15}|\.\d{1,15})")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; *title* is what its value is logged under, always or when set."""

    name: str
    default: Value
    title: str = ""
    always_logged: bool = False


FLAGS: Final = (
    Flag("num_runs", 50, "Min num runs"),
    Flag("min_secs", 1.0, "Min runs duration (seconds)"),
    Flag("max_secs", 150.0, "Max runs duration (seconds)"),
    Flag("run_delay", -1.0, "Inter-run delay (seconds)"),
    Flag("num_threads", -1, "Num threads"),
    Flag("benchmark_name", "", "Benchmark name"),
    Flag("output_prefix", "", "Output prefix"),
    Flag("warmup_runs", 1, "Min warmup runs"),
    Flag("warmup_min_secs", 0.5, "Min warmup runs duration (seconds)"),
    Flag("dry_run", default=False, title="Run w/o invoking kernels"),
    Flag(
        "report_peak_memory_footprint",
        default=False,
        title="Report the peak memory footprint",
    ),
    Flag(
        "memory_footprint_check_interval_ms",
        50,
        "Memory footprint check interval (ms)",
    ),
    Flag("graph", "", "Graph", always_logged=True),
    Flag("signature_to_run_for", "", "Signature to run", always_logged=True),
    Flag(
        "list_signatures",
        default=False,
        title="List signatures from the provided model",
    ),
    Flag("input_layer", "", "Input layers"),
    Flag("input_layer_shape", "", "Input shapes"),
    Flag("input_layer_value_range", "", "Input value ranges"),
    Flag("input_layer_value_files", "", "Input value files"),
    Flag("require_full_delegation", default=False, title="Require full delegation"),
    Flag("output_filepath", "", "File path to export outputs layer to"),
    Flag("use_gpu", default=False, title="Use gpu"),
    Flag("use_nnapi", default=False, title="Use NNAPI"),
    Flag("use_xnnpack", default=False, title="Use xnnpack"),
    Flag("verbose", default=False),
    Flag("help", default=False),
)
_BY_NAME: Final = {flag.name: flag for flag in FLAGS}
_BOOLEANS: Final = {"": True, "true": True, "1": True, "false": False, "0": False}
_TYPES: Final = {bool: "bool", int: "int32", float: "float", str: "string"}
_INT32 = 1 << 31


@dataclass(frozen=True, slots=True)
class Settings:
    """The value of every flag, which of them were given, and what was not read."""

    values: dict[str, Value]
    given: set[str] = field(default_factory=set)
    unconsumed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def flag(self, name: str) -> bool:
        """Return the value of a boolean flag."""
        value = self.values[name]
        assert isinstance(value, bool)
        return value

    def whole(self, name: str) -> int:
        """Return the value of a flag that takes a whole number."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def seconds(self, name: str) -> float:
        """Return the value of a flag that takes a number of seconds."""
        value = self.values[name]
        assert isinstance(value, float)
        return value

    def text(self, name: str) -> str:
        """Return the value of a flag that takes text."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def logged(self) -> list[str]:
        """Return the lines that tell the values, as the real program logs them."""
        verbose = self.flag("verbose")
        lines = [f"Log parameter values verbosely: [{int(verbose)}]"]
        lines += [
            f"{flag.title}: [{shown(self.values[flag.name])}]"
            for flag in FLAGS
            if flag.title and (verbose or flag.always_logged or flag.name in self.given)
        ]
        return lines


def shown(value: Value) -> str:
    """Return *value* as a C++ stream prints it."""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse(arguments: Sequence[str]) -> Settings:
    """Read `--name=value` and, for booleans, `--name`; other words stay unconsumed."""
    settings = Settings({flag.name: flag.default for flag in FLAGS})
    for argument in arguments:
        found = _ARGUMENT.fullmatch(argument)
        flag = _BY_NAME.get(found[1]) if found else None
        if found is None or flag is None:
            settings.unconsumed.append(argument)
            continue
        text = found[2]
        if text is None and not isinstance(flag.default, bool):
            settings.unconsumed.append(argument)
            continue
        value = _value(flag, text or "")
        if value is None:
            settings.broken.append(flag.name)
            continue
        settings.values[flag.name] = value
        settings.given.add(flag.name)
    return settings


def _value(flag: Flag, text: str) -> Value | None:
    if isinstance(flag.default, bool):
        return _BOOLEANS.get(text)
    if isinstance(flag.default, int):
        whole = int(text) if _WHOLE.fullmatch(text) else None
        return whole if whole is not None and -_INT32 <= whole < _INT32 else None
    if isinstance(flag.default, float):
        number = _NUMBER.fullmatch(text)
        return float(text) if number else None
    return text


def usage(program: str) -> str:
    """Return what `--help` prints."""
    lines = [f"usage: {program}", "Flags:"]
    lines += [
        f"\t--{flag.name}={shown(flag.default)}\t{_TYPES[type(flag.default)]}\toptional"
        for flag in FLAGS
    ]
    return "\n".join(lines)
