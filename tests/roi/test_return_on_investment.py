import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.amounts import ConversionRates, Uncertain
from crmml.exceptions import MissingInputsError
from crmml.roi import BenefitLedger, CostLedger, roi

YEAR = ("2024-01-01", "1Y")


def costs(amount=100_000.0, day="2024-01-01"):
    return CostLedger("USD").add(day, "implementation", "CRM", amount)


def benefits(amount=871_000.0, day="2024-07-01", **options):
    return BenefitLedger("USD").add(day, "margin", "sales", amount, **{"direct": True, **options})


def plan():
    monthly = {"every": "M", "times": 36}
    return (
        costs(120_000).add("2024-02-01", "maintenance", "support", 1_000, every="M", times=35),
        BenefitLedger("USD")
        .add("2024-01-31", "staff time", "paperwork", Uncertain.triangular(2_000, 4_000, 7_000), direct=True, **monthly)
        .add("2024-01-31", "retention", "kept", Uncertain.lognormal(500, 4_000), direct=False, **monthly)
        .add("2024-01-31", "satisfaction", "75 to 88 %", direct=False),
    )


def test_gross_multiple_is_no_return():
    found = roi(costs(), benefits(), YEAR, observed_until="2024-12-31")
    assert found.gross_multiple == pytest.approx(8.71)
    assert found.roi == pytest.approx(7.71)
    assert found.roi_interval is found.npv_interval is found.probability_positive is None
    assert "USD 8.71 came back gross, a return on investment of 771 %" in found.describe()
    assert "No uncertainty was stated, so there is no interval" in found.describe()


def test_present_value_and_payback_by_hand():
    found = roi(costs(1_000), benefits(1_200, "2024-12-31"), YEAR, 0.10)
    days = (pd.Timestamp("2024-12-31") - pd.Timestamp("2024-01-01")).days
    assert found.npv == pytest.approx(1_200 * 1.1 ** (-days / 365.25) - 1_000, rel=1e-12)
    assert found.payback.date == pd.Timestamp("2024-12-31")
    assert found.payback.days == 365
    late = roi(costs(1_000), benefits(1_080, "2024-12-31"), YEAR, 0.10)
    assert late.payback.date == pd.Timestamp("2024-12-31")
    assert late.discounted_payback.date is None
    assert "by its end benefits come to 982, costs to 1,000" in late.discounted_payback.reason
    assert "With discounting, it is not expected to pay for itself within the window" in late.describe()


def test_payback_that_later_costs_undo():
    ledger = costs(100).add("2024-10-01", "servers", "new", 500)
    found = roi(ledger, benefits(300), YEAR, observed_until="2024-12-31")
    assert found.payback.date == pd.Timestamp("2024-07-01")
    assert not found.payback.holds
    assert "later costs take it below again" in found.payback.describe()


def test_by_horizon_and_direct_only():
    found = roi(*plan(), ("2024-01-01", "2Y"), random_state=0)
    assert found.by_horizon["3 years"] is None
    half = found.by_horizon["6 months"]
    assert half.cost == 120_000 + 5_000
    mean = (2_000 + 4_000 + 7_000) / 3
    assert found.direct_by_horizon["6 months"].gain == pytest.approx(6 * mean)
    assert found.direct.gain == pytest.approx(24 * mean)
    assert found.direct.roi < found.roi
    assert found.unpriced == ("75 to 88 %",)
    assert "In no figure, for want of a price: 75 to 88 %" in found.describe()
    table = found.table
    assert len(table) == 8
    assert table.loc[table["horizon"] == "3 years", "roi"].isna().all()
    indirect = roi(costs(10), benefits(20, direct=False), YEAR, observed_until="2024-12-31")
    assert indirect.direct is None
    assert "No direct benefit has a price" in indirect.describe()


