import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.model_selection import leakage_report
from crmml.transactions import SnapshotSplit, snapshots

CUTOFFS = ["1997-08-01", "1997-11-01", "1998-02-01"]


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow_sample()


def honest(log, cutoff):
    return snapshots(log, cutoffs=cutoff, horizon=90, value="value", incomplete="unlabelled")


def counts(log, until):
    return log[log["timestamp"] < until].groupby("customer_id").size()


def reaching(days):
    """Features of which one counts events up to some days into the horizon."""

    def make(log, cutoff):
        data = honest(log, cutoff)
        late = counts(log, cutoff + pd.Timedelta(days=days)).reindex(data.customer_id).to_numpy()
        return data.X.assign(n_events=late).set_index(pd.Index(data.customer_id, name="customer_id"))

    return make


def test_snapshots_do_not_leak(cdnow):
    report = leakage_report(honest, cdnow, CUTOFFS, cv=SnapshotSplit(2, horizon=90, random_state=0))
    assert report.ok, report.describe()
    assert report.columns == []
    assert "No leak found in 20 columns at 3 cutoffs." in report.describe()
    report.raise_if_leaking()


@pytest.mark.parametrize("days", [1, 7])
def test_features_that_reach_into_the_horizon_are_named(cdnow, days):
    report = leakage_report(reaching(days), cdnow, CUTOFFS)
    assert report.columns == ["n_events"]
    assert set(report.findings["leak"]) == {"future"}
    moments = [pd.Timestamp(cutoff) for cutoff in CUTOFFS]
    changed = [
        (counts(cdnow, m + pd.Timedelta(days=days)).reindex(counts(cdnow, m).index) != counts(cdnow, m)).sum()
        for m in moments
    ]
    assert report.findings["rows"].tolist() == [number for number in changed if number]
    assert "column 'n_events' changes in" in report.describe()
    with pytest.raises(DataError, match="compute it from events strictly before the cutoff"):
        report.raise_if_leaking()


def test_label_made_of_recency_is_named(cdnow):
    def by_recency(log, cutoff):
        data = honest(log, cutoff)
        table = data.X.set_index(pd.Index(data.customer_id, name="customer_id"))
        return table, (table["time_since_last"] > 90).astype(int)

    report = leakage_report(by_recency, cdnow, CUTOFFS)
    assert "time_since_last" in report.columns
    assert set(report.findings["leak"]) == {"label"}
    assert "a threshold parts the labels without an error" in report.describe()

    def by_rank(log, cutoff):
        table, _ = by_recency(log, cutoff)
        return table, (table["time_since_last"] > table["time_since_last"].median()).astype(int)

    assert "time_since_last" in leakage_report(by_rank, cdnow, CUTOFFS).columns

    def hidden(log, cutoff):
        table, label = by_recency(log, cutoff)
        return table[["frequency", "recency", "T", "monetary_value"]], label

    pair = leakage_report(hidden, cdnow, CUTOFFS)
    assert pair.columns == ["recency, T"]
    assert "the difference of columns 'recency' and 'T'" in pair.describe()


def test_eligibility_by_the_future_is_named(cdnow):
    def survivors(log, cutoff):
        return log.groupby("customer_id", as_index=False).agg(first=("timestamp", "min"))

    report = leakage_report(survivors, cdnow, "1997-02-01")
    assert set(report.findings["leak"]) == {"eligibility"}
    assert report.findings["rows"].item() == 2357 - len(counts(cdnow, "1997-02-01"))


def test_a_column_that_only_the_future_makes(cdnow):
    def made(log, cutoff):
        table = counts(log, cutoff).rename("n").reset_index()
        return table.assign(late=1) if log["timestamp"].max() >= cutoff else table

    assert leakage_report(made, cdnow, ["1997-08-01"]).columns == ["late"]


def test_what_differs_from_call_to_call_is_no_leak_but_said(cdnow):
    rng = np.random.default_rng(0)

    def noise(log, cutoff):
        table = counts(log, cutoff).rename("n").reset_index()
        return table.assign(noise=rng.normal(size=len(table)))

    report = leakage_report(noise, cdnow, ["1997-08-01"])
    assert report.findings["leak"].tolist() == ["not reproducible"]
    assert "fix its random state" in report.describe()


def test_text_columns_and_other_engines(engine, cdnow):
    def words(log, cutoff):
        table = engine.pandas(log) if engine.owns(log) else log
        n = table.groupby("customer_id").size()
        return engine.frame({"customer_id": n.index, "size": np.where(n > 2, "large", "small")})

    report = leakage_report(words, engine.frame(cdnow), ["1997-11-01"])
    assert report.columns == ["size"]


def test_label_windows_that_overlap(cdnow):
    def split_by_time(X, y, groups):
        late = groups["cutoff"] == groups["cutoff"].max()
        return [(np.flatnonzero(~late), np.flatnonzero(late))]

    class Careless:
        def split(self, X, y=None, groups=None):
            return iter(split_by_time(X, y, groups))

        def get_n_splits(self, X=None, y=None, groups=None):
            return 1

    monthly = ["1997-08-01", "1997-10-01", "1997-11-01"]
    report = leakage_report(honest, cdnow, monthly, cv=Careless())
    assert report.findings["leak"].tolist() == ["label window"]
    assert (
        "2,357 training rows have label windows that reach past the test cutoff (first 1997-11-01)" in report.describe()
    )
    assert leakage_report(honest, cdnow, monthly, cv=SnapshotSplit(1, horizon=90, random_state=0)).ok


def test_bad_input(cdnow):
    with pytest.raises(TypeError, match="make_features returned int"):
        leakage_report(lambda log, cutoff: 3, cdnow, "1997-08-01")
    with pytest.raises(DataError, match="customers have more than one row at one cutoff"):
        leakage_report(lambda log, cutoff: log, cdnow, "1997-08-01")
    with pytest.raises(ValueError, match="cv= needs labels"):
        leakage_report(lambda log, cutoff: counts(log, cutoff).to_frame(), cdnow, "1997-08-01", cv=3)
