"""Every estimator through all of scikit-learn's checks, by the adapter that maps any matrix to legal rows; and
the strict behaviour of the real classes beside it."""

import pickle
import warnings
from functools import lru_cache

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml.clv import (
    BetaDiscreteWeibull,
    BetaGeoBetaBinomial,
    BetaGeoCNBD,
    BetaGeoNBD,
    CustomerLifetimeValue,
    ExponentialGamma,
    FrequencyGammaGamma,
    GammaGamma,
    GompertzNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    ShiftedBetaGeometric,
)
from crmml.exceptions import DataError, RulerError
from crmml.frames.ruler import Ruler
from crmml.testing import all_estimators, legal_estimators

from .clv.cdnow import cdnow_split


def real_estimators():
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W")
    return [
        BetaGeoNBD(),
        ModifiedBetaGeoNBD(),
        BetaGeoBetaBinomial(),
        BetaGeoCNBD(k=2),
        ParetoNBD(),
        GompertzNBD(),
        GammaGamma(),
        FrequencyGammaGamma(),
        ShiftedBetaGeometric(),
        BetaDiscreteWeibull(),
        ExponentialGamma(),
        value,
    ]


#: One sentence of reason for each scikit-learn check that cannot hold.
EXPECTED_FAILURES: dict[str, dict[str, str]] = {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # their data need have no optimum
@pytest.mark.filterwarnings("ignore:Among .* customers:UserWarning")  # nor independent amounts
@pytest.mark.filterwarnings("ignore:.*that amount for everybody:UserWarning")  # nor amounts that vary
@parametrize_with_checks(
    legal_estimators(), expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {})
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_every_estimator_is_checked():
    checked = {type(estimator).__mro__[2].__name__ for estimator in legal_estimators()}
    assert (
        {name for name, cls in all_estimators() if cls.__module__.startswith("crmml.clv")}
        == checked
        == {type(e).__name__ for e in real_estimators()}
    )


@lru_cache(maxsize=1)
def opportunities():
    """A summary in whole weeks, for models of discrete opportunities."""
    model = BetaGeoBetaBinomial().set_fitted_params(alpha=1.2, beta=2.0, gamma=0.9, delta=5.0)
    times = model.simulate(1500, 8.0, random_state=0).groupby("customer_id")["time"]
    summary = pd.DataFrame({"frequency": times.size() - 1, "recency": times.max(), "T": 8.0}).reset_index()
    summary.attrs = Ruler(unit="W", period="W").to_metadata()
    return summary


@lru_cache(maxsize=2)
def contracts(discrete):
    """Customers under contracts of a week, or to be cancelled at any time, some of whom left."""
    if discrete:
        model = ShiftedBetaGeometric().set_fitted_params(alpha=0.8, beta=3.0)
    else:
        model = ExponentialGamma().set_fitted_params(r=0.8, alpha=4.0)
    summary = model.simulate(1500, 8, random_state=0)
    summary.attrs = Ruler(unit="W", period="W").to_metadata()
    return summary


def summary_for(model):
    if model._columns == ("recency", "T"):
        return contracts(model._discrete)
    return opportunities() if getattr(model, "_discrete", False) else cdnow_split()


@pytest.fixture(scope="module", params=real_estimators(), ids=lambda e: type(e).__name__)
def fitted(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # Gompertz dropout on CDNOW degenerates to Pareto/NBD
        return clone(request.param).fit(summary_for(request.param))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_copies_predict_the_same(fitted, tmp_path):
    summary = summary_for(fitted)
    expected = fitted.predict(summary)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(copy.predict(summary), expected)
    np.testing.assert_array_equal(clone(fitted).fit(summary).predict(summary), expected)
    assert (tmp_path / "model.joblib").stat().st_size < 100_000


def test_columns_by_name_in_any_order_extras_ignored(fitted):
    summary = summary_for(fitted)
    shuffled = summary[list(summary.columns[::-1])].assign(extra="x")
    np.testing.assert_array_equal(fitted.predict(shuffled), fitted.predict(summary))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_hyper_parameters_are_untouched_by_fit(fitted):
    again = clone(fitted)
    before = str(again.get_params())
    again.fit(summary_for(fitted))
    assert str(again.get_params()) == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_equal_repetition(fitted):
    summary = summary_for(fitted).head(400)
    weight = np.random.default_rng(0).integers(0, 4, len(summary))
    weighted = clone(fitted).fit(summary, sample_weight=weight)
    repeated = clone(fitted).fit(summary.loc[summary.index.repeat(weight)])
    np.testing.assert_allclose(weighted.predict(summary), repeated.predict(summary), rtol=1e-7)


def test_grid_search_and_pipeline():
    summary = cdnow_split()[["frequency", "recency", "T"]]
    search = GridSearchCV(BetaGeoNBD(), {"horizon": [1.0, 39.0]}, cv=3).fit(summary)
    assert search.best_score_ == pytest.approx(-9582.43 / 2357, abs=0.02)
    pipeline = make_pipeline(FunctionTransformer(), BetaGeoNBD(horizon=39)).fit(summary)
    assert pipeline.predict(summary).sum() == pytest.approx(1653.4, abs=0.5)


def test_score_is_the_mean_log_likelihood(fitted):
    if hasattr(fitted, "log_likelihood_"):
        summary = summary_for(fitted)
        assert fitted.score(summary) * len(summary) == pytest.approx(fitted.log_likelihood_, rel=1e-12)


def test_every_fault_in_one_message(fitted):
    bad = pd.DataFrame(
        {
            "frequency": [1.5, -1, 2, 3, np.nan],
            "recency": [1.0, 1.0, 50.0, 2.0, 1.0],
            "T": [10.0, 10.0, 40.0, np.inf, 10.0],
            "monetary_value": [1.0, 1.0, -5.0, 2.0, 1.0],
        }
    )
    with pytest.raises(DataError) as caught:
        clone(fitted).fit(bad)
    message = str(caught.value)
    if "frequency" in fitted._columns:
        assert "frequency is not a whole number in 1 of 5 rows (1.5 in row 0)" in message
        assert "frequency is negative in 1 of 5 rows" in message
        assert "frequency is missing" in message
    if "recency" in fitted._columns:
        assert "recency is later than T in 1 of 5 rows (50 in row 2)" in message
        assert "T is infinite" in message
    if "monetary_value" in fitted._columns:
        assert "monetary_value is negative in 1 of 5 rows (-5 in row 2)" in message


def test_a_missing_column_is_named_with_what_is_there(fitted):
    name = fitted._columns[0]
    with pytest.raises(DataError, match=name):
        fitted.predict(summary_for(fitted).rename(columns={name: "other"}))


def test_a_summary_of_another_ruler_is_refused(fitted):
    assert fitted.ruler_.unit == "W"
    other = summary_for(fitted).copy()
    other.attrs = Ruler(unit="D", period="D").to_metadata()
    with pytest.raises(RulerError, match="unit is 'D'"):
        fitted.predict(other)
