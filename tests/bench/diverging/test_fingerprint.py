"""Which engine a log or a device equals, and what its answers do not tell."""

from __future__ import annotations

import pytest

from hil.bench.diverging.fingerprint import fingerprint, fingerprint_log
from hil.bench.diverging.recorded import read_log
from hil.deadline import Deadline
from hil.report.divergence_words import verdict

pytestmark = pytest.mark.shared


@pytest.fixture
def known(shared, kws, engines):
    def run(name):
        log = read_log(shared / "data" / "mlperf_logs" / name, kws)
        return fingerprint_log(kws, log, engines, Deadline(60))

    return run


def test_the_reference_board_is_tflite_micro(known):
    found = known("v05_l4r5zi_tflm_kws_accuracy.txt.gz")
    assert found.equals == ("tflm",)
    assert found.is_exact
    assert found.doubts == ()
    assert verdict(found) == (
        "equals tflm: all 1,000 answers, bit for bit; 9 of them tell it from the "
        "nearest other"
    )
    litert = found.pairs[0]
    assert (litert.right, len(litert.differing), len(litert.flipped)) == (
        "litert",
        364,
        7,
    )


def test_five_answers_of_x_cube_ai_are_those_of_xnnpack(known):
    found = known("v13_l4r5zip_xcubeai_kws_performance.txt")
    assert found.equals == ("litert",)
    assert not found.input_overwritten
    assert "all 5 answers, bit for bit; 1 of them tell" in verdict(found)


@pytest.mark.parametrize(
    "name",
    [
        "v05_scepu02_riscv_tflm_vww_performance.txt",
        "v10_gap9_kws_performance.txt",
        "v12_g0b1re_m0plus_kws_performance.txt",
        "v12_cy8cproto062_vww_performance.txt",
    ],
)
def test_answers_to_an_input_that_was_overwritten_are_recognised(known, name):
    found = known(name)
    assert found.input_overwritten
    assert found.equals == ()
    assert verdict(found).startswith("equals none: each answer is that of a repeated")


def test_a_device_clock_that_is_off_by_a_third_is_flagged(known):
    clock = known("v12_cy8cproto062_vww_performance.txt").clock
    assert clock is not None
    assert clock.found.startswith("0.6685 of the host's")


def test_a_log_of_other_inputs_is_not_known(known):
    found = known("v12_tinkerv_linux_ic_accuracy.txt")
    assert (found.pairs, found.equals, found.input_overwritten) == ((), (), False)
    assert verdict(found) == (
        "not known: none of the log's 200 inputs is known in kws01.npz"
    )


def test_a_device_that_equals_none_is_told_the_nearest(kws, engines):
    litert, reference, tflm = engines
    found = fingerprint(kws, reference, [litert, tflm], Deadline(60))
    assert verdict(found) == (
        "equals no engine of this host; the nearest is tflm: 9 of 1,000 answers differ"
    )


def test_engines_that_cannot_be_told_apart_are_all_named(kws, engines):
    tflm = engines[-1]
    found = fingerprint(kws, tflm, [tflm, tflm], Deadline(60))
    assert verdict(found) == (
        "equals tflm, tflm: all 1,000 answers, bit for bit; these inputs do not tell "
        "the equal ones apart, more might"
    )
