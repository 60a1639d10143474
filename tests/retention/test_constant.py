import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml import DataError
from crmml.retention import ConstantRetention
from crmml.retention.constant import multiple, period_rate


def test_published_margin_multiples():
    found = [ConstantRetention(r, "Y").margin_multiple(0.10) for r in (0.6, 0.7, 0.8, 0.9)]
    assert [round(value, 3) for value in found] == [1.2, 1.75, 2.667, 4.5]
    assert ConstantRetention(0.7, "Y").expected_life == pytest.approx(10 / 3)


@given(st.floats(0, 0.99), st.floats(0, 1), st.integers(1, 50))
def test_the_multiple_is_the_sum_of_its_payments(r, i, h):
    payments = np.cumsum((r / (1 + i)) ** np.arange(1, 4000))
    assert multiple(r, i) == pytest.approx(payments[-1], rel=1e-9, abs=1e-12)
    assert multiple(r, i, h) == pytest.approx(payments[h - 1], rel=1e-9, abs=1e-12)


def test_full_retention():
    assert multiple(1.0, 0.0, 5) == 5
    assert multiple(1.0, 0.1) == pytest.approx(10)
    assert multiple(1.0, 0.0) == np.inf


def test_a_month_is_a_twelfth_of_a_year():
    assert (1 + period_rate(0.1, "M")) ** 12 == pytest.approx(1.1)


def test_counts_have_a_posterior(rng):
    counted = ConstantRetention.from_counts(206, 294, "Y")
    assert counted.rate == pytest.approx(206 / 294)
    draws = counted.draws(50_000, rng)
    assert draws.mean() == pytest.approx(206.5 / 295, abs=1e-3)
    assert draws.std() == pytest.approx(np.sqrt(0.7 * 0.3 / 296), rel=0.02)
    assert ConstantRetention(0.7, "Y").draws(10, rng) == 0.7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConstantRetention(70, "Y"), "write 0.7 for 70 %"),
        (lambda: ConstantRetention(1.0, "Y"), "below 1"),
        (lambda: ConstantRetention(0.7, "Y", 80, 100), "are not a rate of 0.7"),
        (lambda: ConstantRetention("0.7", "Y"), "at least 0 and below 1"),
        (lambda: ConstantRetention.from_counts(5, 4, "Y"), "0 <= kept <= n"),
        (lambda: ConstantRetention.from_counts(0, 0, "Y"), "0 <= kept <= n"),
        (lambda: ConstantRetention.from_counts(4, 4, "Y"), "stay for ever"),
    ],
)
def test_no_rate(make, message):
    with pytest.raises(DataError, match=message):
        make()
    with pytest.raises(ValueError, match="period='quarter'"):
        ConstantRetention(0.7, "quarter")


def test_counts_that_are_none():
    for kept, n in (("a", 2), (-1, -2), (1, None), (None, 2)):
        with pytest.raises(DataError, match="use from_counts"):
            ConstantRetention(0.5, "Y", kept, n)


def test_multiples_of_what_is_no_rate_or_horizon():
    kept = ConstantRetention(0.7, "Y")
    with pytest.raises(ValueError, match=r"write 0.08 for 8 %"):
        kept.margin_multiple(10)
    for horizon in (0, 2.5, True):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            kept.margin_multiple(0.1, horizon)
