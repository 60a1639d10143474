"""Customers held out of a campaign at random, and what the campaign did by comparison with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..exceptions import DataError
from ..inference.intervals import is_spread
from ..results import Result


@dataclass(frozen=True)
class CampaignResult(Result):
    """What a campaign changed among those it chose, by comparison with those held out at random.

    Attributes
    ----------
    difference, lower, upper : float
        Mean outcome of the contacted minus that of the held out, within strata, and its interval, which is NaN where no outcome
        differs from another.
    predicted : float
        The uplift the plan expected of the same customers.
    profit, profit_lower, profit_upper : float
        (difference of outcome × value) summed over the contacted, minus the cost.
    n_contacted, n_held_out : int
        Customers compared.
    n_left_out : int
        Customers of strata with fewer than two contacted or held out, who cannot be compared.
    coverage : float
    """

    difference: float
    lower: float
    upper: float
    predicted: float
    profit: float
    profit_lower: float
    profit_upper: float
    n_contacted: int
    n_held_out: int
    n_left_out: int
    coverage: float

    def describe(self, *, currency: str = "") -> str:
        """Say it in sentences; ``currency`` is put behind amounts of money."""
        unit = f" {currency}" if currency else ""
        ends = f"{self.coverage:.0%} interval {self.lower:.4g} to {self.upper:.4g}"
        if np.isnan(self.lower):
            ends = "interval unknown, for no outcome differs from another"
        earned = f"({self.profit_lower:,.2f} to {self.profit_upper:,.2f})"
        if np.isnan(self.profit_lower):
            earned = "(interval unknown)"
        sure = "more" if self.lower > 0 else "less" if self.upper < 0 else "not surely other"
        side = "above" if self.difference >= 0 else "below"
        text = (
            f"The outcome of {self.n_contacted:,} contacted customers was {abs(self.difference):.4g} {side} that of "
            f"{self.n_held_out:,} "
            f"held out at random ({ends}; {sure} than without a contact); "
            f"{self.predicted:.4g} was expected. The campaign earned {self.profit:,.2f}{unit} after its cost "
            f"{earned}."
        )
        if self.n_left_out:
            text += f" {self.n_left_out:,} customers are in strata too small to compare and are left out."
        return text


def draw_holdout(
    choice: np.ndarray, share: float, strata: np.ndarray | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return who is held out and each customer's probability of being contacted.

    Within each action and stratum of m customers chosen, share × m are held out; the part below one is drawn, so that each one's
    probability is exactly the share.
    """
    held, chosen = np.zeros(len(choice), dtype=bool), choice >= 0
    if share:
        for rows in strata_rows(choice, strata):
            exact = share * len(rows)
            number = int(np.floor(exact)) + int(random.random_sample() < exact - np.floor(exact))
            held[random.permutation(rows)[:number]] = True
    return held, np.where(chosen, 1.0 - share, 0.0)


def strata_rows(choice: np.ndarray, strata: np.ndarray | None) -> list[np.ndarray]:
    """Rows of the chosen customers, by action and stratum."""
    rows = np.flatnonzero(choice >= 0)
    keys = pd.DataFrame({"action": choice[rows]})
    if strata is not None:
        keys["stratum"] = pd.factorize(strata[rows], use_na_sentinel=False)[0]
    return [rows[at] for at in keys.groupby(list(keys.columns)).indices.values()]


def compare_with_holdout(
    outcome: np.ndarray,
    worth: np.ndarray,
    cost: np.ndarray,
    predicted: np.ndarray,
    held: np.ndarray,
    groups: list[np.ndarray],
    coverage: float,
) -> CampaignResult:
    r"""Difference in means within strata, weighted by their customers [1]_.

    :math:`\hat\tau = \sum_s \frac{n_s}{n} (\bar y_{1s} - \bar y_{0s})` with Neyman's variance
    :math:`\sum_s (n_s / n)^2 (s^2_{1s} / n_{1s} + s^2_{0s} / n_{0s})`; for the profit the same of outcome × value, weighted by
    the contacted.

    References
    ----------
    .. [1] Imbens, G. W. and Rubin, D. B. (2015), Causal Inference for Statistics, Social, and Biomedical Sciences. Cambridge
       University Press, chapters 6 and 9.
    """
    used = [(rows[~held[rows]], rows[held[rows]]) for rows in groups]
    able = [(a, b) for a, b in used if len(a) > 1 and len(b) > 1]
    if not able:
        raise DataError(
            ["no stratum has two contacted and two held-out customers; plan with holdout > 0 and enough customers"],
            "the judgement",
        )
    n = sum(len(a) + len(b) for a, b in able)
    size = np.array([(len(a) + len(b)) / n for a, b in able])
    contacted = np.array([len(a) for a, _ in able], dtype=float)

    def estimate(y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
        gap = np.array([y[a].mean() - y[b].mean() for a, b in able])
        variance = np.array([y[a].var(ddof=1) / len(a) + y[b].var(ddof=1) / len(b) for a, b in able])
        found, error = float(weight @ gap), float(np.sqrt(weight**2 @ variance))
        return found, error if is_spread(error, found) else np.nan

    z = float(norm.ppf(0.5 + coverage / 2))
    difference, error = estimate(outcome, size)
    money, money_error = estimate(worth, contacted)
    everyone = np.concatenate([np.r_[a, b] for a, b in able])
    spent = float(cost[np.concatenate([a for a, _ in able])].sum())
    return CampaignResult(
        difference=difference,
        lower=difference - z * error,
        upper=difference + z * error,
        predicted=float(predicted[everyone].mean()),
        profit=money - spent,
        profit_lower=money - spent - z * money_error,
        profit_upper=money - spent + z * money_error,
        n_contacted=int(contacted.sum()),
        n_held_out=int(sum(len(b) for _, b in able)),
        n_left_out=sum(len(rows) for rows in groups) - n,
        coverage=coverage,
    )
