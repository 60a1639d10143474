import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.model_selection import SnapshotSplit as FromModelSelection
from crmml.transactions import SnapshotSplit, snapshots


@pytest.fixture(scope="module")
def data():
    cutoffs = [f"1997-{month:02d}-01" for month in range(5, 13)]
    return snapshots(load_cdnow_sample(), cutoffs=cutoffs, horizon=60, features=["rfm"])


def make_groups(months, n=6, horizon=60):
    cutoff = np.repeat(pd.date_range("2023-01-01", periods=months, freq="MS").to_numpy(), n)
    return pd.DataFrame({"customer_id": np.tile(np.arange(n), months), "cutoff": cutoff})


def test_is_one_class():
    assert FromModelSelection is SnapshotSplit


@settings(max_examples=60, deadline=None)
@given(
    months=st.integers(2, 12),
    horizon=st.integers(1, 200),
    extra=st.integers(0, 60),
    n_splits=st.integers(1, 5),
    kept_apart=st.booleans(),
)
def test_no_training_label_reaches_the_test_cutoff(months, horizon, extra, n_splits, kept_apart):
    groups = make_groups(months, n=12)
    splitter = SnapshotSplit(
        n_splits, horizon=horizon, embargo=horizon + extra, groups="customer" if kept_apart else None
    )
    X = np.zeros((len(groups), 1))
    first = groups["cutoff"].min()
    possible = (groups["cutoff"].unique() >= first + pd.Timedelta(days=horizon + extra)).sum()
    if possible < n_splits:
        with pytest.raises(DataError, match="n_splits="):
            list(splitter.split(X, groups=groups))
        return
    splits = list(splitter.split(X, groups=groups))
    assert len(splits) == splitter.get_n_splits() == n_splits
    tested = []
    for train, test in splits:
        moments = groups["cutoff"].iloc[test].unique()
        assert len(moments) == 1
        assert (groups["cutoff"].iloc[train] + pd.Timedelta(days=horizon + extra) <= moments[0]).all()
        tested.append(moments[0])
        if kept_apart:
            assert not set(groups["customer_id"].iloc[train]) & set(groups["customer_id"].iloc[test])
        else:
            assert len(test) == 12
    assert tested == sorted(tested)
    assert tested[-1] == groups["cutoff"].max()


def test_customers_are_tested_once(data):
    seen = [
        set(data.customer_id[test])
        for _, test in SnapshotSplit(3, horizon=60, random_state=0).split(data.X, data.y, data.groups)
    ]
    assert not seen[0] & seen[1]
    assert len(seen[0] | seen[1] | seen[2]) == len(set(data.customer_id))


def test_embargo_below_the_horizon_is_refused(data):
    for embargo in (0, 30, "59D", -5):
        with pytest.raises(ValueError, match=r"embargo"):
            next(SnapshotSplit(2, horizon=60, embargo=embargo).split(data.X, groups=data.groups))
    with pytest.raises(ValueError, match="shorter than horizon=60"):
        next(SnapshotSplit(2, horizon=60, embargo=0).split(data.X, groups=data.groups))
    with pytest.raises(DataError, match="their labels reach 60 days"):
        next(SnapshotSplit(2, horizon=30).split(data.X, groups=data.groups))


def test_bad_parameters_and_groups(data):
    for wrong, message in (
        ({"n_splits": 0}, "n_splits=0"),
        ({"groups": "shop"}, "groups='shop'"),
        ({"horizon": None}, "horizon=None"),
        ({"unit": "fortnight"}, "unit='fortnight'"),
    ):
        with pytest.raises(ValueError, match=message):
            next(SnapshotSplit(**{"n_splits": 2, "horizon": 60, **wrong}).split(data.X, groups=data.groups))
    with pytest.raises(DataError, match=r"pass groups=data.groups"):
        next(SnapshotSplit(2, horizon=60, random_state=0).split(data.X))
    with pytest.raises(DataError, match="cutoffs alone"):
        next(SnapshotSplit(2, horizon=60, random_state=0).split(data.X, groups=data.cutoff))
    with pytest.raises(DataError, match="cutoffs cannot be found"):
        next(SnapshotSplit(2, horizon=60, random_state=0).split(data.X, groups=data.customer_id))


def test_groups_in_every_form(data):
    wanted = list(SnapshotSplit(2, horizon=60, random_state=0).split(data.X, groups=data.groups))
    given_forms = [data, data.groups[["customer_id", "cutoff"]]]
    for form in given_forms:
        for one, two in zip(
            wanted, SnapshotSplit(2, horizon=60, random_state=0).split(data.X, groups=form), strict=True
        ):
            np.testing.assert_array_equal(one[0], two[0])
            np.testing.assert_array_equal(one[1], two[1])
    by_time = list(SnapshotSplit(2, horizon=60, groups=None).split(data.X, groups=data.cutoff))
    in_columns = SnapshotSplit(2, horizon=60, groups=None).split(data.X.assign(cutoff=data.cutoff))
    for one, two in zip(by_time, in_columns, strict=True):
        np.testing.assert_array_equal(one[1], two[1])


def test_in_cross_validate_and_grid_search(data):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    cv = SnapshotSplit(n_splits=3, horizon=60, random_state=0)
    scores = cross_validate(model, data.X, data.y, groups=data.groups, cv=cv, scoring="roc_auc")["test_score"]
    assert scores.shape == (3,)
    assert (scores > 0.6).all()
    search = GridSearchCV(model, {"logisticregression__C": [0.01, 1.0]}, cv=cv, scoring="roc_auc")
    search.fit(data.X, data.y, groups=data.groups)
    assert search.n_splits_ == 3
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_validate(model, data.X, data.y, params={"groups": data.groups}, cv=cv, scoring="roc_auc")
    np.testing.assert_array_equal(routed["test_score"], scores)


def test_describes_its_parameters():
    assert (
        repr(SnapshotSplit(2, horizon="90D"))
        == "SnapshotSplit(n_splits=2, horizon='90D', embargo=None, groups='customer')"
    )
