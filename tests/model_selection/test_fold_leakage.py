import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from crmml import DataError
from crmml.datasets import fetch_telco_churn, load_cdnow_sample
from crmml.model_selection import fold_leakage_report
from crmml.transactions import snapshots


def table(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"amount": rng.normal(size=n), "kind": rng.choice(list("abcd"), n), "age": rng.integers(18, 80, n)}
    )
    y = (rng.random(n) < 0.15 + 0.2 * (X["kind"] == "a")).astype(int)
    return X, y


def oversampled(X, y, seed=0):
    rare = np.flatnonzero(np.asarray(y) == 1)
    rows = np.r_[np.arange(len(y)), np.random.default_rng(seed).choice(rare, len(y) - 2 * rare.size)]
    return X.iloc[rows].reset_index(drop=True), np.asarray(y)[rows]


def test_resampling_before_the_split_is_caught_and_matters():
    X, y = oversampled(*table())
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    report = fold_leakage_report(X, y, cv)
    assert report.findings["leak"].tolist() == ["copies"]
    assert report.findings["rows"].item() > 0.4 * len(y)
    assert "resample inside the folds" in report.describe()
    numbers = pd.get_dummies(X)
    assert cross_val_score(DecisionTreeClassifier(random_state=0), numbers, y, cv=cv).mean() > 0.85


def test_honest_tables_pass():
    X, y = table()
    report = fold_leakage_report(X, y, 5)
    assert report.ok, report.describe()
    assert report.checked == "3 columns and 5 folds"


def test_look_alikes_by_chance_are_no_copies():
    X, y = table()
    report = fold_leakage_report(X[["kind"]], y, 5)
    assert report.ok, report.describe()
    assert "of them agree in their label, as rows that are alike by chance do" in report.describe()
    data = snapshots(load_cdnow_sample(), cutoffs="1997-10-01", horizon=180, features=["rfm"])
    assert fold_leakage_report(data.X, data.y, 5).ok


def test_text_labels_and_labels_made_of_a_category():
    X, y = table()
    words = np.where(y == 1, "Yes", "No")
    assert fold_leakage_report(X, words, 3).ok
    report = fold_leakage_report(X.assign(reason=np.where(y == 1, "left", "stays")), words, 3)
    assert report.columns == ["reason"]
    assert "each of its values has one label only" in report.describe()


def test_labels_must_be_two():
    X, y = table()
    with pytest.raises(DataError, match="it has 1 value, two are needed"):
        fold_leakage_report(X, np.zeros(len(y)), 3)


@pytest.mark.data
def test_telco_resampled_before_the_split():
    raw = fetch_telco_churn().drop(columns="customerID")
    y = raw.pop("Churn")
    assert fold_leakage_report(raw, y, 5).ok
    report = fold_leakage_report(*oversampled(raw, (y == "Yes").astype(int)), 5)
    assert report.findings["leak"].tolist() == ["copies"]
