import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import make_campaign


def test_same_seed_same_campaign():
    pd.testing.assert_frame_equal(make_campaign(50, random_state=1), make_campaign(50, random_state=1))
    assert not make_campaign(50, random_state=1).equals(make_campaign(50, random_state=2))


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_outcomes_follow_baseline_and_truth(outcome):
    scale = 1.0 if outcome == "binary" else 10.0
    data, truth = make_campaign(
        200_000, effect=0.06 * scale, baseline=0.3 * scale, outcome=outcome, return_truth=True, random_state=0
    )
    treated = data["treatment"] == 1
    assert treated.mean() == pytest.approx(0.5, abs=0.005)
    assert truth.mean() == pytest.approx(0.06 * scale, rel=1e-9)
    assert data.loc[~treated, "outcome"].mean() == pytest.approx(0.3 * scale, abs=0.006 * scale)
    assert (truth < 0).any()
    for rows in (truth < np.median(truth), truth >= np.median(truth)):
        seen = data.loc[rows & treated, "outcome"].mean() - data.loc[rows & ~treated, "outcome"].mean()
        # five standard errors of a difference of 50,000 against 50,000
        assert seen == pytest.approx(truth[rows].mean(), abs=5 * data["outcome"].std() * np.sqrt(2 / 50_000))


def test_several_arms_with_effects_of_their_own():
    effect = {"call": 0.1, "letter": lambda X: 0.02 * X["newsletter"]}
    data, truth = make_campaign(
        60_000, arms=("letter", "call"), effect=effect, propensity=[0.3, 0.1], return_truth=True, random_state=0
    )
    assert truth.shape == (60_000, 2)
    np.testing.assert_allclose(truth[:, 1], 0.02 * data["newsletter"])
    share = data["treatment"].value_counts(normalize=True)
    assert share["call"] == pytest.approx(0.3, abs=0.01)
    assert share["letter"] == pytest.approx(0.1, abs=0.01)
    assert share["control"] == pytest.approx(0.6, abs=0.01)
    assert set(make_campaign(100, arms=2, random_state=0)["treatment"]) == {0, 1, 2}


def test_arms_that_depend_on_the_customer():
    data = make_campaign(50_000, propensity=lambda X: 0.2 + 0.6 * X["newsletter"], random_state=0)
    rate = data.groupby("newsletter")["treatment"].mean()
    assert rate[0] == pytest.approx(0.2, abs=0.01)
    assert rate[1] == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_customers": 0}, "n_customers=0 must be a whole number"),
        ({"outcome": "ordinal"}, "outcome='ordinal' is not known"),
        ({"arms": 0}, "arms=0 must be"),
        ({"arms": ("control", "call")}, "none of them 'control'"),
        ({"effect": 2.0}, "no probability for"),
        ({"effect": {"call": 0.1}}, "effect has none for arm 1"),
        ({"effect": lambda X: np.zeros(3)}, "effect\\(features\\) has shape"),
        ({"propensity": 1.0}, "leave something for control"),
        ({"propensity": [0.2, 0.2]}, "propensity has shape"),
        ({"noise": -1.0}, "noise=-1.0"),
    ],
)
def test_refused(options, said):
    with pytest.raises(DataError, match=said):
        make_campaign(**{"n_customers": 100, "random_state": 0, **options})
