"""Rows and labels belong together by position, at the score as at the fit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from crmml import DataError
from crmml.churn import AliveChurnClassifier, ChurnClassifier, HazardChurnClassifier
from crmml.clv import BetaGeoNBD
from crmml.datasets import load_cdnow_sample
from crmml.inference import wilson_interval
from crmml.transactions import summarize

SUMMARY = summarize(load_cdnow_sample(), unit="W").drop(columns="customer_id").head(200)
GONE = (SUMMARY["recency"] < 5).astype(int)


@pytest.mark.parametrize("name", ["classifier", "alive", "hazard"])
@pytest.mark.parametrize("shift", [1, 100], ids=["by one", "by half"])
def test_a_score_refuses_labels_of_other_rows(name, shift):
    fitted = {
        "classifier": lambda: ChurnClassifier(LogisticRegression(), calibrate=None).fit(SUMMARY, GONE),
        "alive": lambda: AliveChurnClassifier(BetaGeoNBD()).fit(SUMMARY, GONE),
        "hazard": lambda: HazardChurnClassifier().fit(SUMMARY[["frequency"]], GONE, duration=SUMMARY["T"]),
    }[name]()
    X = SUMMARY[["frequency"]] if name == "hazard" else SUMMARY
    assert 0 <= fitted.score(X, GONE) <= 1
    assert fitted.score(X, GONE) == fitted.score(X, GONE.to_numpy())
    with pytest.raises(DataError, match="in another order"):
        fitted.score(X, GONE.iloc[::-1])
    with pytest.raises(DataError, match="of its 200 row labels in common"):
        fitted.score(X, GONE.set_axis(range(shift, shift + 200)))


def test_shares_and_trials_of_other_groups_are_refused():
    rate = pd.Series([0.1, 0.2, 0.3], index=["a", "b", "c"])
    with pytest.raises(DataError, match="n has the row labels of rate in another order"):
        wilson_interval(rate, pd.Series([10, 20, 30], index=["c", "b", "a"]))
    np.testing.assert_array_equal(
        wilson_interval(rate, [10, 20, 30]), wilson_interval(rate, pd.Series([10, 20, 30], index=["a", "b", "c"]))
    )
