import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold

from crmml import DataError
from crmml.churn._folds import inner_folds, on_later_cutoffs
from crmml.exceptions import FeatureWarning
from crmml.transactions import SnapshotSplit


def groups_of(months, n=30, horizon=60):
    cutoff = np.repeat(pd.date_range("2023-01-01", periods=months, freq="MS").to_numpy(), n)
    table = pd.DataFrame({"customer_id": np.tile(np.arange(n), months), "cutoff": cutoff})
    return table.assign(label_end=table["cutoff"] + pd.Timedelta(days=horizon))


def labels(n):
    return (np.arange(n) % 3 == 0).astype(int)


def test_later_cutoffs_are_held_out():
    groups = groups_of(6)
    folds = inner_folds(labels(180), None, 5, groups, 0)
    held = [groups["cutoff"].iloc[out].unique() for _, out in folds]
    assert [len(h) for h in held] == [1, 1, 1]
    assert [h[0] for h in held] == sorted(groups["cutoff"].unique())[::-1][:3]
    for fit, out in folds:
        assert groups["label_end"].iloc[fit].max() <= groups["cutoff"].iloc[out].min()


def test_without_a_later_cutoff_customers_are_kept_apart():
    groups = groups_of(2)
    with pytest.warns(FeatureWarning, match="not on later data; add earlier cutoffs"):
        folds = inner_folds(labels(60), None, 5, groups, 0)
    assert folds
    for fit, out in folds:
        assert not set(groups["customer_id"].iloc[fit]) & set(groups["customer_id"].iloc[out])
    single = groups_of(1)
    assert len(inner_folds(labels(30), None, 5, single, 0)) == 5
    assert len(inner_folds(labels(60), None, 3, np.repeat(np.arange(20), 3), 0)) == 3


def test_splitters_and_few_rows():
    y = labels(60)
    assert len(inner_folds(y, None, KFold(4), None, 0)) == 4
    assert len(inner_folds(labels(180), None, SnapshotSplit(2, horizon=60, random_state=0), groups_of(6), 0)) == 2
    assert len(inner_folds(labels(6), None, 5, None, 0)) == 2
    assert inner_folds(np.asarray([0, 0, 0, 1]), None, 5, None, 0) == []
    rows = [(np.arange(30), np.arange(30, 60))]
    assert len(inner_folds(y, None, rows, None, 0)) == 1


def test_bad_groups():
    with pytest.raises(DataError, match="they have 30 rows for 60 rows of X"):
        inner_folds(labels(60), None, 5, groups_of(1), 0)
    with pytest.raises(DataError, match="column 'label_end' is missing"):
        inner_folds(labels(60), None, 5, groups_of(2).drop(columns="label_end"), 0)
    with pytest.raises(DataError, match="column 'customer_id' is missing"):
        inner_folds(labels(60), None, 5, groups_of(2).drop(columns="customer_id"), 0)
    with pytest.raises(DataError, match="they have 3 rows"):
        inner_folds(labels(60), None, 5, [1, 2, 3], 0)


def test_rows_without_weight_are_in_no_fold():
    y, weight = labels(180), np.ones(180)
    weight[::9] = 0
    for cv, groups in ((5, None), (5, groups_of(6)), (5, np.arange(180) // 3), (KFold(4), None)):
        folds = inner_folds(y, weight, cv, groups, 0)
        assert folds
        assert all(weight[fit].all() and weight[out].all() for fit, out in folds)


def test_own_splitters_are_given_customers_of_a_frame():
    groups = groups_of(6)
    folds = inner_folds(labels(180), None, GroupKFold(4), groups, 0)
    assert len(folds) == 4
    for fit, out in folds:
        assert not set(groups["customer_id"].iloc[fit]) & set(groups["customer_id"].iloc[out])
    with pytest.raises(DataError, match=r"they have shape \(180, 2\)"):
        inner_folds(labels(180), None, 5, np.ones((180, 2)), 0)


def test_later_cutoffs_are_told_from_others():
    groups = groups_of(6)
    assert on_later_cutoffs(inner_folds(labels(180), None, 5, groups, 0), groups)
    assert not on_later_cutoffs(inner_folds(labels(180), None, GroupKFold(4), groups, 0), groups)
    assert not on_later_cutoffs(inner_folds(labels(180), None, 5, None, 0), None)
