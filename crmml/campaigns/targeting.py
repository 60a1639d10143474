"""Whom to contact, with which action, under a budget and a capacity."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from .. import frames
from ..checks import is_count, is_number
from ..customers.scanning.identifier_names import IDENTIFIERS, identifier_of
from ..exceptions import DataError
from ..typing import ArrayLike, Seed
from ._assignment import assign
from .holdout import draw_holdout
from .targeting_plan import TargetingPlan


class TargetingWarning(UserWarning):
    """Figures handed to a plan look unlike what they are said to be; the message says which and the cure."""


class Targeting(BaseEstimator):
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
        capacity: Any = None,
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
        uplift: ArrayLike,
        *,
        value: Any,
        cost: Any,
        customer_id: Any = None,
        uplift_std: ArrayLike | None = None,
        draws: ArrayLike | None = None,
        actions: Sequence[Any] | None = None,
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
        faults = self._limit_faults()
        frame, names = uplift if frames.is_frame(uplift) else None, list(actions) if actions is not None else None
        identifier = customer_id if isinstance(customer_id, str) else identifier_of(frame)
        given = {"value": value, "cost": cost, "uplift_std": uplift_std, "strata": strata, "customer_id": customer_id}
        faults += frames.reordered({"uplift": uplift, **given})
        if frame is not None:
            there = frames.wrap(frame).collect_schema().names()
            key = identifier if isinstance(customer_id, str) or (customer_id is None and identifier in there) else None
            if names is None:
                names = [name for name in there if name not in (key, *IDENTIFIERS)]
                bounds = [
                    name for name in names if str(name).startswith(("uplift_std", "uplift_lower", "uplift_upper"))
                ]
                if bounds:
                    faults.append(
                        f"{', '.join(bounds)} are no actions: name the columns of uplift in actions=, and give standard errors "
                        "as uplift_std="
                    )
                    raise DataError(faults, "the plan")
            read = frames.to_columns(frame, [*([key] if key else []), *names])
            if key:
                customer_id = read[key].to_numpy()
            uplift = read[names]
        u = _floats(uplift, "uplift", faults)
        if u is not None and u.ndim not in (1, 2):
            faults.append(f"uplift has shape {u.shape}; (n,) or (n, n_actions) is expected")
        if u is None or u.ndim not in (1, 2):
            raise DataError(faults, "the plan")
        u = u[:, None] if u.ndim == 1 else u
        n, k = u.shape
        if not u.size:
            faults.append("uplift has no rows or no actions")
        _refuse(~np.isfinite(u), "uplift", "missing or infinite; leave these customers out", faults)
        names = names if names is not None else (["contact"] if k == 1 else list(range(k)))
        if len(names) != k or len(set(names)) != len(names):
            faults.append(f"actions names {len(names)}, {len(set(names))} of them different; uplift has {k} columns")
        if isinstance(cost, Mapping):
            if wrong := [repr(name) for name in {*cost, *names} if name not in cost or name not in names]:
                faults.append(
                    f"cost by action and the actions differ in {', '.join(sorted(wrong))}; name each action once"
                )
            cost = [cost.get(name, 0.0) for name in names]
        v = _money(value, "value", n, k, faults, by_action=False)
        c = _money(cost, "cost", n, k, faults, by_action=True)
        std = self._like(uplift_std, "uplift_std", (n, k), faults, least=0.0)
        sample = self._like(draws, "draws", (n, k), faults)
        if std is not None and sample is not None:
            faults.append("uplift_std and draws are both given; give one")
        if self.min_probability is not None and uplift_std is None and draws is None:
            faults.append(f"min_probability={self.min_probability} needs uplift_std or draws, and neither is given")
        for name, column in (("customer_id", customer_id), ("strata", strata)):
            if column is not None and np.shape(column) != (n,):
                faults.append(f"{name} has shape {np.shape(column)}; ({n},) is expected")
            elif column is not None and (lists := int(frames.unhashable(pd.Series(column)).sum())):
                faults.append(
                    f"{name} holds lists or their like in {lists:,} of {n:,} rows; one value a customer is needed"
                )
        if (
            not faults
            and customer_id is not None
            and np.shape(customer_id) == (n,)
            and (twice := int(pd.Series(customer_id).duplicated().sum()))
        ):
            faults.append(f"{twice:,} rows repeat another's customer_id; one row a customer is needed")
        total, each = self._capacity(names, faults)
        if faults:
            raise DataError(faults, "the plan")
        assert v is not None
        assert c is not None
        if binary and np.abs(u).max() > 1:
            warnings.warn(
                f"{int((np.abs(u) > 1).sum()):,} of {u.size:,} values of uplift lie beyond [-1, 1], up to {np.abs(u).max():.4g}, "
                "though the outcome is 0 or 1: they look like percent; divide by 100, or pass binary=False for a count.",
                TargetingWarning,
                stacklevel=2,
            )
        profit = u * v - c
        pays = _probability(u, v, c, std, sample)
        open_ = profit
        if self.min_probability is not None and pays is not None:
            open_ = np.where(pays >= self.min_probability, profit, -np.inf)
        budget = np.inf if self.budget is None else float(self.budget)
        limits: dict[str, Any] = {"budget": budget, "total": total, "each": each, "time_limit": self.time_limit}
        found = assign(open_, c, **limits)
        held, propensity = draw_holdout(
            found.choice,
            self.holdout,
            None if strata is None else np.asarray(strata),
            check_random_state(self.random_state),
        )
        return TargetingPlan(
            actions=tuple(names),
            chosen=found.choice,
            holdout=held,
            propensity=propensity,
            uplift=u,
            value=v,
            costs=c,
            probability=pays,
            uplift_std=std,
            draws=sample,
            limits={**limits, "min_probability": self.min_probability, "holdout": self.holdout},
            coverage=self.coverage,
            optimal=found.optimal,
            bound=found.bound,
            gap=found.gap,
            method=found.how,
            strata=None if strata is None else np.asarray(strata),
            customer_id=None if customer_id is None else np.asarray(customer_id),
            identifier=identifier,
            frame=frame,
        )

    def _limit_faults(self) -> list[str]:
        faults = []
        for name in ("budget",):
            given = getattr(self, name)
            if given is not None and not (is_number(given) and given >= 0):
                faults.append(f"budget is {given!r}; money of at least 0 is needed, or None for no limit")
        if not (is_number(self.holdout) and 0 <= self.holdout < 1):
            faults.append(f"holdout is {self.holdout!r}; a share in [0, 1) is needed, such as 0.1")
        if self.min_probability is not None and not (
            is_number(self.min_probability) and 0 <= self.min_probability <= 1
        ):
            faults.append(f"min_probability is {self.min_probability!r}; it must lie in [0, 1]")
        if not (is_number(self.coverage) and 0 < self.coverage < 1):
            faults.append(f"coverage is {self.coverage!r}; it must lie between 0 and 1")
        if self.time_limit is not None and not (is_number(self.time_limit) and self.time_limit > 0):
            faults.append(f"time_limit is {self.time_limit!r}; seconds above 0 are needed, or None")
        return faults

    def _capacity(self, names: list, faults: list[str]) -> tuple[float, np.ndarray | None]:
        given = self.capacity
        if given is None:
            return np.inf, None
        if isinstance(given, Mapping):
            if unknown := [name for name in given if name not in names]:
                faults.append(
                    f"capacity names {', '.join(map(repr, unknown))}; the actions are {', '.join(map(repr, names))}"
                )
            parts = [given.get(name) for name in names]
        elif np.ndim(given) == 0:
            parts = [given]
        else:
            parts = list(given)
            if len(parts) != len(names):
                faults.append(f"capacity has {len(parts)} entries for {len(names)} actions")
        wrong = [x for x in parts if x is not None and not (is_count(x) and x >= 0)]
        if wrong:
            faults.append(f"capacity has {', '.join(map(repr, wrong[:3]))}; whole numbers of at least 0 are needed")
        if faults:
            return np.inf, None
        counts = np.array([np.inf if x is None else float(x) for x in parts])
        return (float(counts[0]), None) if np.ndim(given) == 0 and not isinstance(given, Mapping) else (np.inf, counts)

    @staticmethod
    def _like(
        given: Any, name: str, shape: tuple[int, int], faults: list[str], least: float | None = None
    ) -> np.ndarray | None:
        """Read uplift_std, or draws with their axis in front."""
        if given is None or (array := _floats(given, name, faults)) is None:
            return None
        lead = 1 if name == "draws" else 0
        if shape[1] == 1 and array.ndim == 1 + lead:
            array = array[..., None]
        if array.ndim != 2 + lead or array.shape[lead:] != shape or (lead and array.shape[0] < 2):
            faults.append(
                f"{name} has shape {np.shape(given)}; it must match uplift's {shape}" + ", with draws in front" * lead
            )
            return None
        wrong = ~np.isfinite(array)
        if least is not None:
            wrong |= array < least
        _refuse(wrong, name, "missing, infinite or negative" if least is not None else "missing or infinite", faults)
        return array


def _probability(
    u: np.ndarray, v: np.ndarray, c: np.ndarray, std: np.ndarray | None, draws: np.ndarray | None
) -> np.ndarray | None:
    """Probability that uplift times value exceeds the cost."""
    if draws is not None:
        count = np.zeros(u.shape)
        for drawn in draws:
            count += drawn * v > c
        return count / len(draws)
    if std is None:
        return None
    profit, spread = u * v - c, std * v
    z = np.divide(profit, spread, out=np.where(profit > 0, np.inf, -np.inf), where=spread > 0)
    return norm.cdf(z)


def _floats(given: Any, name: str, faults: list[str]) -> np.ndarray | None:
    try:
        return np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError):
        faults.append(f"{name} cannot be read as numbers of one shape")
        return None


def _refuse(wrong: np.ndarray, name: str, what: str, faults: list[str]) -> None:
    if wrong.ndim == 0 and wrong:
        faults.append(f"{name} is {what}")
    elif wrong.any():
        at = np.unique(np.nonzero(wrong)[-2 if wrong.ndim > 1 else 0])[:3]
        faults.append(
            f"{int(wrong.sum()):,} of {wrong.size:,} values of {name} are {what} (first in rows {', '.join(map(str, at))})"
        )


def _money(given: Any, name: str, n: int, k: int, faults: list[str], *, by_action: bool) -> np.ndarray | None:
    """Read value or cost as (n, k)."""
    array = _floats(given, name, faults)
    if array is None:
        return None
    if array.ndim == 1 and by_action and k > 1 and array.size == k:
        array = array[None, :]
    elif array.ndim == 1 and (k == 1 or not by_action) and array.size == n:
        array = array[:, None]
    elif array.ndim == 1 and by_action and k == 1 and array.size == 1:
        array = array[None, :]
    elif not (array.ndim == 0 or (array.ndim == 2 and array.shape in ((n, k), (n, 1)))):
        wanted = f"one number, ({k},), ({n}, {k}) or ({n}, 1)" if by_action else f"one number, ({n},) or ({n}, {k})"
        faults.append(f"{name} has shape {array.shape}; {wanted} is expected")
        return None
    _refuse(~np.isfinite(array), name, "missing, infinite or no number", faults)
    more = "set it to 0 for customers who are not worth keeping" if name == "value" else "a contact costs at least 0"
    _refuse(array < 0, name, f"negative; {more}", faults)
    return np.broadcast_to(array, (n, k))
