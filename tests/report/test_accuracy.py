"""Comparisons as a table and as JSON: readable, complete, and never more than known."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
from rich.console import Console

from hil.accuracy.comparison import Versus, compare
from hil.accuracy.gate import Gate
from hil.accuracy.metrics import find_metric
from hil.accuracy.rating import Rating, rate
from hil.accuracy.sample_scores import SampleScores
from hil.report import accuracy, document

POINT = Gate(most_drop=0.01)


def scores(wrong, n=1000):
    hits = np.ones(n, np.bool_)
    hits[wrong] = False
    return SampleScores(metric=find_metric("top1"), n=n, hits=hits)


def versus(
    variant="int8", device="emulated-mcu", *, lost=0, gained=0, n=1000, gate=None
):
    baseline = scores(slice(0, gained), n)
    other = scores(slice(gained, gained + lost), n)
    return Versus(
        model="kws",
        variant=variant,
        device=device,
        baseline="as-is on litert, this host",
        comparison=compare(baseline, [other], gate=gate)[0],
    )


def shown(*rows, width=160):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(accuracy.render(rows, width=width))
    return console.file.getvalue()


def test_a_difference_stands_with_its_interval_counts_and_p_value():
    text = shown(versus(lost=35, gained=24))
    assert "kws: top1 against as-is on litert, this host (97.6 %, n=1000)" in text
    for part in ("-1.10 pt", "-2.67 .. +0.42", "35/24", "0.19"):
        assert part in text
    assert "no difference shown; 2.2 pt would be" in text
    assert "exact McNemar" in text


@pytest.mark.parametrize(
    ("lost", "gained", "n", "says"),
    [
        (8, 5, 1000, "passed"),
        (61, 17, 1000, "failed"),
        (0, 0, 200, "undecidable with 200 samples; about 307 would decide"),
        (20, 10, 1000, "undecidable: the loss seen is the limit (n=1000)"),
    ],
)
def test_a_gates_outcome_is_told_in_words(lost, gained, n, says):
    text = shown(versus(lost=lost, gained=gained, n=n, gate=POINT))
    assert says in text
    assert "drop of at most 1 pt, with 95% confidence" in text


@pytest.mark.parametrize(
    ("lost", "gained", "says"), [(61, 17, "worse"), (17, 61, "better")]
)
def test_without_a_gate_a_proved_difference_has_a_direction(lost, gained, says):
    text = shown(versus(lost=lost, gained=gained))
    assert says in text
    assert "<0.0001" in text


def test_a_narrow_terminal_gets_two_lines_a_row_and_loses_nothing():
    row = versus("weight-only-int8", "emulated-phone", lost=3, n=200, gate=POINT)
    lines = [line.rstrip() for line in shown(row, width=80).splitlines()]
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    start = lines.index(
        "weight-only-int8        -1.50 pt          3/0  undecidable with 200 samples;"
    )
    assert lines[start + 1] == (
        "emulated-phone    -4.32 .. +0.41         0.25  about 4,842 would decide"
    )


def test_models_and_baselines_have_tables_of_their_own():
    other = dataclasses.replace(versus(), baseline="int8 on emulated-mcu")
    text = shown(versus(), versus("int4"), other)
    assert text.count("kws: top1 against") == 2
    assert text.count("lost/gained:") == 1


def test_a_rise_of_the_squared_error_is_a_loss():
    low, high = (
        SampleScores(metric=find_metric("mse"), n=50, values=np.arange(50.0) + shift)
        for shift in (0, 3)
    )
    found = compare(low, [high])[0]
    row = dataclasses.replace(versus(), comparison=found)
    text = shown(row)
    assert accuracy.verdict(found) == "worse"
    assert "+3" in text
    assert "a plus is a loss" in text
    assert "lost/gained" not in text


def test_names_cannot_command_the_terminal():
    text = shown(versus("[red]\x1b[2J"))
    assert "\x1b" not in text
    assert "[red]\\x1b[2J" in text


def test_nothing_to_compare_prints_nothing():
    assert shown().strip() == ""


def test_the_json_of_a_comparison_has_every_figure_and_no_null():
    row = versus(lost=0, n=200, gate=POINT)
    found = accuracy.comparison_json(row.comparison, baseline=row.baseline)
    assert json.loads(json.dumps(found)) == {
        "baseline": "as-is on litert, this host",
        "metric": "top1",
        "n": 200,
        "baseline_value": 1.0,
        "value": 1.0,
        "difference": 0.0,
        "low": pytest.approx(-0.0188, abs=1e-4),
        "high": pytest.approx(0.0188, abs=1e-4),
        "confidence": 0.95,
        "lost": 0,
        "gained": 0,
        "p_value": 1.0,
        "mid_p": 1.0,
        "p_holm": 1.0,
        "smallest_detectable": pytest.approx(0.0392, abs=1e-4),
        "gate": {
            "outcome": "undecidable",
            "most_drop": 0.01,
            "confidence": 0.95,
            "low": pytest.approx(-0.0133, abs=1e-4),
            "high": pytest.approx(0.0133, abs=1e-4),
            "samples_needed": 307,
        },
    }


def test_ratings_are_laid_into_the_rows_of_a_document():
    told = document.render([], run="r")
    told["results"] = [{"model": "kws", "variant": "int8", "device": "emulated-mcu"}]
    rating = rate(scores(slice(0, 98)))
    key = ("kws", "int8", "emulated-mcu")
    (row,) = accuracy.with_accuracy(told, {key: rating}, [versus()])["results"]
    assert row["accuracy"]["correct"] == 902
    assert row["versus"]["lost"] == 0


def test_a_value_that_is_no_share_is_printed_as_it_is():
    rated = Rating(metric="mse", n=9, value=0.012345, low=0.01, high=0.0151)
    assert accuracy.rating(rated) == ("0.012345, n=9", "0.01 .. 0.0151")
    share = Rating(metric="auc", n=248, value=0.8512, low=0.8, high=0.9)
    assert accuracy.rating(share) == ("0.8512, n=248", "0.8 .. 0.9")
