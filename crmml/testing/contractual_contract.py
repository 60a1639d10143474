"""What every contractual model must do, so that everything built on them can rely on it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from ..clv.contractual import ContractualModel
from ..typing import Seed
from .transaction_contract import ContractError, _outcome

#: Simulated customers of the checks.
N_CUSTOMERS = 4000


def check_contractual_model(
    estimator: ContractualModel, params: dict[str, float] | None = None, T: float = 8.0, random_state: Seed = None
) -> None:
    """Check a contractual model against the contract of the library; raise with every rule it breaks.

    Customers are simulated from the model itself, at ``params``, and the model is fitted to them.

    Parameters
    ----------
    estimator : ContractualModel
        Unfitted, without covariates.
    params : dict of str to float, default=None
        Natural parameters at which some customers leave within T and others do not; None takes 1 for each.
    T : float, default=8.0
        How many renewals, or how long, customers are observed.
    random_state : int, Generator, RandomState or None
        None takes the same customers at every call, so that a model that passes passes again.

    Raises
    ------
    ContractError
        Listing the rules that are broken.

    Examples
    --------
    >>> from crmml.clv import ShiftedBetaGeometric
    >>> from crmml.testing import check_contractual_model
    >>> check_contractual_model(ShiftedBetaGeometric(), {"alpha": 0.8, "beta": 3.0})
    """
    params = dict.fromkeys(estimator.parameter_names, 1.0) if params is None else params
    truth = clone(estimator).set_fitted_params(**params)
    X = truth.simulate(N_CUSTOMERS, T, random_state=0 if random_state is None else random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = clone(estimator).fit(X)
        broken = [
            f"{rule.__doc__} {found}" for rule in RULES if (found := _outcome(rule, truth, fitted, X, T)) is not None
        ]
    if broken:
        raise ContractError(type(estimator).__name__, broken)


def _tells_its_estimates(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """params_ holds every parameter, positive; summary() and describe() tell them."""
    positive = all(value > 0 for value in fitted.params_.values())
    if set(fitted.parameter_names) != set(fitted.params_) or not positive:
        return f"params_ is {dict(fitted.params_)}."
    table = fitted.summary()
    if list(table.columns) != ["estimate", "std_error", "lower", "upper"] or not isinstance(fitted.describe(), str):
        return f"summary() has columns {list(table.columns)}."
    return None


def _reaches_the_optimum(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """The fit is at least as likely as the truth, and score() is the mean of its log-likelihood."""
    gap = fitted.score(X) - truth.score(X)
    if gap < -1e-9 or abs(fitted.score(X) * len(X) - fitted.log_likelihood_) > 1e-6 * abs(fitted.log_likelihood_):
        return f"mean log-likelihood {fitted.score(X):.9g} against {truth.score(X):.9g} at the truth."
    return None


def _gradient_is_right(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """The gradient equals central differences of the log-likelihood."""
    rows, u = truth._rows(truth._summary(X.head(200), reset=False)), truth.theta_
    value, gradient = truth._log_likelihood_gradient(rows, list(np.exp(u)))
    if not np.allclose(value, truth._log_likelihood(rows, list(np.exp(u))), rtol=1e-10, atol=1e-10):
        return "the two log-likelihoods differ."
    worst = 0.0
    for j in range(u.size):
        step = 1e-5 * np.eye(u.size)[j]
        up, down = (truth._log_likelihood(rows, list(np.exp(v))) for v in (u + step, u - step))
        worst = max(worst, float(np.max(np.abs((up - down) / 2e-5 - gradient[j]))))
    return f"largest difference {worst:.2g}." if worst > 1e-5 else None


def _survival_is_one(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """survival() starts at 1 and falls, and retention_rate() is its ratio."""
    t = np.arange(0.0, 50.0)
    survival, retention = truth.survival(t), truth.retention_rate(t[1:])
    if survival[0] != 1 or (np.diff(survival) > 0).any() or (survival < 0).any():
        return f"it starts at {survival[0]:.6g} and ends at {survival[-1]:.6g}."
    gap = float(np.max(np.abs(retention * survival[:-1] - survival[1:])))
    return f"they differ by {gap:.2g}." if gap > 1e-9 else None


def _expectations_are_sums(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """predict() is the sum, or integral, of predict_survival() over the horizon; 0 for customers who left."""
    head = X.head(50)
    if truth._discrete:
        total = sum(truth.predict_survival(head, j) for j in range(1, 13))
    else:
        nodes, weights = np.polynomial.legendre.leggauss(40)
        total = sum(6 * w * truth.predict_survival(head, 6 * (1 + u)) for u, w in zip(nodes, weights, strict=True))
    gap = float(np.max(np.abs(truth.predict(head, 12) - total)))
    gone = truth.predict(head, 12)[head["recency"] < head["T"]]
    if gap > 1e-6 or gone.any() or truth.predict(head, 0).any():
        return f"they differ by {gap:.2g}; customers who left have up to {gone.max(initial=0):.2g}."
    return None


def _discount_shortens(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """discounted_residual_lifetime() is finite, falls with the rate, and retention_elasticity() is its slope."""
    head = X.head(50)
    low, mid, high = (truth.discounted_residual_lifetime(head, rate, "Y") for rate in (0.0999, 0.1, 0.1001))
    stays = (head["recency"] == head["T"]).to_numpy()
    if not np.isfinite(mid).all() or (np.diff([low, mid, high], axis=0)[:, stays] >= 0).any():
        return f"values range from {mid.min():.3g} to {mid.max():.3g}."
    slope = np.log(low[stays] / high[stays]) / np.log(1.1001 / 1.0999)
    gap = float(np.max(np.abs(slope - truth.retention_elasticity(head, 0.1, "Y")[stays]) / slope, initial=0))
    return f"the elasticity is off by {gap:.2g} of it." if gap > 1e-5 else None


def _simulation_agrees(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """simulate() leaves as many customers as survival() says."""
    kept, expected = float((X["recency"] == X["T"]).mean()), float(truth.survival(T))
    error = np.sqrt(expected * (1 - expected) / len(X))
    return f"{kept:.4g} against {expected:.4g} expected." if abs(kept - expected) > 5 * error else None


def _counts_are_rows(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """fit_survivors() on counts is fit() on the customers counted; about that where only the intervals are known."""
    counts = [(X["recency"] >= t).sum() for t in range(int(T) + 1)]
    grouped = clone(fitted).fit_survivors(counts)
    t = np.arange(1.0, T + 1)
    gap = float(np.max(np.abs(grouped.survival(t) - fitted.survival(t))))
    return f"survival differs by {gap:.2g}." if gap > (1e-6 if fitted._discrete else 0.02) else None


def _weights_are_repetition(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """A row of weight 2 counts as two customers, one of weight 0 as none."""
    weight = np.arange(len(X)) % 3
    weighted = clone(fitted).fit(X, sample_weight=weight)
    repeated = clone(fitted).fit(X.loc[X.index.repeat(weight)])
    gap = abs(weighted.log_likelihood_ - repeated.log_likelihood_)
    return f"log-likelihoods differ by {gap:.2g}." if gap > 1e-6 * abs(repeated.log_likelihood_) else None


def _copies_are_equal(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """A pickled copy predicts the same and is below 100 kB."""
    stored = pickle.dumps(fitted)
    same = np.array_equal(pickle.loads(stored).predict(X, 10), fitted.predict(X, 10))
    return None if same and len(stored) < 100_000 else f"{len(stored):,} bytes; same predictions: {same}."


def _intervals_hold(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """sample_posterior() gives draws of every parameter; intervals of customers and of the total hold what they are of."""
    draws = fitted.sample_posterior(500, random_state=0).draws
    point = fitted.predict(X, 10)
    mean, seen = (fitted.predict_interval(X, horizon=10, n_draws=200, kind=kind) for kind in ("mean", "outcome"))
    total = fitted.total_interval(X, 10, n_draws=200).iloc[0]
    if not (draws > 0).all(axis=None) or (mean[:, 0] > point).any() or (mean[:, 1] < point).any():
        return "draws are not positive, or an interval leaves its estimate out."
    if (seen[:, 0] > seen[:, 1]).any() or (seen < 0).any() or (seen > 10).any():
        return f"outcomes range from {seen.min():.3g} to {seen.max():.3g} within a horizon of 10."
    inside = total["lower"] <= total["expected"] <= total["upper"]
    return (
        None
        if inside
        else f"the total is {total['expected']:.4g}, its interval {total['lower']:.4g} to {total['upper']:.4g}."
    )


RULES: tuple[Callable[[Any, Any, pd.DataFrame, float], str | None], ...] = (
    _tells_its_estimates,
    _reaches_the_optimum,
    _gradient_is_right,
    _survival_is_one,
    _expectations_are_sums,
    _discount_shortens,
    _simulation_agrees,
    _counts_are_rows,
    _weights_are_repetition,
    _copies_are_equal,
    _intervals_hold,
)
