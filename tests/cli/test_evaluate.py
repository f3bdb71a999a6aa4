"""`hil evaluate` from the command line to the verdict, on real models."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hil.cli.main import main
from hil.models.graph import read_graph

DATA = ["--dataset", "example:digits_test.npz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The digits as int8 and with weights of 4 bits."""
    path = tmp_path_factory.mktemp("models")
    words = ["--recipe", "int8,int4", "--calibration", "example:digits_calibration.npz"]
    assert main(["quantize", "example:digits.tflite", *words, "-o", str(path)]) == 0
    return path


@pytest.fixture
def models(folder):
    names = ("digits_int8", "digits_int4")
    return ["example:digits.tflite", *(str(folder / f"{n}.tflite") for n in names)]


@pytest.fixture
def evaluate(capsys):
    def run(*words):
        capsys.readouterr()
        status = main(["evaluate", *words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_models_are_compared_with_the_first_one_sample_by_sample(evaluate, models):
    status, out, _ = evaluate(*models, *DATA, "--json")
    document = json.loads(out)
    first, int8, int4 = document["results"]
    assert (status, document["engine"]) == (0, "litert")
    assert "versus" not in first
    assert first["accuracy"]["correct"] == 493
    assert first["accuracy"]["worst_class"]["n"] < 60
    assert sum(c["n"] for c in first["accuracy"]["classes"]) == 500
    assert int8["versus"]["baseline"] == "digits on litert, this host"
    assert int8["versus"]["low"] < 0 < int8["versus"]["high"]
    lost, gained = int4["versus"]["lost"], int4["versus"]["gained"]
    assert int4["versus"]["difference"] == pytest.approx((gained - lost) / 500)
    assert int4["versus"]["p_holm"] >= int4["versus"]["p_value"]


def test_the_table_says_what_is_known_and_what_is_not(evaluate, models):
    status, out, err = evaluate(*models, *DATA, "--gate", "drop<=1", "--samples", "200")
    assert status == 1
    assert "top1 against digits on litert, this host" in out
    assert "undecidable with 200 samples; about 307 would decide" in out
    assert "drop of at most 1 pt, with 95% confidence" in out
    assert "--engine tflm" in err


def test_too_few_samples_may_be_accepted(evaluate, models):
    words = [*models, *DATA, "--gate", "drop<=1", "--samples", "200"]
    assert evaluate(*words, "--accept-undecidable")[0] == 0


def test_500_digits_decide_a_drop_of_one_point(evaluate, models):
    status, out, _ = evaluate(*models, *DATA, "--gate", "drop<=1.5", "--json")
    _, int8, _ = json.loads(out)["results"]
    assert status == 0
    assert int8["versus"]["gate"]["outcome"] == "passed"


def test_another_baseline_may_be_named(evaluate, models):
    words = [*models[:2], *DATA, "--baseline", models[2], "--json"]
    _, out, _ = evaluate(*words)
    assert [row["model"] for row in json.loads(out)["results"]] == [
        "digits_int4",
        "digits",
        "digits_int8",
    ]


def test_one_model_alone_is_rated_by_class(evaluate, models):
    status, out, _ = evaluate(models[0], *DATA, "--classes", "--metric", "macro-f1")
    assert status == 0
    assert "recall" in out
    assert "digits mixes up: " in out
    assert "against" not in out


@pytest.mark.parametrize("metric", ["auc", "top3", "mse", "cosine"])
def test_other_metrics_have_values_and_intervals(evaluate, models, metric):
    words = [*models[:2], *DATA, "--metric", metric, "--samples", "60", "--json"]
    status, out, _ = evaluate(*words)
    assert status == 0
    for row in json.loads(out)["results"]:
        found = row["accuracy"]
        assert (found["metric"], found["n"]) == (metric, 60)
        assert found["low"] <= found["value"] <= found["high"]


def test_a_gate_without_anything_to_be_near_to_is_refused(evaluate, models):
    words = [*models, *DATA, "--metric", "cosine", "--gate", "drop<=1"]
    status, out, err = evaluate(*words, "--samples", "20")
    assert (status, out) == (2, "")
    assert "the gate cannot be decided" in err
    assert "an .npz whose y holds what the model should answer" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--engine", "litret"], "did you mean 'litert'?"),
        (["--metric", "top0"], "unknown metric"),
        (["--metric", "top10"], "top10 of 10 classes is always right"),
        (["--gate", "drop<1"], "the gate cannot be read"),
        (["--confidence", "0.5"], "above 0.5 and below 1"),
        (["--pixels", "0..2"], "unknown kind of pixels"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(evaluate, models, words, says):
    status, out, err = evaluate(models[0], *DATA, *words)
    assert (status, out) == (2, "")
    assert says in err


@pytest.fixture
def broken(digits, tmp_path):
    """The digits with a bias that is NaN, so that every answer is."""
    data = (digits / "digits.tflite").read_bytes()
    graph = read_graph(data, "digits")
    main = graph.subgraphs[0]
    dense = next(op for op in main.operators[::-1] if op.name == "FULLY_CONNECTED")
    bias = graph.data_of(main.tensors[dense.inputs[2]])
    assert data.count(bias) == 1
    path = tmp_path / "broken.tflite"
    nothing = np.full(len(bias) // 4, np.nan, np.float32).tobytes()
    path.write_bytes(data.replace(bias, nothing))
    return str(path)


@pytest.mark.parametrize("metric", ["mse", "cosine"])
def test_answers_that_are_nan_are_neither_near_nor_far(
    evaluate, models, broken, metric
):
    status, out, err = evaluate(models[0], broken, *DATA, "--metric", metric)
    assert (status, out) == (2, "")
    assert f"the model answers NaN or infinity, so there is no {metric}" in err
    assert "500 of 500 samples" in err


def test_answers_that_are_nan_count_as_wrong_and_are_told(evaluate, models, broken):
    words = [models[0], broken, *DATA]
    status, _, err = evaluate(*words, "--gate", "drop<=1")
    assert status == 1
    assert "broken: 500 of 500 answers hold NaN, and count as wrong" in err
    _, out, _ = evaluate(*words, "--json")
    assert [row["nan_answers"] for row in json.loads(out)["results"]] == [0, 500]


def test_no_gate_is_passed_against_a_baseline_that_answers_nan(
    evaluate, models, broken
):
    status, out, err = evaluate(broken, models[0], *DATA, "--gate", "drop<=1")
    assert (status, out) == (2, "")
    assert "the baseline broken answers NaN in 500 of 500 samples" in err


def test_names_cannot_command_the_terminal(evaluate, folder, tmp_path):
    path = tmp_path / "\x1b[31m[bold].tflite"
    path.write_bytes((folder / "digits_int8.tflite").read_bytes())
    _, out, _ = evaluate(str(path), "example:digits.tflite", *DATA, "--samples", "20")
    assert "\x1b" not in out
    assert "\\x1b[31m[bold]" in out


@pytest.mark.shared
def test_the_published_keyword_model_is_told_with_its_ties(evaluate, shared):
    words = [str(shared / "models/kws_ref_model.tflite"), "--dataset"]
    words += [str(shared / "data/kws/kws01.npz"), "--engine", "litert-ref"]
    status, out, err = evaluate(*words)
    assert status == 0
    assert "n=1000" in out
    assert "in 3 samples equal scores decide" in err


@pytest.mark.shared
def test_quantized_samples_mean_to_a_float_model_what_they_mean_to_the_other(
    evaluate, shared
):
    models = [str(shared / f"models/kws_ref_model{s}.tflite") for s in ("_float32", "")]
    status, out, err = evaluate(
        *models, "--dataset", str(shared / "data/kws/kws01.npz"), "--gate", "drop<=3"
    )
    assert status == 0
    assert "dynamic range, 5 of " in out, "whatever the file is called"
    assert "90.0 %, n=1000" in out
    assert "passed" in out
    assert "kws_ref_model_float32: the samples are quantized" in err


@pytest.mark.shared
def test_mnist_like_pixels_need_to_be_told(evaluate, shared, models):
    words = [
        models[0],
        "--dataset",
        str(shared / "data/mnist/t10k-images-idx3-ubyte.gz"),
    ]
    status, _, err = evaluate(*words)
    assert status == 2
    assert "do not have the shape" in err


def test_a_single_output_is_rated_by_auc(evaluate, shared, tmp_path):
    x = np.linspace(0, 6, 40, dtype=np.float32).reshape(40, 1)
    np.savez(tmp_path / "s.npz", x=x, y=(np.sin(x[:, 0]) > 0).astype(np.int64))
    words = [str(shared / "models/hello_world_float.tflite"), "--metric", "auc"]
    status, out, err = evaluate(*words, "--dataset", str(tmp_path / "s.npz"))
    assert status == 0
    assert "1, n=40" in out
    assert "held to: the output" in err
