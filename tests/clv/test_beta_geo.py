import numpy as np
import pytest

from crmml.clv import BetaGeoNBD

from .cdnow import cdnow_split

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:X does not have valid feature names"
)


def test_who_never_came_back_counts_as_alive():
    model = BetaGeoNBD().fit(cdnow_split())
    assert (model.probability_alive([[0, 0.0, 1.0], [0, 0.0, 1e6]]) == 1).all()
    assert "counts as alive" in model.describe()


def test_lifetimes_both_ways():
    from lifetimes import BetaGeoFitter

    split = cdnow_split()
    x, t_x, T = (split[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    fitter = BetaGeoFitter().fit(x, t_x, T)
    model = BetaGeoNBD.from_lifetimes(fitter)
    assert list(model.params_.values()) == pytest.approx(fitter.params_.tolist(), rel=1e-15)
    theirs = fitter.conditional_expected_number_of_purchases_up_to_time(39, x, t_x, T)
    np.testing.assert_allclose(model.predict(split, 39), theirs, rtol=1e-8)
    np.testing.assert_allclose(
        model.probability_alive(split), fitter.conditional_probability_alive(x, t_x, T), rtol=1e-10
    )
    back = BetaGeoNBD().fit(split).to_lifetimes()
    np.testing.assert_allclose(back.predict(39, x, t_x, T), BetaGeoNBD().fit(split).predict(split, 39), rtol=1e-8)
    with pytest.raises(TypeError, match="takes a lifetimes BetaGeoFitter, not a str"):
        BetaGeoNBD.from_lifetimes("fitter")
    with pytest.raises(ValueError, match="is not fitted"):
        BetaGeoNBD.from_lifetimes(BetaGeoFitter())


def test_the_trap_of_the_closed_form():
    """r .11, α 2.24, a .31, b .50, x 0, T 1: the closed form in logs gives NaN where a < 1."""
    model = BetaGeoNBD().set_fitted_params(r=0.11, alpha=2.24, a=0.31, b=0.50)
    assert model.predict([[0, 0.0, 1.0]], 30.0)[0] == pytest.approx(0.56459, abs=5e-6)


@pytest.mark.parametrize("a", [1.0, 1.0 + 1e-9, 1.0 - 1e-9])
def test_nothing_happens_at_a_equal_to_one(a):
    model = BetaGeoNBD().set_fitted_params(r=0.5, alpha=5.0, a=a, b=2.0)
    around = [
        BetaGeoNBD().set_fitted_params(r=0.5, alpha=5.0, a=v, b=2.0).predict([[2, 5.0, 9.0]], 20.0)[0]
        for v in (0.99, 1.01)
    ]
    assert model.predict([[2, 5.0, 9.0]], 20.0)[0] == pytest.approx(np.mean(around), rel=1e-4)
