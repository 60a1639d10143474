"""Whether an order of customers targets better than drawing lots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import Faults, check_choice, check_coverage, check_draws, check_random_state
from ..results import DisplayMixin, Result
from ..typing import ArrayLike, Seed
from .inputs import descending_groups, read_uplift
from .uplift import qini_score

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class RandomTargetingDisplay(DisplayMixin):
    """The Qini of a score beside the interval of what chance gives.

    Attributes
    ----------
    qini, null_lower, null_upper, p_value, coverage : float
    """

    qini: float
    null_lower: float
    null_upper: float
    p_value: float
    coverage: float

    @classmethod
    def from_result(cls, result: Any) -> RandomTargetingDisplay:
        """Take the numbers of a `RandomTargetingTest`."""
        return cls(result.qini, result.null_lower, result.null_upper, result.p_value, result.coverage)

    def plot(self, ax: Axes | None = None) -> RandomTargetingDisplay:
        """Draw the interval of the permutations as a bar, and the Qini as a point."""
        ax = self._axes(ax, size=(7.0, 2.2))
        chance = f"{self.coverage:.0%} of permutations"
        ax.hlines(0, self.null_lower, self.null_upper, color="grey", linewidth=8, alpha=0.5, label=chance)
        ax.plot([self.qini], [0], "o", color="#1f5a8a", label=f"Qini of the score (p = {self.p_value:.3g})")
        ax.axvline(0, color="grey", linewidth=1)
        ax.set(
            title="Targeting by the score against targeting at random", xlabel="Qini, per treated customer", yticks=[]
        )
        ax.legend(frameon=False)
        return self


@dataclass(frozen=True)
class RandomTargetingTest(Result):
    """Qini of a score against what it comes to where the score knows nothing of the effect.

    Attributes
    ----------
    qini : float
        Of the score, ``qini_score(..., ties="line")``, in units of y per treated customer.
    null_lower, null_upper : float
        Where the middle ``coverage`` of the permutations lies. With ``permute="arms"`` the mean effect is off the outcomes, of the
        data too when they are compared: ``qini`` then differs from what is compared by how unevenly the arms lie along the scores.
    p_value : float
        Share of permutations that do as well, the data themselves counted among them.
    n_resamples : int
    permute : {"arms", "scores"}
    coverage : float
    n_customers : int
    """

    qini: float
    null_lower: float
    null_upper: float
    p_value: float
    n_resamples: int
    permute: str
    coverage: float
    n_customers: int

    def to_frame(self) -> pd.DataFrame:
        """Return the Qini with the interval of the permutations, one row: qini, null_lower, null_upper, p_value."""
        names = ("qini", "null_lower", "null_upper", "p_value")
        return pd.DataFrame({name: [getattr(self, name)] for name in names})

    def plot(self, ax: Axes | None = None) -> RandomTargetingDisplay:
        """Draw the Qini beside the interval of the permutations."""
        return RandomTargetingDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in a sentence or two."""
        told = "tells" if self.p_value < 0.05 else "cannot tell"
        null = "draws where everybody gains the same" if self.permute == "arms" else "random orders"
        return (
            f"On {self.n_customers:,} customers the order has a Qini of {self.qini:.4g}; {self.coverage:.0%} of "
            f"{self.n_resamples:,} {null} lie between {self.null_lower:.4g} and {self.null_upper:.4g} (p = {self.p_value:.3g}). "
            f"The test {told} it from targeting at random at the 5% level."
        )


