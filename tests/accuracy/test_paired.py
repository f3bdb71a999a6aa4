"""Paired tests held against scipy, published figures and their own claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, binomtest

from hil.accuracy.paired import (
    difference_interval,
    holm,
    lost_and_gained,
    mcnemar,
    mcnemar_mid_p,
    shared_disagreement,
    smallest_detectable,
    smallest_detectable_unpaired,
    smallest_found,
)

COUNTS = st.integers(0, 60)


def test_lost_and_gained_are_counted_sample_by_sample() -> None:
    baseline = np.array([True, True, False, False, True])
    other = np.array([True, False, True, False, False])
    assert lost_and_gained(baseline, other) == (2, 1)


@pytest.mark.parametrize(
    ("lost", "gained", "p_value"),
    [
        # The keyword model's variants against its float model, 1,000 samples.
        (35, 24, 0.19),
        (34, 21, 0.10),
        (2, 3, 1.0),
        (8, 5, 0.58),
        (0, 4, 0.13),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_gives_the_published_values(lost, gained, p_value) -> None:
    assert mcnemar(lost, gained) == pytest.approx(p_value, abs=0.0051)
    assert mcnemar(lost, gained) == mcnemar(gained, lost)


def test_an_outlier_in_the_calibration_is_beyond_doubt() -> None:
    assert mcnemar(61, 17) < 0.0001


@given(COUNTS, COUNTS)
def test_mcnemar_is_scipys_two_sided_binomial_test(lost: int, gained: int) -> None:
    expected = binomtest(lost, lost + gained, 0.5).pvalue if lost + gained else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=1e-9)


def test_thousands_of_disagreements_neither_overflow_nor_take_long() -> None:
    expected = binomtest(6100, 12300, 0.5).pvalue
    assert mcnemar(6100, 6200) == pytest.approx(expected, rel=1e-9)


@given(COUNTS, COUNTS)
def test_mid_p_counts_half_of_what_was_seen(lost: int, gained: int) -> None:
    total = lost + gained
    if total == 0:
        assert mcnemar_mid_p(lost, gained) == 1.0
        return
    fewer = min(lost, gained)
    if lost == gained:  # the two halves of the coin's throws share one outcome
        assert mcnemar_mid_p(lost, gained) == pytest.approx(
            1 - binom.pmf(fewer, total, 0.5) / 2
        )
        return
    expected = 2 * binom.cdf(fewer - 1, total, 0.5) + binom.pmf(fewer, total, 0.5)
    assert mcnemar_mid_p(lost, gained) == pytest.approx(expected, rel=1e-9)


def test_tangos_interval_is_that_of_the_approval_ratings() -> None:
    # Agresti, "Categorical Data Analysis", table 10.1: of 1,600 asked twice 150 and 86
    # changed their mind; the score interval is 0.021 to 0.059.
    low, high = difference_interval(86, 150, n=1600)
    assert (round(low, 3), round(high, 3)) == (0.021, 0.059)


def _log_likelihood(lost, gained, n, share, delta):
    same = 1 - 2 * share - delta
    parts = ((lost, share), (gained, share + delta), (n - lost - gained, same))
    return sum(n * np.log(max(chance, 1e-300)) for n, chance in parts if n)


@pytest.mark.parametrize(
    ("lost", "gained", "n"),
    [(8, 5, 100), (0, 4, 50), (3, 0, 40), (0, 0, 30), (20, 1, 60), (10, 12, 22)],
)
def test_the_ends_of_the_interval_are_one_z_away_by_brute_force(
    lost, gained, n
) -> None:
    for end in difference_interval(lost, gained, n=n):
        delta = end
        best = minimize_scalar(
            lambda share, d=delta: -_log_likelihood(lost, gained, n, share, d),
            bounds=(max(0.0, -delta), (1 - delta) / 2),
            method="bounded",
            options={"xatol": 1e-12},
        ).x
        error = np.sqrt((2 * best + delta - delta**2) / n)
        distance = abs((gained - lost) / n - delta) / error
        assert distance == pytest.approx(1.95996, abs=2e-3)


@given(COUNTS, COUNTS, st.integers(1, 200))
def test_the_interval_holds_the_difference_and_is_symmetric(lost, gained, same) -> None:
    n = lost + gained + same
    low, high = difference_interval(lost, gained, n=n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert low < high, "even of equal answers n samples do not prove equality"
    assert difference_interval(gained, lost, n=n) == pytest.approx((-high, -low))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    lost_chance, gained_chance, n, runs = 0.05, 0.02, 200, 1500
    covered = 0
    for lost, gained, _ in generator.multinomial(
        n, [lost_chance, gained_chance, 1 - lost_chance - gained_chance], size=runs
    ):
        low, high = difference_interval(int(lost), int(gained), n=n)
        covered += low <= gained_chance - lost_chance <= high
    # 95 % give or take three standard errors of 1,500 runs.
    assert 0.933 <= covered / runs <= 0.967


@pytest.mark.parametrize(
    ("lost", "gained", "n"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)]
)
def test_an_interval_of_no_outcome_is_refused(lost, gained, n) -> None:
    with pytest.raises(ValueError, match=f"no outcome: {lost} lost, {gained} gained"):
        difference_interval(lost, gained, n=n)


@pytest.mark.parametrize(
    ("disagreement", "points"),
    [
        (0.005, (1.40, 0.63, 0.20, 0.09)),
        (0.013, (2.26, 1.01, 0.32, 0.14)),
        (0.07, (5.24, 2.34, 0.74, 0.33)),
    ],
)
def test_the_smallest_detectable_difference_is_that_of_the_table(
    disagreement, points
) -> None:
    found = [
        round(100 * smallest_detectable(disagreement, n), 2)
        for n in (200, 1000, 10_000, 50_000)
    ]
    assert tuple(found) == points


def test_samples_that_are_not_the_same_find_much_less() -> None:
    assert round(100 * smallest_detectable_unpaired(0.91, 1000), 2) == 3.59


def test_a_difference_of_that_size_is_found_four_times_in_five() -> None:
    generator = np.random.default_rng(3)
    disagreement, n, runs = 0.07, 1000, 600
    delta = smallest_detectable(disagreement, n)
    lost, gained = (disagreement + delta) / 2, (disagreement - delta) / 2
    draws = generator.multinomial(n, [lost, gained, 1 - lost - gained], size=runs)
    found = sum(mcnemar_mid_p(int(a), int(b)) <= 0.05 for a, b, _ in draws)
    assert 0.75 <= found / runs <= 0.87


@pytest.mark.parametrize(("n", "seen"), [(200, 0), (500, 0), (500, 1), (1000, 4)])
def test_where_hardly_a_sample_differs_the_difference_told_is_found_as_often(
    n, seen
) -> None:
    generator = np.random.default_rng(5)
    disagreement = shared_disagreement(seen, 0, n=n)
    delta = smallest_found(disagreement, n)
    assert delta is not None
    assert delta > disagreement  # so the formula's answer is none
    draws = generator.multinomial(n, [delta, 0, 1 - delta], size=600)
    found = sum(mcnemar(int(a), int(b)) <= 0.05 for a, b, _ in draws)
    assert 0.75 <= found / 600 <= 0.87


def test_so_few_samples_that_nothing_would_be_found_have_no_such_difference() -> None:
    assert smallest_found(shared_disagreement(0, 0, n=1), 1) is None
    assert smallest_found(shared_disagreement(0, 0, n=7), 7) is None
    assert smallest_found(shared_disagreement(0, 0, n=8), 8) == pytest.approx(
        0.98, abs=0.01
    )


def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order() -> None:
    # S. Holm's own rule, by hand: 4 * .01, 3 * .02 (or the one before), ...
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_never_beats_bonferroni(values) -> None:
    for raw, adjusted in zip(values, holm(values), strict=True):
        assert raw <= adjusted <= min(1.0, len(values) * raw) + 1e-12


def test_holm_rejects_a_true_hypothesis_no_more_often_than_it_says() -> None:
    generator = np.random.default_rng(11)
    runs, wrong = 800, 0
    for _ in range(runs):
        draws = generator.multinomial(500, [0.03, 0.03, 0.94], size=6)
        p_values = [mcnemar(int(a), int(b)) for a, b, _ in draws]
        wrong += min(holm(p_values)) < 0.05
    assert wrong / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
