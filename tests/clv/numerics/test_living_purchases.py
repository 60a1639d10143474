import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.clv import BetaGeoNBD, GompertzNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmml.clv.numerics import beta_geometric
from crmml.clv.numerics.beta_mixture import mean_purchases
from crmml.clv.numerics.living_purchases import COARSE, FINE, by_count, of_each
from crmml.clv.numerics.rows import Rows
from crmml.inference import discounted_integral

CDNOW = (0.2426, 4.4136, 0.7929, 2.4259)
WEEKLY = np.log(1.1) / (365.25 / 7)


def by_time(x, T, theta, horizon, delta, n_nodes=200):
    """Integration by parts over the undiscounted expectation, which has tests of its own."""
    r, alpha, a, b = theta
    scale = float(np.median(T))
    return discounted_integral(
        lambda t: mean_purchases(r + x, t / (alpha + T), a, b + x), horizon, delta, scale, n_nodes
    )


def integral(nu, length, a, b, horizon, delta):
    """The rate of purchase is ν/A 2F1(ν + 1, a; a + b; −t/A), discounted and integrated to 30 digits."""
    with mpmath.workdps(30):
        end = min(horizon, 80 / delta)
        ends = [0, *(mpmath.mpf(end) * mpmath.mpf(10) ** k for k in range(-7, 1))]
        return float(
            mpmath.quad(
                lambda t: mpmath.exp(-delta * t) * nu / length * mpmath.hyp2f1(nu + 1, a, a + b, -t / length), ends
            )
        )


@pytest.mark.parametrize(
    ("nu", "length", "a", "b", "horizon", "delta"),
    [
        (0.24, 40.0, 0.79, 2.4, 52.0, WEEKLY),
        (0.24, 40.0, 0.79, 2.4, np.inf, WEEKLY),
        (248.0, 16.0, 4.15, 247.5, 265.0, 0.0138),  # shapes of a few, where trapezoidal rules are slowest
        (3.2, 5.0, 1.0, 3.0, np.inf, 1e-5),  # a = 1, where the closed forms divide by zero
        (1e-4, 100.0, 1e-3, 50.0, 1e-6, 0.5),
        (30.0, 1e-2, 20.0, 0.05, 1e4, 1e-3),
    ],
)
def test_it_is_the_integral(nu, length, a, b, horizon, delta):
    expected = integral(nu, length, a, b, horizon, delta)
    assert float(of_each(nu, length, a, b, horizon, delta, FINE)) == pytest.approx(expected, rel=1e-7)
    assert float(of_each(nu, length, a, b, horizon, delta, COARSE)) == pytest.approx(expected, rel=1e-4)


