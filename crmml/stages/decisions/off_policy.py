r"""What a policy would have been worth, from actions that were taken by another.

With logged stages, actions and rewards of customers, behaviour :math:`b(a \mid s)` and a policy :math:`\pi(a \mid s)`, the weight
of a customer up to period t is :math:`\rho_t = \prod_{k \le t} \pi(a_k \mid s_k)/b(a_k \mid s_k)`. The estimates [1]_ [2]_ are

* "per_decision": mean of :math:`\sum_t \beta^t \rho_t r_t`, unbiased;
* "weighted": :math:`\sum_t \beta^t \sum_i \rho_{it} r_{it} / \sum_i \rho_{it}`, steadier, biased in small samples;
* "doubly_robust": mean of :math:`\sum_t \beta^t [\rho_{t-1} \hat V_t(s_t) + \rho_t (r_t - \hat Q_t(s_t, a_t))]` with a model of the
  moves and rewards, right where either the model or the behaviour is.

References
----------
.. [1] Precup, D., Sutton, R. S. and Singh, S. (2000), Eligibility traces for off-policy policy evaluation. ICML.
.. [2] Jiang, N. and Li, L. (2016), Doubly robust off-policy value evaluation for reinforcement learning. ICML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from ...checks import check_choice, check_coverage, check_number
from ...exceptions import DataError, warn
from ...results import Result
from ...typing import ArrayLike, FrameLike
from .policy import StagePolicy

#: An effective sample below this many customers is warned of.
FEW_CUSTOMERS = 30


@dataclass(frozen=True)
class OffPolicyValue(Result):
    """The value of a policy, estimated from logged actions.

    Attributes
    ----------
    value, lower, upper : float
        Discounted reward per customer over the logged periods, and its interval.
    coverage : float
    method : str
    effective_sample_size : float
        Customers that the weights at the end are worth.
    n_customers : int
    logged_value : float
        What the logged actions themselves brought.
    """

    value: float
    lower: float
    upper: float
    coverage: float
    method: str
    effective_sample_size: float
    n_customers: int
    logged_value: float

    def describe(self) -> str:
        """Say the estimate in a plain sentence."""
        return (
            f"Under the policy a customer would have brought {self.value:,.2f} ({self.coverage:.0%} interval {self.lower:,.2f} to "
            f"{self.upper:,.2f}) instead of {self.logged_value:,.2f}; the logged actions tell as much about it as "
            f"{self.effective_sample_size:,.0f} of {self.n_customers:,} customers."
        )


def off_policy_value(
    policy: Any,
    X: FrameLike,
    actions: ArrayLike,
    rewards: ArrayLike,
    *,
    behaviour: Any = None,
    discount: float = 1.0,
    method: str = "doubly_robust",
    coverage: float = 0.9,
) -> OffPolicyValue:
    """Estimate the value of a policy from logged stages, actions and rewards.

    Parameters
    ----------
    policy : StagePolicy or array-like of shape (n_stages, n_actions)
        One that is the same in every period.
    X : array-like of shape (n_customers, n_periods)
        Codes of stages.
    actions : array-like of shape (n_customers, n_periods)
        Codes of actions, in the order of the policy's.
    rewards : array-like of shape (n_customers, n_periods)
        Money of each period, costs of the action taken off.
    behaviour : array-like of shape (n_stages, n_actions), default=None
        Probabilities with which the logged actions were drawn; None estimates them by the shares in each stage.
    discount : float, default=1.0
        Of a period, above 0 and at most 1.
    method : {"doubly_robust", "weighted", "per_decision"}, default="doubly_robust"
    coverage : float, default=0.9

    Returns
    -------
    OffPolicyValue

    Raises
    ------
    DataError
        When shapes differ, entries are missing, or the policy takes an action that was never taken in a stage.

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import off_policy_value
    >>> rng = np.random.default_rng(0)
    >>> X, actions = np.zeros((2000, 1)), rng.integers(0, 2, (2000, 1))
    >>> rewards = 10 + 5 * actions + rng.normal(size=actions.shape)
    >>> found = off_policy_value([[0.0, 1.0]], X, actions, rewards)
    >>> round(found.value, 2), round(found.logged_value, 2), round(found.effective_sample_size)
    (14.99, 12.58, 1043)
    """
    if isinstance(policy, StagePolicy):
        if policy.probabilities.ndim > 2:
            raise ValueError(
                "The policy changes from period to period; give one that does not, such as solve() without limits returns."
            )
        policy = policy.probabilities
    check_choice(method, "method", ("doubly_robust", "weighted", "per_decision"))
    discount = check_number(discount, "discount", above=0, most=1)
    coverage = check_coverage(coverage)
    pi = np.asarray(policy, dtype=float)
    s, a, r = _checked(X, actions, rewards, pi)
    taken = np.zeros(pi.shape)
    np.add.at(taken, (s.ravel(), a.ravel()), 1)
    b = _behaviour(behaviour, taken, pi)
    rho = np.cumprod(np.divide(pi, b, out=np.zeros_like(pi), where=b > 0)[s, a], axis=1)
    factor = discount ** np.arange(s.shape[1])
    last = rho[:, -1]
    ess = float(last.sum() ** 2 / (last**2).sum()) if last.any() else 0.0
    if method == "weighted":
        value, influence = _weighted(rho, r, factor)
    else:
        gain = rho * r
        if method == "doubly_robust":
            V, Q = _model(s, a, r, pi, taken, discount)
            step = np.arange(s.shape[1])
            gain = np.column_stack([np.ones(len(s)), rho[:, :-1]]) * V[step, s] + rho * (r - Q[step, s, a])
        each = gain @ factor
        value, influence = float(each.mean()), each - each.mean()
    if ess < FEW_CUSTOMERS:
        warn(
            f"The logged actions are worth {ess:.0f} customers under this policy: the estimate rests on very few. Take fewer "
            "periods, or a policy nearer to what was done.",
            UserWarning,
        )
    std_error = float(np.sqrt((influence**2).mean() / max(len(s) - 1, 1)))
    width = float(norm.ppf((1 + coverage) / 2)) * std_error
    return OffPolicyValue(
        value, value - width, value + width, coverage, method, ess, len(s), float((r @ factor).mean())
    )


def _behaviour(behaviour: Any, taken: np.ndarray, pi: np.ndarray) -> np.ndarray:
    """Return the probabilities with which the logged actions were drawn; an action never taken is refused."""
    visited = taken.sum(axis=1) > 0
    shares = taken / np.maximum(taken.sum(axis=1, keepdims=True), 1)
    b = shares if behaviour is None else np.asarray(behaviour, dtype=float)
    sums = np.abs(b.sum(axis=1) - 1)[visited] if b.shape == pi.shape else np.ones(1)
    if not np.isfinite(b).all() or (b < 0).any() or not (sums <= 1e-6).all():
        raise DataError([f"it must be probabilities of shape {pi.shape}, rows summing to 1"], "behaviour")
    never = visited[:, None] & (pi > 0) & (b == 0)
    if never.any():
        where = ", ".join(f"action {j} in stage {i}" for i, j in zip(*np.nonzero(never), strict=True))
        raise DataError([f"the policy takes what was never taken in the log: {where}"], "the log")
    return b


def _weighted(rho: np.ndarray, r: np.ndarray, factor: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the self-normalised estimate and the influence of each customer."""
    total = rho.sum(axis=0)
    if (empty := int((total <= 0).sum())) > 0:
        raise DataError(
            [f"in {empty} of {len(total)} periods nobody did what the policy would do; take fewer periods"], "the log"
        )
    mean = (rho * r).sum(axis=0) / total
    return float(factor @ mean), ((rho / total * len(r)) * (r - mean)) @ factor