def random_targeting_test(
    y: ArrayLike,
    score: ArrayLike,
    treatment: ArrayLike,
    *,
    n_resamples: int = 999,
    permute: str = "arms",
    coverage: float = 0.9,
    random_state: Seed = None,
) -> RandomTargetingTest:
    r"""Permutation test of the Qini against targeting at random, one-sided.

    With ``permute="arms"`` customers keep outcome and score, the mean effect is taken off the treated, :math:`y_i - W_i\,ATE`, and
    the arms are dealt out anew, as the campaign could have drawn them if the action did the same for everybody [1]_. With
    "scores" the scores are dealt out anew among customers: a random order. The p-value is (1 + number of permutations with at
    least this Qini) / (1 + ``n_resamples``), which is never 0 [2]_. Equal scores are a straight line of the curve, so that
    the order of rows is of no account.

    Parameters
    ----------
    y, score, treatment : arrays of shape (n,)
        As in `qini_score`: customers treated at random, whom the model has not seen.
    n_resamples : int, default=999
    permute : {"arms", "scores"}, default="arms"
        Scores of uplift mostly tell who buys anyway, too. Such a score has a mean Qini of 0, but another spread than random orders
        have; dealing out arms keeps outcomes and scores together.
    coverage : float, default=0.9
        Of the interval of permutations.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    RandomTargetingTest

    Notes
    -----
    Share of tests with p ≤ 0.05 where nobody gains anything, 1,000 customers: scores without meaning 5.4 % ("arms") and 5.1 %
    ("scores"); scores that are the amount bought anyway, skewed as amounts are, 5.5 % and 13.8 %; that are the rate of rare
    purchases, 6.2 % and 8.0 % (1,000 and 2,000 simulations).

    References
    ----------
    .. [1] Rosenbaum, P. R. (2002), Observational Studies, 2nd ed. Springer, section 2.4 (randomisation tests, constant effect).
    .. [2] Phipson, B. & Smyth, G. K. (2010), Permutation p-values should never be zero. Statistical Applications in Genetics
       and Molecular Biology 9(1), 39.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> effect, treatment = rng.uniform(0, 0.4, 2000), rng.integers(0, 2, 2000)
    >>> y = rng.random(2000) < 0.2 + effect * treatment
    >>> random_targeting_test(y, effect, treatment, n_resamples=199, random_state=0).p_value
    0.005
    """
    y, score, treated = read_uplift(y, score, treatment)
    faults = Faults("the test")
    faults.check(check_coverage, coverage)
    faults.check(check_draws, n_resamples, "n_resamples", least=19)  # fewer could not tell anything at 5 %
    faults.check(check_choice, permute, "permute", ("arms", "scores"))
    faults.refuse()
    qini = qini_score(y, score, treated, ties="line")
    rng = check_random_state(random_state)
    found = _permuted(y, score, treated, int(n_resamples), permute, rng)
    compared = qini
    if permute == "arms":
        compared = qini_score(y - treated * (y[treated].mean() - y[~treated].mean()), score, treated, ties="line")
    # equal up to rounding is as good: where all scores are equal every order is the same
    as_good = int((found >= compared - 1e-12 * max(1.0, float(np.abs(y).max()))).sum())
    lower, upper = np.quantile(found, [(1 - coverage) / 2, (1 + coverage) / 2])
    p = (1 + as_good) / (1 + int(n_resamples))
    return RandomTargetingTest(qini, float(lower), float(upper), p, int(n_resamples), permute, coverage, y.size)


def _permuted(
    y: np.ndarray, score: np.ndarray, treated: np.ndarray, times: int, permute: str, rng: np.random.RandomState
) -> np.ndarray:
    """Qini of each permutation, equal scores on a straight line: arms or rows are shuffled under a fixed profile of scores."""
    order, last = descending_groups(score)
    at = np.append(0, last + 1)
    # weight of each point of the curve in its mean over k = 1..n with straight lines between points
    step = np.diff(at)
    weight = np.zeros(at.size)
    weight[1:] += (step + 1) / 2
    weight[:-1] += (step - 1) / 2
    weight = weight[1:] / y.size
    n_treated, n_control = int(treated.sum()), int((~treated).sum())
    ranked, arm = y[order], treated[order]
    if permute == "arms":
        ranked = ranked - arm * (ranked[arm].mean() - ranked[~arm].mean())
    total = ranked.sum()
    n_c_least = np.arange(1, y.size + 1)[last]
    found = np.empty(times)
    for i in range(times):
        if permute == "arms":
            values, t = ranked, arm[rng.permutation(y.size)]
        else:
            rows = rng.permutation(y.size)
            values, t = ranked[rows], arm[rows]
        gained = np.cumsum(np.where(t, values, 0.0))
        n_t = np.cumsum(t)[last]
        of_control = np.cumsum(values)[last] - gained[last]
        curve = gained[last] - of_control * n_t / np.maximum(n_c_least - n_t, 1)
        effect = gained[-1] / n_treated - (total - gained[-1]) / n_control
        found[i] = curve @ weight / n_treated - effect / 2
    return found
