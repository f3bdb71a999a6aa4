"""Runs, documents and files as claims see them, and which claims are about them."""

from __future__ import annotations

import json

import pytest

from hil.bench.claims import check
from hil.bench.claims_evidence import given, read_files, read_measurements
from hil.errors import ConfigError
from hil.quantization.quantize import quantize
from hil.quantization.recipes import find_recipe
from hil.results.claims import load_registry
from hil.results.claims_verdict import Verdict

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """The digits model, and its dynamic range variant under a misleading name."""
    source = digits / "digits.tflite"
    made = quantize(source.read_bytes(), find_recipe("dynamic"), None, where="digits")
    path = tmp_path_factory.mktemp("files") / "digits_float32.tflite"
    path.write_bytes(made.data)
    return [source, path]


def found(groups, *names, **options):
    return check(REGISTRY, groups, claims=REGISTRY.find(names), **options)


def document(tmp_path, value):
    path = tmp_path / "told.json"
    path.write_text(json.dumps(value))
    return path


def test_a_files_label_counts_and_not_its_name(files):
    group = read_files(files)
    assert [each.kind for each in group] == ["float", "dynamic"]
    (finding,) = found([group], "tutorial-4x")
    assert finding.verdict is Verdict.CONTRADICTED
    assert finding.value == pytest.approx(76524 / 25024)
    assert finding.measured.variant == "digits_float32.tflite"


def test_a_claim_about_another_model_is_told_as_such(files):
    group = read_files(files)
    (finding,) = found([group], "tutorial-resnet101-dynamic-size")
    assert finding.verdict is Verdict.ANOTHER_MODEL
    assert "it is about ResNet v2-101, and 'digits_float32' is" in finding.reason
    assert "--as-if" in finding.reason
    (forced,) = found([group], "tutorial-resnet101-dynamic-size", as_if=True)
    assert forced.verdict is Verdict.CONTRADICTED


def test_a_claim_about_another_variant_is_told_as_such(files):
    (finding,) = found([read_files(files[:1])], "tutorial-4x")
    assert finding.verdict is Verdict.ANOTHER_MODEL
    assert (
        "it is about dynamic range, and 'digits.tflite' is not that" in finding.reason
    )


def test_a_time_on_another_device_is_no_evidence(files):
    group = read_files(files, name="ResNet v2-101")
    (finding,) = found([group], "hosted-time-resnet-v2-101-float")
    assert finding.verdict is Verdict.ANOTHER_MODEL
    assert "it is about Pixel 3, 4 threads, and this was" in finding.reason


def test_without_a_name_only_claims_about_the_model_are_held(files):
    ids = {finding.claim.id for finding in check(REGISTRY, [read_files(files)])}
    assert ids == {"tutorial-4x"}
    named = check(REGISTRY, [read_files(files, name="ResNet v2-101")])
    assert {finding.claim.id for finding in named} == {
        "tutorial-4x",
        "tutorial-resnet101-float-size",
        "tutorial-resnet101-dynamic-size",
        "tutorial-resnet101-ratio",
        "tf-optimization-size-resnet-v2-101-float",
        "tf-optimization-size-resnet-v2-101-ptq",
    }


def test_given_figures_are_of_the_model_that_is_named():
    group = given(name="KWS ref model: kws_ref_model", counted=(950, 1000))
    (finding,) = check(REGISTRY, [group])[:1]
    assert finding.claim.id == "quality-mlperf-tiny-kws-target"
    assert finding.verdict is Verdict.CONFIRMED
    (ratio,) = found([given(name="", size_ratio=3.51)], "tutorial-4x")
    assert ratio.verdict is Verdict.CONTRADICTED


def test_the_document_of_quantize_is_read(tmp_path):
    told = {
        "source": "m.tflite",
        "source_bytes": 84848,
        "files": [
            {"recipe": "dynamic", "size_bytes": 24192, "label": "dynamic range, 1 of 2"}
        ],
    }
    groups, notes = read_measurements(document(tmp_path, told))
    assert notes == []
    (finding,) = found(groups, "tutorial-4x")
    assert "84,848 -> 24,192 B" in finding.reason


