import numpy as np
import pytest

from crmml import DataError
from crmml.stages.models._covariates import read_covariates
from crmml.stages.models._emissions import PoissonEmission
from crmml.stages.models._hidden_data import HiddenData, HiddenParameters, em
from crmml.stages.models._transition_logit import TransitionLogit


def test_blocks_give_the_same_as_one(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (300, 10)).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 4] = 1.0
    z = rng.integers(0, 2, (300, 10, 1)).astype(float)
    logit, emission = TransitionLogit(np.ones((2, 2), dtype=bool), 1), PoissonEmission()
    p = HiddenParameters(
        np.array([0.4, 0.6]),
        np.array([[[0, 0], [0.5, 1]], [[-1, 0.3], [0, 0]]], dtype=float),
        {"rate": np.array([1.0, 3.0]), "beta": np.zeros(0)},
    )
    whole = HiddenData(X, z).e_step(p, emission, logit)
    monkeypatch.setattr("crmml.stages.models._hidden_data.BLOCK", 500)
    parts = HiddenData(X, z).e_step(p, emission, logit)
    assert whole.log_likelihood == pytest.approx(parts.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(whole.moves, parts.moves, rtol=1e-12)
    np.testing.assert_allclose(whole.value_mass, parts.value_mass, rtol=1e-12)
    assert whole.value_mass.sum() == pytest.approx((~np.isnan(X)).sum())


def test_a_step_that_falls_is_an_error():
    class Wrong(PoissonEmission):
        def m_step(self, values, x, weight, p):
            return {"rate": p["rate"] * 3, "beta": p["beta"]}

    data, logit = (
        HiddenData(np.random.default_rng(0).poisson(2.0, (20, 5)).astype(float)),
        TransitionLogit(np.ones((2, 2), dtype=bool), 0),
    )
    p = HiddenParameters(np.array([0.5, 0.5]), np.zeros((2, 2, 1)), {"rate": np.array([1.0, 3.0]), "beta": np.zeros(0)})
    with pytest.raises(ArithmeticError, match="EM lowered the log-likelihood"):
        em(data, Wrong(), logit, p, 10, 1e-10)


def test_covariates_must_fit():
    with pytest.raises(DataError, match=r"'season' has the shape \(3,\); give \(2,\) or \(2, 4\)"):
        read_covariates({"season": np.zeros(3)}, (2, 4))
