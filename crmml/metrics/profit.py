"""Profit of contacting the customers most likely to churn, at the threshold that pays best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betainc

from ..results import Result
from ..typing import ArrayLike
from ._roc_hull import hull_corners
from .inputs import read_binary, require


@dataclass(frozen=True)
class CampaignProfit(Result):
    """What the best use of a score earns, beside the best policy that uses none.

    Attributes
    ----------
    profit : float
        Expected profit per customer of the base, in the currency of the costs.
    rate : float
        Share of customers to contact, expected over the acceptance.
    threshold : float
        Contact from this score on (at the mean acceptance); infinite where nobody should be contacted.
    constant_profit : float
        The better, at each acceptance, of contacting everyone and nobody.
    gain : float
        profit - constant_profit: what the score is worth.
    """

    profit: float
    rate: float
    threshold: float
    constant_profit: float

    @property
    def gain(self) -> float:
        """What the score is worth."""
        return self.profit - self.constant_profit

    def describe(self) -> str:
        """Say it in a sentence."""
        if not np.isfinite(self.threshold):
            return f"Nobody should be contacted at these costs; the score earns {self.gain:.4g} per customer."
        return (
            f"Contacting the {self.rate:.1%} of customers with scores from {self.threshold:.4g} on earns "
            f"{self.profit:.4g} per customer, {self.gain:.4g} more than without a score."
        )


def maximum_profit(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    acceptance: float = 0.3,
    return_details: bool = False,
) -> Any:
    r"""Maximum profit criterion for customer churn (MPC) [1]_.

    Everyone whose score reaches a threshold is contacted and offered an incentive. A churner accepts with probability
    :math:`\gamma` and then stays, which is worth clv - incentive_cost; one who would have stayed takes the incentive.
    The best threshold earns, per customer of the base,

    .. math:: \max_t\ [\gamma (clv - d) - f]\, \pi_1 F_1(t) - (d + f)\, \pi_0 F_0(t),

    with d the incentive, f the contact cost, :math:`\pi_1 F_1(t)` the share of all customers who are contacted and would
    churn, :math:`\pi_0 F_0(t)` the share contacted who would stay. Contacting nobody is allowed, so it is never negative.
    Equal scores are contacted together.

    Parameters
    ----------
    y_true : array of shape (n,)
        Two labels; the second in sorted order is churn.
    y_score : array of shape (n,)
        Higher for customers more likely to churn; any scale.
    clv, incentive_cost, contact_cost : float
        Money per customer, contact_cost for each one contacted. At least 0.
    acceptance : float, default=0.3
        Probability that a churner who is contacted stays.
    return_details : bool, default=False
        Return the `CampaignProfit` with rate, threshold and gain.

    Returns
    -------
    float or CampaignProfit

    Raises
    ------
    DataError
        For labels that are not two classes, scores of another length or costs out of range.

    References
    ----------
    .. [1] Verbeke, W., Dejaeger, K., Martens, D., Hur, J. and Baesens, B. (2012), New insights into churn prediction in the
       telecommunication sector: a profit driven data mining approach. EJOR 218(1), 211-229.

    Examples
    --------
    >>> y, score = [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5]
    >>> round(maximum_profit(y, score), 4)
    25.25
    >>> print(maximum_profit(y, score, return_details=True).describe())
    Contacting the 75.0% of customers with scores from 0.4 on earns 25.25 per customer, 2.75 more than without a score.
    """
    y, score = read_binary(y_true, y_score)
    _check_costs(clv, incentive_cost, contact_cost)
    require([] if 0 <= acceptance <= 1 else [f"acceptance is {acceptance}; it must lie in [0, 1]"], "costs")
    hull = _Hull(*hull_corners(y, score), y.size)
    best, corner = hull.best_at(acceptance, clv, incentive_cost, contact_cost)
    everyone = max(0.0, hull.profits(acceptance, clv, incentive_cost, contact_cost)[-1])
    if not return_details:
        return float(best)
    return CampaignProfit(float(best), float(hull.rate[corner]), hull.threshold(score, corner), float(everyone))


def expected_maximum_profit(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
    return_details: bool = False,
) -> Any:
    r"""Expected maximum profit for customer churn (EMPC) [1]_.

    The maximum profit (see `maximum_profit`) averaged over an uncertain acceptance
    :math:`\gamma \sim \mathrm{Beta}(\alpha, \beta)`, the threshold being best for each :math:`\gamma`. Thresholds that can be
    best are the corners of the ROC curve's convex hull; each is best on one interval of :math:`\gamma`, over which the
    integral is a difference of regularised incomplete beta functions. It is therefore exact, without quadrature.

    Parameters
    ----------
    y_true : array of shape (n,)
        Two labels; the second in sorted order is churn.
    y_score : array of shape (n,)
        Higher for customers more likely to churn; any scale.
    clv, incentive_cost, contact_cost : float
        Money per customer, contact_cost for each one contacted. At least 0.
    alpha, beta : float
        Of the beta distribution of the acceptance, above 0; its mean is alpha / (alpha + beta).
    return_details : bool, default=False
        Return the `CampaignProfit` with rate, threshold and gain over the best constant policy.

    Returns
    -------
    float or CampaignProfit

    Raises
    ------
    DataError
        For labels that are not two classes, scores of another length or costs out of range.

    References
    ----------
    .. [1] Verbraken, T., Verbeke, W. and Baesens, B. (2013), A novel profit maximizing metric for measuring classification
       performance of customer churn prediction models. IEEE TKDE 25(5), 961-973.

    Examples
    --------
    >>> round(expected_maximum_profit([0, 1], [0.2, 0.7]), 6)
    28.0
    >>> expected_maximum_profit([0, 1], [0.2, 0.7], return_details=True).describe()
    'Contacting the 50.0% of customers with scores from 0.7 on earns 28 per customer, 5.499 more than without a score.'
    """
    y, score = read_binary(y_true, y_score)
    _check_costs(clv, incentive_cost, contact_cost)
    require([f"{n} is {v}; it must be above 0" for n, v in (("alpha", alpha), ("beta", beta)) if not v > 0], "costs")
    hull = _Hull(*hull_corners(y, score), y.size)
    profit, rate = hull.expected(clv, incentive_cost, contact_cost, alpha, beta)
    if not return_details:
        return profit
    _, corner = hull.best_at(alpha / (alpha + beta), clv, incentive_cost, contact_cost)
    constant, _ = hull.ends().expected(clv, incentive_cost, contact_cost, alpha, beta)
    return CampaignProfit(profit, rate, hull.threshold(score, corner), constant)


def profit_gain(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
) -> float:
    """Expected maximum profit above that of the best constant policy, per customer.

    A high EMPC says little where contacting everyone earns nearly as much; this is the part the score has earned. 0 for
    scores that are all equal. Parameters and errors are those of `expected_maximum_profit`.

    Examples
    --------
    >>> round(profit_gain([0, 1], [0.2, 0.7]), 4)
    5.4992
    """
    costs = {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost}
    return float(expected_maximum_profit(y_true, y_score, **costs, alpha=alpha, beta=beta, return_details=True).gain)


class _Hull:
    """Corners of the ROC convex hull, as shares of all customers, from contacting nobody to everyone."""

    def __init__(self, contacted: np.ndarray, churners: np.ndarray, n: int):
        self.contacted, self.n = contacted, n
        self.churners, self.rate = churners / n, contacted / n
        self.stayers = (contacted - churners) / n

    def ends(self) -> _Hull:
        """Everyone or nobody."""
        return _Hull(self.contacted[[0, -1]], np.round(self.churners[[0, -1]] * self.n), self.n)

    def threshold(self, score: np.ndarray, corner: int) -> float:
        """Score of the last customer contacted at a corner."""
        last = self.n - int(self.contacted[corner])
        return float("inf") if last == self.n else float(np.partition(score, last)[last])

    def profits(self, acceptance: float, clv: float, incentive: float, contact: float) -> np.ndarray:
        return (acceptance * (clv - incentive) - contact) * self.churners - (incentive + contact) * self.stayers

    def best_at(self, acceptance: float, clv: float, incentive: float, contact: float) -> tuple[float, int]:
        profits = self.profits(acceptance, clv, incentive, contact)
        corner = int(np.argmax(profits))
        return profits[corner], corner

    def expected(self, clv: float, incentive: float, contact: float, alpha: float, beta: float) -> tuple[float, float]:
        """Profit and rate, integrated over the acceptance."""
        if clv <= incentive:
            return 0.0, 0.0
        more, waste = np.diff(self.churners), np.diff(self.stayers)
        with np.errstate(divide="ignore", invalid="ignore"):
            # the acceptance from which one corner further pays; never where it adds no churner
            switch = (contact + (incentive + contact) * waste / more) / (clv - incentive)
        switch = np.where(more > 0, switch, np.inf)
        edges = np.concatenate([[0.0], np.clip(np.maximum.accumulate(switch), 0.0, 1.0), [1.0]])
        mass = np.diff(betainc(alpha, beta, edges))
        accepted = alpha / (alpha + beta) * np.diff(betainc(alpha + 1, beta, edges))
        profit = (
            self.churners * ((clv - incentive) * accepted - contact * mass)
            - (incentive + contact) * self.stayers * mass
        )
        return float(profit.sum()), float(self.rate @ mass)


def _check_costs(clv: float, incentive_cost: float, contact_cost: float) -> None:
    given = {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost}
    wrong = {name: value for name, value in given.items() if not (np.ndim(value) == 0 and 0 <= value < np.inf)}
    require([f"{name} is {value}; one amount of at least 0 is needed" for name, value in wrong.items()], "costs")
