"""`[gate] limits` and --against in `hil bench`, on a real emulated device."""

from __future__ import annotations

import json

import pytest

from hil.cli.main import main

PLAN = """
[[model]]
path = "example:digits.tflite"
dataset = "example:digits_test.npz"
calibration = "example:digits_calibration.npz"
variants = ["int8"]
[[device]]
profile = "emulated-mcu"
[measure]
windows = 1
min_runs = 3
min_seconds = 0
samples = 5
[gate]
limits = {limits}
"""


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(limits, *words):
        (tmp_path / "plan.toml").write_text(PLAN.format(limits=json.dumps(limits)))
        status = main(["bench", "plan.toml", "--json", *words])
        shown = capsys.readouterr()
        return status, json.loads(shown.out) if shown.out else None, shown.err

    return run


def test_limits_hold_a_run_to_figures_of_its_own_and_of_an_earlier_run(bench, tmp_path):
    status, document, err = bench(["arena<=7000"])
    assert status == 1
    assert "gate broken: arena<=7000  digits int8 on emulated-mcu (tflm)" in err
    (gate,) = document["comparison"]["gates"]
    assert gate["outcome"] == "broken"
    earlier = tmp_path / "runs" / document["run"]
    limits = ["arena<=+0B", "accuracy>=-1pt", "size<+1%"]
    status, document, _ = bench(limits, "--against", str(earlier))
    assert status == 0
    assert document["comparison"]["base"] == str(earlier)
    outcomes = {gate["outcome"] for gate in document["comparison"]["gates"]}
    assert outcomes == {"held"}


def test_limits_on_a_change_need_an_earlier_run_before_anything_is_measured(
    bench, tmp_path
):
    status, _, err = bench(["arena<=24000", "latency<+5%"])
    assert status == 2
    assert "limits on a change need a run to compare with" in err
    assert "found:   latency<+5%" in err
    assert "--against RUNFOLDER" in err
    assert not (tmp_path / "runs").exists()


def test_an_earlier_run_that_cannot_be_read_is_told_before_anything_is_measured(
    bench, tmp_path
):
    status, _, err = bench([], "--against", "nowhere")
    assert status == 2
    assert "there are no records to read" in err
    assert not (tmp_path / "runs").exists()


def test_a_limit_that_cannot_be_read_names_the_plan_and_the_character(bench):
    status, _, err = bench(["latency>5ms"])
    assert status == 2
    assert "where:   plan.toml, gate.limits, character 8" in err


def test_an_earlier_run_of_other_variants_is_refused_before_anything_is_measured(
    bench, tmp_path
):
    status, document, _ = bench([])
    assert status == 0
    assert "comparison" not in document
    earlier = tmp_path / "runs" / document["run"]
    lines = (earlier / "records.jsonl").read_text()
    (earlier / "records.jsonl").write_text(lines.replace('"int8"', '"dynamic"'))
    status, _, err = bench([], "--against", str(earlier))
    assert status == 2
    assert "the earlier run has none of the plan's variants" in err
    assert "found:   digits dynamic" in err
    assert "allowed: digits int8" in err
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_run_that_cannot_be_compared_after_all_is_told_to_be_whole(bench):
    status, document, err = bench(["insn<=1000"])
    assert (status, document) == (2, None)
    assert "the run is whole, and not compared: hil report runs/" in err
    assert "no row that both runs have has the figure of the gate 'insn<=1000'" in err
