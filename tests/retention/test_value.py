import re
from dataclasses import replace

import numpy as np
import pytest

from crmml import DataError
from crmml.amounts import Percent, Points, Uncertain
from crmml.retention import (
    ConstantRetention,
    ConstantTerms,
    DropoutTerms,
    RetentionValueDisplay,
    StageTerms,
    retention_value,
)
from crmml.roi import BenefitLedger, CostLedger, roi

TERMS = ConstantTerms(margin_per_period=120, n_customers=1_000)
MONEY = {"annual_discount_rate": 0.1, "currency": "CNY"}


def test_from_seventy_to_eighty_percent():
    found = retention_value(ConstantRetention(0.7, "Y"), Points(10), TERMS, **MONEY)
    assert found.value_before == pytest.approx(120 * 1.75)
    assert found.value_after == pytest.approx(120 * 0.8 / 0.3)
    assert round(100 * found.relative_gain, 1) == 52.4
    assert (round(found.life_before, 2), round(found.life_after, 2)) == (3.33, 5.0)
    assert found.equity_gain == pytest.approx(1_000 * found.value_gain)
    assert found.equity_gain_interval is found.roi is found.gross_multiple is found.value_gain_interval is None
    assert "Expected life goes from 3.33 to 5.00 years" in found.describe()
    assert "there is no interval" in found.describe()
    ten_percent = retention_value(ConstantRetention(0.7, "Y"), Percent(10), TERMS, **MONEY)
    assert ten_percent.value_after == pytest.approx(120 * 0.77 / 0.33)


def test_the_airline():
    """A return of 44.7 % on 70 million implies a gain of customer equity of 101.29 million."""
    unit = retention_value(
        ConstantRetention(0.7, "Y"), Points(10), ConstantTerms(margin_per_period=1, n_customers=1), **MONEY
    )
    customers = 101.29e6 / unit.equity_gain
    found = retention_value(
        ConstantRetention(0.7, "Y"),
        Points(10),
        ConstantTerms(margin_per_period=1, n_customers=customers),
        **MONEY,
        programme_cost=70e6,
    )
    assert found.roi == pytest.approx(0.447, abs=1e-4)
    assert found.gross_multiple == pytest.approx(1.447, abs=1e-4)


def test_counts_before_and_after_have_an_interval():
    before, after = (ConstantRetention.from_counts(k, 294, "Y") for k in (206, 235))
    found = retention_value(before, after, TERMS, **MONEY, programme_cost=60_000, n_draws=40_000, random_state=0)
    rng = np.random.default_rng(9)
    r0, r1 = rng.beta(206.5, 88.5, 200_000), rng.beta(235.5, 59.5, 200_000)
    gain = 120_000 * (r1 / (1.1 - r1) - r0 / (1.1 - r0))
    assert found.equity_gain_interval == pytest.approx(np.quantile(gain, [0.05, 0.95]), rel=0.03)
    assert found.probability_pays == pytest.approx((gain > 60_000).mean(), abs=0.01)
    assert found.roi_interval[0] == pytest.approx(found.equity_gain_interval[0] / 60_000 - 1)
    assert "(counted: 206 of 294)" in found.describe()
    assert "it pays with probability" in found.describe()
    again = retention_value(before, after, TERMS, **MONEY, programme_cost=60_000, n_draws=40_000, random_state=0)
    assert again == found


def test_horizon_and_months():
    found = retention_value(ConstantRetention(0.9, "M"), Points(2), replace(TERMS, horizon=12), **MONEY)
    q = 0.9 * 1.1 ** (-1 / 12)
    assert found.value_before == pytest.approx(120 * sum(q**k for k in range(1, 13)))
    with pytest.raises(ValueError, match=r"horizon=1.5"):
        replace(TERMS, horizon=1.5)


def test_draws_beyond_certainty_are_held_at_it():
    change = Points(Uncertain.uniform(0, 15))
    found = retention_value(ConstantRetention(0.9, "Y"), change, TERMS, **MONEY, random_state=0)
    assert found.equity_gain_interval[1] < 120_000 * (10 - 0.9 / 0.2)
    assert re.search(r"In 3\d\.\d% of the draws it would pass 100 %", found.describe())
    with pytest.raises(DataError, match="its value is infinite"):
        retention_value(
            ConstantRetention(0.9, "Y"), change, TERMS, **{**MONEY, "annual_discount_rate": 0}, random_state=0
        )


def test_the_gain_is_an_amount_for_a_ledger():
    before, after = (ConstantRetention.from_counts(k, 294, "Y") for k in (206, 235))
    found = retention_value(before, after, TERMS, **MONEY, random_state=0)
    won = BenefitLedger("CNY").add(
        "2024-01-01", "retention", "kept customers", found.amount(), direct=False, forecast=True
    )
    spent = CostLedger("CNY").add("2024-01-01", "other", "programme", 60_000)
    result = roi(spent, won, ("2024-01-01", "1Y"), observed_until="2024-12-31", random_state=0)
    wanted = [(end - 60_000) / 60_000 for end in found.equity_gain_interval]
    assert result.roi_interval == pytest.approx(wanted, rel=0.05)
    certain = retention_value(ConstantRetention(0.7, "Y"), Points(10), TERMS, **MONEY)
    assert certain.amount() == certain.equity_gain


