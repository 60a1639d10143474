"""What every model of transactions must do, so that everything built on them can rely on it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from ..clv.transaction import TransactionModel
from ..typing import Seed

#: Simulated customers of the checks.
N_CUSTOMERS = 4000


class ContractError(AssertionError):
    """Rules of the contract that a model breaks, each with what was found."""

    def __init__(self, name: str, broken: list[str]):
        self.broken = tuple(broken)
        super().__init__(
            "\n".join([f"{name} breaks {len(broken)} rule(s) of the contract:", *(f"  - {b}" for b in broken)])
        )


def check_transaction_model(
    estimator: TransactionModel, params: dict[str, float] | None = None, T: float = 40.0, random_state: Seed = None
) -> None:
    """Check a model of transactions against the contract of the library; raise with every rule it breaks.

    Customers are simulated from the model itself, at ``params``, and the model is fitted to them.

    Parameters
    ----------
    estimator : TransactionModel
        Unfitted, without covariates.
    params : dict of str to float, default=None
        Natural parameters at which an average customer buys a few times within T; None takes 1 for each, with time-like
        parameters best given by the caller.
    T : float, default=40.0
        How long customers are observed. A whole number for models of discrete opportunities.
    random_state : int, Generator, RandomState or None
        None takes the same customers at every call, so that a model that passes passes again.

    Raises
    ------
    ContractError
        Listing the rules that are broken.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD
    >>> from crmml.testing import check_transaction_model
    >>> check_transaction_model(BetaGeoNBD(), {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 2.4})
    """
    params = dict.fromkeys(estimator.parameter_names, 1.0) if params is None else params
    truth = clone(estimator).set_fitted_params(**params)
    log = truth.simulate(N_CUSTOMERS, T, random_state=0 if random_state is None else random_state)
    times = log.groupby("customer_id")["time"]
    X = pd.DataFrame({"frequency": times.size() - 1, "recency": times.max(), "T": float(T)})
    with np.errstate(divide="ignore"):  # models of regular timing read the sum of the logs of the gaps as well
        X["litt"] = np.log(times.diff()).groupby(log["customer_id"]).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = clone(estimator).fit(X)
        broken = [
            f"{rule.__doc__} {found}" for rule in RULES if (found := _outcome(rule, truth, fitted, X, T)) is not None
        ]
    if broken:
        raise ContractError(type(estimator).__name__, broken)


def _outcome(rule: Callable, truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    try:
        return rule(truth, fitted, X, T)
    except Exception as error:
        return f"It raised {type(error).__name__}: {error}"


def _tells_its_estimates(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """params_ holds every parameter, positive; summary() and describe() tell them."""
    if not set(fitted.parameter_names) <= set(fitted.params_) or not all(
        value > 0 for value in fitted.params_.values()
    ):
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
    columns = truth._summary(X.head(200), reset=False)
    rows, u = truth._rows(columns), truth.theta_
    value, gradient = truth._log_likelihood_gradient(rows, list(np.exp(u)))
    if not np.allclose(value, truth._log_likelihood(rows, list(np.exp(u))), rtol=1e-10, atol=1e-10):
        return "the two log-likelihoods differ."
    worst = 0.0
    for j in range(u.size):
        step = 1e-5 * np.eye(u.size)[j]
        up, down = (truth._log_likelihood(rows, list(np.exp(v))) for v in (u + step, u - step))
        worst = max(worst, float(np.max(np.abs((up - down) / 2e-5 - gradient[j]))))
    return f"largest difference {worst:.2g}." if worst > 1e-5 else None


def _expectations_are_orderly(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """predict() is 0 at horizon 0, finite, not negative and grows with the horizon."""
    values = np.array([truth.predict(X, horizon) for horizon in (0.0, 1.0, 10.0, 100.0)])
    if not np.isfinite(values).all() or np.abs(values[0]).max() > 0 or (np.diff(values, axis=0) < -1e-12).any():
        return f"means over customers are {values.mean(axis=1).tolist()}."
    return None


def _probabilities_are(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """probability_alive() lies in [0, 1] and falls with the time ahead."""
    now, later = truth.probability_alive(X), truth.probability_alive(X, 5.0)
    if not ((now >= 0) & (now <= 1 + 1e-12)).all() or (later > now + 1e-12).any():
        return f"range {now.min():.3g} to {now.max():.3g}; later up to {np.max(later - now):.3g} higher."
    return None


def _counts_agree_with_the_expectation(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """Count probabilities sum to 1 and their mean is predict(), for customers with a history and for new ones."""
    head, n = X.head(50), 600
    proba = truth.predict_count_proba(head, 10.0, n)
    off = np.abs(proba.sum(axis=1) - 1).max()
    mean = np.abs(proba @ np.arange(n + 1) - truth.predict(head, 10.0)).max()
    new = truth.count_proba(10.0, n)
    fresh = abs(new @ np.arange(n + 1) - float(truth.expected_purchases(10.0)))
    if max(off, mean, fresh, abs(new.sum() - 1)) > 1e-6:
        return f"sums off by {off:.2g}, means by {mean:.2g}; new customers' by {fresh:.2g}."
    return None


def _simulation_agrees(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """sample() buys as often as expected_purchases() says, and leaves P(alive) and predict() right on average."""
    mean, error = X["frequency"].mean(), X["frequency"].std() / np.sqrt(len(X))
    expected = float(truth.expected_purchases(T))
    longer = truth.simulate(N_CUSTOMERS, 1.5 * T if T % 2 else T + T // 2, random_state=1)
    horizon = float((1.5 * T if T % 2 else T + T // 2) - T)
    seen = longer[longer["time"] <= T].groupby("customer_id")["time"]
    history = pd.DataFrame({"frequency": seen.size() - 1, "recency": seen.max(), "T": float(T)})
    later = (longer["time"] > T).groupby(longer["customer_id"]).sum()
    gap, spread = float((truth.predict(history, horizon) - later).mean()), float(later.std() / np.sqrt(len(later)))
    if abs(mean - expected) > 5 * error or abs(gap) > 5 * spread:
        return f"simulated {mean:.4g} against {expected:.4g} expected; afterwards {gap:.3g} too many expected (error {spread:.2g})."
    return None


def _weights_are_repetition(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """A row of weight 2 counts as two customers, one of weight 0 as none."""
    weight = np.arange(len(X)) % 3
    weighted = clone(fitted).fit(X, sample_weight=weight)
    repeated = clone(fitted).fit(X.loc[X.index.repeat(weight)])
    gap = abs(weighted.log_likelihood_ - repeated.log_likelihood_)
    return f"log-likelihoods differ by {gap:.2g}." if gap > 1e-6 * abs(repeated.log_likelihood_) else None


def _unit_of_time_is_free(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """Counting time in another unit changes the log-likelihood by its constant only, and no prediction."""
    if fitted._discrete:
        return None
    scaled = X.assign(recency=7 * X["recency"], T=7 * X["T"], litt=X["litt"] + X["frequency"] * np.log(7))
    other = clone(fitted).fit(scaled)
    shift = X["frequency"].sum() * np.log(7)
    gap = abs(other.log_likelihood_ + shift - fitted.log_likelihood_)
    moved = np.abs(other.predict(scaled, 70.0) - fitted.predict(X, 10.0)).max()
    return f"log-likelihoods differ by {gap:.2g}, predictions by {moved:.2g}." if gap > 1e-4 or moved > 1e-3 else None


def _copies_are_equal(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """A pickled copy predicts the same and is below 100 kB."""
    stored = pickle.dumps(fitted)
    same = np.array_equal(pickle.loads(stored).predict(X, 10.0), fitted.predict(X, 10.0))
    return None if same and len(stored) < 100_000 else f"{len(stored):,} bytes; same predictions: {same}."


def _posterior_can_be_sampled(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """sample_posterior() gives draws of every parameter and predict_interval() brackets predictions."""
    draws = fitted.sample_posterior(500, random_state=0).draws
    interval = fitted.predict_interval(X.head(20), horizon=10.0, n_draws=200)
    point = fitted.predict(X.head(20), 10.0)
    if not (draws > 0).all(axis=None) or interval.shape != (20, 2) or (interval[:, 0] > interval[:, 1]).any():
        return "draws are not positive or bounds are crossed."
    outside = ((point < interval[:, 0] * (1 - 1e-6)) | (point > interval[:, 1] * (1 + 1e-6))).mean()
    return f"{outside:.0%} of predictions lie outside of their 90 % interval." if outside > 0.5 else None


def _totals_are_sums(truth: Any, fitted: Any, X: pd.DataFrame, T: float) -> str | None:
    """total_interval() is the sum of predictions inside its bounds, and groups add up to it."""
    part = pd.Series(np.where(np.arange(len(X)) % 3 == 0, "some", "others"))
    total = fitted.total_interval(X, 10.0, n_draws=200).iloc[0]
    groups = fitted.total_interval(X, 10.0, by=part, n_draws=200)
    off = max(
        abs(total["expected"] / fitted.predict(X, 10.0).sum() - 1),
        abs(groups["expected"].sum() / total["expected"] - 1),
    )
    if (
        off > 1e-6
        or not (groups["lower"] <= groups["expected"]).all()
        or not (groups["expected"] <= groups["upper"]).all()
    ):
        return f"the total is off by {off:.2g}, or outside of its bounds."
    luck = np.sqrt(fitted.draws(X, 10.0, n_draws=100).var(axis=0).sum())
    wide = (total["upper"] - total["lower"]) / (2 * 1.645 * luck)
    return f"its width is {wide:.2g} times that of luck alone." if not 0.7 < wide < 20 else None


RULES: tuple[Callable[[Any, Any, pd.DataFrame, float], str | None], ...] = (
    _tells_its_estimates,
    _reaches_the_optimum,
    _gradient_is_right,
    _expectations_are_orderly,
    _probabilities_are,
    _counts_agree_with_the_expectation,
    _simulation_agrees,
    _weights_are_repetition,
    _unit_of_time_is_free,
    _copies_are_equal,
    _posterior_can_be_sampled,
    _totals_are_sums,
)