def test_intervals_are_those_of_a_simulation():
    found = roi(*plan(), ("2024-01-01", "3Y"), 0.08, n_draws=20_000, random_state=0)
    rng = np.random.default_rng(5)
    first = rng.triangular(2_000, 4_000, 7_000, 200_000)
    sd = np.log(4_000 / 500) / (2 * 1.6448536)
    second = np.exp(np.log(np.sqrt(500 * 4_000)) + sd * rng.standard_normal(200_000))
    draws = 36 * (first + second) / 155_000 - 1
    assert found.roi == pytest.approx(draws.mean(), rel=0.01)
    assert found.roi_interval == pytest.approx(np.quantile(draws, [0.05, 0.95]), rel=0.04)
    assert found.probability_positive == pytest.approx((draws > 0).mean(), abs=0.01)
    assert found.npv_interval[0] < found.npv < found.npv_interval[1]
    assert found.payback.probability == pytest.approx(found.probability_positive)
    assert found.payback.interval[0] < found.payback.date
    again = roi(*plan(), ("2024-01-01", "3Y"), 0.08, n_draws=20_000, random_state=0)
    assert again.total == found.total
    assert pickle.loads(pickle.dumps(found)).total == found.total


def test_shared_unknowns_move_together():
    rate = Uncertain.uniform(50, 150, name="hourly rate")
    spent = CostLedger("USD").add("2024-01-01", "staff", "admin", hours=10, hourly_rate=rate)
    won = BenefitLedger("USD").add("2024-06-01", "staff time", "saved", hours=20, hourly_rate=rate, direct=True)
    found = roi(spent, won, YEAR, observed_until="2024-12-31", random_state=0)
    assert found.roi_interval == pytest.approx((1.0, 1.0))
    assert found.uncertain == ("hourly rate",)


def test_forecasts_are_marked():
    spent = costs(1_000)
    seen = BenefitLedger("USD").add("2024-01-31", "margin", "sales", 100, direct=True, every="M", times=6)
    ahead = seen.add("2024-07-31", "margin", "sales", 100, direct=True, every="M", times=6, forecast=True)
    with pytest.raises(
        MissingInputsError, match="benefits from 2024-07-31 to 2024-12-31: the window is longer than the data"
    ):
        roi(spent, seen, YEAR)
    found = roi(spent, ahead, YEAR, observed_until="2024-06-30")
    assert found.forecast_gain == 600
    assert "50% of the gain is forecast, not observed" in found.describe()
    assert found.known_until >= pd.Timestamp("2024-12-31")
    with pytest.raises(MissingInputsError, match="without being marked as assumed"):
        roi(spent, ahead, YEAR, observed_until="2024-03-31")
    assert roi(spent, seen, YEAR, observed_until="2024-12-31").gain == 600


def missing(*arguments, **options):
    with pytest.raises(MissingInputsError) as caught:
        roi(*arguments, **options)
    return caught.value.missing


def test_what_is_missing_is_listed():
    unpriced = BenefitLedger("USD").add("2024-02-01", "satisfaction", "75 to 88 %", direct=False)
    faults = missing(CostLedger("USD"), unpriced, YEAR)
    assert len(faults) == 2
    assert "costs: the ledger is empty" in faults[0]
    assert "satisfaction '75 to 88 %'" in faults[1]
    assert missing(CostLedger(), BenefitLedger(), YEAR)[1] == "benefits: the ledger is empty"
    assert "costs above 0" in missing(costs(0.0), benefits(), YEAR, observed_until="2024-12-31")[0]
    assert "a benefit with a price between" in missing(costs(), benefits(day="2025-02-01"), YEAR)[0]
    open_cost = costs().add("2024-03-01", "staff", "administration")
    assert missing(open_cost, benefits(), YEAR, observed_until="2024-12-31") == (
        "the price of the staff 'administration' of 2024-03-01 (cost)",
    )


def test_benefits_before_costs_and_costs_before_the_window():
    (fault,) = missing(costs(day="2024-03-01"), benefits(day="2024-02-01"), YEAR, observed_until="2024-12-31")
    assert "1 benefit(s) before the first cost on 2024-03-01" in fault
    (fault,) = missing(costs(day="2023-12-01"), benefits(), YEAR, observed_until="2024-12-31")
    assert "start the window at 2023-12-01 or earlier" in fault


def test_mixed_currencies():
    euros = BenefitLedger("EUR").add("2024-07-01", "margin", "sales", 50_000, direct=True)
    (fault,) = missing(costs(), euros, YEAR, observed_until="2024-12-31")
    assert "USD in the ledger of costs, EUR in the ledger of benefits" in fault
    rates = ConversionRates("CNY", "2024-01-02", {"USD": 7.0, "EUR": 8.0})
    found = roi(costs(), euros, YEAR, observed_until="2024-12-31", rates=rates)
    assert (found.currency, found.cost, found.gain) == ("CNY", 700_000, 400_000)
    (fault,) = missing(costs(), euros, YEAR, observed_until="2024-12-31", rates=ConversionRates("USD", "2024-01-02"))
    assert "the rate from EUR to USD is missing" in fault


