import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from crmml import DataError
from crmml.stages import to_panel
from crmml.stages.staging.lifecycle import LifecycleStager
from crmml.stages.staging.protocol import ColumnStager, RuleStager, Stager
from crmml.stages.staging.recency import RecencyStager

LOG = pd.DataFrame(
    {
        "customer_id": ["b", "a", "a", "a", "a", "b"],
        "timestamp": pd.to_datetime(
            ["2024-02-10", "2024-01-05 08:00", "2024-01-05 09:00", "2024-01-28", "2024-03-02", "2024-03-31 10:00"],
            format="ISO8601",
        ),
        "value": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "grade": ["new", "new", "loyal", None, "new", "loyal"],
    }
)
END = "2024-03-31"


def active(frame):
    return np.where(frame["period_purchases"] > 0, "active", "idle")


def test_all_are_stagers():
    stagers = (
        LifecycleStager(),
        RecencyStager(),
        RuleStager(active, ["active", "idle"]),
        ColumnStager("grade", ["new", "loyal"]),
    )
    assert all(isinstance(stager, Stager) for stager in stagers)
    assert not isinstance(object(), Stager)
    assert [clone(stager).get_params() for stager in stagers] == [stager.get_params() for stager in stagers]


def test_what_a_rule_sees():
    seen = []

    def rule(frame):
        seen.append(frame)
        return active(frame)

    result = RuleStager(rule, ["active", "idle"], "M", value="value").fit(LOG).assign(LOG, observation_end=END)
    (frame,) = seen
    assert frame["customer_id"].tolist() == ["a", "a", "a", "b", "b"]
    assert frame["period"].dt.month.tolist() == [1, 2, 3, 2, 3]
    assert frame["days"].tolist() == [31, 29, 31, 29, 31]
    assert frame["purchases"].tolist() == [2, 2, 3, 1, 2]
    assert frame["period_purchases"].tolist() == [2, 0, 1, 1, 1]
    assert frame["days_since_last"].tolist() == [3, 32, 29, 19, 0]
    assert frame["tenure"].tolist() == [26, 55, 86, 19, 50]
    assert frame["value"].tolist() == [9, 9, 14, 1, 7]
    assert frame["period_value"].tolist() == [9, 0, 5, 1, 6]
    assert result["stage"].tolist() == ["active", "idle", "active", "active", "active"]


def test_a_rule_on_every_engine(engine):
    result = RuleStager(active, ["active", "idle"]).assign(engine.frame(LOG), period="M", observation_end=END)
    assert engine.owns(result)
    assert engine.pandas(result)["stage"].tolist() == ["active", "idle", "active", "active", "active"]


def test_a_rule_may_return_codes():
    coded = RuleStager(lambda frame: (frame["period_purchases"] == 0).astype(int), ["active", "idle"])
    named = RuleStager(active, ["active", "idle"])
    pd.testing.assert_frame_equal(coded.assign(LOG, observation_end=END), named.assign(LOG, observation_end=END))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda frame: ["idle"], r"returned the shape \(1,\) for 5 rows"),
        (lambda frame: [None, "idle", "idle", "idle", "idle"], "no stage for 1 of 5 rows"),
        (lambda frame: ["asleep"] * 5, r"5 of 5 values name no stage \('asleep'\)"),
    ],
)
def test_rules_that_fail(rule, message):
    with pytest.raises(DataError, match=message):
        RuleStager(rule, ["active", "idle"]).assign(LOG, observation_end=END)


def test_the_last_stage_of_a_period(engine):
    result = ColumnStager("grade", ["new", "loyal"]).fit(LOG).assign(engine.frame(LOG), observation_end=END)
    assert engine.owns(result)
    table = engine.pandas(result)
    assert table["customer_id"].tolist() == ["a", "a", "b", "b"]
    assert table["stage"].tolist() == ["loyal", "new", "new", "loyal"]
    X, _ = to_panel(result, ["new", "loyal"])
    np.testing.assert_array_equal(X, [[1, np.nan, 0], [np.nan, 0, 1]])


def test_only_complete_periods_of_a_column():
    stager = ColumnStager("grade", ["new", "loyal"], "M")
    assert stager.assign(LOG)["period"].dt.month.tolist() == [1, 2]
    assert stager.assign(LOG, include_incomplete=True)["period"].dt.month.tolist() == [1, 3, 2, 3]
    with pytest.raises(ValueError, match="name it once"):
        stager.assign(LOG, period="W")


def test_codes_in_a_column(engine):
    log = LOG.assign(grade=[0.0, 0.0, 1.0, np.nan, 0.0, 1.0])
    table = engine.pandas(ColumnStager("grade", ["new", "loyal"]).assign(engine.frame(log), observation_end=END))
    assert table["stage"].tolist() == ["loyal", "new", "new", "loyal"]


def test_columns_that_fail(engine):
    twice = pd.concat([LOG, LOG.iloc[[5]].assign(grade="new")])
    with pytest.raises(DataError, match="1 time a customer has two stages at one moment"):
        ColumnStager("grade", ["new", "loyal"]).assign(engine.frame(twice), observation_end=END)
    with pytest.raises(DataError, match=r"no stage \('loyal'\)"):
        ColumnStager("grade", ["new", "old"]).assign(engine.frame(LOG), observation_end=END)
    with pytest.raises(DataError, match="column 'rank' is missing"):
        ColumnStager("rank", ["new", "old"]).assign(engine.frame(LOG), observation_end=END)
    with pytest.raises(DataError, match="'grade' records no stage"):
        ColumnStager("grade", ["new", "old"]).assign(engine.frame(LOG.assign(grade="")), observation_end=END)
