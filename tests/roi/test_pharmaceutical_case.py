"""The pharmaceutical case: its indicators reproduced, its return refused, then known under stated assumptions."""

import numpy as np
import pytest

from crmml.amounts import Points, Uncertain
from crmml.evidence import sample_size_for_rates
from crmml.exceptions import MissingInputsError
from crmml.retention import ConstantRetention, ConstantTerms, retention_value
from crmml.roi import CostLedger, price_benefits, roi
from experiments import programme_roi as study


@pytest.fixture(scope="module")
def found():
    return study.completed()


def test_the_indicators_are_reproduced():
    table = study.reported().table.set_index("indicator")
    assert table.loc["satisfaction", ["before", "after"]].tolist() == [75, 88]
    assert table.loc["retention", ["before", "after"]].tolist() == [70, 80]
    assert table.loc["repeat_visits", ["before", "after"]].tolist() == [65, 78]
    assert table.loc["staff_minutes", ["before", "after"]].tolist() == [30, 15]
    said = study.reported().describe()
    assert "Bed turnover rose: +15 %" in said
    assert "Idle equipment fell: -20 %" in said
    assert "interval unknown: sample size missing" in said
    assert sample_size_for_rates(0.70, 0.80) == 294


def test_money_is_refused_with_the_missing_inputs_named():
    with pytest.raises(MissingInputsError) as caught:
        price_benefits(study.case(), {}, start=study.START, years=3, currency="CNY")
    named = {fault.split(":")[0] for fault in caught.value.missing}
    assert named == set(study.ASSUMED)
    assert len(named) == 12


def test_the_return_is_refused_with_the_missing_inputs_named():
    unpriced = price_benefits(study.case(), {}, start=study.START, years=3, currency="CNY", keep_unpriced=True)
    with pytest.raises(MissingInputsError) as caught:
        roi(CostLedger("CNY"), unpriced, (study.START, "3Y"))
    first, *others = caught.value.missing
    assert "costs: the ledger is empty" in first
    assert [fault.split("'")[1] for fault in others] == [formula.label for formula in study.case()]
    with pytest.raises(MissingInputsError) as caught:
        roi(study.assumed_costs(), unpriced, (study.START, "3Y"))
    assert len(caught.value.missing) == 6
    benefits = price_benefits(study.case(), study.ASSUMED, start=study.START, years=3, currency="CNY")
    with pytest.raises(MissingInputsError, match="costs: the ledger is empty"):
        roi(CostLedger("CNY"), benefits, (study.START, "3Y"))


def test_with_assumptions_it_has_an_interval(found):
    lower, upper = found.roi_interval
    assert lower < 0 < found.roi < upper
    assert 0.5 < found.probability_positive < 0.95
    assert found.forecast_gain == pytest.approx(found.gain)
    assert len(found.unpriced) == 2
    assert found.tornado().table["input"].iloc[0] == study.CAUSED
    assert found.direct.roi < found.roi


def test_the_gain_by_hand(found):
    hourly, caused, margin = (40 + 55 + 80) / 3, 0.5, Uncertain.lognormal(400, 1_500).mean
    time = 0.25 * 40 * 250 * hourly
    beds, idle = 0.15 * 3_000 * (100 + 250 + 500) / 3, 0.20 * 6_000 * (20 + 40 + 90) / 3
    r0, r1 = (0.7 * 294 + 0.5) / 295, (0.8 * 294 + 0.5) / 295
    kept = sum(1_200 * margin * (r1**k - r0**k) for k in (1, 2, 3))
    assert found.gain == pytest.approx(caused * (3 * (time + beds + idle) + kept))
    costs = 280_000 + (75_000 + 90_000 + 150_000) / 3 - 90_000 + 640 * hourly + 35 * 3_000 + 35 * 20 * hourly
    assert found.cost == pytest.approx(costs)


def test_the_interval_by_hand(found):
    rng = np.random.default_rng(3)
    n = 100_000
    hourly, caused = rng.triangular(40, 55, 80, n), rng.triangular(0.2, 0.5, 0.8, n)
    sd = np.log(1_500 / 400) / (2 * 1.6448536)
    margin = np.exp(np.log(np.sqrt(400 * 1_500)) + sd * rng.standard_normal(n))
    r0, r1 = rng.beta(0.7 * 294 + 0.5, 0.3 * 294 + 0.5, n), rng.beta(0.8 * 294 + 0.5, 0.2 * 294 + 0.5, n)
    kept = sum(1_200 * margin * (r1**k - r0**k) for k in (1, 2, 3))
    beds, idle = 450 * rng.triangular(100, 250, 500, n), 1_200 * rng.triangular(20, 40, 90, n)
    gain = caused * (3 * (2_500 * hourly + beds + idle) + kept)
    cost = 190_000 + rng.triangular(75_000, 90_000, 150_000, n) + 640 * hourly + 105_000 + 700 * hourly
    draws = gain / cost - 1
    assert found.roi_interval == pytest.approx(np.quantile(draws, [0.05, 0.95]), abs=0.05)
    assert found.probability_positive == pytest.approx((draws > 0).mean(), abs=0.02)


def test_lifetime_value_of_the_case():
    found = retention_value(
        ConstantRetention(0.70, "Y"),
        Points(10),
        ConstantTerms(margin_per_period=1, n_customers=1),
        annual_discount_rate=0.1,
        currency="CNY",
    )
    assert round(100 * found.relative_gain, 1) == 52.4
    assert (round(found.life_before, 2), found.life_after) == (3.33, pytest.approx(5))