def test_wrong_arguments():
    both = costs(), benefits()
    with pytest.raises(ValueError, match=r"write 0.08 for 8 %"):
        roi(*both, YEAR, 8)
    with pytest.raises(ValueError, match="coverage=90"):
        roi(*both, YEAR, coverage=90)
    with pytest.raises(ValueError, match="n_draws=10"):
        roi(*both, YEAR, n_draws=10)
    with pytest.raises(ValueError, match="observed_until='soon'"):
        roi(*both, YEAR, observed_until="soon")
    with pytest.raises(TypeError, match="a CostLedger and a BenefitLedger"):
        roi(both[1], both[0], YEAR)
    with pytest.raises(ValueError, match="no unknown to move"):
        roi(*both, YEAR, observed_until="2024-12-31").tornado()


def test_cash_flow_and_kinds():
    found = roi(*plan(), ("2024-01-01", "3Y"), random_state=0)
    flow = found.cash_flow()
    assert flow["net"].iloc[-1] == pytest.approx(found.gain - found.cost)
    assert (flow["net_lower"] <= flow["net_upper"]).all()
    kinds = found.by_kind()
    assert kinds["amount"].sum() == pytest.approx(found.gain - found.cost)
    assert kinds["group"].tolist() == ["cost", "cost", "direct", "indirect"]
    discounted = roi(*plan(), ("2024-01-01", "3Y"), 0.05, random_state=0)
    assert discounted.cash_flow(discounted=True)["net"].iloc[-1] == pytest.approx(discounted.npv)


money = st.floats(1, 1e6)
months = st.integers(0, 11)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(months, money), min_size=1, max_size=6),
    st.lists(st.tuples(months, money), min_size=1, max_size=6),
    st.floats(0, 1),
)
def test_identities(spent, won, rate):
    cost, gain = CostLedger("CNY").add("2024-01-01", "other", "start", 1.0), BenefitLedger("CNY")
    for k, (month, amount) in enumerate(spent):
        cost = cost.add(f"2024-{month + 1:02}-05", "other", f"cost {k}", amount)
    for k, (month, amount) in enumerate(won):
        gain = gain.add(f"2024-{month + 1:02}-15", "margin", f"gain {k}", amount, direct=bool(k % 2))
    found = roi(cost, gain, YEAR, rate, observed_until="2024-12-31")
    assert found.gross_multiple == pytest.approx(1 + found.roi)
    assert found.roi == pytest.approx((found.gain - found.cost) / found.cost)
    assert found.cost == pytest.approx(cost.total(YEAR).amount)
    assert found.gain == pytest.approx(gain.total(YEAR).amount)
    assert found.gain == pytest.approx(gain.total(YEAR, direct=True).amount + gain.total(YEAR, direct=False).amount)
    flat = roi(cost, gain, YEAR, observed_until="2024-12-31")
    assert flat.npv == pytest.approx(found.gain - found.cost, abs=1e-6)
    assert flat.discounted_payback == flat.payback
    assert (flat.payback.date is not None) >= (flat.roi >= 0)
    assert found.currency == "CNY"


def test_a_frame_is_told_how_to_become_a_ledger():
    frame = pd.DataFrame({"date": ["2024-01-01"], "kind": ["other"], "label": ["x"], "amount": [5.0]})
    with pytest.raises(TypeError, match=r"CostLedger.from_table\(frame, currency=...\)"):
        roi(frame, BenefitLedger("CNY"), YEAR)


def test_payback_that_is_lost_and_won_again():
    ledger = costs(100).add("2024-10-01", "servers", "new", 500)
    won = benefits(300).add("2024-11-15", "margin", "more", 400, direct=True)
    found = roi(ledger, won, YEAR, observed_until="2024-12-31")
    assert (found.payback.date, found.payback.lasting) == (pd.Timestamp("2024-07-01"), pd.Timestamp("2024-11-15"))
    assert not found.payback.holds
    assert "though later costs take it below again until 2024-11-15." in found.describe()
    alone = roi(costs(100), won, YEAR, observed_until="2024-12-31").payback
    assert alone.holds
    assert alone.lasting == alone.date


