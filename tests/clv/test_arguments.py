"""Every argument of every method of customer-lifetime-value models: refused in words, or answered; nothing in between."""

import warnings

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.clv import (
    AliveHistoryDisplay,
    BetaGeoBetaBinomial,
    BetaGeoCNBD,
    BetaGeoNBD,
    CalibrationDisplay,
    CustomerLifetimeValue,
    FrequencyRecencyDisplay,
    GammaGamma,
    GompertzNBD,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    SpendDisplay,
    TrackingDisplay,
    compare,
    spend_frequency_correlation,
)
from crmml.exceptions import WorkError
from crmml.frames.ruler import Ruler

from .cdnow import cdnow_split

ROWS = [[0, 0.0, 38.0], [2, 30.0, 38.0], [7, 29.0, 38.0]]
DROPOUT = {"r": 0.25, "alpha": 4.4, "a": 0.8, "b": 2.4}
MODELS = {
    BetaGeoNBD: DROPOUT,
    ModifiedBetaGeoNBD: DROPOUT,
    BetaGeoCNBD: DROPOUT | {"k": 2},
    ParetoNBD: {"r": 0.5, "alpha": 10.0, "s": 0.6, "beta": 11.0},
    GompertzNBD: {"r": 0.5, "alpha": 10.0, "b": 0.05, "s": 0.6, "beta": 11.0},
    BetaGeoBetaBinomial: {"alpha": 1.2, "beta": 0.7, "gamma": 0.6, "delta": 2.8},
}
#: What no number is.
NO_NUMBER = ["3", None, [1, 2], np.nan, np.inf, -1, True, 2j, np.timedelta64(3, "D"), pd.Timestamp("2024-01-01")]
NOT_COUNTED = [*NO_NUMBER, 2.5, 10**9]
NO_COVERAGE = ["0.9", None, 0, 1, 2, 90, -0.1, np.nan, True]
NO_WEIGHTS = [[-1.0, 1, 1], [np.nan, 1, 1], [np.inf, 1, 1], [1.0, 1], [[1.0, 1, 1]], ["1", "1", "1"], [0, 0, 0], "1"]
NO_RATE = ["0.1", None, -0.1, 8, np.nan, np.inf, True]


@pytest.fixture(params=MODELS, ids=lambda cls: cls.__name__)
def model(request):
    return request.param(horizon=10).set_fitted_params(ruler=Ruler(unit="W"), **MODELS[request.param])


@pytest.fixture(scope="module")
def fitted():
    return BetaGeoNBD(horizon=10).fit(cdnow_split())


@pytest.fixture(scope="module")
def spend():
    return GammaGamma().fit(cdnow_split())


@pytest.fixture(scope="module")
def value():
    return CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(cdnow_split())


