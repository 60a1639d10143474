import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmml import DataError
from crmml.evidence import sample_size_for_means, sample_size_for_rates


@pytest.mark.parametrize(
    ("before", "after", "power", "n"),
    [
        (0.70, 0.80, 0.8, 294),
        (0.50, 0.75, 0.9, 77),  # 76.7 in the help of R's power.prop.test
        (0.50, 0.60, 0.8, 388),
        (0.10, 0.20, 0.8, 199),
        (0.05, 0.10, 0.8, 435),
        (0.60, 0.80, 0.8, 82),
    ],
)
def test_published_sizes(before, after, power, n):
    assert sample_size_for_rates(before, after, power=power) == n
    assert sample_size_for_rates(after, before, power=power) == n


def power_of(n, p1, p2):
    """Exact power of the pooled z-test, both groups enumerated."""
    x = np.arange(n + 1)
    one, two = np.meshgrid(x / n, x / n, indexing="ij")
    pooled = (one + two) / 2
    std_error = np.sqrt(2 * pooled * (1 - pooled) / n)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(one - two) / std_error > stats.norm.ppf(0.975)
    return stats.binom.pmf(x, n, p1) @ np.where(std_error > 0, found, False) @ stats.binom.pmf(x, n, p2)


def test_the_size_has_the_power_it_promises():
    assert power_of(294, 0.7, 0.8) == pytest.approx(0.8, abs=0.005)
    assert power_of(200, 0.7, 0.8) < 0.7
    assert power_of(82, 0.6, 0.8) == pytest.approx(0.8, abs=0.01)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.3, 0.97))
def test_legal_rates(one, two, power):
    if abs(one - two) < 1e-6:
        return
    n = sample_size_for_rates(one, two, power=power)
    assert n >= 1
    assert n == sample_size_for_rates(1 - one, 1 - two, power=power) or n > 1e6
    assert sample_size_for_rates(one, two, power=power + 0.02) >= n


def test_means():
    # Cohen (1988), tables 2.4.1: 64, 26 and 17 a group for effects of 0.5, 0.8 and 1 standard deviations; 34 pairs for 0.5
    assert sample_size_for_means(5.0, 10.0) == 64
    assert sample_size_for_means(-5.0, (10.0, 10.0)) == 64
    assert sample_size_for_means(8.0, 10.0) == 26
    assert (
        sample_size_for_means(1.0, 1.0)
        == sample_size_for_means(1e100, 1e100)
        == sample_size_for_means(1e-100, 1e-100)
        == 17
    )
    assert sample_size_for_means(5.0, 10.0, paired=True) == 34
    # a mean of 0 and 1 with the variances of the rates, not pooled: 291 by z, and Student's t asks for one more
    assert sample_size_for_means(0.1, (0.21**0.5, 0.16**0.5)) == 292


@pytest.mark.parametrize(("change", "sd"), [(10.0, 3.0), (10.0, 5.0), (1.0, (0.5, 2.0))])
def test_the_size_for_means_has_its_power_and_one_less_has_not(change, sd):
    rng = np.random.default_rng(0)
    n = sample_size_for_means(change, sd)
    one, two = sd if isinstance(sd, tuple) else (sd, sd)
    power = []
    for size in (n, max(n - 1, 2)):
        before, after = rng.normal(0, one, (20_000, size)), rng.normal(change, two, (20_000, size))
        power.append((stats.ttest_ind(before, after, axis=1, equal_var=False).pvalue < 0.05).mean())
    assert power[0] >= 0.75  # Welch's test has a little less power than the noncentral t of its mean degrees of freedom
    assert power[0] > power[1] or n == 2


def test_faults():
    with pytest.raises(DataError, match=r"before is 70; give a fraction between 0 and 1, 0\.7"):
        sample_size_for_rates(70, 0.8)
    with pytest.raises(DataError, match="are equal"):
        sample_size_for_rates(0.7, 0.7)
    with pytest.raises(DataError, match="not 0"):
        sample_size_for_means(0.0, 1.0)
    with pytest.raises(DataError, match="standard deviation"):
        sample_size_for_means(1.0, -1.0)
    with pytest.raises(ValueError, match="power=80"):
        sample_size_for_rates(0.7, 0.8, power=80)
