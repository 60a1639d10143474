"""Every door that takes rows beside rows refuses pandas columns whose labels are not those of the first."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from crmml import DataError
from crmml.campaigns import Targeting, TLearner
from crmml.churn import AliveChurnClassifier, ChurnClassifier, HazardChurnClassifier, SurvivalDisplay
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.datasets import load_cdnow_sample
from crmml.evidence import compare_before_after
from crmml.metrics import (
    against_control,
    bootstrap_interval,
    brier_score_at,
    concordance,
    expected_maximum_profit,
    interval_coverage,
    kaplan_meier,
    normalized_gini,
    qini_score,
    top_decile_lift,
)
from crmml.model_selection import fold_leakage_report
from crmml.segments import RFMSegmenter
from crmml.stages import HiddenMarkovStageModel, MarkovStageModel
from crmml.transactions import SnapshotSplit, summarize

N = 200
rng = np.random.default_rng(0)
X = pd.DataFrame({"x": rng.normal(size=N)}, index=range(1000, 1000 + N))
HERE, THERE = X.index, X.index + 50
SUMMARY = summarize(load_cdnow_sample(), value="value", unit="W").head(N).set_axis(HERE)
Y, P = (rng.random(N) < 0.5).astype(int), rng.random(N)
PANEL = pd.DataFrame(rng.integers(0, 2, (N, 5)).astype(float), index=HERE)


def here(values):
    return pd.Series(values, index=HERE)


def there(values):
    return pd.Series(values, index=THERE)


def logistic(**options):
    return ChurnClassifier(LogisticRegression(), calibrate=None, **options)


FITTED = logistic().fit(X, Y)
HAZARD = HazardChurnClassifier(LogisticRegression(), cv=2, random_state=0).fit(X, Y, duration=1 + np.arange(N) % 4)
MARKOV = MarkovStageModel(["active", "lapsed"]).fit(PANEL.to_numpy())
DOORS = {
    "churn y": lambda other: logistic().fit(X, other(Y)),
    "churn weights": lambda other: logistic().fit(X, Y, sample_weight=other(P)),
    "churn groups": lambda other: logistic().fit(X, Y, groups=other(np.arange(N) % 9)),
    "churn money": lambda other: logistic().fit(X, Y, clv=other(1 + P)),
    "decide": lambda other: FITTED.decide(X, clv=other(1 + P)),
    "hazard y": lambda other: HazardChurnClassifier(LogisticRegression(), cv=2).fit(X, other(Y)),
    "hazard durations": lambda other: HazardChurnClassifier(LogisticRegression(), cv=2).fit(
        X, Y, duration=other(1 + P)
    ),
    "hazard elapsed": lambda other: HAZARD.predict_survival(X, [1.0], elapsed=other(P)),
    "hazard score": lambda other: HAZARD.score(X, other(Y)),
    "alive": lambda other: AliveChurnClassifier(BetaGeoNBD()).fit(SUMMARY, other(Y)),
    "survival": lambda other: SurvivalDisplay.from_predictions(here(1 + P), other(Y), unit="months"),
    "clv": lambda other: BetaGeoNBD().fit(SUMMARY, sample_weight=other(P)),
    "clv score": lambda other: BetaGeoNBD().fit(SUMMARY).score(SUMMARY, sample_weight=other(P)),
    "value": lambda other: CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y").fit(
        SUMMARY, sample_weight=other(P)
    ),
    "segments": lambda other: RFMSegmenter().fit(SUMMARY, sample_weight=other(P)),
    "stages": lambda other: MarkovStageModel(["active", "lapsed"]).fit(PANEL, sample_weight=other(P)),
    "groups of stages": lambda other: MARKOV.compare_groups(PANEL, other(np.arange(N) % 2)),
    "covariates of stages": lambda other: HiddenMarkovStageModel(2, transition_covariates=["z"], random_state=0).fit(
        PANEL, covariates={"z": other(P)}
    ),
    "campaign": lambda other: TLearner(n_resamples=0).fit(X, other(Y), treatment=here(np.arange(N) % 2)),
    "plan": lambda other: Targeting().plan(here(P), value=other(1 + P), cost=0.1),
    "profit": lambda other: expected_maximum_profit(here(Y), other(P)),
    "lift": lambda other: top_decile_lift(here(Y), other(P)),
    "gini": lambda other: normalized_gini(here(P), other(P)),
    "qini": lambda other: qini_score(here(Y), other(P), here(np.arange(N) % 2)),
    "arms": lambda other: against_control("a", "b", here(np.where(Y, "a", "b")), other(P)),
    "kaplan and meier": lambda other: kaplan_meier(here(1 + P), other(Y)),
    "concordance": lambda other: concordance(here(1 + P), here(Y), other(P)),
    "brier": lambda other: brier_score_at(here(1 + P), here(Y), other(P).to_frame(), [1.2]),
    "coverage": lambda other: interval_coverage(here(P), other(P).to_frame("a").assign(b=2.0)),
    "bootstrap": lambda other: bootstrap_interval(top_decile_lift, here(Y), other(P), n_resamples=5),
    "pairs": lambda other: compare_before_after(here(P), other(P), paired=True),
    "leakage": lambda other: fold_leakage_report(X, other(Y), 3),
    "split": lambda other: list(
        SnapshotSplit(1, horizon=1, groups=None).split(
            X, groups=other(pd.to_datetime(np.where(Y, "2024-01-01", "2024-02-01"))).to_frame("cutoff")
        )
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("door", DOORS)
def test_half_aligned_rows_are_refused(door):
    with pytest.raises(
        DataError, match=r"has 150 of its 200 row labels in common with .+, and rows belong together by position"
    ):
        DOORS[door](there)
    DOORS[door](here)