def _checked(X: Any, actions: Any, rewards: Any, pi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = [np.asarray(array, dtype=float) for array in (X, actions, rewards)]
    faults = []
    if len({array.shape for array in arrays}) > 1 or arrays[0].ndim != 2:
        faults.append(
            f"X, actions and rewards have the shapes {', '.join(str(array.shape) for array in arrays)}; all need the same"
        )
    if arrays[0].size == 0:
        faults.append("it has no customers or no periods")
    if pi.ndim != 2 or (pi < 0).any() or np.abs(pi.sum(axis=1) - 1).max() > 1e-8:
        faults.append("the policy must be probabilities (n_stages, n_actions) whose rows sum to 1")
    sizes = (*pi.shape, None) if pi.ndim == 2 else (None,) * 3
    for name, array, size in zip(("X", "actions", "rewards"), arrays, sizes, strict=True):
        faults += _entry_faults(name, array, size)
    if faults:
        raise DataError(faults, "the log")
    return arrays[0].astype(int), arrays[1].astype(int), arrays[2]


def _entry_faults(name: str, array: np.ndarray, size: int | None) -> list[str]:
    """Return what is wrong with the entries of an array: missing ones, and codes outside 0 to size - 1."""
    if (missing := int((~np.isfinite(array)).sum())) > 0:
        return [f"{name} is missing or infinite in {missing:,} places; leave those customers or periods out"]
    if size is not None and array.size and not ((array >= 0) & (array < size) & (array == np.floor(array))).all():
        return [f"{name} has codes other than 0 to {size - 1}"]
    return []


def _model(
    s: np.ndarray, a: np.ndarray, r: np.ndarray, pi: np.ndarray, taken: np.ndarray, discount: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return V (n_periods, n_stages) and Q (n_periods, n_stages, n_actions) by the log's own shares and mean rewards."""
    S, A = pi.shape
    mean = np.zeros((S, A))
    np.add.at(mean, (s.ravel(), a.ravel()), r.ravel())
    mean = np.divide(mean, taken, out=np.zeros_like(mean), where=taken > 0)
    moves = np.zeros((S, A, S))
    np.add.at(moves, (s[:, :-1].ravel(), a[:, :-1].ravel(), s[:, 1:].ravel()), 1)
    total = moves.sum(axis=2, keepdims=True)
    P = np.divide(moves, total, out=np.zeros_like(moves), where=total > 0)
    T = s.shape[1]
    V, Q = np.zeros((T + 1, S)), np.zeros((T, S, A))
    for t in range(T - 1, -1, -1):
        Q[t] = mean + discount * P @ V[t + 1]
        V[t] = (pi * Q[t]).sum(axis=1)
    return V[:T], Q