def customers(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return np.minimum(rng.geometric(0.3, n) - 1, 60).astype(float), rng.uniform(1, 80, n).round(1)


@pytest.mark.parametrize("horizon", [1e-6, 3.0, 52.0, 520.0, np.inf])
@pytest.mark.parametrize("delta", [WEEKLY, 0.3])
def test_points_shared_by_equal_counts_and_interpolation_keep_the_digits(horizon, delta):
    x, T = customers()
    expected = by_time(x, T, CDNOW, horizon, delta)
    np.testing.assert_allclose(by_count(x, T, CDNOW, x, horizon, delta, FINE), expected, rtol=1e-6)
    np.testing.assert_allclose(by_count(x, T, CDNOW, x, horizon, delta, COARSE), expected, rtol=1e-4)


def test_draws_and_parameters_of_every_row_are_what_one_set_after_the_other_gives():
    x, T = customers(60)
    draws = [value * np.exp(0.3 * np.random.default_rng(1).normal(size=(7, 1))) for value in CDNOW]
    apart = np.vstack([by_count(x, T, [value[i, 0] for value in draws], x, 52.0, WEEKLY, FINE) for i in range(7)])
    np.testing.assert_allclose(by_count(x, T, draws, x, 52.0, WEEKLY, COARSE), apart, rtol=1e-4)
    wide = [np.broadcast_to(value, (7, 60)) for value in draws]
    np.testing.assert_allclose(by_count(x, T, wide, x, 52.0, WEEKLY, FINE), apart, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    logs=st.tuples(*[st.floats(-6, 6)] * 4),
    x=st.integers(0, 300),
    T=st.floats(1e-2, 1e4),
    horizon=st.one_of(st.floats(1e-3, 1e5), st.just(np.inf)),
    log_delta=st.floats(-12, 2),
)
def test_any_legal_parameters(logs, x, T, horizon, log_delta):
    theta, delta = np.exp(logs), float(np.exp(log_delta))
    rows = np.array([float(x)]), np.array([T])
    found = by_count(*rows, theta, rows[0], horizon, delta, FINE)
    assert (found >= 0).all()
    np.testing.assert_allclose(found, by_time(*rows, theta, horizon, delta), rtol=1e-6)


def test_extremes_give_numbers():
    for theta in ([1e-300, 1e300, 1.0, 1.0], [1e6, 1e-6, 1e6, 1e-6], [1e-6, 1e6, 1e-6, 1e6], [1e8, 1e8, 1e8, 1e8]):
        for horizon in (0.0, 1e-300, 1e10, np.inf):
            found = by_count(np.array([0.0, 0, 1e5]), np.array([0.0, 1e6, 1e3]), theta, np.zeros(3), horizon, 0.1, FINE)
            assert np.isfinite(found).all()
            assert (found >= 0).all()
    assert by_count(np.empty(0), np.empty(0), CDNOW, np.empty(0), 52.0, 0.1, FINE).size == 0


def test_dropout_scaled_by_a_factor_moves_the_mean_and_nothing_else():
    x, T = customers(50)
    r, alpha, a, b = CDNOW
    both = a + b + x
    expected = of_each(r + x, alpha + T, a * 0.5, both - a * 0.5, 52.0, WEEKLY, FINE)
    found = beta_geometric.discounted_given_alive(x, T, CDNOW, 52.0, WEEKLY, factor=0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("model", [BetaGeoNBD, ModifiedBetaGeoNBD])
def test_discounted_and_undiscounted_expectations_meet(model):
    fitted = model().set_fitted_params(**dict(zip(("r", "alpha", "a", "b"), CDNOW, strict=True)))
    X = np.array([[2, 30.4, 38.9], [0, 0.0, 38.9], [25, 20.0, 38.0]])
    exact = fitted.discounted_expected_transactions(X, 52.0)
    np.testing.assert_allclose(fitted.discounted_expected_transactions(X, 52.0, 1e-9, unit="W"), exact, rtol=1e-7)


@pytest.mark.parametrize(
    ("model", "theta"),
    [
        (BetaGeoNBD, CDNOW),
        (ModifiedBetaGeoNBD, CDNOW),
        (ParetoNBD, (0.55, 10.6, 0.61, 11.7)),
        (GompertzNBD, (0.55, 10.6, 0.05, 0.6, 1.3)),
    ],
)
def test_simulated_counts_are_distributed_as_the_model_says(model, theta):
    rows = Rows(np.array([0.0, 2.0, 9.0]), np.array([0.0, 30.0, 12.0]), np.full(3, 38.9))
    options = {"modified": True} if model is ModifiedBetaGeoNBD else {}
    draws = [np.full((20_000, 1), value) for value in theta]
    counts = model.numerics.future_counts(rows, 39.0, draws, np.random.default_rng(0), **options)
    assert counts.shape == (20_000, 3)
    proba = np.exp(model.numerics.conditional_count_log_proba(rows, 39.0, theta, 4, **options))
    seen = np.stack([(counts == j).mean(axis=0) for j in range(5)], axis=1)
    np.testing.assert_allclose(seen, proba, atol=4 * 0.5 / np.sqrt(20_000))
    quick = model.numerics.future_counts(rows, 39.0, draws, np.random.default_rng(0), pace=0.0, **options)
    assert not quick.any()
