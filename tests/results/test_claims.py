"""The registry of published figures, and the units they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import ConfigError
from hil.results.claims import ANY, Quantity, load_registry, registry_folder
from hil.results.claims_units import UNITS, convert, in_words

if TYPE_CHECKING:
    from pathlib import Path

    from hil.results.claims import Claim

REGISTRY = load_registry()
HEAD = '[source]\ntitle = "a page"\nedition = "2020"\n'
CLAIM = """
[[claim]]
id = "one"
statement = "a statement"
model = "any"
variant = "dynamic range"
quantity = "size_bytes"
value = 4.0
unit = "MB"
relation = "equals"
"""


def refused(folder: Path, text: str, name: str = "x.toml") -> str:
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_registry([folder])
    return str(caught.value)


@pytest.mark.parametrize("claim", REGISTRY.claims, ids=lambda claim: claim.id)
def test_every_claim_has_a_source_a_unit_and_words(claim: Claim):
    assert claim.source.title
    assert claim.source.edition
    assert claim.statement
    assert "{" not in claim.statement
    assert UNITS[claim.unit][0] is claim.quantity.dimension
    assert claim.value >= 0
    assert claim.in_words
    assert not claim.quantity.needs_device or claim.device
    if claim.quantity is Quantity.ACCURACY:
        assert convert(claim.value, claim.unit, to="share") <= 1


def test_ids_are_unique_and_no_table_is_missing():
    ids = [claim.id for claim in REGISTRY.claims]
    assert len(ids) == len(set(ids))
    files = {path.stem for path in registry_folder().glob("*.toml")}
    assert files == {
        "hil-measurements",
        "hosted-models",
        "integer-only-2018",
        "mlperf-tiny",
        "models",
        "tf-model-optimization",
        "tf-model-optimization-2018",
        "tutorials",
        "whitepaper-2018",
    }


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("whitepaper-ptq-mobilenet-v1-asym-layer", 0.001, "share"),
        ("whitepaper-ptq-resnet-v2-152-qat-sym-channel", 0.76, "share"),
        ("whitepaper-4-bits-inception-v3-w8a4-qat", 0.74, "share"),
        ("integer-only-inception-v3-relu6-7-bit", 75.0, "percent"),
        ("integer-only-coco-time-ssd-dm-50-8-bit-big", 61, "ms"),
        ("integer-only-faces-faces-dm-25-little-float", 100, "ms"),
        ("tf-optimization-accuracy-resnet-v2-101-ptq", 0.768, "share"),
        ("tf-optimization-size-resnet-v2-101-float", 178.3, "MB"),
        ("tf-optimization-2018-time-mobilenet-v2-qat", 80.3, "ms"),
        ("hosted-mobilenet-v2-quant-top5", 89.9, "percent"),
        ("hosted-time-resnet-v2-101-float", 526, "ms"),
        ("quality-mlperf-tiny-ad-target-auc", 0.85, "share"),
        ("reference-size-mlperf-tiny-vww-int8", 333288, "B"),
        ("hil-kws-xnnpack-steps", 22, "count"),
        ("hil-anatomy-mlperf-tiny-vww-quantization", 88.2, "kB"),
        ("tutorial-resnet101-float-size", 171, "MiB"),
        ("tutorial-documented-5-points", 5, "points"),
    ],
)
def test_figures_are_those_of_the_published_tables(name, value, unit):
    (claim,) = REGISTRY.find([name])
    assert (claim.value, claim.unit) == (value, unit)


def test_a_cell_that_the_table_leaves_empty_is_no_claim():
    ids = {claim.id for claim in REGISTRY.claims}
    assert "whitepaper-4-bits-resnet-v1-152-w8a4-ptq" not in ids
    assert "tf-optimization-accuracy-resnet-v2-101-qat" not in ids


def test_megabytes_are_not_mebibytes():
    assert convert(178.3, "MB", to="MiB") == pytest.approx(170.0, abs=0.05)
    assert convert(44.9, "MB", to="MiB") == pytest.approx(42.8, abs=0.05)
    assert convert(1, "MiB", to="B") == 1_048_576
    assert convert(1, "kB", to="B") == 1000
    assert convert(90, "percent", to="share") == pytest.approx(0.9)
    with pytest.raises(ValueError, match="MB cannot become ms"):
        convert(1, "MB", to="ms")


def test_figures_are_told_in_their_units():
    assert in_words(170.04, "MiB") == "170.0 MiB"
    assert in_words(84848, "B") == "84,848 B"
    assert in_words(0.902, "share") == "90.20%"
    assert in_words(-1e-12, "points") == "0.00 points"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("resnet101v2_float", "ResNet v2-101"),
        ("resnet_v2_101_dynamic", "ResNet v2-101"),
        ("kws_ref_model_float32", "MLPerf Tiny KWS"),
        ("MobileNet v2-1.4", "MobileNet v2-1.4"),
        ("mobilenet_v2_1.0_224", "MobileNet v2"),
        ("ResNet101V2", "ResNet v2-101"),
        ("inceptionv3_quant", "Inception v3"),
        ("ad01_fp32", "MLPerf Tiny AD"),
        ("digits", None),
        # A name within a word is no name, and these are other models.
        ("load01", None),
        ("mobilenet_v1_0.25_128", None),
        ("mobilenet_v1_025_128", None),
        ("mobilenet_v2_0.50_96", None),
        ("ssd_mobilenet_v2_coco", None),
        ("inception_resnet_v2", None),
    ],
)
def test_a_model_is_known_by_its_name(name, model):
    assert REGISTRY.model_of(name) == model
    assert REGISTRY.model_of(ANY) is None


def test_claims_are_found_by_pattern_and_a_wrong_id_names_the_nearest():
    assert len(REGISTRY.find(["tutorial-resnet101-*"])) == 5
    with pytest.raises(ConfigError, match="did you mean 'tutorial-4x'"):
        REGISTRY.find(["tutorial-4"])


def test_a_folder_of_ones_own_claims_is_added(tmp_path):
    (tmp_path / "x.toml").write_text(HEAD + CLAIM)
    (tmp_path / "models.toml").write_text('[aliases]\n"MobileNet v1" = ["mn1"]\n')
    registry = load_registry([tmp_path])
    assert len(registry.claims) == len(REGISTRY.claims) + 1
    assert registry.model_of("mn1") == "MobileNet v1"
    assert registry.find(["one"])[0].in_words == "4.0 MB"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + CLAIM.replace('"one"', '"tutorial-4x"'), "another claim has this id"),
        (HEAD + CLAIM.replace('"one"', '"One"'), "lower case words"),
        (
            HEAD + CLAIM.replace('"MB"', '"ms"'),
            "size_bytes in 'ms'; it is counted in B",
        ),
        (
            HEAD + CLAIM.replace('"equals"', '"like"'),
            "relation 'like'; allowed: equals",
        ),
        (HEAD + CLAIM.replace('"size_bytes"', '"mass"'), "quantity 'mass'; allowed:"),
        (HEAD + CLAIM.replace("statement =", "dataset ="), "it has no statement"),
        (HEAD + CLAIM + "worth = 1\n", "Extra inputs are not permitted"),
        (CLAIM, "source\n  found:   Field required"),
        ("not toml", "the claims are no TOML"),
        (
            HEAD
            + CLAIM.replace('"size_bytes"', '"size_ratio"').replace('"MB"', '"ratio"'),
            "size_ratio without a baseline",
        ),
        (
            HEAD + CLAIM.replace('"equals"', '"no_difference"'),
            "no_difference is of accuracy_drop_points, and has a tolerance",
        ),
    ],
)
def test_a_wrong_claim_is_refused_with_its_file_and_id(tmp_path, text, says):
    told = refused(tmp_path, text)
    assert says in told
    assert "x.toml" in told


def test_a_row_of_another_length_is_refused(tmp_path):
    table = """
[[table]]
id = "t"
statement = "{model}"
variant = "float"
quantity = "size_bytes"
unit = "B"
relation = "equals"
column = [{ id = "a" }, { id = "b" }]
[table.rows]
"a model" = [1]
"""
    assert "1 figures for 2 columns" in refused(tmp_path, HEAD + table)


def test_a_folder_without_claims_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no claims are there"):
        load_registry([tmp_path])
