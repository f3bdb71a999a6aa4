"""Comparisons as a table and as JSON: units, signs and what is left out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hil.report import comparison
from hil.results.comparison import (
    Change,
    ComparedRow,
    Fact,
    RowKey,
    RunComparison,
    Verdict,
)

KEY = RowKey(model="m", variant="int8", device="board", engine="tflm")


def change(**changes):
    values = {
        "figure": "latency",
        "unit": "us",
        "verdict": Verdict.WORSE,
        "how": "bootstrap over 6 windows each",
        "base": 1000.0,
        "new": 1060.0,
        "n_base": 240,
        "n_new": 240,
        "basis": "device_clock",
        "difference": 0.06,
        "low": 0.04,
        "high": 0.08,
        "confidence": 0.95,
    }
    return Change(**(values | changes))


def exact(figure, unit, base, new):
    same = base == new
    return change(
        figure=figure,
        unit=unit,
        base=base,
        new=new,
        basis=None,
        difference=(new - base) / base,
        low=None,
        high=None,
        confidence=None,
        exact=True,
        how="compared exactly",
        verdict=Verdict.EQUAL if same else Verdict.WORSE,
    )


def shown(*changes, facts=(), run_facts=(), width=200):
    row = ComparedRow(
        key=KEY,
        base_status="ok",
        new_status="ok",
        changes=changes,
        facts=facts,
    )
    found = RunComparison(
        base="old",
        new="young",
        rows=(row,),
        only_base=(),
        only_new=(),
        facts=run_facts,
    )
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(comparison.render(found, width=width))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("told", "cells"),
    [
        (
            change(),
            ["1 ms  n=240", "1.060 ms  n=240", "+6.00 %  +4.00 .. +8.00"],
        ),
        (
            exact("insn", "insn", 1_000_000, 1_002_000),
            ["1,000,000 insn", "1,002,000 insn", "+2,000 insn  +0.20 %"],
        ),
        (
            exact("insn", "insn", 1_000_000, 1_000_001),
            ["1,000,001 insn", "+1 insn  +0.0001 %"],
        ),
        (
            exact("arena", "B", 24_000, 24_200),
            ["24,000 B", "24,200 B", "+200 B  +0.83 %"],
        ),
        (
            change(
                figure="accuracy",
                unit="top1",
                base=0.9,
                new=0.87,
                difference=-0.03,
                low=-0.04,
                high=-0.02,
                basis=None,
            ),
            ["90.0 %  n=240", "87.0 %  n=240", "-3.00 pt  -4.00 .. -2.00"],
        ),
        (
            change(
                figure="accuracy",
                unit="mse",
                base=0.5,
                new=0.75,
                difference=0.25,
                low=0.2,
                high=0.3,
                basis=None,
            ),
            ["0.5  n=240", "0.75  n=240", "+0.25  +0.20 .. +0.30"],
        ),
        (
            change(base=None, difference=None, low=None, high=None, n_base=None),
            [" - ", "1.060 ms  n=240"],
        ),
    ],
)
def test_each_figure_is_told_in_its_unit_with_its_n(told, cells):
    text = shown(told)
    line = next(
        line for line in text.splitlines() if line.startswith(f"  {told.figure}")
    )
    for cell in cells:
        assert cell in line
    assert "m int8 on board (tflm)\n" in text


def test_what_is_the_same_takes_one_line_and_parts_of_memory_only_their_number():
    text = shown(
        exact("insn", "insn", 7, 7),
        exact("arena", "B", 24_000, 24_000),
        exact("flash_code_bytes", "B", 1, 1),
        exact("flash_model_bytes", "B", 1, 1),
    )
    assert "insn 7, arena 24,000 B, 2 parts of memory" in text


def test_causes_are_told_of_rows_that_changed_only():
    facts = (Fact(group="model", name="model_sha256", base="ab", new="cd"),)
    assert "model_sha256  ab -> cd" in shown(change(), facts=facts)
    assert "model_sha256" not in shown(exact("arena", "B", 1, 1), facts=facts)


def test_hosts_that_differ_are_told_once():
    facts = (Fact(group="host", name="host.cpu", base="A", new="B"),)
    text = shown(change(), run_facts=facts)
    assert "not the same in the two runs:\n    host  host.cpu  A -> B" in text


def test_host_clocks_say_that_both_runs_must_be_of_one_machine():
    assert "of the same machine" in shown(change(basis="host_clock"))
    assert "of the same machine" not in shown(change())


def test_json_leaves_out_what_is_not_known():
    row = ComparedRow(
        key=KEY,
        base_status="ok",
        new_status="ok",
        changes=(exact("arena", "B", 24_000, 24_200),),
        facts=(),
    )
    found = RunComparison(
        base="old",
        new="young",
        rows=(row,),
        only_base=(),
        only_new=(KEY,),
        facts=(),
        notes=("told",),
    )
    document = comparison.to_json(found, passed=True)
    assert document["only_new"] == [
        {"model": "m", "variant": "int8", "device": "board", "engine": "tflm"}
    ]
    assert document["notes"] == ["told"]
    (told,) = document["rows"][0]["changes"]
    assert told["exact"] is True
    assert "low" not in told
    assert "problem" not in document["rows"][0]


def test_a_narrow_terminal_gets_every_figure_whole():
    text = shown(change(basis="host_clock"), width=80)
    assert max(map(len, text.splitlines())) <= 80
    for part in ("1.060 ms", "n=240", "+6.00 %", "+4.00 .. +8.00", "worse"):
        assert part in text
    assert "  latency: host clock; bootstrap over 6 windows each" in text
