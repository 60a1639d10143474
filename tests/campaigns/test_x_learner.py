import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from crmml import DataError
from crmml.campaigns import TLearner, XLearner
from crmml.datasets import make_campaign

FEATURES = ["recency", "orders", "newsletter"]


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_each_step_by_hand(outcome):
    data = make_campaign(900, propensity=0.3, effect=0.1, outcome=outcome, random_state=0)
    X, y, w = data[FEATURES].to_numpy(float), data["outcome"].to_numpy(float), data["treatment"].to_numpy()
    base = LogisticRegression(max_iter=1000) if outcome == "binary" else LinearRegression()
    mean = [
        (lambda m: (lambda x: m.predict_proba(x)[:, 1]) if outcome == "binary" else m.predict)(
            type(base)(**base.get_params()).fit(X[w == k], y[w == k])
        )
        for k in (0, 1)
    ]
    tau1 = LinearRegression().fit(X[w == 1], y[w == 1] - mean[0](X[w == 1]))
    tau0 = LinearRegression().fit(X[w == 0], mean[1](X[w == 0]) - y[w == 0])
    wanted = 0.3 * tau0.predict(X) + 0.7 * tau1.predict(X)
    model = XLearner(base, LinearRegression(), random_state=0).fit(X, y, treatment=w, propensity=0.3)
    np.testing.assert_allclose(model.predict(X), wanted, atol=1e-10)


def test_several_arms_each_against_control():
    data = make_campaign(1500, arms=2, propensity=[0.2, 0.5], effect=0.1, random_state=0)
    X, y, arm = data[FEATURES], data["outcome"], data["treatment"]
    model = XLearner(LinearRegression(), LinearRegression(), random_state=0)
    both = model.fit(X, y, treatment=arm, propensity={1: 0.2, 2: 0.5}).predict(X)
    for k, e in ((1, 0.2 / 0.5), (2, 0.5 / 0.8)):
        rows = arm.isin([0, k])
        alone = XLearner(LinearRegression(), LinearRegression(), random_state=0)
        alone.fit(X[rows], y[rows], treatment=arm[rows], propensity=e)
        np.testing.assert_allclose(both[:, k - 1], alone.predict(X), atol=1e-10)


def test_propensities_row_by_row_and_estimated():
    def chance(X):
        return 0.15 + 0.6 * X["newsletter"].to_numpy()

    kinds = {"effect": 0.1, "baseline": 0.3, "propensity": chance}
    data = make_campaign(20_000, random_state=0, **kinds)
    new, truth = make_campaign(5000, random_state=1, return_truth=True, **kinds)
    given = data[FEATURES], data["outcome"]
    known = XLearner(random_state=0).fit(*given, treatment=data["treatment"], propensity=chance(data))
    assert known.propensity_source_ == "known"
    assert known.n_clipped_ == 0
    unknown = XLearner(random_state=0).fit(*given, treatment=data["treatment"])
    assert unknown.propensity_source_ == "estimated"
    for model in (known, unknown):
        assert np.corrcoef(model.predict(new), truth)[0, 1] > 0.85
        assert model.average_effect_[0, 0] == pytest.approx(0.1, abs=4 * model.average_effect_[0, 1])
        np.testing.assert_allclose(model._propensity_of(new)[:, 1], chance(new), atol=0.03)
    assert "Propensities were estimated" in unknown.describe()
    # the newsletter's readers buy no more at the baseline here, but gain more: raw means are off
    raw = TLearner(random_state=0).fit(*given, treatment=data["treatment"]).average_effect_[0, 0]
    assert raw - 0.1 > 0.01


def test_better_than_two_models_where_few_were_treated():
    """Simple effects on outcomes that take trees: what two models differ by is mostly noise of the few."""
    kinds = {"effect": 0.05, "baseline": 0.3, "propensity": 0.05}
    trees = HistGradientBoostingRegressor(max_iter=50, random_state=0)
    learners = {"T": TLearner(trees, random_state=0), "X": XLearner(trees, Ridge(), random_state=0)}
    error = dict.fromkeys(learners, 0.0)
    for seed in range(3):
        data = make_campaign(8000, random_state=seed, **kinds)
        new, truth = make_campaign(4000, random_state=100 + seed, return_truth=True, **kinds)
        for name, model in learners.items():
            model.fit(data[FEATURES], data["outcome"], treatment=data["treatment"], propensity=0.05)
            error[name] += np.mean((model.predict(new) - truth) ** 2)
    assert error["X"] < 0.8 * error["T"]


def test_a_classifier_of_effects_is_refused():
    data = make_campaign(100, random_state=0)
    with pytest.raises(DataError, match="imputed effects are not classes; take a regressor"):
        XLearner(None, LogisticRegression(), random_state=0).fit(
            data[FEATURES], data["outcome"], treatment=data["treatment"]
        )