def test_the_document_of_convert_is_read(tmp_path):
    files = [
        {"mode": "float", "size_bytes": 84848, "label": "float32"},
        {"mode": "dynamic", "size_bytes": 24192, "label": "dynamic range, 1 of 2"},
    ]
    path = document(tmp_path, {"source": "m.keras", "files": files})
    (finding,) = found(read_measurements(path)[0], "tutorial-4x")
    assert finding.verdict is Verdict.CONTRADICTED


def test_the_two_units_of_resnets_files_are_confirmed_by_one_conversion(tmp_path):
    files = [
        {"mode": "float", "size_bytes": 178_300_000, "label": "float32"},
        {"mode": "dynamic", "size_bytes": 44_900_000, "label": "dynamic range, all"},
    ]
    path = document(tmp_path, {"source": "resnet101v2.keras", "files": files})
    held = check(REGISTRY, read_measurements(path)[0])
    assert {finding.verdict for finding in held} == {Verdict.CONFIRMED}
    assert {finding.claim.unit for finding in held} == {"MiB", "MB", "ratio"}
    assert {finding.claim.id for finding in held} >= {
        "tutorial-resnet101-float-size",
        "tutorial-resnet101-dynamic-size",
        "tutorial-4x",
    }


def evaluated(name, label, **more):
    return {"model": name, "size_bytes": 10, "label": label, **more}


def versus(baseline, **more):
    return {"baseline": baseline, "metric": "top1", "n": 10000, **more}


def test_pairs_of_a_document_are_used_where_the_float_model_is_the_baseline(tmp_path):
    rows = [
        evaluated("f", "float32"),
        evaluated("d", "dynamic range, 1 of 2", versus=versus("f", lost=3, gained=2)),
    ]
    path = document(tmp_path, {"schema": 1, "engine": "litert", "results": rows})
    (finding,) = found(read_measurements(path)[0], "tutorial-same-accuracy")
    assert finding.verdict is Verdict.CONFIRMED
    assert "3 lost, 2 gained" in finding.reason


def test_pairs_with_another_baseline_than_float_are_not(tmp_path):
    rows = [
        evaluated("q", "full int8, int8 boundary"),
        evaluated("d", "dynamic range, 1 of 2", versus=versus("q", lost=3, gained=2)),
    ]
    path = document(tmp_path, {"schema": 1, "engine": "litert", "results": rows})
    (finding,) = found(read_measurements(path)[0], "tutorial-same-accuracy")
    assert finding.verdict is Verdict.UNDECIDABLE
    assert finding.n is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ("{}", "JSON of another kind (KeyError: 'results')"),
        ('{"results": 5}', "JSON of another kind (TypeError: no list of objects)"),
        ('{"results": [{"model": "m", "size_bytes": "x"}]}', "'x' is no count"),
    ],
)
def test_what_is_no_measurement_is_refused(tmp_path, text, says):
    path = tmp_path / "told.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="these are no measurements") as caught:
        read_measurements(path)
    assert says in str(caught.value)


@pytest.mark.shared
def test_the_anatomy_of_the_keyword_model_is_what_was_stated(shared):
    group = read_files([shared / "models" / "kws_ref_model.tflite"])
    held = check(REGISTRY, [group])
    assert {finding.claim.id: finding.verdict for finding in held} == {
        "hil-anatomy-mlperf-tiny-kws-quantization": Verdict.CONFIRMED,
        "hil-anatomy-mlperf-tiny-kws-names": Verdict.CONFIRMED,
        "hil-anatomy-mlperf-tiny-kws-metadata-share": Verdict.CONFIRMED,
        "reference-size-mlperf-tiny-kws-int8": Verdict.CONFIRMED,
    }


@pytest.mark.shared
def test_a_file_that_is_named_float32_confirms_no_claim_about_float(shared):
    group = read_files([shared / "models" / "kws_ref_model_float32.tflite"])
    held = check(REGISTRY, [group])
    assert [finding.claim.id for finding in held] == ["reference-size-kws-float32-file"]
    assert group[0].kind == "dynamic"
