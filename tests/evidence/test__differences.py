import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmml.evidence import _differences as differences


@pytest.mark.parametrize(
    ("x2", "n2", "x1", "n1", "lower", "upper"),
    [  # Newcombe 1998, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
    ],
)
def test_newcombes_table(x2, n2, x1, n1, lower, upper):
    found = differences.rate_difference(x1, n1, x2, n2, 0.95)
    assert found.estimate == pytest.approx(x2 / n2 - x1 / n1)
    assert (found.lower, found.upper) == (pytest.approx(lower, abs=6e-5), pytest.approx(upper, abs=6e-5))


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_every_rate_has_an_interval_that_holds_its_estimate(n1, n2, data):
    x1, x2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    found = differences.rate_difference(x1, n1, x2, n2, 0.9)
    assert -1 - 1e-12 <= found.lower <= found.estimate + 1e-12
    assert found.estimate - 1e-12 <= found.upper <= 1 + 1e-12
    assert 0 <= differences.rate_p_value(x1, n1, x2, n2) <= 1
    ratio = differences.rate_ratio(x1, n1, x2, n2, 0.9)
    if x1 == 0:
        assert np.isnan(ratio.estimate)
    elif (x1, x2) == (n1, n2):
        assert ratio.estimate == 1
        assert np.isnan(ratio.lower)
    else:
        assert 0 <= ratio.lower <= ratio.upper
        assert ratio.lower <= ratio.estimate * (1 + 1e-12)
        assert ratio.estimate <= ratio.upper * (1 + 1e-12)


def test_pooled_z_is_the_root_of_the_chi_square():
    table = np.array([[30, 70], [45, 55]])
    wanted = stats.chi2_contingency(table, correction=False).pvalue
    assert differences.rate_p_value(30, 100, 45, 100) == pytest.approx(wanted, rel=1e-12)


def test_welch_is_scipys():
    rng = np.random.default_rng(0)
    one, two = rng.normal(1, 2, 23), rng.normal(2, 5, 17)
    interval, p, df = differences.mean_difference(
        one.mean(), one.var(ddof=1) / 23, 22, two.mean(), two.var(ddof=1) / 17, 16, 0.9
    )
    test = stats.ttest_ind(two, one, equal_var=False)
    wanted = test.confidence_interval(0.9)
    assert (p, df) == (pytest.approx(test.pvalue, rel=1e-12), pytest.approx(test.df, rel=1e-12))
    assert interval[1:] == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_pairs_are_scipys():
    rng = np.random.default_rng(1)
    change = rng.normal(0.3, 1, 40)
    interval, p = differences.paired_difference(change, 0.9)
    test = stats.ttest_1samp(change, 0)
    assert p == pytest.approx(test.pvalue)
    assert interval[1:] == (
        pytest.approx(test.confidence_interval(0.9).low),
        pytest.approx(test.confidence_interval(0.9).high),
    )


@given(
    st.floats(1, 10),
    st.floats(1e-3, 0.1),
    st.floats(-10, 10),
    st.floats(1e-3, 0.1),
    st.floats(-0.9, 0.9),
    st.floats(3, 200),
)
def test_ends_of_fieller_are_the_ratios_at_the_border_of_the_test(m1, v1, m2, v2, correlation, df):
    covariance = correlation * np.sqrt(v1 * v2)
    found = differences.mean_ratio(m1, v1, m2, v2, covariance, df, 0.9)
    if np.isnan(found.lower):
        assert abs(m1) / np.sqrt(v1) <= stats.t.ppf(0.95, df)
        return
    for end in (found.lower, found.upper):
        std_error = np.sqrt(v2 - 2 * end * covariance + end**2 * v1)
        assert abs(m2 - end * m1) / std_error == pytest.approx(stats.t.ppf(0.95, df), rel=1e-6)
    assert found.lower <= found.estimate <= found.upper


def test_paired_rates_keep_their_coverage():
    # exact coverage of Bonett and Price's interval over the multinomial of gained, lost and unchanged
    n, up, down = 40, 0.15, 0.05
    covered = total = 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            p = stats.multinomial.pmf([gained, lost, n - gained - lost], n, [up, down, 1 - up - down])
            if p > 1e-12:
                interval, _ = differences.paired_rates(gained, lost, n, 0.9)
                covered += p * (interval.lower <= up - down <= interval.upper)
                total += p
    assert total == pytest.approx(1, abs=1e-6)
    assert 0.88 < covered < 0.94
    assert differences.paired_rates(8, 2, 50, 0.9)[1] == pytest.approx(stats.binomtest(2, 10).pvalue)
