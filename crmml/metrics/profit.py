"""Profit of contacting the customers most likely to churn, at the threshold that pays best."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import betainc

from ..checks import Faults, check_flag, check_number, check_probability
from ..results import DisplayMixin, Result
from ..typing import ArrayLike, Estimator, FrameLike, Label
from ._roc_hull import hull_corners
from .inputs import descending_groups, read_binary, scores_of
from .labels import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points of a curve that are drawn at most.
_POINTS = 2000


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
    curve : DataFrame
        rate and profit of contacting a share of the base, highest scores first, at the mean acceptance: at the corners of the
        ROC curve's convex hull, of which one is best whatever the costs.
    gain : float
        profit - constant_profit: what the score is worth.
    """

    profit: float
    rate: float
    threshold: float
    constant_profit: float
    curve: pd.DataFrame = field(repr=False, compare=False)

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

    def plot(self, ax: Axes | None = None) -> ProfitDisplay:
        """Draw the profit by share contacted, with the best use marked."""
        return ProfitDisplay.from_result(self).plot(ax=ax)


@dataclass
class ProfitDisplay(DisplayMixin):
    """Profit per customer of contacting a growing share, and where it is highest.

    Attributes
    ----------
    rate, profit : ndarray
    best : CampaignProfit
    """

    rate: np.ndarray
    profit: np.ndarray
    best: CampaignProfit

    @classmethod
    def from_result(cls, result: CampaignProfit) -> ProfitDisplay:
        """Take the curve of a `CampaignProfit`: the corners of the ROC curve's convex hull, joined by lines."""
        return cls(result.curve["rate"].to_numpy(), result.curve["profit"].to_numpy(), result)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        clv: float = 200.0,
        incentive_cost: float = 10.0,
        contact_cost: float = 1.0,
        acceptance: float = 0.3,
        churned: Label | None = None,
    ) -> ProfitDisplay:
        """Compute from labels and scores; costs and ``churned`` as in `maximum_profit`."""
        y, score = read_binary(y_true, y_score, churned=churned)
        costs = {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost, "acceptance": acceptance}
        best = maximum_profit(y, score, **costs, return_details=True)
        order, last = descending_groups(score)
        if last.size > _POINTS:
            last = last[np.linspace(0, last.size - 1, _POINTS).astype(np.int64)]
        churners, contacted = np.cumsum(y[order])[last] / y.size, (last + 1) / y.size
        won, lost = acceptance * (clv - incentive_cost) - contact_cost, incentive_cost + contact_cost
        profit = won * churners - lost * (contacted - churners)
        return cls(np.append(0.0, contacted), np.append(0.0, profit), best)

    @classmethod
    def from_estimator(cls, model: Estimator, X: FrameLike, y: ArrayLike, **costs: Any) -> ProfitDisplay:
        """Compute with the model's churn probabilities of X."""
        return cls.from_predictions(y, scores_of(model, X), **{"churned": label_of(model, y), **costs})

    def plot(self, ax: Axes | None = None) -> ProfitDisplay:
        """Draw the curve and mark the threshold chosen."""
        ax = self._axes(ax)
        ax.plot(100 * self.rate, self.profit, color="#1f5a8a")
        ax.axhline(0, color="grey", linewidth=1)
        ax.plot([100 * self.best.rate], [self.best.profit], "o", color="#b5532a")
        ax.annotate(
            f" best: {self.best.rate:.1%} contacted,\n scores from {self.best.threshold:.3g} on",
            (100 * self.best.rate, self.best.profit),
            va="top",
        )
        ax.set(
            title="Profit of contacting the customers most likely to churn",
            xlabel="Customers contacted, % (highest scores first)",
            ylabel="Profit per customer of the base",
        )
        return self


def maximum_profit(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    acceptance: float = 0.3,
    churned: Label | None = None,
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
        Two labels, such as 0 and 1.
    y_score : array of shape (n,)
        Higher for customers more likely to churn; any scale.
    clv, incentive_cost, contact_cost : float
        Money per customer, contact_cost for each one contacted. At least 0.
    acceptance : float, default=0.3
        Probability that a churner who is contacted stays.
    churned : label, default=None
        The label that means churn, for labels that do not tell (1, true and yes do).
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
    y, score = read_binary(y_true, y_score, churned=churned)
    faults = _cost_faults(clv, incentive_cost, contact_cost)
    faults.check(check_probability, acceptance, "acceptance")
    faults.check(check_flag, return_details, "return_details")
    faults.refuse()
    hull = _Hull(*hull_corners(y, score), y.size)
    best, corner = hull.best_at(acceptance, clv, incentive_cost, contact_cost)
    everyone = max(0.0, hull.profits(acceptance, clv, incentive_cost, contact_cost)[-1])
    if not return_details:
        return float(best)
    curve = hull.curve(acceptance, clv, incentive_cost, contact_cost)
    return CampaignProfit(float(best), float(hull.rate[corner]), hull.threshold(score, corner), float(everyone), curve)


def expected_maximum_profit(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
    churned: Label | None = None,
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
        Two labels, such as 0 and 1.
    y_score : array of shape (n,)
        Higher for customers more likely to churn; any scale.
    clv, incentive_cost, contact_cost : float
        Money per customer, contact_cost for each one contacted. At least 0.
    alpha, beta : float
        Of the beta distribution of the acceptance, above 0; its mean is alpha / (alpha + beta).
    churned : label, default=None
        The label that means churn, for labels that do not tell (1, true and yes do).
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
    y, score = read_binary(y_true, y_score, churned=churned)
    faults = _cost_faults(clv, incentive_cost, contact_cost)
    faults.check(check_number, alpha, "alpha", above=0)
    faults.check(check_number, beta, "beta", above=0)
    faults.check(check_flag, return_details, "return_details")
    faults.refuse()
    hull = _Hull(*hull_corners(y, score), y.size)
    profit, rate = hull.expected(clv, incentive_cost, contact_cost, alpha, beta)
    if not return_details:
        return profit
    _, corner = hull.best_at(alpha / (alpha + beta), clv, incentive_cost, contact_cost)
    constant, _ = hull.ends().expected(clv, incentive_cost, contact_cost, alpha, beta)
    curve = hull.curve(alpha / (alpha + beta), clv, incentive_cost, contact_cost)
    return CampaignProfit(profit, rate, hull.threshold(score, corner), constant, curve)


def profit_gain(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive_cost: float = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
    churned: Label | None = None,
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
    y, score = read_binary(y_true, y_score, churned=churned)
    return float(expected_maximum_profit(y, score, **costs, alpha=alpha, beta=beta, return_details=True).gain)


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

    def curve(self, acceptance: float, clv: float, incentive: float, contact: float) -> pd.DataFrame:
        """Profit by share contacted, at the corners, of which one is best whatever the costs."""
        return pd.DataFrame({"rate": self.rate, "profit": self.profits(acceptance, clv, incentive, contact)})

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


def _cost_faults(clv: float, incentive_cost: float, contact_cost: float) -> Faults:
    """What is wrong with the costs."""
    faults = Faults("costs")
    for name, value in {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost}.items():
        faults.check(check_number, value, name, least=0)
    return faults
