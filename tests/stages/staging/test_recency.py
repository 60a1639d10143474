import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.exceptions import LogWarning
from crmml.stages import recency_stages, to_panel
from crmml.stages.models.panel import check_panel, count_transitions
from crmml.stages.staging.recency import RecencyStager

LOG = pd.DataFrame(
    {
        "customer_id": ["b", "a", "a", "a", "c"],
        "timestamp": pd.to_datetime(["2024-02-10", "2024-01-05", "2024-01-28", "2024-03-02", "2024-01-31"]),
    }
)
EXPECTED = {
    "a": ["recency_1", "recency_2", "recency_1", "recency_2", "lost"],
    "b": ["recency_1", "recency_2", "lost", "lost"],
    "c": ["recency_1", "recency_2", "lost", "lost", "lost"],
}


def by_customer(table):
    return {customer: part["stage"].tolist() for customer, part in table.groupby("customer_id")}


def test_by_hand(engine):
    stager = RecencyStager(n=2)
    result = stager.fit(engine.frame(LOG)).assign(engine.frame(LOG), observation_end="2024-05-31")
    assert engine.owns(result)
    table = engine.pandas(result)
    assert by_customer(table) == EXPECTED
    assert pd.to_datetime(table["period"]).dt.strftime("%m-%d").tolist()[:5] == [
        "01-01",
        "02-01",
        "03-01",
        "04-01",
        "05-01",
    ]


def test_who_returns_stays_lost_and_is_counted():
    log = pd.concat(
        [LOG, pd.DataFrame({"customer_id": ["c", "b"], "timestamp": pd.to_datetime(["2024-05-02", "2024-04-01"])})]
    )
    with pytest.warns(LogWarning, match="3 of 3 customers bought again after they were lost"):
        stays = RecencyStager(n=1).assign(log, observation_end="2024-06-30")
    assert by_customer(stays)["c"] == ["recency_1"] + ["lost"] * 5
    assert by_customer(stays)["b"] == ["recency_1"] + ["lost"] * 4
    assert by_customer(stays)["a"] == ["recency_1"] + ["lost"] * 5
    back = by_customer(RecencyStager(n=1, win_back=True).assign(log, observation_end="2024-06-30"))
    assert back["c"] == ["recency_1", "lost", "lost", "lost", "recency_1", "lost"]


def test_the_spaces():
    assert RecencyStager(n=3).stages == recency_stages(3)
    space = RecencyStager(n=3, win_back=True).stages
    assert space.absorbing == ()
    assert space.allowed_moves[3].tolist() == [True, False, False, True]
    assert clone(RecencyStager(n=4)).n == 4


@pytest.mark.parametrize("win_back", [True, False])
@pytest.mark.filterwarnings("ignore::crmml.exceptions.LogWarning")
def test_cdnow_moves_as_its_space_allows(win_back):
    log = load_cdnow_sample()
    stager = RecencyStager(n=4, win_back=win_back)
    X, _ = to_panel(stager.assign(log), stager.stages)
    assert check_panel(X, stager.stages) == []
    months = log.assign(month=log["timestamp"].dt.to_period("M"))[["customer_id", "month"]].drop_duplicates()
    if win_back:
        assert (X == 0).sum() == len(months)
        counts = count_transitions(X, 5)
        assert counts[:, 0].sum() == len(months) - 2357
    whole = stager.assign(log).set_index(["customer_id", "period"])["stage"]
    part = stager.assign(log[log["timestamp"] <= "1997-10-12"]).set_index(["customer_id", "period"])["stage"]
    pd.testing.assert_series_equal(part, whole[whole.index.get_level_values("period") < "1997-10-01"])
    assert np.isfinite(X[:, -1]).all()


def test_weeks_begin_on_monday():
    log = pd.DataFrame({"customer_id": 1, "timestamp": pd.to_datetime(["2024-01-07", "2024-01-08"])})
    result = RecencyStager(n=2, period="W").assign(log, observation_end="2024-01-21")
    assert result["stage"].tolist() == ["recency_1", "recency_1", "recency_2"]
    assert result["period"].dt.strftime("%d").tolist() == ["01", "08", "15"]


def test_faults():
    with pytest.raises(ValueError, match="'n' parameter"):
        RecencyStager(n=0).assign(LOG)
    with pytest.raises(DataError, match="'customer_id' is missing; there are"):
        RecencyStager().assign(LOG.rename(columns={"customer_id": "buyer"}))
