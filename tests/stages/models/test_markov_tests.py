import numpy as np
import pytest
from scipy.stats import chi2_contingency

from crmml.stages import StageSpace, homogeneity_test, order_test
from crmml.stages.models.markov_tests import compare_groups

from ..oracle import panel

FREE = StageSpace(("a", "b", "c"))


def test_g_squared_is_scipys():
    X = np.random.default_rng(0).integers(0, 3, (80, 9)).astype(float)
    table = np.zeros((3, 3))
    np.add.at(table, (X[:, :-1].astype(int).ravel(), X[:, 1:].astype(int).ravel()), 1)
    expected = chi2_contingency(table, lambda_="log-likelihood", correction=False)
    found = order_test(X, FREE)
    assert (found.statistic, found.degrees_of_freedom) == (pytest.approx(expected.statistic), expected.dof)
    assert found.p_value == pytest.approx(expected.pvalue)
    total = 0.0
    for i in range(3):
        steps = np.array([np.bincount(X[X[:, t] == i, t + 1].astype(int), minlength=3) for t in range(8)])
        total += chi2_contingency(steps, lambda_="log-likelihood", correction=False).statistic
    assert homogeneity_test(X, FREE).statistic == pytest.approx(total)


def test_higher_orders():
    third = order_test(panel(), StageSpace(tuple("12345"), absorbing=("5",)), order=3)
    assert third.hypothesis == "2 past stages are enough"
    assert third.p_value > 0.001  # simulated from a chain of order one
    with pytest.raises(ValueError, match="order 0 and 1"):
        order_test(panel(), StageSpace(tuple("12345")), order=3, n_resamples=5)
    with pytest.raises(ValueError, match="from 1 to"):
        order_test(panel(), StageSpace(tuple("12345")), order=0)


def test_bootstrap_agrees_with_chi_square():
    X = np.random.default_rng(1).integers(0, 3, (150, 8)).astype(float)
    for test in (order_test, homogeneity_test):
        rough, simulated = test(X, FREE), test(X, FREE, n_resamples=300, random_state=0)
        assert simulated.p_value == pytest.approx(rough.p_value, abs=0.1)
        assert simulated.method == "bootstrap"


def test_groups_without_rupture_have_no_table():
    X = np.random.default_rng(1).integers(0, 3, (50, 8)).astype(float)
    found = compare_groups(X, np.arange(50) % 2, FREE)
    assert found.table.empty
    assert set(found.chains) == {"0", "1"}
