"""A refused fit changes nothing, for every estimator there is: not the first one, and not one after a good fit."""

import inspect
import warnings
from functools import lru_cache

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils.validation import check_is_fitted

from crmml.campaigns import SLearner, TLearner, TransformedOutcome, XLearner
from crmml.churn import AliveChurnClassifier, ChurnClassifier, HazardChurnClassifier, ModelFeatures
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
from crmml.fitting import atomic
from crmml.frames.ruler import Ruler
from crmml.segments import ClusterSegmenter, PyramidSegmenter, RFMSegmenter
from crmml.stages import (
    ColumnStager,
    ContinuousTimeStageModel,
    CovariateMarkovStageModel,
    HiddenMarkovStageModel,
    LifecycleStager,
    MarkovStageModel,
    RecencyStager,
    RuleStager,
    SemiMarkovStageModel,
)
from crmml.testing import all_estimators

#: Estimators without anything to learn: they are always fitted.
LEARN_NOTHING = {"ColumnStager", "RecencyStager", "RuleStager"}


class Counter:
    def __init__(self):
        self.total_ = 5

    @atomic
    def fit(self, values, *, upto=None):
        """Add up."""
        self.first_ = values[0]
        del self.total_
        self.total_ = sum(values)
        if upto is not None and self.total_ > upto:
            raise ValueError("too much")
        return self


def test_atomic_restores_what_was_set_replaced_or_deleted():
    counter = Counter()
    with pytest.raises(ValueError, match="too much"):
        counter.fit([1, 2], upto=2)
    assert vars(counter) == {"total_": 5}
    assert counter.fit([1, 2]) is counter
    with pytest.raises(TypeError):
        counter.fit([1, "a"])
    assert vars(counter) == {"first_": 1, "total_": 3}


def test_atomic_keeps_name_signature_and_words():
    assert (Counter.fit.__name__, Counter.fit.__doc__) == ("fit", "Add up.")
    assert list(inspect.signature(Counter().fit).parameters) == ["values", "upto"]


def test_an_interrupt_restores_too():
    class Slow:
        @atomic
        def fit(self):
            self.half_ = 1
            raise KeyboardInterrupt

    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        slow.fit()
    assert vars(slow) == {}


# ---- every estimator ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def summary():
    """Customers with the columns of every model, in whole weeks."""
    rng = np.random.default_rng(0)
    T = np.floor(rng.uniform(20, 40, 300))
    recency = np.floor(T * rng.beta(1, 1, 300))
    frequency = np.where(recency > 0, 1 + np.floor((recency - 1) * rng.beta(1, 3, 300)), 0.0)
    money = np.where(frequency > 0, rng.gamma(3, 1, 300) / rng.gamma(3, 1, 300) * 20, 0.0)
    frame = pd.DataFrame({"frequency": frequency, "recency": recency, "T": T, "monetary_value": money})
    frame.attrs = Ruler(unit="W", period="W").to_metadata()
    return frame


def bad_summary():
    frame = summary().assign(frequency=-1.0)
    frame.attrs = Ruler(unit="D", period="D").to_metadata()
    return frame


def features(n=200):
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    return X, (rng.random(n) < 0.3 + 0.2 * (X["a"] > 0)).to_numpy().astype(int), rng.integers(0, 2, n)


def panel():
    return np.random.default_rng(2).integers(0, 2, (80, 6)).astype(float)


def log():
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 400), unit="D")
    return pd.DataFrame({"customer_id": rng.integers(0, 40, 400), "timestamp": days, "stage": "x"})


def visits():
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(60), 5),
            "time": np.cumsum(rng.exponential(1.0, (60, 5)), axis=1).ravel(),
            "stage": rng.integers(0, 2, 300),
        }
    )


