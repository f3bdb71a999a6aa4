"""10,000 outputs that were cut, merged or reordered: the truth or an error."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.android.benchmark_output import BenchmarkOutput, parse
from hil.android.compiled_output import CompiledResults
from hil.android.run_stats import RunStats
from hil.errors import FirmwareFault

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data" / "benchmark_model"
# Which file is damaged, and what else the parser is given.
SAMPLES: dict[str, Callable[[str], BenchmarkOutput]] = {
    "2018.txt": parse,
    "2021.txt": parse,
    "2023.txt": parse,
    "2025-gpu.txt": parse,
    "logcat-app.txt": parse,
    "2018-op-profile.txt": parse,
    "2023-op-profile.txt": parse,
    "compiled-template.stderr.txt": lambda text: parse(stderr=text),
    "compiled.stderr.txt": lambda text: parse(
        (DATA / "compiled.stdout.txt").read_text(), text
    ),
    "compiled.stdout.txt": lambda text: parse(
        text,
        (DATA / "compiled.stderr.txt").read_text(),
        result_file=(DATA / "compiled.result.pb").read_bytes(),
    ),
    "op-profile.csv": lambda text: parse(
        (DATA / "2023.txt").read_text(), profile_file=text
    ),
    "op-profile-subgraphs.txt": lambda text: parse(
        (DATA / "compiled.stdout.txt").read_text(),
        (DATA / "compiled.stderr.txt").read_text(),
        profile_file=text,
    ),
}
IGNORED = {"unknown_lines", "delegates", "generation", "profile", "memory"}
WAYS = ["cut", "line", "drop", "join", "swap", "double", "move", "hole"]
TOLD_ONCE = {"logcat-app.txt", "compiled-template.stderr.txt"}
ROUNDS = 10_000 // len(SAMPLES) + 1


def _cut_line(line: str, dice: random.Random) -> str:
    body = line.rstrip("\n")
    at = dice.randint(0, len(body))
    kept = body[:at] if dice.random() < 0.5 else body[at:]
    return kept + line[len(body) :]


def _damaged(text: str, dice: random.Random, ways: list[str]) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    i, j = sorted(dice.choices(range(len(lines)), k=2))
    how = dice.choice(ways)
    if how == "cut":
        at = dice.randint(0, len(text))
        return text[:at] if dice.random() < 0.5 else text[at:]
    if how == "line":
        lines[i] = _cut_line(lines[i], dice)
    elif how == "drop":
        del lines[i]
    elif how == "hole":
        a, b = sorted(dice.choices(range(len(text) + 1), k=2))
        return text[:a] + text[b:]
    elif how == "join":
        lines[i] = lines[i].rstrip("\n")
    elif how == "swap":
        lines[i], lines[j] = lines[j], lines[i]
    elif how == "double":
        lines.insert(j, lines[i])
    else:
        part = lines[i : j + 1]
        del lines[i : j + 1]
        at = dice.randint(0, len(lines))
        lines[at:at] = part
    return "".join(lines)


def _wrong(output: BenchmarkOutput, truth: BenchmarkOutput) -> list[str]:
    """Return the figures that are there and not the truth; text may be lost."""
    wrong = []
    for field in fields(BenchmarkOutput):
        name = field.name
        if name in IGNORED:
            continue
        found, true = getattr(output, name), getattr(truth, name)
        if isinstance(found, RunStats) and found.median_us is None:
            true = replace(true, p5_us=None, median_us=None, p95_us=None)
        if found is None:
            continue  # less may be told, such as no statistics, or a rounder start
        if isinstance(found, CompiledResults):  # its name is no figure
            found = replace(found, signature=true.signature)
        is_rounder = name.endswith("_us") and (
            output.timed is None or name == "init_us"
        )
        if found != true and not (is_rounder and abs(found - true) <= 5):
            wrong.append(f"{name}: {found!r} for {true!r}")
    for name in ("init_mb", "overall_mb", "peak_mb", "rss_mb"):
        found, true = getattr(output.memory, name), getattr(truth.memory, name)
        # Of the two ways in which it is told one may be lost: 12.34 and 12.3398.
        if found is not None and (true is None or abs(found - true) > 0.005):
            wrong.append(f"{name}: {found!r} for {true!r}")
    return wrong + _wrong_operators(output, truth)


def _wrong_operators(output: BenchmarkOutput, truth: BenchmarkOutput) -> list[str]:
    if output.profile is None:
        return []
    assert truth.profile is not None
    true = {(g.phase, g.graph): g for g in truth.profile.graphs}
    return [
        f"{graph.phase} {graph.graph}"
        for graph in output.profile.graphs
        if (known := true.get((graph.phase, graph.graph))) is None
        or set(known.ops) != set(graph.ops)
        or known.total != graph.total
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_output_gives_the_truth_or_an_error(name: str) -> None:
    text, read = (DATA / name).read_text(), SAMPLES[name]
    truth = read(text)
    # Where a figure is told once, a digit lost from its middle leaves no trace.
    ways = WAYS[:-1] if name in TOLD_ONCE else WAYS
    dice = random.Random(name)
    refused = 0
    for _ in range(ROUNDS):
        damaged = text
        for _ in range(dice.randint(1, 3)):
            damaged = _damaged(damaged, dice, ways)
        try:
            output = read(damaged)
        except FirmwareFault:
            refused += 1
            continue
        assert not _wrong(output, truth), damaged
    assert 0 < refused < ROUNDS


def test_two_runs_in_one_output_give_the_times_of_one_of_them_or_an_error() -> None:
    names = ("2018.txt", "2021.txt", "2023.txt", "2025-gpu.txt")
    texts = [(DATA / name).read_text() for name in names]
    times = {
        (o.timed, o.warmup, o.avg_us, o.init_us, o.warmup_avg_us)
        for o in map(parse, texts)
    }
    dice = random.Random("two")
    for _ in range(1000):
        one, two = (t.splitlines(keepends=True) for t in dice.sample(texts, 2))
        i, j = dice.randint(0, len(one)), dice.randint(0, len(two))
        k = dice.randint(i, len(one))
        merged = dice.choice([one[:i] + two[j:], one[:i] + two[j:] + one[k:]])
        try:
            o = parse("".join(merged))
        except FirmwareFault:
            continue
        found = (o.timed, o.warmup, o.avg_us, o.init_us, o.warmup_avg_us)
        assert found in times, "".join(merged)
