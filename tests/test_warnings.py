"""Warnings name the line of the caller, whatever lies between it and the place that warns."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from crmml.campaigns import SLearner
from crmml.churn import ChurnClassifier
from crmml.clv import BetaGeoNBD
from crmml.exceptions import FeatureWarning, LogWarning, warn
from crmml.segments import RFMSegmenter
from crmml.stages import HiddenMarkovStageModel, MarkovStageModel
from crmml.transactions import clean, summarize

SUMMARY = pd.DataFrame(
    {
        "frequency": np.tile([0, 1, 5, 9], 15),
        "recency": np.tile([0.0, 10.0, 20.0, 30.0], 15),
        "T": 40.0,
        "monetary_value": np.tile([0.0, 3.0, 5.0, 8.0], 15),
    }
)
POISSON = SUMMARY.assign(frequency=8, recency=39.0)
TWICE = SUMMARY.assign(customer_id=np.repeat(np.arange(30), 2))
LOG = pd.DataFrame({"customer_id": [1, "a", "a"], "timestamp": ["2024-01-01", "2024-02-01", "2024-03-01"]})
CODES = np.tile([1, 2], 30)
COUNTS = np.random.default_rng(0).poisson(2.0, (30, 8)).astype(float)
STAGES = np.array([[0, 1, 1, 0], [1, 0, np.nan, np.nan], [1, np.nan, np.nan, np.nan]])

DOORS = {
    "clv": (ConvergenceWarning, lambda: BetaGeoNBD().fit(POISSON)),
    "churn": (
        FeatureWarning,
        lambda: ChurnClassifier(LogisticRegression(), calibrate=None).fit(SUMMARY[["recency"]], CODES),
    ),
    "churn in a pipeline": (
        FeatureWarning,
        lambda: make_pipeline(FunctionTransformer(), ChurnClassifier(LogisticRegression(), calibrate=None)).fit(
            SUMMARY[["recency"]], CODES
        ),
    ),
    "segments": (UserWarning, lambda: RFMSegmenter().fit(TWICE)),
    "stages": (UserWarning, lambda: MarkovStageModel(2).fit(STAGES)),
    "stages by EM": (ConvergenceWarning, lambda: HiddenMarkovStageModel(4, n_init=1, random_state=0).fit(COUNTS)),
    "summary": (LogWarning, lambda: summarize(LOG, unit="D")),
    "cleaning": (LogWarning, lambda: clean(LOG)),
    "campaigns": (
        FeatureWarning,
        lambda: SLearner(DummyClassifier()).fit(
            SUMMARY[["recency"]], np.tile([0, 1, 1, 0], 15), treatment=np.repeat([0, 1], 30)
        ),
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_warning_names_the_line_of_the_caller(door):
    category, call = DOORS[door]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    places = {Path(found.filename) for found in caught if issubclass(found.category, category)}
    assert places == {Path(__file__)}


def test_without_a_caller_outside_it_names_the_line_itself():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("of nothing")
    assert Path(caught[0].filename) == Path(__file__)
    assert caught[0].category is UserWarning
