import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.datasets import fetch_online_retail
from crmml.metrics import normalized_gini
from crmml.segments import LorenzDisplay, concentration


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any))
def test_gini_is_half_the_relative_mean_difference(values):
    x = np.asarray(values, dtype=float)
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    found = concentration(x, n_resamples=20, random_state=0)
    assert found.gini.estimate == pytest.approx(expected, abs=1e-12)
    assert found.share[0] == 0
    assert found.share[-1] == pytest.approx(1)
    assert (np.diff(found.share) >= -1e-12).all()


def test_known_laws():
    rng = np.random.default_rng(0)
    assert concentration(np.full(50, 3.0), n_resamples=9).gini.estimate == pytest.approx(0, abs=1e-12)
    one = concentration([*[0.0] * 9, 5.0], n_resamples=99, random_state=0)
    assert one.gini.estimate == pytest.approx(0.9)
    assert one.share_of_top(0.1).estimate == pytest.approx(1)
    exponential = concentration(rng.exponential(size=200_000), coverage=0.99, n_resamples=199, random_state=0)
    assert exponential.gini.lower < 0.5 < exponential.gini.upper
    top = exponential.share_of_top(0.2)  # p (1 - log p) of an exponential law
    assert top.lower < 0.2 * (1 - np.log(0.2)) < top.upper


def test_intervals_hold_the_truth_as_often_as_they_promise():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(200):
        found = concentration(rng.exponential(size=300), coverage=0.8, n_resamples=99, random_state=rng.integers(2**31))
        held.append(found.gini.lower <= 0.5 <= found.gini.upper)
    assert 0.7 < np.mean(held) < 0.88


def test_slices_of_many_customers_change_little():
    values = np.random.default_rng(2).lognormal(3, 1.2, 60_000)
    many = concentration(values, n_resamples=60, random_state=0)
    rng = np.random.default_rng(3)
    by_hand = [concentration(rng.choice(values, values.size), n_resamples=1).gini.estimate for _ in range(60)]
    width = np.diff(np.quantile(by_hand, [0.05, 0.95]))[0]
    assert many.gini.upper - many.gini.lower == pytest.approx(width, rel=0.35)


def test_tiers_share_the_whole_out():
    values = np.random.default_rng(4).lognormal(3, 1, 2000)
    found = concentration(values, n_resamples=99, random_state=0)
    tiers = found.tier_shares((0.01, 0.04, 0.15, 0.8))
    assert sum(tier.estimate for tier in tiers) == pytest.approx(1)
    ordered = np.sort(values)[::-1]
    assert tiers[1].estimate == pytest.approx(ordered[20:100].sum() / values.sum())
    assert all(tier.lower < tier.estimate < tier.upper for tier in tiers)
    assert found.share_of_top(0.0355).estimate == pytest.approx(ordered[:71].sum() / values.sum(), rel=1e-3)
    with pytest.raises(ValueError, match="add up to 1"):
        found.tier_shares((0.5, 0.6))
    with pytest.raises(ValueError, match="from 0 to 1"):
        found.share_of_top(20)


def test_words_and_faults():
    found = concentration([9.0, 4.0, -3.0], n_resamples=50, random_state=0)
    assert found.n_negative == 1
    assert "1 customer has negative value" in found.describe()
    assert concentration([5.0], n_resamples=2).describe().startswith("1 customer is worth 5 in all.")
    assert "draws" not in repr(found)
    assert found == found
    for values, message in (
        ([], "no customers"),
        ([1.0, np.nan], "missing in 1 of 2"),
        ([np.nan, 1.0, 2.0], r"missing in 1 of 3 rows \(row 0\); drop or fill these rows$"),
        ([np.inf, 1.0], r"infinite in 1 of 2 rows \(row 0\)"),
        (["a", "b"], "not a number in 2 of 2 rows"),
        ([[1.0, 2.0]], r"shape \(1, 2\); give one number per customer"),
        ([-1.0, 1.0], "no more than 0"),
    ):
        with pytest.raises(DataError, match=message):
            concentration(values)
    with pytest.raises(ValueError, match="n_resamples"):
        concentration([1.0], n_resamples=0)


def test_the_same_seed_the_same_intervals_and_the_metric_it_is_part_of():
    values = np.random.default_rng(5).gamma(1.0, size=100)
    one, two = (concentration(values, n_resamples=30, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert normalized_gini(values, values) == 1.0


@pytest.mark.data
def test_online_retail():
    log = fetch_online_retail().dropna(subset="CustomerID")
    spend = (log["Quantity"] * log["UnitPrice"]).groupby(log["CustomerID"]).sum()
    found = concentration(spend[spend > 0], n_resamples=99, random_state=0)
    ordered = np.sort(spend[spend > 0])[::-1]
    for shares in ((0.01, 0.04, 0.15, 0.80), (0.01, 0.19, 0.30, 0.50)):
        ends = np.cumsum(shares) * ordered.size
        worth = np.diff(np.interp(ends, np.arange(ordered.size + 1), np.append(0, np.cumsum(ordered))), prepend=0)
        got = [tier.estimate for tier in found.tier_shares(shares)]
        np.testing.assert_allclose(got, worth / ordered.sum(), atol=2e-3)
    half_mean_difference = np.abs(np.subtract.outer(ordered, ordered)).mean() / (2 * ordered.mean())
    assert found.gini.estimate == pytest.approx(half_mean_difference, abs=1e-9)


def test_the_interval_of_the_gini_is_that_of_its_resamples():
    values = np.random.default_rng(0).lognormal(0, 1, 400)
    found = concentration(values, coverage=0.9, n_resamples=400, random_state=0)
    area = ((found.draws[:, 1:] + found.draws[:, :-1]) / 2) @ np.diff(found.customers)
    lower, upper = np.quantile(2 * area - 1, [0.05, 0.95])
    assert (found.gini.lower, found.gini.upper) == pytest.approx((lower, upper), abs=2e-3)


def test_a_curve_is_a_frame_a_picture_and_a_page():
    found = concentration([8.0, 1.0, 1.0, 0.0], n_resamples=20, random_state=0)
    frame = found.to_frame()
    assert frame.columns.tolist() == ["customers", "share", "lower", "upper"]
    np.testing.assert_array_equal(frame["share"], found.share)
    assert isinstance(found.plot(), LorenzDisplay)
    plt.close("all")
    assert "Gini" in found._repr_html_()


def test_a_coverage_of_90_and_no_resamples_are_refused():
    with pytest.raises(ValueError, match=r"coverage=90 .* write 0.9 for 90 %"):
        concentration([1.0, 2.0], coverage=90)
    with pytest.raises(ValueError, match="n_resamples=0 must be a whole number of at least 1"):
        concentration([1.0, 2.0], n_resamples=0)


def test_every_kind_of_seed_is_taken():
    one, two = (concentration([3.0, 2.0, 1.0], n_resamples=9, random_state=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.draws, two.draws)
    concentration([3.0, 2.0, 1.0], n_resamples=9, random_state=np.random.SeedSequence(7))