def test_costs_that_fall_after_the_window():
    later = CostLedger("USD").add("2026-01-01", "staff", "administration")
    for ledger in (later, later.add("2024-01-01", "other", "free", 0)):
        (fault,) = missing(ledger, benefits(), YEAR, observed_until="2024-12-31")
        assert "costs above 0 between 2024-01-01 and 2025-01-01" in fault


def test_a_horizon_without_cost_in_some_draws():
    spent = CostLedger("USD").add("2024-01-01", "other", "may be free", Uncertain.empirical([0, 0, 100]))
    found = roi(
        spent.add("2024-09-01", "staff", "s", 50), benefits(80, "2024-02-01"), YEAR, observed_until="2024-12-31"
    )
    assert found.by_horizon["6 months"] is None
    assert np.isfinite(found.by_horizon["1 year"].roi_interval).all()


def test_amounts_beyond_what_can_be_computed():
    for ledger in (costs(5e-324), costs(1.7e308).add("2024-01-01", "other", "as much", 1.7e308)):
        (fault,) = missing(ledger, benefits(), YEAR, observed_until="2024-12-31")
        assert "beyond what can be computed" in fault


def test_days_and_rates_of_another_kind():
    with pytest.raises(TypeError, match="must be ConversionRates"):
        roi(costs(), benefits(), YEAR, rates={"USD": 7})
    for day, message in (
        (2024, "a number, not a day"),
        (pd.NaT, "is not a day"),
        (pd.Timestamp("2024-12-31", tz="UTC"), "time zone"),
    ):
        with pytest.raises(ValueError, match=f"observed_until=.*{message}"):
            roi(costs(), benefits(), YEAR, observed_until=day)


def test_present_value_of_recurring_payments_by_hand():
    spent = costs(1_000, "2024-01-31").add("2024-02-29", "maintenance", "leap", 10, every="Y", until="2028-02-29")
    won = BenefitLedger("USD").add("2024-01-31", "margin", "month ends", 100, direct=True, every="M", times=38)
    found = roi(spent, won, ("2024-01-31", "3Y"), 0.12, observed_until="2027-01-30")
    ends = [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
        "2024-06-30",
        "2024-07-31",
        "2024-08-31",
    ]
    ends += ["2024-09-30", "2024-10-31", "2024-11-30", "2024-12-31"]
    ends += [pd.Timestamp(year, month, 1) + pd.offsets.MonthEnd() for year in (2025, 2026) for month in range(1, 13)]
    flows = [(day, 100) for day in ends] + [
        ("2024-01-31", -1_000),
        ("2024-02-29", -10),
        ("2025-02-28", -10),
        ("2026-02-28", -10),
    ]
    worth = sum(sum_ * 1.12 ** (-(pd.Timestamp(day) - pd.Timestamp("2024-01-31")).days / 365.25) for day, sum_ in flows)
    assert found.npv == pytest.approx(worth, rel=1e-12)
    assert (found.cost, found.gain) == (1_030, 3_600)


def test_recurring_costs_that_end_early_are_told():
    won = benefits(day="2024-02-01")
    for until, told in (("2024-06-01", True), ("2024-12-01", False)):
        spent = costs().add("2024-02-01", "subscription", "seats", 100, every="M", until=until)
        said = roi(spent, won, YEAR, observed_until="2024-12-31").describe()
        assert ("Recurring costs are entered to 2024-06-30; none is counted after that day." in said) is told
    assert "Recurring" not in roi(costs(), won, YEAR, observed_until="2024-12-31").describe()


def test_a_return_on_investment_is_a_frame_a_picture_and_html():
    found = roi(*plan(), ("2024-01-01", "3Y"), random_state=0)
    pd.testing.assert_frame_equal(found.to_frame(), found.table)
    assert found.plot().currency == "USD"
    assert found.tornado().plot().tornado.of == "roi"
    assert list(found.tornado().to_frame()) == ["input", "lower", "upper", "at_lower", "at_upper", "swing"]
    assert "the programme costs USD" in found._repr_html_()


def test_every_fault_of_the_arguments_is_named_at_once():
    with pytest.raises(DataError, match="5 faults found") as caught:
        roi(costs(), benefits(), ("2024-01-01", "0M"), 8, coverage=90, n_draws=10, observed_until="soon")
    for fault in ("window=", "write 0.08 for 8 %", "write 0.9 for 90 %", "n_draws=10", "observed_until='soon'"):
        assert fault in str(caught.value)