def refused(call, wrong, allowed=()):
    """Each wrong value is refused by a ValueError of one sentence or more, quickly and without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in wrong:
            if any(one is other for other in allowed):
                continue
            with pytest.raises(ValueError, match=r"must|shape|nothing|choose|cannot|write 0.08") as error:
                call(one)
            assert len(str(error.value)) < 500, one


def test_times_and_counts_of_every_model(model):
    none = (None,)  # the constructor's
    refused(lambda v: model.predict(ROWS, v), NO_NUMBER, none)
    refused(lambda v: model.predict_count_proba(ROWS, v), NO_NUMBER, none)
    refused(lambda v: model.predict_count_proba(ROWS, 5, v), NOT_COUNTED)
    refused(lambda v: model.discounted_expected_transactions(ROWS, v), NO_NUMBER, none)
    refused(lambda v: model.discounted_expected_transactions(ROWS, 5, v), NO_RATE)
    refused(lambda v: model.discounted_residual_transactions(ROWS, v), [*NO_RATE, 0])
    single = [v for v in NO_NUMBER if not isinstance(v, list)]
    refused(lambda v: model.probability_alive(ROWS, v), single)
    refused(model.expected_purchases, single)
    refused(model.count_proba, single)
    refused(lambda v: model.count_proba(5, v), NOT_COUNTED)
    refused(lambda v: model.simulate(v, 5), NOT_COUNTED)
    refused(lambda v: model.simulate(3, v), single)
    refused(lambda v: model.predict_next_purchase(ROWS, v), [*NO_NUMBER, 1.0])
    refused(lambda v: model.score(ROWS, sample_weight=v), NO_WEIGHTS)
    refused(lambda v: compare([model], ROWS, sample_weight=v), NO_WEIGHTS)
    assert model.score(ROWS, sample_weight=2.0) == pytest.approx(model.score(ROWS))  # one number is the weight of all


def test_wrong_weights_and_parameters_are_refused(model):
    refused(lambda v: type(model)(**model.get_params()).fit(ROWS, sample_weight=v), NO_WEIGHTS)
    name = model.parameter_names[0]
    given = MODELS[type(model)]
    for wrong in [*NO_NUMBER, 0]:
        with pytest.raises(DataError, match=f"{name}="):
            model.set_fitted_params(**given | {name: wrong})


def test_intervals_and_posteriors(fitted, spend, value):
    split = cdnow_split().head(3)
    for model in (fitted, spend, value):
        refused(lambda v, m=model: m.predict_interval(split, coverage=v), NO_COVERAGE)
        refused(lambda v, m=model: m.predict_interval(split, n_draws=v), [*NOT_COUNTED, 0])
        refused(lambda v, m=model: m.predict_interval(split, kind=v), ["median", None, 1, ["mean"]])
    refused(lambda v: fitted.predict_interval(split, v), ["median", None, 1, ["predict"]])
    refused(lambda v: fitted.predict_interval(split, horizon=v), NO_NUMBER, (None,))
    for model in (fitted, spend):
        refused(lambda v, m=model: m.sample_posterior(v), [*NOT_COUNTED, 0, 99])
        refused(lambda v, m=model: m.summary(v), NO_COVERAGE)
    refused(lambda v: value.table(split, coverage=v), NO_COVERAGE, (None,))
    refused(lambda v: value.table(split, v), NO_NUMBER, (None,))
    refused(lambda v: value.predict(split, v), NO_NUMBER, (None,))
    refused(lambda v: spend_frequency_correlation(cdnow_split(), coverage=v), NO_COVERAGE)


def test_amounts_to_simulate_are_whole_numbers(spend):
    wrong = [["3"], [2.5], [-1], [np.nan], [True], [np.inf]]
    refused(spend.simulate, wrong)
    refused(lambda v: spend.simulate([1], frequency=v), wrong)


@pytest.mark.parametrize("wrong", [{"p": ("1", 2.0)}, {"p": (1.0, np.nan)}, {"p": (np.inf, 1.0)}, {"z": (1.0, 1.0)}])
def test_a_prior_is_two_numbers_for_each_parameter(wrong):
    with pytest.raises(ValueError, match=r"give \(median > 0, sd of the log > 0\)"):
        GammaGamma(prior=wrong).fit(cdnow_split())


def test_pictures(fitted, spend):
    refused(lambda v: FrequencyRecencyDisplay.from_estimator(fitted, T=v), [*NO_NUMBER, 0])
    refused(lambda v: FrequencyRecencyDisplay.from_estimator(fitted, T=5, max_frequency=v), [*NOT_COUNTED, 0])
    refused(lambda v: FrequencyRecencyDisplay.from_estimator(fitted, T=5, steps=v), [*NOT_COUNTED, 0])
    refused(lambda v: FrequencyRecencyDisplay.from_estimator(fitted, T=5, of=v), ["median", None])
    refused(lambda v: AliveHistoryDisplay.from_estimator(fitted, [1.0], T=v), [*NO_NUMBER, 0])
    refused(lambda v: AliveHistoryDisplay.from_estimator(fitted, [1.0], T=5, steps=v), [*NOT_COUNTED, 0])
    refused(lambda v: AliveHistoryDisplay.from_estimator(fitted, v, T=5), [["1"], [np.nan], [True]])
    refused(lambda v: CalibrationDisplay.from_estimator(fitted, cdnow_split(), max_frequency=v), [*NOT_COUNTED, 0])
    refused(lambda v: TrackingDisplay.from_estimator(fitted, [0.0], [1.0], until=v), [*NO_NUMBER, 0])
    refused(lambda v: TrackingDisplay.from_estimator(fitted, [0.0], [1.0], until=9, step=v), [*NO_NUMBER, 0, 1e-12])
    refused(lambda v: SpendDisplay.from_estimator(spend, cdnow_split(), points=v), [*NOT_COUNTED, 0])


def test_answers_that_would_not_fit_into_memory_are_refused(model):
    rows = np.tile([[2, 30.0, 38.0]], (1000, 1))
    with pytest.raises(ValueError, match="fewer customers at a time"):
        model.predict_count_proba(rows, 5, 99_999)


def test_an_integral_that_would_take_too_many_nodes_is_refused():
    model = ParetoNBD().set_fitted_params(r=1e11, alpha=1e-3, s=1e11, beta=1e12)
    with pytest.raises(WorkError, match="needs more than"):
        model.predict_count_proba([[1, 1.0, 2.0]], 1e6, 100_000)
