"""Verdicts: confirmed, contradicted, undecidable, and the samples that would decide."""

from __future__ import annotations

import pytest

from hil.accuracy.metrics import wilson
from hil.results.claims import load_registry
from hil.results.claims_measured import Measured, Paired, Rated, Time
from hil.results.claims_verdict import Verdict, judge
from hil.vocab import TimeBasis

REGISTRY = load_registry()


def claim(name):
    (found,) = REGISTRY.find([name])
    return found


def measured(kind="dynamic", **known):
    return Measured(where="here", model="m", variant=kind, kind=kind, **known)


def rated(correct, n, metric="top1"):
    low, high = wilson(correct, n)
    return Rated(
        metric=metric, value=correct / n, low=low, high=high, n=n, correct=correct
    )


def paired(lost, gained, n):
    return Paired(baseline="float", metric="top1", lost=lost, gained=gained, n=n)


def sized(name, variant_bytes, float_bytes=None):
    before = None if float_bytes is None else measured("float", size_bytes=float_bytes)
    return judge(claim(name), measured(size_bytes=variant_bytes), before)


def test_four_times_smaller_is_contradicted_by_the_tutorials_own_model():
    found = sized("tutorial-4x", 24192, 84848)
    assert found.verdict is Verdict.CONTRADICTED
    assert found.value == pytest.approx(3.507, abs=0.001)
    assert found.reason == "3.51x (84,848 -> 24,192 B) is outside of the claim"


def test_four_times_smaller_is_confirmed_by_resnet():
    found = sized("tutorial-4x", 44_900_000, 178_300_000)
    assert found.verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("name", "size_bytes", "verdict"),
    [
        ("tutorial-resnet101-float-size", 178_300_000, Verdict.CONFIRMED),
        ("tutorial-resnet101-dynamic-size", 44_900_000, Verdict.CONFIRMED),
        # Keras's own network of this name, converted with random weights.
        ("tutorial-resnet101-float-size", 177_860_076, Verdict.CONFIRMED),
        ("tutorial-resnet101-dynamic-size", 45_178_016, Verdict.CONFIRMED),
        ("tf-optimization-size-resnet-v2-101-float", 177_860_076, Verdict.CONFIRMED),
        ("tf-optimization-size-resnet-v2-101-ptq", 45_178_016, Verdict.CONFIRMED),
        # 171 and 43 decimal megabytes are other files.
        ("tutorial-resnet101-float-size", 171_000_000, Verdict.CONTRADICTED),
        ("tutorial-resnet101-dynamic-size", 43_000_000, Verdict.CONTRADICTED),
        ("tf-optimization-size-resnet-v2-101-float", 178_300_000, Verdict.CONFIRMED),
        ("tf-optimization-size-resnet-v2-101-ptq", 44_900_000, Verdict.CONFIRMED),
    ],
)
def test_the_same_files_confirm_mebibytes_and_megabytes(name, size_bytes, verdict):
    assert sized(name, size_bytes).verdict is verdict


def test_902_of_1000_does_not_decide_a_target_of_90_percent():
    target = claim("quality-mlperf-tiny-kws-target")
    found = judge(target, measured(accuracy=rated(902, 1000)), None)
    assert found.verdict is Verdict.UNDECIDABLE
    assert (found.n, found.value) == (1000, pytest.approx(0.902))
    assert (found.low, found.high) == (
        pytest.approx(0.882, abs=5e-4),
        pytest.approx(0.919, abs=5e-4),
    )
    needed = found.samples_needed
    assert needed is not None
    assert wilson(round(0.902 * needed), needed)[0] >= 0.9
    assert wilson(round(0.902 * needed * 0.9), round(needed * 0.9))[0] < 0.9
    assert (
        "90.20% [88.20% .. 91.89%] (n = 1,000, 902 of 1,000) is partly" in found.reason
    )


def test_a_target_is_confirmed_or_contradicted_by_enough_samples():
    target = claim("quality-mlperf-tiny-ic-target")
    assert judge(target, measured(accuracy=rated(173, 200)), None).samples_needed > 200
    sure = judge(target, measured(accuracy=rated(8650, 10000)), None)
    assert sure.verdict is Verdict.CONFIRMED
    missed = judge(target, measured(accuracy=rated(150, 200)), None)
    assert missed.verdict is Verdict.CONTRADICTED


def test_a_share_at_the_limit_itself_is_never_decided():
    target = claim("quality-mlperf-tiny-kws-target")
    found = judge(target, measured(accuracy=rated(900, 1000)), None)
    assert (found.verdict, found.samples_needed) == (Verdict.UNDECIDABLE, None)


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        (paired(2, 3, 10000), Verdict.CONFIRMED),
        (paired(0, 0, 1000), Verdict.CONFIRMED),
        (paired(0, 0, 200), Verdict.UNDECIDABLE),
        (paired(61, 17, 1000), Verdict.CONTRADICTED),
        (paired(17, 61, 1000), Verdict.CONTRADICTED),
    ],
)
def test_no_difference_is_proved_shown_wrong_or_left_open(pair, verdict):
    found = judge(claim("tutorial-same-accuracy"), measured(paired=pair), None)
    assert found.verdict is verdict
    assert found.n == pair.n
    assert f"{pair.lost} lost, {pair.gained} gained, exact McNemar p" in found.reason
    undecided = verdict is Verdict.UNDECIDABLE
    assert (found.samples_needed is not None) is undecided
    if undecided:
        assert found.samples_needed > pair.n


