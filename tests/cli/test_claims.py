"""`hil claims` from the command line."""

from __future__ import annotations

import json

import pytest

from hil.cli.main import main


def run(capsys, *words):
    status = main(["claims", *words])
    return status, capsys.readouterr()


def test_claims_are_listed_and_shown(capsys):
    status, shown = run(capsys, "list", "tutorial-*")
    assert status == 0
    assert "tutorial-4x" in shown.out
    assert "whitepaper" not in shown.out
    assert "hil claims show ID" in shown.err
    status, shown = run(capsys, "show", "tutorial-resnet101-float-size")
    assert "171.0 MiB +- 2.0 MiB" in shown.out
    assert "Common tutorials on TensorFlow Lite quantization" in shown.out


def test_the_list_in_json_has_every_claim_with_source_and_unit(capsys):
    status, shown = run(capsys, "list", "--json")
    claims = json.loads(shown.out)["claims"]
    assert (status, shown.err) == (0, "")
    assert len(claims) > 250
    assert all(each["source"]["title"] and each["unit"] for each in claims)


def test_a_run_of_bench_is_held_to_the_tutorials(capsys, tmp_path):
    words = "bench example:digits.tflite --dataset example:digits_test.npz --device"
    options = "emulated-phone --variants as-is,dynamic --windows 1 --samples 100 --json"
    assert main([*words.split(), *options.split(), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    (folder,) = tmp_path.iterdir()
    status, shown = run(capsys, "check", str(folder))
    assert status == 1
    assert "contradicted: tutorial-4x" in shown.out
    assert "76,524 -> 25,024 B" in shown.out
    assert "undecidable: tutorial-same-accuracy" in shown.out
    assert "n = 100, 0 lost, 0 gained" in shown.out
    assert "samples, if the share stays as it is" in shown.out
    assert "1 contradicted, 1 undecidable" in shown.err
    only = ("check", str(folder), "--claim", "tutorial-same-accuracy")
    assert run(capsys, *only)[0] == 0
    assert run(capsys, *only, "--strict")[0] == 1


def test_files_that_hil_made_and_their_answers_are_held_to_the_tutorials(
    capsys, digits, tmp_path
):
    source, variant = digits / "digits.tflite", tmp_path / "digits_dynamic.tflite"
    made = ["quantize", str(source), "--recipe", "dynamic", "-o", str(tmp_path)]
    data = ["--dataset", str(digits / "digits_test.npz")]
    judged = ["evaluate", str(source), str(variant), *data]
    for name, words in (("made", made), ("judged", judged)):
        assert main([*words, "--json"]) == 0
        (tmp_path / f"{name}.json").write_text(capsys.readouterr().out)
    status, shown = run(capsys, "check", str(tmp_path / "made.json"))
    assert status == 1
    assert "digits, dynamic (dynamic range, 6 of 6 weights int8)" in shown.out
    assert "3.06x (76,524 -> 25,024 B) is outside of the claim" in shown.out
    assert "same-accuracy" not in shown.out
    status, shown = run(capsys, "check", str(tmp_path / "judged.json"), "--json")
    findings = json.loads(shown.out)["findings"]
    verdicts = {each["claim"]: each["verdict"] for each in findings}
    assert verdicts == {
        "tutorial-4x": "contradicted",
        "tutorial-same-accuracy": "undecidable",
    }
    assert findings[1]["samples_needed"] > findings[1]["n"] == 500
    files = ("--model", str(source), "--variant", str(variant))
    status, shown = run(capsys, "check", *files, "--claim", "tutorial-*")
    assert f"of       {variant} (dynamic range, 6 of 6 weights int8)" in shown.out
    assert status == 1
    status, shown = run(capsys, "check", "--model", str(variant))
    assert (status, shown.out) == (2, "")
    assert "--model is no float model" in shown.err
    assert "found:   dynamic range, 6 of 6 weights int8" in shown.err


def test_figures_may_be_given_by_hand(capsys):
    kws = ("check", "--name", "MLPerf Tiny KWS", "--accuracy")
    status, shown = run(capsys, *kws, "902/1000", "--json")
    (finding,) = json.loads(shown.out)["findings"]
    assert status == 0
    assert finding["verdict"] == "undecidable"
    assert finding["n"] == 1000
    assert finding["samples_needed"] > 10_000
    assert run(capsys, *kws, "960/1000", "--strict")[0] == 0
    assert run(capsys, *kws, "800/1000")[0] == 1


def test_a_claim_about_another_model_is_told_and_held_only_if_asked(capsys):
    words = ("check", "--accuracy", "960/1000", "--claim", "quality-mlperf-tiny-kws-*")
    status, shown = run(capsys, *words)
    assert status == 0
    assert "about another model: quality-mlperf-tiny-kws-target" in shown.out
    status, shown = run(capsys, *words, "--as-if")
    assert "confirmed: quality-mlperf-tiny-kws-target" in shown.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check"], "nothing measured was given"),
        (["check", "--as-if", "--size-ratio", "4"], "--as-if needs a claim"),
        (["check", "--accuracy", "5/0"], "these are no right answers"),
        (["check", "--accuracy", "5"], "RIGHT/N, such as 902/1000"),
        (["check", "--size-ratio", "-1"], "no ratio of sizes"),
        (["check", "none"], "the measurements cannot be read"),
        (["check", "--size-ratio", "4", "--claim", "tutorial4x"], "'tutorial-4x'?"),
        (["show", "no-such"], "there is no such claim"),
    ],
)
def test_a_wrong_command_is_status_2_and_says_why(capsys, words, says):
    status, shown = run(capsys, *words)
    assert (status, shown.out) == (2, "")
    assert says in shown.err