def cases():
    """{class: (estimator, arguments of a good fit, arguments that are refused, more of those ...)}."""
    X, y, arm = features()
    good, bad = {"X": summary()}, [{"X": bad_summary()}, {"X": summary(), "sample_weight": -np.ones(300)}, {"X": "no"}]
    found = {
        model: (model(**more), good, *bad)
        for model, more in {
            BetaGeoBetaBinomial: {},
            BetaGeoCNBD: {"k": 2},
            BetaGeoNBD: {},
            ModifiedBetaGeoNBD: {},
            ParetoNBD: {},
            GompertzNBD: {},
            GammaGamma: {},
            FrequencyGammaGamma: {},
        }.items()
    }
    value = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y")
    found[CustomerLifetimeValue] = value, good, *bad
    late = {"X": summary().assign(recency=50.0)}
    for contractual in (ShiftedBetaGeometric, BetaDiscreteWeibull, ExponentialGamma):
        found[contractual] = contractual(), {"X": summary().assign(recency=summary()["recency"] + 1)}, late, *bad[1:]
    supervised = {"X": X, "y": y}
    wrong_labels = [{"X": X, "y": np.zeros(200)}, {"X": X, "y": y[:7]}, {"X": X.iloc[:, :0], "y": y}]
    found[ChurnClassifier] = ChurnClassifier(LogisticRegression(), cv=2), supervised, *wrong_labels
    hazard = HazardChurnClassifier(LogisticRegression(), cv=2)
    durations = np.random.default_rng(0).exponential(1, 200) + 0.1
    found[HazardChurnClassifier] = (
        hazard,
        supervised | {"duration": durations},
        *wrong_labels,
        supervised | {"duration": -durations},
    )
    found[AliveChurnClassifier] = AliveChurnClassifier(BetaGeoNBD()), good, *bad, good | {"y": np.arange(300)}
    found[ModelFeatures] = ModelFeatures(BetaGeoNBD()), good, *bad
    campaign = {"X": X, "y": y, "treatment": arm}
    wrong_arms = [{"X": X, "y": y, "treatment": np.zeros(200)}, {"X": X, "y": y * np.nan, "treatment": arm}]
    for learner, model in (
        (SLearner, LogisticRegression()),
        (TLearner, LogisticRegression()),
        (XLearner, LogisticRegression()),
        (TransformedOutcome, LinearRegression()),
    ):
        found[learner] = learner(model, n_resamples=2), campaign, *wrong_arms
    segments = pd.DataFrame(
        {"recency": durations, "frequency": np.arange(200.0), "monetary_value": durations * 7, "T": durations + 1}
    )
    holes = {"X": segments.assign(monetary_value=np.nan, frequency=np.nan)}
    found[RFMSegmenter] = RFMSegmenter(), {"X": segments}, holes, {"X": segments.iloc[:0]}
    found[PyramidSegmenter] = PyramidSegmenter(value="monetary_value"), {"X": segments}, holes, {"X": segments.iloc[:0]}
    found[ClusterSegmenter] = (
        ClusterSegmenter(2, columns=["frequency", "monetary_value"], n_resamples=2, random_state=0),
        {"X": segments},
        {"X": segments[["T"]]},
        {"X": segments.iloc[:0]},
    )
    empty, wild = {"X": np.full((4, 3), np.nan)}, {"X": np.full((4, 3), 7.5)}
    found[MarkovStageModel] = MarkovStageModel(2), {"X": panel()}, empty, wild
    found[SemiMarkovStageModel] = SemiMarkovStageModel(2, 1, n_init=1, random_state=0), {"X": panel()}, empty, wild
    found[CovariateMarkovStageModel] = CovariateMarkovStageModel(2), {"X": panel()}, empty, wild
    found[HiddenMarkovStageModel] = (
        HiddenMarkovStageModel(2, n_init=1, std_errors=False, random_state=0),
        {"X": panel()},
        empty,
        {"X": -panel() - 1},
    )
    found[ContinuousTimeStageModel] = (
        ContinuousTimeStageModel(2),
        {"X": visits()},
        {"X": visits().assign(time=np.nan)},
        {"X": visits().assign(stage=9)},
    )
    no_log = [{"log": log()[["stage"]]}, {"log": log().assign(timestamp="never")}]
    found[LifecycleStager] = LifecycleStager(), {"log": log()}, *no_log
    for stager in (ColumnStager("stage", ["x"]), RecencyStager(), RuleStager(len, ["x"])):
        found[type(stager)] = (stager, {"log": log()})
    return found


CASES = {cls.__name__: case for cls, case in cases().items()}


def fit(estimator, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(**arguments)


def state(estimator):
    """All that an estimator holds, contents included."""
    return {name: joblib.hash(value) for name, value in vars(estimator).items()}


def test_every_estimator_that_learns_has_a_case():
    assert set(CASES) == {name for name, cls in all_estimators() if hasattr(cls, "fit")}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_refused_first_fit_leaves_nothing_fitted(name):
    estimator, _, *refused = CASES[name]
    for arguments in refused:
        fresh = clone(estimator)
        before = state(fresh)
        with pytest.raises((ValueError, TypeError)):
            fit(fresh, arguments)
        assert state(fresh) == before
        with pytest.raises(NotFittedError):
            check_is_fitted(fresh)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_refused_refit_leaves_the_old_model_whole(name):
    estimator, good, *refused = CASES[name]
    fitted = fit(clone(estimator), good)
    before = state(fitted)
    for arguments in refused:
        with pytest.raises((ValueError, TypeError)):
            fit(fitted, arguments)
        assert state(fitted) == before


@pytest.mark.parametrize("name", sorted(set(CASES) - LEARN_NOTHING))
def test_a_fit_that_breaks_anywhere_leaves_the_old_model_whole(name):
    """The fit is broken off at its first attribute, half-way and at its last."""
    estimator, good, *_ = CASES[name]
    given = estimator.get_params(deep=False)

    class Broken(type(estimator)):
        budget = None
        spent = 0

        def __setattr__(self, attribute, value):
            if type(self).budget is not None and attribute not in given:
                type(self).spent += 1
                if type(self).spent > type(self).budget:
                    raise MemoryError(attribute)
            super().__setattr__(attribute, value)

    model = fit(Broken(**clone(estimator).get_params(deep=False)), good)
    before = state(model)
    again = Broken(**clone(estimator).get_params(deep=False))
    Broken.budget, Broken.spent = np.inf, 0
    fit(again, good)
    total, Broken.spent = Broken.spent, 0
    assert total > 0
    for budget in {0, total // 2, total - 1}:
        Broken.budget, Broken.spent = budget, 0
        with pytest.raises(MemoryError):
            fit(model, good)
        Broken.budget = None
        assert state(model) == before
