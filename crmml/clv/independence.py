"""Do customers who buy often also spend more at a time? The assumption that joins models of purchases and of spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, spearmanr

from .. import frames
from ..checks import check_coverage
from ..exceptions import DataError
from ..results import Result
from ..typing import FrameLike
from ._checks import finite_faults

#: A rank correlation whose interval lies beyond this is called too strong to be left out: opinion, see docs/opinions.md.
NOTEWORTHY = 0.3


@dataclass(frozen=True)
class SpendFrequencyCorrelation(Result):
    """Rank correlation of frequency and mean amount among customers with repeat purchases.

    Attributes
    ----------
    correlation : float
        Spearman's ρ.
    lower, upper : float
        Its interval.
    coverage : float
    n_customers : int
        With repeat purchases worth more than 0.
    """

    correlation: float
    lower: float
    upper: float
    coverage: float
    n_customers: int

    @property
    def noteworthy(self) -> bool:
        """Whether the whole interval lies beyond ±0.3."""
        return min(abs(self.lower), abs(self.upper)) > NOTEWORTHY and self.lower * self.upper > 0

    def describe(self) -> str:
        """Say what was found and what to do about it."""
        lead = (
            f"Among {self.n_customers:,} customers with repeat purchases, frequency and mean spend have a rank correlation "
            f"of {self.correlation:.2f} ({self.coverage:.0%} interval {self.lower:.2f} to {self.upper:.2f})."
        )
        if not self.noteworthy:
            return f"{lead} That is not strong; FrequencyGammaGamma tests for dependence more sharply."
        more = "more" if self.correlation > 0 else "less"
        return (
            f"{lead} Frequent buyers spend {more} at a time: a model that takes them as independent misjudges their value; "
            "use spend='by_frequency'."
        )


def spend_frequency_correlation(X: FrameLike, coverage: float = 0.95) -> SpendFrequencyCorrelation:
    r"""Measure the rank correlation of frequency and mean spend among customers with repeat purchases.

    The interval is Bonett and Wright's [1]_: symmetric in Fisher's z with variance :math:`(1 + \rho^2/2)/(n-3)`. Averages of
    few skewed amounts lie lower in rank than averages of many, so that a slightly positive ρ arises without dependence.

    Parameters
    ----------
    X : frame
        frequency, monetary_value; others are ignored.
    coverage : float, default=0.95

    Returns
    -------
    SpendFrequencyCorrelation

    Raises
    ------
    DataError
        When columns are missing, or fewer than ten customers have repeat purchases.

    References
    ----------
    .. [1] Bonett, D. G. and Wright, T. A. (2000), Sample size requirements for estimating Pearson, Kendall and Spearman
       correlations. Psychometrika 65, 23-28.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> found = spend_frequency_correlation(summarize(load_cdnow_sample(), value="value"))
    >>> round(found.correlation, 3), found.noteworthy
    (0.205, False)
    """
    coverage = check_coverage(coverage)
    x, m = frames.to_columns(X, ["frequency", "monetary_value"]).to_numpy(dtype=float).T
    if faults := [*finite_faults("frequency", x), *finite_faults("monetary_value", m)]:
        raise DataError(faults, "the summary")
    informative = (x > 0) & (m > 0)
    n = int(informative.sum())
    if n < 10:
        raise DataError(
            [f"{n} customers have repeat purchases worth more than 0; at least 10 are needed"], "the summary"
        )
    if np.ptp(x[informative]) == 0 or np.ptp(m[informative]) == 0:
        return SpendFrequencyCorrelation(0.0, -1.0, 1.0, coverage, n)
    rho = float(spearmanr(x[informative], m[informative]).statistic)
    if abs(rho) > 1 - 1e-12:
        return SpendFrequencyCorrelation(rho, rho, rho, coverage, n)
    spread = norm.ppf(0.5 + coverage / 2) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    z = np.arctanh(rho)
    return SpendFrequencyCorrelation(rho, float(np.tanh(z - spread)), float(np.tanh(z + spread)), coverage, n)