def test_no_difference_without_pairs_is_told_as_such():
    before, after = measured("float", accuracy=rated(900, 1000)), rated(899, 1000)
    found = judge(claim("tutorial-same-accuracy"), measured(accuracy=after), before)
    assert found.verdict is Verdict.UNDECIDABLE
    assert "not paired: which samples were wrong is not known" in found.reason
    # Newcombe's interval is wider than Tango's of the same counts.
    same = judge(
        claim("tutorial-same-accuracy"), measured(paired=paired(1, 0, 1000)), None
    )
    assert found.high - found.low > 5 * (same.high - same.low)


def test_pairs_by_another_metric_do_not_stand_for_the_claimed_one():
    top5 = Paired(baseline="float", metric="top5", lost=61, gained=17, n=1000)
    before = measured("float", accuracy=rated(900, 1000))
    after = measured(accuracy=rated(900, 1000), paired=top5)
    found = judge(claim("tutorial-same-accuracy"), after, before)
    assert found.verdict is Verdict.UNDECIDABLE
    assert (found.value, found.samples_needed) == (0, None)
    assert "not paired" in found.reason


def test_a_loss_of_fifteen_points_is_contradicted_by_none():
    found = judge(
        claim("tutorial-observed-15-points"), measured(paired=paired(5, 4, 1000)), None
    )
    assert found.verdict is Verdict.CONTRADICTED
    assert found.value == pytest.approx(0.1)


def test_a_loss_with_few_samples_says_how_many_would_decide():
    found = judge(
        claim("tutorial-documented-5-points"), measured(paired=paired(6, 1, 100)), None
    )
    assert found.verdict is Verdict.UNDECIDABLE
    assert found.samples_needed > 1000


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tutorial-4x", "the size of the baseline or of the variant was not measured"),
        ("tutorial-same-accuracy", "the accuracy of the baseline or of the variant"),
        ("quality-mlperf-tiny-kws-target", "the metric top1 was not measured"),
        ("hil-kws-arena", "arena_bytes was not measured"),
        ("hil-kws-xnnpack-flips", "label_flip_share was not measured"),
        ("hosted-time-resnet-v2-101-float", "latency was not measured"),
    ],
)
def test_what_was_not_measured_is_undecidable(name, says):
    found = judge(claim(name), measured(), None)
    assert found.verdict is Verdict.UNDECIDABLE
    assert says in found.reason
    assert (found.value, found.n, found.samples_needed) == (None, None, None)


def test_another_metric_does_not_stand_for_the_one_that_was_claimed():
    found = judge(
        claim("quality-mlperf-tiny-kws-target"),
        measured(accuracy=rated(999, 1000, metric="top5")),
        None,
    )
    assert found.reason == "the metric top1 was not measured"


def test_a_bootstrapped_area_is_held_to_its_target():
    area = Rated(metric="auc", value=0.9, low=0.87, high=0.93, n=248)
    found = judge(
        claim("quality-mlperf-tiny-ad-target-auc"), measured(accuracy=area), None
    )
    assert found.verdict is Verdict.CONFIRMED


def timed(median, spread, basis=TimeBasis.DEVICE_CLOCK):
    return Time(
        basis=basis, median=median, low=median - spread, high=median + spread, n=50
    )


def test_a_ratio_of_times_has_the_interval_of_both():
    slower = claim("tf-optimization-mobilenet-v2-ptq-is-slower")
    before = measured("float", time=timed(89e3, 1e3))
    found = judge(slower, measured(time=timed(98e3, 1e3)), before)
    assert found.verdict is Verdict.CONFIRMED
    assert (found.low, found.high) == (pytest.approx(88 / 99), pytest.approx(90 / 97))
    unsure = judge(slower, measured(time=timed(90e3, 5e3)), before)
    assert unsure.verdict is Verdict.UNDECIDABLE


def test_instructions_are_no_time():
    insn = timed(1e6, 0, basis=TimeBasis.EMULATED_INSTRUCTIONS)
    found = judge(
        claim("tf-optimization-mobilenet-v2-ptq-is-slower"),
        measured(time=insn),
        measured("float", time=insn),
    )
    assert found.verdict is Verdict.UNDECIDABLE
    assert found.reason == "instructions that an emulator counted are no time"


def test_times_of_two_clocks_are_not_compared():
    found = judge(
        claim("tf-optimization-mobilenet-v2-ptq-is-slower"),
        measured(time=timed(98e3, 1)),
        measured("float", time=timed(89e3, 1, basis=TimeBasis.HOST_CLOCK)),
    )
    assert "not measured on the same clock" in found.reason
