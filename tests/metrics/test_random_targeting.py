import json

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.metrics import bootstrap_interval, qini_score, random_targeting_test
from crmml.metrics.random_targeting import _permuted

from .. import ORACLES


@pytest.mark.parametrize("tied", [False, True])
def test_each_permutation_has_the_qini_of_what_was_dealt(tied):
    rng = np.random.default_rng(0)
    n = 50
    y, treated = rng.normal(size=n), rng.integers(0, 2, n) == 1
    score = rng.integers(0, 5, n).astype(float) if tied else rng.normal(size=n)
    order = np.argsort(-score, kind="stable")
    effect = y[treated].mean() - y[~treated].mean()
    for permute in ("arms", "scores"):
        dealer = np.random.RandomState(3)
        for value in _permuted(y, score, treated, 20, permute, np.random.RandomState(3)):
            rows = dealer.permutation(n)
            if permute == "arms":
                given = (y - effect * treated)[order], score[order], treated[order][rows]
            else:
                given = y[order][rows], score[order], treated[order][rows]
            assert value == pytest.approx(qini_score(*given, ties="line"), abs=1e-12)


def test_on_the_stored_rows():
    rows = pd.read_csv(ORACLES / "uplift_rows.csv")
    wanted = json.loads((ORACLES / "emp.json").read_text())["uplift"]["Q_ties_linear_interpolation"]
    given = rows["outcome"], rows["uplift_score"], rows["treatment"]
    found = random_targeting_test(*given, n_resamples=199, random_state=0)
    assert found.qini == pytest.approx(wanted, abs=1e-12)
    assert found == random_targeting_test(*given, n_resamples=199, random_state=0)
    assert found.p_value < 0.05
    assert found.null_lower < 0 < found.null_upper < found.qini
    assert (
        "On 2,000 customers the order has a Qini of 0.01154; 90% of 199 draws where everybody gains the same lie"
        in found.describe()
    )
    assert "The test tells it from targeting at random at the 5% level." in found.describe()
    scores = random_targeting_test(*given, n_resamples=199, permute="scores", random_state=0)
    assert "199 random orders lie between" in scores.describe()
    assert scores.qini == found.qini
    shuffled = rows.sample(frac=1, random_state=0)
    again = random_targeting_test(
        shuffled["outcome"], shuffled["uplift_score"], shuffled["treatment"], n_resamples=199, random_state=0
    )
    assert again.qini == pytest.approx(found.qini, abs=1e-12)


@pytest.mark.parametrize("permute", ["arms", "scores"])
def test_size_where_scores_know_nothing(permute):
    rng = np.random.default_rng(0)
    p = []
    for seed in range(600):
        y, treated = rng.random(100) < 0.3, rng.integers(0, 2, 100)
        found = random_targeting_test(
            y, rng.normal(size=100), treated, n_resamples=39, permute=permute, random_state=seed
        )
        p.append(found.p_value)
    # three standard errors of 5 % and of 50 % in 600 trials
    assert np.mean(np.asarray(p) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 600))
    assert np.mean(np.asarray(p) <= 0.5) == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 600))


def test_size_where_scores_tell_who_buys_anyway():
    """Amounts are skewed: orders by amount spread more than random orders do, which only dealing out arms knows."""
    share = {}
    for permute in ("arms", "scores"):
        p = []
        for seed in range(600):
            rng = np.random.default_rng(seed)
            usual = rng.lognormal(3, 1, 300)
            y = np.where(rng.random(300) < 0.2, usual * rng.lognormal(0, 0.5, 300), 0)
            treated = rng.integers(0, 2, 300)
            found = random_targeting_test(y, usual, treated, n_resamples=39, permute=permute, random_state=seed)
            p.append(found.p_value)
        share[permute] = np.mean(np.asarray(p) <= 0.05)
        share[f"half {permute}"] = np.mean(np.asarray(p) <= 0.5)
    assert share["arms"] == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 600))
    assert share["half arms"] == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / 600))
    assert share["scores"] > 0.08


def test_power_and_what_is_never_zero():
    rng = np.random.default_rng(0)
    effect, treated = rng.uniform(0, 0.5, 2000), rng.integers(0, 2, 2000)
    y = rng.random(2000) < 0.2 + effect * treated
    found = random_targeting_test(y, effect, treated, n_resamples=99, random_state=0)
    assert found.p_value == 0.01
    worst = random_targeting_test(y, -effect, treated, n_resamples=99, random_state=0)
    assert worst.p_value == 1.0
    assert "cannot tell" in worst.describe()


def test_one_score_for_all_knows_nothing():
    rng = np.random.default_rng(0)
    treated = rng.integers(0, 2, 200)
    y = rng.normal(size=200) + 5 * treated
    assert random_targeting_test(y, np.zeros(200), treated, permute="scores", random_state=0).p_value == 1.0
    # nothing is left of the mean effect, so that only rounding decides
    assert 0.3 < random_targeting_test(y, np.zeros(200), treated, random_state=0).p_value < 0.7


def test_bootstrap_draws_again_where_an_arm_is_lost():
    y, score, treated = [1, 0, 1, 0, 1, 0], [6, 5, 4, 3, 2, 1], [1, 0, 0, 0, 0, 0]
    found = bootstrap_interval(qini_score, y, score, treated, n_resamples=200, random_state=0)
    assert found.lower <= found.estimate <= found.upper


def test_faults():
    with pytest.raises(DataError, match="n_resamples=5 must be a whole number of at least 19"):
        random_targeting_test([1, 0], [1, 2], [1, 0], n_resamples=5)
    with pytest.raises(DataError, match="permute='rows' is not known"):
        random_targeting_test([1, 0], [1, 2], [1, 0], permute="rows")
    with pytest.raises(DataError, match="coverage=2 must lie between 0 and 1"):
        random_targeting_test([1, 0], [1, 2], [1, 0], coverage=2)
    with pytest.raises(DataError, match="some of each"):
        random_targeting_test([1, 0], [1, 2], [1, 1])


def test_the_picture_and_the_frame_of_the_test():
    rows = pd.read_csv(ORACLES / "uplift_rows.csv")
    found = random_targeting_test(
        rows["outcome"], rows["uplift_score"], rows["treatment"], n_resamples=19, random_state=0
    )
    assert found.to_frame().iloc[0].tolist() == [found.qini, found.null_lower, found.null_upper, found.p_value]
    display = found.plot()
    assert display.ax_.lines[0].get_xdata() == [found.qini]
    (bar,) = display.ax_.collections[0].get_segments()
    assert bar[:, 0].tolist() == [found.null_lower, found.null_upper]
    assert "RandomTargetingTest" in found._repr_html_()
