"""What `hil qat` shows of a training and its tuning."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from hil.accuracy.datasets import load_dataset
from hil.cli.qat_page import comparison_table, document, remarks
from hil.quantization.calibration import CalibrationData
from hil.quantization.qat.qat import FineTuned
from hil.quantization.qat.request import QatRequest
from hil.quantization.qat.versus import stand
from hil.quantization.quantize import quantize
from hil.quantization.recipes import find_recipe

PAIRS = (("qat", "ptq-int8"), ("ptq-int8", "float"), ("qat", "float"))
PATHS = {"qat": Path("out/m_qat.tflite")}


@pytest.fixture(scope="module")
def models(digits):
    data = (digits / "digits.tflite").read_bytes()
    x = load_dataset(digits / "digits_calibration.npz").x
    made = quantize(
        data, find_recipe("int8"), CalibrationData(name="c", x=x), where="digits"
    )
    return {"float": data, "ptq-int8": made.data, "qat": made.data}


@pytest.fixture(scope="module")
def standing(models, digits):
    return stand(models, load_dataset(digits / "digits_test.npz"), PAIRS)


@pytest.fixture
def tuned(models, tmp_path):
    def made(**tuning):
        request = QatRequest(
            source=Path("m.h5"), train=Path("t.npz"), folder=tmp_path, epochs=5
        )
        told = {"losses": [0.5], **({"tuning": tuning} if tuning else {})}
        return FineTuned(
            request=request, models=models, told=told, log_path=Path("out/qat.log")
        )

    return made


def trial(number, *, simulated, front=True):
    return {
        "number": number,
        "loss": 0.2 + number / 10,
        "accuracy": 0.95,
        "bytes": 5000.0 - number,
        "simulated": simulated,
        "front": front,
    }


def told(tuned, standing):
    return "\n".join(remarks(tuned, PATHS, standing, dataset="test"))


def test_the_table_has_every_variant_beside_float_and_beside_ptq(models, standing):
    page = io.StringIO()
    Console(file=page, width=160).print(comparison_table(models, standing))
    lines = page.getvalue().splitlines()
    assert "lost/gained, p beside ptq-int8" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["float", "ptq-int8", "qat"]
    assert "76,524 B" in lines[1]
    assert "full int8, int8 boundary" in lines[3]
    assert "97.14 .. 99.32 %, n=500" in lines[3]
    assert lines[3].count("0/0, 1") == 2


def test_the_remarks_say_what_is_undecidable_and_that_qat_trained_longer(
    tuned, standing
):
    said = told(tuned(), standing)
    assert said.startswith("qat is not shown to be better or worse than ptq-int8")
    assert "qat had 5 more epochs of training than float and ptq-int8" in said
    assert "kernels litert-ref" in said
    assert said.endswith("files: out/m_qat.tflite\nlog: out/qat.log")
    assert "held-out" not in said


def test_a_tuning_that_helped_nothing_says_that_there_is_no_file(tuned, standing):
    before = {"loss": 0.25, "accuracy": 0.9}
    trials = [trial(0, simulated=False)]
    tuning = {"sampler": "grid", "resumed": 0, "best": None, "trials": trials}
    said = told(tuned(before=before, **tuning), standing)
    assert (
        "1 trials (0 of them from before), grid; without any: held-out loss 0.2500, "
        "90.00% right"
    ) in said
    assert "no trial with 8 bits throughout was better, so there is no qat-tuned" in (
        said
    )
    assert "simulated" not in said


def test_bits_that_no_file_holds_are_told_as_simulated(tuned, standing):
    trials = [
        trial(0, simulated=False),
        trial(1, simulated=True),
        trial(2, simulated=True, front=False),
        trial(3, simulated=True),
    ]
    before = {"loss": 0.25, "accuracy": 0.9}
    tuning = {"sampler": "tpe", "resumed": 2, "best": 0, "trials": trials}
    said = told(tuned(before=before, **tuning), standing)
    assert "4 trials (2 of them from before), tpe" in said
    assert "trial 0 has the best ranges at 8 bits: qat-tuned" in said
    assert "other bits are simulated: no .tflite holds them but 4-bit weights" in said
    front = [line for line in said.splitlines() if line.startswith("  trial")]
    assert front == [
        "  trial 3: 0.5000, 95.00%, 4,997 B",
        "  trial 1: 0.3000, 95.00%, 4,999 B",
    ]


def test_ranges_that_were_trained_say_before_and_after(tuned, standing):
    ends = {"before": {"loss": 0.25, "accuracy": 0.9}}
    ends["after"] = {"loss": 0.2, "accuracy": 0.91}
    said = told(tuned(sampler="gradient", **ends), standing)
    assert "ranges trained: held-out loss 0.2500, 90.00% right -> 0.2000, 91.00%" in (
        said
    )


def test_the_document_holds_both_comparisons_and_the_verdict(tuned, models, standing):
    paths = {name: Path(f"out/m_{name}.tflite") for name in models}
    rows = document(tuned(), models, paths, standing)["results"]
    assert [row["variant"] for row in rows] == ["float", "ptq-int8", "qat"]
    assert rows[2]["versus"]["baseline"] == "float"
    assert rows[2]["versus_ptq"]["baseline"] == "ptq-int8"
    assert "undecidable" in rows[2]["versus_ptq"]["verdict"]
    assert "versus" not in rows[0]
    assert rows[1]["path"] == "out/m_ptq-int8.tflite"
