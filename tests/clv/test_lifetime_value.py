import numpy as np
import pandas as pd
import pytest

from crmml import DataError, RulerError
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.frames import collected, wrap
from crmml.ruler import Ruler

from .cdnow import cdnow_split


@pytest.fixture(scope="module")
def value():
    return CustomerLifetimeValue(
        BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", annual_discount_rate=0.1, margin=0.3
    ).fit(cdnow_split())


def test_value_is_margin_times_spend_times_discounted_purchases(value):
    split = cdnow_split()
    purchases = value.transactions_.discounted_expected_transactions(split, 365.25 / 7, 0.1)
    np.testing.assert_allclose(value.predict(split), 0.3 * value.spend_.predict(split) * purchases, rtol=1e-12)
    assert (value.predict(split, 2) > value.predict(split)).all()


def test_the_table_on_every_engine(value, engine):
    split = cdnow_split().head(50)
    table = value.table(engine.frame(split))
    found = collected(wrap(table)).to_pandas().sort_values("customer_id", ignore_index=True)
    expected = value.table(split).sort_values("customer_id", ignore_index=True)
    assert list(found.columns) == ["customer_id", "probability_alive", "expected_purchases", "expected_spend", "clv"]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


def test_describe_says_how_value_is_concentrated(value):
    text = value.describe(cdnow_split())
    assert "Value over the next 1 year, discounted at 10.0% a year, at a margin of 30%" in text
    assert "the top 20 % (471) hold" in text


def test_a_summary_without_ruler_is_in_the_stated_unit():
    bare = pd.DataFrame(cdnow_split().to_dict("list"))
    weeks = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(bare)
    known = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(cdnow_split())
    np.testing.assert_allclose(weeks.predict(bare), known.predict(cdnow_split()), rtol=1e-10)


def test_another_ruler_and_wrong_money_are_refused(value):
    days = cdnow_split().copy()
    days.attrs = Ruler(unit="D").to_metadata()
    with pytest.raises(RulerError):
        value.predict(days)
    with pytest.raises(DataError, match="monetary_value is negative in 1 of 2,357 rows"):
        value.predict(cdnow_split().assign(monetary_value=lambda d: d["monetary_value"].where(d.index != 5, -1.0)))


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"unit": "weeks"}, {"annual_discount_rate": -0.1}, {"margin": 0}])
def test_wrong_settings(wrong):
    arguments = {"horizon": 1, "unit": "Y", **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), **arguments).fit(cdnow_split())


def test_intervals_of_the_value_and_its_parts(value):
    head = cdnow_split().head(60)
    table = value.table(head, coverage=0.8)
    for name in ("probability_alive", "expected_purchases", "expected_spend", "clv"):
        inside = (table[f"{name}_lower"] <= table[name]) & (table[name] <= table[f"{name}_upper"])
        assert inside.mean() > 0.95
    wide = value.predict_interval(head, coverage=0.99)
    assert (wide[:, 0] <= table["clv_lower"]).all()
    assert (wide[:, 1] >= table["clv_upper"]).all()
    counts = value.predict_interval(head, "expected_purchases", kind="outcome")
    assert (counts == counts.round()).all()
    for wrong in ({"of": "clv"}, {"kind": "outcome"}, {"coverage": 0}):
        with pytest.raises(ValueError, match=r"must be|outcome"):
            value.predict_interval(head, **wrong)


def test_the_interval_of_one_value_is_that_of_its_draws(value):
    """Rows computed one by one, from the same draws, without blocks or shared rows."""
    head = cdnow_split()[["frequency", "recency", "T", "monetary_value"]].head(8)
    bounds = value.predict_interval(head, coverage=0.9, n_draws=200)
    alone = np.vstack([value.predict_interval(head.iloc[[i]], coverage=0.9, n_draws=200) for i in range(8)])
    np.testing.assert_allclose(bounds, alone, rtol=1e-4)