def raises(kind, match, model=None, change=None, terms=None, **options):
    with pytest.raises(kind, match=match):
        retention_value(
            model or ConstantRetention(0.7, "Y"), change or Points(10), terms or TERMS, **{**MONEY, **options}
        )


def test_refusals():
    raises(
        DataError,
        "70 % to 110 %; it must be at least 0 and stay below 100 %; Percent is a relative change",
        change=Points(40),
    )
    raises(DataError, "Points is the other kind", change=Percent(50))
    raises(DataError, "70 % to -1 %; it must be at least 0", change=Points(-71))
    raises(
        DataError,
        "of a year before and of a month after; measure both over the same period",
        change=ConstantRetention(0.8, "M"),
    )
    raises(TypeError, r"give Points\(10\)", change=0.10)
    raises(ValueError, "write 0.08 for 8 %", annual_discount_rate=10)
    raises(DataError, "the return on a cost of 0", programme_cost=0)
    raises(ValueError, "three letters", currency="yuan")
    raises(ValueError, "n_draws=3", n_draws=3)
    raises(ValueError, "coverage=90", coverage=90)
    raises(TypeError, "not a model of retention", model=0.7)


def test_words_where_nothing_was_worth_anything():
    found = retention_value(ConstantRetention(0.0, "Y"), Points(10), TERMS, **MONEY)
    assert np.isnan(found.relative_gain)
    assert "nan" not in found.describe()


def test_draws_below_zero_are_told():
    change = Points(Uncertain.uniform(-50, -10))
    found = retention_value(ConstantRetention(0.3, "Y"), change, TERMS, **MONEY, random_state=0)
    assert re.search(r"In (49|50|51)\.\d% of the draws it would fall below 0 % and is held there", found.describe())
    assert found.equity_gain_interval[0] == pytest.approx(-found.equity_before)


def test_points_on_a_counted_retention_have_the_interval_of_its_posterior():
    model = ConstantRetention.from_counts(206, 294, "Y")
    found = retention_value(model, Points(10), TERMS, **MONEY, n_draws=40_000, random_state=0)
    r = np.random.default_rng(9).beta(206.5, 88.5, 200_000)
    gain = 120_000 * ((r + 0.1) / (1 - r) - r / (1.1 - r))
    assert found.equity_gain_interval == pytest.approx(np.quantile(gain, [0.05, 0.95]), rel=0.03)


def test_every_fault_of_the_settings_is_named_at_once():
    with pytest.raises(DataError, match="5 faults found") as caught:
        retention_value(
            ConstantRetention(0.7, "Y"), Points(10), TERMS, currency="yuan", annual_discount_rate=10, coverage=90, n_draws=3,
            programme_cost=0,
        )  # fmt: skip
    for fault in ("three letters", "write 0.08 for 8 %", "write 0.9 for 90 %", "n_draws=3", "programme_cost=0"):
        assert fault in str(caught.value)


def test_every_fault_of_the_terms_is_named_at_once():
    with pytest.raises(DataError, match="3 faults found") as caught:
        ConstantTerms(margin_per_period=-1, n_customers=0, horizon=1.5)
    for fault in ("margin_per_period=-1", "n_customers=0", "horizon=1.5"):
        assert fault in str(caught.value)
    with pytest.raises(TypeError, match="margin_per_period"):
        ConstantTerms(n_customers=5)
    with pytest.raises(DataError, match="2 faults found"):
        StageTerms(n_customers=[1], reward=[1], horizon=-1, first_payment="soon")
    with pytest.raises(DataError, match="4 faults found"):
        DropoutTerms([[1, 2, 3]], margin=30, margin_per_transaction=0, unit="fortnight")


def test_terms_of_another_family_are_refused_with_the_right_one():
    by_stage = StageTerms(n_customers=[1], reward=[1])
    with pytest.raises(TypeError, match=r"of a ConstantRetention takes ConstantTerms\(margin_per_period"):
        retention_value(ConstantRetention(0.7, "Y"), Points(10), by_stage, **MONEY)
    with pytest.raises(TypeError, match=r"takes ConstantTerms"):
        retention_value(ConstantRetention(0.7, "Y"), Points(10), {"margin": 3}, **MONEY)


def test_a_result_is_a_frame_a_picture_and_html():
    before, after = (ConstantRetention.from_counts(k, 294, "Y") for k in (206, 235))
    for found in (
        retention_value(before, after, TERMS, **MONEY, programme_cost=60_000, random_state=0),
        retention_value(ConstantRetention(0.7, "Y"), Points(10), TERMS, **MONEY),
    ):
        table = found.to_frame().set_index("quantity")
        assert table.loc["equity_gain", "value"] == pytest.approx(found.equity_gain)
        assert ("roi" in table.index) == (found.roi is not None)
        assert np.isnan(table.loc["equity_gain", "lower"]) == (found.equity_gain_interval is None)
        display = found.plot()
        assert isinstance(display, RetentionValueDisplay)
        assert [bar.get_height() for bar in display.ax_.patches] == [found.equity_before, found.equity_after]
        assert "customers goes from CNY" in found._repr_html_()
