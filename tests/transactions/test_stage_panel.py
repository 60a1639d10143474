import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import LogWarning
from crmml.stages import to_panel
from crmml.stages.staging.lifecycle import LifecycleStager
from crmml.stages.staging.protocol import ColumnStager, RuleStager
from crmml.stages.staging.recency import RecencyStager
from crmml.transactions.stage_panel import stage_panel


class Plain:
    """The smallest stager: everybody is new in the month of the first purchase, and old after it."""

    stages = ("new", "old")

    def fit(self, log):
        self.fits_ = getattr(self, "fits_", 0) + 1
        return self

    def assign(self, log):
        month = log["timestamp"].dt.to_period("M").dt.start_time
        long = log.assign(period=month)[["customer_id", "period"]].drop_duplicates()
        first = long.groupby("customer_id")["period"].transform("min")
        return long.assign(stage=np.where(long["period"] == first, "new", "old"))


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow_sample()


def test_on_every_engine(engine, cdnow):
    log = cdnow[cdnow["customer_id"] < 600].rename(columns={"customer_id": "buyer", "timestamp": "when"})
    stager = LifecycleStager()
    result = stage_panel(engine.frame(log), stager=stager, customer_id="buyer", timestamp="when")
    assert engine.owns(result)
    inner = LifecycleStager(customer_id="buyer", timestamp="when").fit(log)
    table = engine.pandas(result)
    assert list(table.columns) == ["customer_id", "period", "stage"]
    assert table["stage"].tolist() == inner.assign(log)["stage"].tolist()
    assert stager.pooled_interpurchase_time_ == inner.pooled_interpurchase_time_
    X, ids = to_panel(result, stager.stages)
    assert X.shape == (log["buyer"].nunique(), 17)
    assert ids.tolist() == sorted(log["buyer"].unique())


def test_a_fitted_stager_is_used_as_it_is(cdnow):
    stager = LifecycleStager().fit(cdnow)
    before = stager.pooled_interpurchase_time_
    early = cdnow[cdnow["timestamp"] <= "1997-12-31"]
    part = stage_panel(early, stager=stager)
    assert stager.pooled_interpurchase_time_ == before
    whole = stage_panel(cdnow, stager=stager)
    pd.testing.assert_frame_equal(part, whole[whole["period"] < "1998-01-01"].reset_index(drop=True))


def test_an_unfitted_one_is_fitted_up_to_the_end(cdnow):
    stager = LifecycleStager()
    with pytest.warns(LogWarning, match="are left out"):
        long = stage_panel(cdnow, stager=stager, observation_end="1997-12-31")
    assert stager.observation_end_ == "1997-12-31"
    assert long["period"].max() == pd.Timestamp("1997-12-01")


def test_the_period(cdnow):
    assert stage_panel(cdnow, stager=RecencyStager(win_back=True))["period"].dt.day.eq(1).all()
    weeks = stage_panel(cdnow, stager=RecencyStager(win_back=True), period="W")
    pd.testing.assert_frame_equal(weeks, stage_panel(cdnow, stager=RecencyStager(period="W", win_back=True)))
    pd.testing.assert_frame_equal(
        weeks, stage_panel(cdnow, stager=RecencyStager(period="W", win_back=True), period="W")
    )
    with pytest.raises(ValueError, match="stager was made with period='W'; name it once"):
        stage_panel(cdnow, stager=RecencyStager(period="W"), period="M")


def test_rules_and_columns(cdnow):
    often = RuleStager(lambda frame: np.where(frame["purchases"] > 2, "often", "seldom"), ["seldom", "often"])
    long = stage_panel(cdnow, stager=often)
    assert long["stage"].eq("often").any()
    column = ColumnStager("stage", ["seldom", "often"])
    log = long.rename(columns={"period": "timestamp"})
    pd.testing.assert_frame_equal(stage_panel(log, stager=column, observation_end="1998-06-30"), long)


def test_any_object_with_the_three_members(cdnow):
    stager = Plain()
    result = stage_panel(cdnow.rename(columns={"customer_id": "buyer"}), stager=stager, customer_id="buyer")
    assert stager.fits_ == 1
    assert result["stage"].eq("new").sum() == 2357
    stage_panel(cdnow, stager=stager)
    assert stager.fits_ == 1
    with pytest.raises(TypeError, match=r"Plain\.assign takes no period or observation_end"):
        stage_panel(cdnow, stager=stager, period="M", observation_end="1998-01-31")


def test_what_is_no_stager(cdnow):
    with pytest.raises(TypeError, match="str is not a stager, it lacks stages, fit, assign"):
        stage_panel(cdnow, stager="lifecycle")

    class Wrong(Plain):
        def assign(self, log):
            return log[["customer_id"]]

    with pytest.raises(DataError, match=r"Wrong\.assign returned cannot be used, 2 faults"):
        stage_panel(cdnow, stager=Wrong())


def test_columns_that_are_in_the_way(cdnow):
    log = cdnow.assign(buyer=cdnow["customer_id"])
    with pytest.raises(DataError, match="a column 'customer_id' beside the one that was named"):
        stage_panel(log, stager=RecencyStager(), customer_id="buyer")
    with pytest.raises(DataError, match=r"'Buyer' is missing; .*did you mean 'buyer'"):
        stage_panel(log, stager=RecencyStager(), customer_id="Buyer")
    swapped = cdnow.rename(columns={"customer_id": "timestamp", "timestamp": "customer_id"})
    stager = RecencyStager(win_back=True)
    result = stage_panel(swapped, stager=stager, customer_id="timestamp", timestamp="customer_id")
    pd.testing.assert_frame_equal(result, stage_panel(cdnow, stager=stager))
