import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.churn import ChurnClassifier
from crmml.datasets import load_cdnow_sample
from crmml.model_selection import drift_report
from crmml.transactions import snapshots


def features(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"customer_id": np.arange(n), "spend": rng.gamma(2, 30, n), "plan": rng.choice(["a", "b", "c"], n)}
    )


def test_two_samples_of_one_distribution_are_stable(engine):
    report = drift_report(engine.frame(features()), engine.frame(features(seed=1)))
    assert report.verdict == "stable"
    assert set(report.table["column"]) == {"spend", "plan"}
    assert report.describe().endswith("No column has moved. Scores can be used as they are.")


def test_moved_columns_come_first_and_are_named():
    late = features(seed=1)
    late["spend"] = late["spend"].mask(np.arange(2000) % 2 == 0)
    report = drift_report(features(), late)
    assert report.table["column"].iloc[0] == "spend"
    assert report.table["missing_after"].iloc[0] == 0.5
    assert report.verdict == "moved"
    assert "Fit the model again" in report.describe()


def test_the_score_decides_where_there_is_one():
    early, late = features(), features(seed=1)
    y = np.random.default_rng(2).random(2000) < 1 / (1 + np.exp(early["spend"] / 30 - 2))
    model = ChurnClassifier(cv=2, random_state=0).fit(early[["spend", "plan"]], y)
    moved = drift_report(early, late.assign(plan="a"), classifier=model)
    assert moved.table["column"].iloc[0] == "score"
    assert moved.table.set_index("column")["verdict"]["plan"] == "moved"
    assert moved.verdict != "stable"
    assert drift_report(early, late.assign(spend=late["spend"] * 3), classifier=model).verdict == "moved"


def test_few_customers_are_not_taken_for_drift():
    tables = [drift_report(features(40, seed=2 * k), features(40, seed=2 * k + 1)).table for k in range(60)]
    table = pd.concat(tables)
    assert (table["noise"] > 0.25).any()
    assert (table["psi"] > 0.25).mean() > 0.3
    assert (table["verdict"] == "stable").mean() > 0.88


def test_between_two_cutoffs_of_a_log():
    data = snapshots(load_cdnow_sample(), cutoffs=["1997-07-01", "1998-01-01"], horizon=90, features=["rfm"])
    report = drift_report(data.at("1997-07-01").X, data.at("1998-01-01").X)
    moved = report.table.set_index("column")["verdict"]
    assert moved["T"] == "moved"


def test_faults():
    with pytest.raises(DataError, match="column 'plan' is missing"):
        drift_report(features(), features().drop(columns="plan"))
    with pytest.raises(DataError, match="0 after"):
        drift_report(features(), features().iloc[:0])


def test_a_report_is_a_frame_a_picture_and_a_page():
    report = drift_report(features(), features(seed=1).assign(plan="a"))
    pd.testing.assert_frame_equal(report.to_frame(), report.table)
    display = report.plot()
    plt.close("all")
    np.testing.assert_array_equal(display.table["value"], report.table["psi"])
    assert "moved" in report._repr_html_()
