import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError, Ruler
from crmml.checks import DAYS_PER_UNIT
from crmml.datasets import make_transactions


class EvenBuyer:
    """Buys at 0, 1, 2, ... units after the first purchase, as long as it is observed."""

    def __init__(self, unit=None):
        self.ruler_ = Ruler(unit=unit)

    def simulate(self, n, T, random_state):
        T = np.broadcast_to(T, n)
        rows = [(i, float(k)) for i in range(n) for k in range(int(T[i]) + 1)]
        return pd.DataFrame(rows, columns=["customer_id", "time"])


class PoissonBuyer:
    ruler_ = Ruler(unit="W")

    def simulate(self, n, T, random_state):
        rng = np.random.default_rng(random_state)
        count = rng.poisson(np.broadcast_to(T, n) * 0.5)
        customer = np.repeat(np.arange(n), count)
        time = rng.uniform(0, T if np.ndim(T) == 0 else np.asarray(T)[customer], customer.size)
        frame = {"customer_id": np.concatenate([customer, np.arange(n)]), "time": np.concatenate([time, np.zeros(n)])}
        return pd.DataFrame(frame)


class CountedSpend:
    """The amount says which customer and which of its transactions it belongs to."""

    def simulate(self, counts, random_state):
        customer = np.repeat(np.arange(len(counts)), counts)
        rank = np.arange(customer.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return 1000.0 * customer + rank


def test_everybody_is_observed_up_to_one_instant():
    log = make_transactions(EvenBuyer("W"), n_customers=2, T=[1, 3], start="2024-01-01")
    assert list(log) == ["customer_id", "timestamp"]
    assert log["customer_id"].tolist() == [0, 0, 1, 1, 1, 1]
    assert log["timestamp"].dt.day.tolist() == [15, 22, 1, 8, 15, 22]


@pytest.mark.parametrize("unit", list(DAYS_PER_UNIT))
def test_units_have_their_length(unit):
    log = make_transactions(EvenBuyer(), n_customers=1, T=2, unit=unit)
    steps = log["timestamp"].diff().dropna().dt.total_seconds()
    np.testing.assert_allclose(steps, DAYS_PER_UNIT[unit] * 86_400, rtol=0, atol=1e-6)


def test_amounts_follow_the_transactions():
    log = make_transactions(EvenBuyer("D"), n_customers=3, T=2, spend=CountedSpend())
    assert log["value"].tolist() == [0, 1, 2, 1000, 1001, 1002, 2000, 2001, 2002]


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.floats(0.01, 200), min_size=1, max_size=20),
    seed=st.integers(0, 2**32 - 1),
    unit=st.sampled_from(list(DAYS_PER_UNIT)),
)
def test_first_purchase_last_instant_and_order(lengths, seed, unit):
    model = PoissonBuyer()
    model.ruler_ = Ruler(unit=unit)
    log = make_transactions(model, n_customers=len(lengths), T=lengths, random_state=seed)
    length = pd.to_timedelta(np.array(lengths) * DAYS_PER_UNIT[unit] * 86_400, unit="s")
    end = pd.Timestamp("2024-01-01") + length.max()
    per_customer = log.groupby("customer_id")["timestamp"]
    assert per_customer.ngroups == len(lengths)
    assert abs(per_customer.min().to_numpy() - (end - length).to_numpy()).max() <= np.timedelta64(2, "us")
    assert log["timestamp"].max() <= end + pd.Timedelta(1, "us")
    assert (per_customer.diff().dropna() >= pd.Timedelta(0)).all()
    assert log["customer_id"].is_monotonic_increasing


@pytest.mark.parametrize("make", [lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)])
def test_same_seed_same_log_with_and_without_amounts(make):
    arguments = {"n_customers": 50, "T": 30.0}
    once = make_transactions(PoissonBuyer(), **arguments, random_state=make())
    again = make_transactions(PoissonBuyer(), **arguments, random_state=make(), spend=CountedSpend())
    pd.testing.assert_frame_equal(once, again[["customer_id", "timestamp"]])
    other = make_transactions(PoissonBuyer(), **arguments, random_state=8)
    assert len(other) != len(once) or not other["timestamp"].equals(once["timestamp"])


def test_every_wrong_argument_is_listed_at_once():
    with pytest.raises(DataError) as caught:
        make_transactions(EvenBuyer(), n_customers=0, T=[1.0, -1.0, np.nan], start="yesterday-ish")
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    for part in ("n_customers=0", "2 of 3 values", "states no unit", "start='yesterday-ish'"):
        assert part in text


def test_a_length_for_each_customer_and_one_unit():
    with pytest.raises(DataError, match="one for each of the 3 customers"):
        make_transactions(EvenBuyer("D"), n_customers=3, T=[1.0, 2.0])
    with pytest.raises(DataError, match="fitted in 'W'"):
        make_transactions(EvenBuyer("W"), n_customers=3, T=1.0, unit="D")
    with pytest.raises(DataError, match="without time zone"):
        make_transactions(EvenBuyer("D"), n_customers=3, T=1.0, start="2024-01-01T00:00:00Z")
    with pytest.raises(ValueError, match=r"'W' \(weeks\)"):
        make_transactions(EvenBuyer(), n_customers=3, T=1.0, unit="fortnight")


def test_a_fitted_model_and_its_spend():
    from crmml.clv import BetaGeoNBD, GammaGamma

    model = BetaGeoNBD().set_fitted_params(ruler=Ruler(unit="W"), r=0.25, alpha=4.5, a=0.8, b=2.5)
    spend = GammaGamma().set_fitted_params(p=6.0, q=4.0, gamma=15.0)
    log = make_transactions(model, n_customers=20_000, T=52.0, random_state=1, spend=spend)
    repeats = len(log) / 20_000 - 1
    counts = log.groupby("customer_id").size() - 1
    assert repeats == pytest.approx(float(model.expected_purchases(52.0)), abs=4 * counts.std() / np.sqrt(20_000))
    means = log.groupby("customer_id")["value"].mean()
    assert means.mean() == pytest.approx(spend.mean_spend_, abs=4 * means.std() / np.sqrt(20_000))
