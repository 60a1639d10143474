"""Whom to contact, with which action, under a budget and a capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from ..checks import check_random_state
from ..exceptions import warn
from ..results import NotebookMixin
from ..typing import ArrayLike, FrameLike, Seed
from ._assignment import choose
from .holdout import draw_holdout
from .offers import read_plan
from .targeting_plan import TargetingPlan


class TargetingWarning(UserWarning):
    """Figures handed to a plan look unlike what they are said to be; the message says which and the cure."""


class Targeting(NotebookMixin, BaseEstimator):
    r"""Choose at most one action for each customer so that the expected profit is the largest there is.

    .. math:: \max_{a} \sum_{i:\, a_i \neq \emptyset} (u_{i a_i} v_{i a_i} - c_{i a_i})
        \quad\text{subject to}\quad \sum_i c_{i a_i} \le B,\ \#\{i: a_i = a\} \le K_a,

    with u the uplift, v the value of one unit of the outcome and c the cost. Only contacts of positive expected profit are made.
    The optimum is exact: by sorting where that is enough, else as a multiple-choice knapsack [1]_ by integer programming. Among
    customers alike in all figures, the earlier rows come first.

    Parameters
    ----------
    budget : float, default=None
        Most money for all contacts, in the currency of the costs; None is no limit.
    capacity : int, sequence or mapping of int, default=None
        Most contacts: in all, or of each action (in the order of the actions, or by name; an action not named has no limit).
    holdout : float in [0, 1), default=0.0
        Share of the customers chosen who are not contacted, at random, so that the campaign can be judged.
    min_probability : float in [0, 1], default=None
        A contact is made only where it pays with at least this probability; needs ``uplift_std`` or ``draws``.
    coverage : float, default=0.9
        Of the intervals.
    time_limit : float, default=60.0
        Seconds for integer programming; None is no limit. Where it is reached the plan says what may be lost.
    random_state : int, RandomState or None, default=None
        Of the hold-out.

    References
    ----------
    .. [1] Kellerer, H., Pferschy, U. and Pisinger, D. (2004), Knapsack Problems. Springer, chapter 11.

    Examples
    --------
    >>> plan = Targeting(budget=5).plan([0.10, 0.02, 0.30, 0.08], value=100, cost=[[4.0], [1.0], [3.0], [2.0]])
    >>> plan.action.tolist()
    [None, None, 'contact', 'contact']
    >>> print(plan.describe(currency="CNY"))
    2 of 4 customers are contacted at a cost of 5.00 CNY; the expected profit is 33.00 CNY.
    The budget is 5.00 CNY. No other choice of contacts within these limits earns more.
    Contacting all 4 customers, whatever the limits, would earn 40.00 CNY: 7.00 CNY more than this plan.
    """

    _parameter_constraints: ClassVar[dict] = {
        "budget": [Interval(Real, 0, None, closed="left"), None],
        "capacity": ["array-like", Mapping, Interval(Integral, 0, None, closed="left"), None],
        "holdout": [Interval(Real, 0, 1, closed="left")],
        "min_probability": [Interval(Real, 0, 1, closed="both"), None],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        budget: float | None = None,
        capacity: int | Sequence[int | None] | Mapping[Any, int] | None = None,
        *,
        holdout: float = 0.0,
        min_probability: float | None = None,
        coverage: float = 0.9,
        time_limit: float | None = 60.0,
        random_state: Seed = None,
    ):
        self.budget = budget
        self.capacity = capacity
        self.holdout = holdout
        self.min_probability = min_probability
        self.coverage = coverage
        self.time_limit = time_limit
        self.random_state = random_state

    def plan(
        self,
        uplift: FrameLike,
        *,
        value: float | FrameLike,
        cost: float | Mapping[str, float] | FrameLike,
        customer_id: ArrayLike | str | None = None,
        uplift_std: FrameLike | None = None,
        draws: ArrayLike | None = None,
        actions: Sequence[str | int] | None = None,
        strata: ArrayLike | None = None,
        binary: bool = False,
    ) -> TargetingPlan:
        """Choose the contacts.

        Parameters
        ----------
        uplift : array of shape (n,) or (n, n_actions), or frame of any engine
            Expected change of the outcome (a probability or a count) by each action; negative where it does harm. Of a frame, the
            columns named in ``actions``, or all but the identifier's. A frame of a learner's ``table`` with standard errors needs
            ``actions``.
        value : float or array of shape (n,) or (n, n_actions)
            Money for one unit of the outcome, such as a customer lifetime value. At least 0.
        cost : float, mapping of action to float, or array of shape (n_actions,), (n, 1) or (n, n_actions)
            Money for one contact, in the same currency; with one action also (n,). At least 0; 0 is a contact that is free. A
            vector as long as there are actions is a price list by action, where there are several.
        customer_id : array of shape (n,), or str for a frame, default=None
            Each customer once. None takes the frame's column customer_id, or customer_number, where there is one. Pandas inputs must
            have their rows in one order.
        uplift_std : array like ``uplift``, default=None
            Standard errors, taken as normal and independent between customers. Those of one fitted model are not: all its
            predictions err together, and the interval of the total comes out many times too narrow; give its ``sample(X)`` as draws.
        draws : array of shape (n_draws, n) or (n_draws, n, n_actions), default=None
            Uplift from a posterior or a bootstrap: errors that customers share are then kept.
        actions : sequence, default=None
            Names; "contact" for one, else 0, 1, 2, …
        strata : array of shape (n,), default=None
            The hold-out is drawn within each of them, and within each action.
        binary : bool, default=False
            Whether the outcome is 0 or 1: an uplift beyond [-1, 1], which looks like percent, then warns.

        Returns
        -------
        TargetingPlan

        Raises
        ------
        DataError
            Naming every fault of the figures and of the limits.

        Warns
        -----
        TargetingWarning
        """
        offers, limits = read_plan(
            self,
            uplift,
            value=value,
            cost=cost,
            customer_id=customer_id,
            uplift_std=uplift_std,
            draws=draws,
            actions=actions,
            strata=strata,
        )
        self._validate_params()  # what the reading of the limits leaves: the seed
        if binary and np.abs(offers.uplift).max() > 1:
            warn(_looks_like_percent(offers.uplift), TargetingWarning)
        pays = offers.probability_it_pays()
        found = choose(offers.profit, offers.cost, pays, limits)
        held, propensity = draw_holdout(
            found.choice, limits.holdout, offers.strata, check_random_state(self.random_state)
        )
        return TargetingPlan(
            offers=offers,
            chosen=found.choice,
            holdout=held,
            propensity=propensity,
            probability=pays,
            limits=limits,
            coverage=self.coverage,
            optimal=found.optimal,
            bound=found.bound,
            gap=found.gap,
            method=found.how,
        )


def _looks_like_percent(uplift: np.ndarray) -> str:
    beyond = np.abs(uplift) > 1
    return (
        f"{int(beyond.sum()):,} of {uplift.size:,} values of uplift lie beyond [-1, 1], up to {np.abs(uplift).max():.4g}, "
        "though the outcome is 0 or 1: they look like percent; divide by 100, or pass binary=False for a count."
    )
