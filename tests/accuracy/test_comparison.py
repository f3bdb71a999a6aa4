"""Ratings and comparisons from scores: counted, resampled, and refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from hil.accuracy.bootstrap import percentile_interval, resampled
from hil.accuracy.comparison import compare
from hil.accuracy.gate import Gate, Outcome
from hil.accuracy.metrics import find_metric, wilson
from hil.accuracy.paired import difference_interval, mcnemar
from hil.accuracy.rating import rate
from hil.accuracy.sample_scores import SampleScores
from hil.errors import ConfigError


def hits(lost=0, gained=0, both=900, n=1000, labels=None):
    """Return scores of a baseline and of another model that differ so."""
    base, other = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    base[: both + lost] = True
    other[:both] = True
    other[both + lost : both + lost + gained] = True
    return tuple(
        SampleScores(metric=find_metric("top1"), n=n, hits=part, labels=labels)
        for part in (base, other)
    )


def values(metric, array, labels=None):
    array = np.asarray(array)
    return SampleScores(
        metric=find_metric(metric), n=len(array), values=array, labels=labels
    )


def test_a_share_is_rated_with_wilsons_interval() -> None:
    found = rate(hits(both=902)[0])
    assert (found.correct, found.n, found.value) == (902, 1000, 0.902)
    assert (round(found.low, 3), round(found.high, 3)) == (0.882, 0.919)


def test_200_images_do_not_decide_a_gate_of_85_per_cent() -> None:
    found = rate(hits(both=173, n=200)[0])
    assert (round(found.low, 3), round(found.high, 3)) == (0.811, 0.906)
    assert found.low < 0.85 < found.high


def test_the_mean_of_squared_errors_has_scipys_bootstrap_interval() -> None:
    errors = np.random.default_rng(4).exponential(size=300)
    found = rate(values("mse", errors))
    expected = scipy_bootstrap(
        (errors,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.value == pytest.approx(errors.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.02)


def test_the_interval_of_auc_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(8)
    labels = np.r_[np.zeros(60, np.int64), np.ones(60, np.int64)]
    truth = 0.7602499  # of two normal distributions one standard deviation apart
    covered = 0
    for _ in range(120):
        found = rate(values("auc", generator.normal(size=120) + labels, labels))
        covered += found.low <= truth <= found.high
    assert 0.88 <= covered / 120 <= 1.0


def test_macro_f1_is_resampled_whole() -> None:
    labels = np.repeat([0, 1, 2], 50)
    answers = labels.copy()
    answers[:10] = 1
    scores = SampleScores(
        metric=find_metric("macro-f1"),
        n=150,
        labels=labels,
        answers=answers,
        hits=labels == answers,
    )
    found = rate(scores)
    assert found.value == pytest.approx(np.mean([80 / 90, 100 / 110, 1.0]))
    assert found.low < found.value < found.high
    assert found.worst.label == 0


def test_the_same_seed_draws_the_same_samples() -> None:
    scores = values("mse", np.arange(50.0))
    assert np.array_equal(resampled([scores]), resampled([scores]))
    assert not np.array_equal(resampled([scores]), resampled([scores], seed=1))


def test_what_two_models_share_falls_out_of_their_difference() -> None:
    noise = np.random.default_rng(6).exponential(size=200)
    draws = resampled([values("mse", noise), values("mse", noise + 0.01)])
    assert draws[1] - draws[0] == pytest.approx(np.full(draws.shape[1], 0.01))


def test_counts_are_compared_by_mcnemar_and_tango() -> None:
    baseline, other = hits(lost=61, gained=17, both=830)
    (found,) = compare(baseline, [other], gate=Gate(most_drop=0.01))
    assert (found.lost, found.gained, found.n) == (61, 17, 1000)
    assert found.difference == pytest.approx(-0.044)
    assert (found.low, found.high) == difference_interval(61, 17, n=1000)
    assert found.p_value == mcnemar(61, 17)
    assert found.gate.outcome is Outcome.FAILED
    assert 100 * found.detectable == pytest.approx(2.49, abs=0.01)


def test_p_values_are_adjusted_for_the_number_of_variants() -> None:
    baseline, other = hits(lost=30, gained=14, both=800)
    alone = compare(baseline, [other])[0]
    among = compare(baseline, [other, *[hits(both=830)[0]] * 3])
    assert alone.p_holm == alone.p_value < 0.05
    assert among[0].p_holm == pytest.approx(4 * alone.p_value)
    assert among[0].p_holm > 0.05


def test_other_metrics_are_compared_by_the_paired_bootstrap() -> None:
    generator = np.random.default_rng(10)
    labels = generator.integers(0, 2, 400)
    good = generator.normal(size=400) + 2 * labels
    bad = good + generator.normal(size=400) * 2
    baseline = values("auc", good, labels)
    (worse, same) = compare(
        baseline,
        [values("auc", bad, labels), values("auc", good * 2, labels)],
        gate=Gate(most_drop=0.01),
    )
    assert worse.difference < 0
    assert worse.high < 0
    assert worse.p_value < 0.01
    assert worse.gate.outcome is Outcome.FAILED
    assert (worse.lost, worse.detectable) == (None, None)
    assert (same.difference, same.p_value) == (0, 1)
    assert same.gate.outcome is Outcome.PASSED


def test_a_bootstrap_gate_in_doubt_tells_how_many_samples_decide() -> None:
    generator = np.random.default_rng(12)
    cosines = 1 - generator.exponential(0.05, size=60)
    other = cosines + generator.normal(size=60) * 0.05
    (found,) = compare(
        values("cosine", cosines),
        [values("cosine", other)],
        gate=Gate(most_drop=0.01),
    )
    assert found.gate.outcome is Outcome.UNDECIDABLE
    assert found.gate.samples_needed > 60


def test_squared_errors_have_no_points_and_so_no_gate() -> None:
    (found,) = compare(
        values("mse", np.arange(9.0)),
        [values("mse", np.arange(9.0) + 1)],
        gate=Gate(most_drop=0.01),
    )
    assert (found.difference, found.gate) == (1.0, None)


def test_an_interval_holds_the_share_that_it_says() -> None:
    draws = np.arange(1001.0)
    assert percentile_interval(draws, confidence=0.9) == pytest.approx((50, 950))


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (hits(n=999)[0], "top1 of 999 samples"),
        (values("mse", np.zeros(1000)), "mse of 1000 samples"),
        (hits(labels=np.ones(1000, np.int64))[0], "top1 of 1000 samples"),
    ],
)
def test_what_did_not_see_the_same_samples_is_not_paired(other, says) -> None:
    baseline = hits(labels=np.zeros(1000, np.int64))[0]
    with pytest.raises(ConfigError, match="cannot be paired") as caught:
        compare(baseline, [other])
    assert caught.value.found == says


def test_wilsons_interval_of_a_rating_follows_the_confidence() -> None:
    found = rate(hits(both=900)[0], confidence=0.8)
    assert (found.low, found.high) == wilson(900, 1000, confidence=0.8)
