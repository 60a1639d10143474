"""How many customers a comparison needs to see a change."""

from __future__ import annotations

import math

from scipy.special import nctdtr, ndtri, stdtrit

from ..checks import Faults, check_probability, is_number
from ..exceptions import DataError, shown


def sample_size_for_rates(before: float, after: float, *, power: float = 0.8, significance: float = 0.05) -> int:
    r"""Customers per group so that a change from one rate to another is found, by the pooled z-test of two rates [1]_.

    .. math:: n = \frac{\left(z_{1-\alpha/2} \sqrt{2 \bar p (1 - \bar p)} + z_{1-\beta} \sqrt{p_1 (1 - p_1) + p_2 (1 - p_2)}\right)^2}
        {(p_1 - p_2)^2}, \qquad \bar p = \tfrac12 (p_1 + p_2),

    rounded up; two groups of that size, two-sided, without a correction for continuity.

    Parameters
    ----------
    before, after : float
        Rates as fractions, in [0, 1], that differ.
    power : float, default=0.8
        Probability of finding the change where it is there.
    significance : float, default=0.05
        Probability of finding one where there is none.

    Returns
    -------
    int

    Raises
    ------
    DataError
        For rates outside [0, 1] or equal ones.

    References
    ----------
    .. [1] Fleiss, J. L., Levin, B. and Paik, M. C. (2003), Statistical Methods for Rates and Proportions, 3rd edition. Wiley,
       chapter 4.

    Examples
    --------
    >>> sample_size_for_rates(0.70, 0.80)
    294
    """
    z_size, z_power = _normal(power, significance)
    faults = [
        f"the rate {name} is {shown(rate)}; give a fraction between 0 and 1"
        + (f", {rate / 100:g}" if is_number(rate) and 1 < rate <= 100 else "")
        for name, rate in (("before", before), ("after", after))
        if not (is_number(rate) and 0 <= rate <= 1)
    ]
    if not faults and before == after:
        faults.append("the rates before and after are equal; no number of customers finds a change of nothing")
    if faults:
        raise DataError(faults, "the sample size")
    pooled = (before + after) / 2
    root = z_size * math.sqrt(2 * pooled * (1 - pooled)) + z_power * math.sqrt(
        before * (1 - before) + after * (1 - after)
    )
    return _up((root / (after - before)) ** 2)


def sample_size_for_means(
    change: float,
    sd: float | tuple[float, float],
    *,
    power: float = 0.8,
    significance: float = 0.05,
    paired: bool = False,
) -> int:
    r"""Customers per group so that a change of a mean is found, by Welch's t-test of two means [1]_.

    The smallest n for which :math:`P(|T| > t_{1-\alpha/2, \nu}) \ge 1 - \beta`, T having Student's noncentral distribution with
    :math:`\nu = (n - 1) (\sigma_1^2 + \sigma_2^2)^2 / (\sigma_1^4 + \sigma_2^4)` degrees of freedom and noncentrality
    :math:`\Delta \sqrt{n / (\sigma_1^2 + \sigma_2^2)}`; for the same customers twice :math:`\nu = n - 1`, with the variance of their
    differences in place of the sum.

    Parameters
    ----------
    change : float
        In the unit of the outcome, not 0.
    sd : float or (float, float)
        Standard deviation of the outcome in both groups, or in each; with ``paired`` that of the differences.
    power : float, default=0.8
    significance : float, default=0.05
    paired : bool, default=False

    Returns
    -------
    int
        At least 2.

    Raises
    ------
    DataError
        For a change of 0 or a standard deviation that is not above 0.

    References
    ----------
    .. [1] Chow, S.-C., Shao, J. and Wang, H. (2008), Sample Size Calculations in Clinical Research, 2nd edition. Chapman &
       Hall, chapter 3.

    Examples
    --------
    >>> sample_size_for_means(5.0, 10.0)
    64
    """
    z_size, z_power = _normal(power, significance)
    pair = tuple(sd) if isinstance(sd, (tuple, list)) else (sd, sd)
    faults = []
    if not is_number(change) or change == 0:
        faults.append(f"the change is {shown(change)}; give what is to be found, not 0")
    if len(pair) != 2 or not all(is_number(one) and one >= 0 for one in pair) or not sum(pair) > 0:
        faults.append(
            f"the standard deviation is {shown(sd)}; it must be above 0, where there are two in one group at least"
        )
    if faults:
        raise DataError(faults, "the sample size")
    first, second = pair
    variance = first**2 if paired else first**2 + second**2
    ratio = 0.0 if paired or not variance else (min(first, second) / max(first, second)) ** 2
    per_case = (1 + ratio) ** 2 / (1 + ratio**2)
    # by z, which takes the spread as known: never too many
    n = max(2, _up((z_size + z_power) ** 2 * variance / change**2))

    def found(n: int) -> float:
        df, shift = (n - 1) * per_case, abs(change) * math.sqrt(n / variance)
        critical = stdtrit(df, 1 - significance / 2)
        return 1 - nctdtr(df, shift, critical) + nctdtr(df, shift, -critical)

    while variance and found(n) < power:
        n += 1
    return n


def _normal(power: float, significance: float) -> tuple[float, float]:
    faults = Faults("the sample size")
    faults.check(check_probability, power, "power", open_interval=True)
    faults.check(check_probability, significance, "significance", open_interval=True)
    faults.refuse()
    return float(ndtri(1 - significance / 2)), float(ndtri(power))


def _up(n: float) -> int:
    """Round up, but not for the noise of the last digit."""
    return max(1, math.ceil(n - 1e-9 * max(1.0, n)))
