"""Campaigns whose true effect on each customer is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..checks import Faults, check_choice, check_count, check_generator, check_number, is_count
from ..exceptions import DataError
from ..typing import ArrayLike, Seed

FEATURES = ("recency", "orders", "average_order", "tenure", "newsletter")


def make_campaign(
    n_customers: int,
    *,
    effect: Any = 0.05,
    arms: int | Sequence = 1,
    baseline: Any = None,
    propensity: ArrayLike | None = None,
    outcome: str = "binary",
    noise: float = 1.0,
    return_truth: bool = False,
    random_state: Seed = None,
) -> Any:
    """Simulate a campaign: features, arm and outcome of each customer, and what each arm truly changes.

    Outcomes are Bernoulli(p) or normal(p, noise²) with p = baseline(x) + effect_k(x) in arm k and baseline(x) in control.

    Parameters
    ----------
    n_customers : int
        At least 1.
    effect : float, callable or mapping of arm to either, default=0.05
        A callable takes the features and returns an array of shape (n_customers,). A number is the mean effect over customers,
        who differ: those who ordered lately and get the newsletter gain twice as much and more, and some lose.
    arms : int or sequence, default=1
        Treated arms: their number, named 1, 2, … with control 0; or their names, with control "control".
    baseline : float or callable, default=None
        Outcome without treatment. A number is the mean; customers differ by recency and orders. None is 0.2 for a binary outcome
        and 10 for a continuous one.
    propensity : float, sequence, or callable, default=None
        Probability of each arm: a number for a single one, numbers for the treated arms, or a callable from the features to an
        array of shape (n_customers,) or (n_customers, n_arms), for campaigns that were not drawn at random. None is the same for
        all arms and control.
    outcome : {"binary", "continuous"}, default="binary"
    noise : float, default=1.0
        Standard deviation of a continuous outcome around its mean.
    return_truth : bool, default=False
    random_state : int, Generator or None, default=None

    Returns
    -------
    data : DataFrame
        recency (months since the last order), orders, average_order (money), tenure (months), newsletter (0 or 1), treatment,
        outcome.
    truth : ndarray of shape (n_customers,), or (n_customers, n_arms)
        With ``return_truth``: the true uplift of each treated arm, columns in the sorted order of the arms.

    Raises
    ------
    DataError
        For arguments out of range, and where baseline plus effect is no probability.

    Examples
    --------
    >>> data, truth = make_campaign(10_000, effect=0.05, return_truth=True, random_state=0)
    >>> list(data)
    ['recency', 'orders', 'average_order', 'tenure', 'newsletter', 'treatment', 'outcome']
    >>> rate = data.groupby("treatment")["outcome"].mean()
    >>> round(float(truth.mean()), 3), bool(abs(rate[1] - rate[0] - truth.mean()) < 0.02)
    (0.05, True)
    """
    n, outcome, names, control, noise = _read_campaign(n_customers, outcome, arms, noise)
    features_seed, arm_seed, outcome_seed = check_generator(random_state).spawn(3)
    X = _features(n, features_seed)
    base = _baseline(X, (0.2 if outcome == "binary" else 10.0) if baseline is None else baseline)
    truth = np.column_stack([_effect(X, _of_arm(effect, name, names)) for name in names])
    chance = _chances(X, propensity, len(names))
    mean = base[:, None] + np.column_stack([np.zeros(len(X)), truth])
    if outcome == "binary":
        _refuse_improbable(mean)
    code = (arm_seed.random(len(X))[:, None] > np.cumsum(chance, axis=1)[:, :-1]).sum(axis=1)
    expected = mean[np.arange(len(X)), code]
    data = X.assign(treatment=np.asarray([control, *names], dtype=object if control == "control" else None)[code])
    if outcome == "binary":
        data["outcome"] = (outcome_seed.random(len(X)) < expected).astype(np.int64)
    else:
        data["outcome"] = outcome_seed.normal(expected, noise)
    if not return_truth:
        return data
    return data, truth[:, 0] if len(names) == 1 else truth


def _read_campaign(n_customers: Any, outcome: str, arms: Any, noise: float) -> tuple[int, str, list, Any, float]:
    """Number of customers, kind of outcome, names of the arms, name of control, and noise; or every fault of them."""
    faults = Faults("the arguments of make_campaign")
    faults.check(check_count, n_customers, "n_customers", least=1)
    faults.check(check_choice, outcome, "outcome", ("binary", "continuous"))
    counted = is_count(arms) and arms >= 1
    if not counted and (isinstance(arms, (str, int, np.integer)) or not np.size(arms)):
        faults.add(f"arms={arms!r} must be a number of arms, at least 1, or their names")
    faults.check(check_number, noise, "noise", least=0)
    faults.refuse()
    names: list = list(range(1, int(arms) + 1)) if counted else sorted(arms)
    control = 0 if counted else "control"
    if control in names or len(set(names)) < len(names):
        faults.add(f"arms={arms!r} must be distinct, none of them {control!r}")
    faults.refuse()
    return int(n_customers), outcome, names, control, noise


def _refuse_improbable(mean: np.ndarray) -> None:
    """Refuse baselines and effects whose sum leaves 0 to 1."""
    if bad := int(((mean < 0) | (mean > 1)).any(axis=1).sum()):
        raise DataError(
            [
                f"baseline plus effect runs from {mean.min():.3g} to {mean.max():.3g}, no probability for {bad:,} of {len(mean):,} "
                "customers; take smaller ones, or a continuous outcome"
            ],
            "the arguments of make_campaign",
        )


def _features(n: int, rng: np.random.Generator) -> pd.DataFrame:
    tenure = 1 + np.floor(rng.gamma(2.0, 12.0, n))
    return pd.DataFrame(
        {
            "recency": np.minimum(1 + np.floor(rng.exponential(5.0, n)), np.minimum(tenure, 24)),
            "orders": 1 + rng.poisson(tenure / 8.0),
            "average_order": rng.lognormal(3.5, 0.6, n).round(2),
            "tenure": tenure,
            "newsletter": (rng.random(n) < 0.4).astype(np.int64),
        }
    )[list(FEATURES)]


def _shape_of(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """How baseline and effect differ between customers, means 1: activity, and answer to being contacted."""
    activity = 0.4 + 0.5 * np.exp(-X["recency"] / 12.0) * (1 + np.log1p(X["orders"]))
    answer = 0.2 + 1.2 * np.exp(-X["recency"] / 6.0) + 0.9 * X["newsletter"] - 0.9 * (X["orders"] > 6)
    return np.minimum(activity, 2.5).to_numpy(), answer.to_numpy()


def _baseline(X: pd.DataFrame, given: Any) -> np.ndarray:
    if callable(given):
        return _called(given, X, "baseline")
    activity, _ = _shape_of(X)
    return float(given) * activity / activity.mean()


def _effect(X: pd.DataFrame, given: Any) -> np.ndarray:
    if callable(given):
        return _called(given, X, "effect")
    _, answer = _shape_of(X)
    return float(given) * answer / answer.mean()


def _of_arm(effect: Any, name: Any, names: list) -> Any:
    if not isinstance(effect, Mapping):
        return effect
    if name not in effect:
        raise DataError(
            [f"effect has none for arm {name!r}; the arms are {', '.join(map(repr, names))}"],
            "the arguments of make_campaign",
        )
    return effect[name]


def _chances(X: pd.DataFrame, propensity: Any, n_arms: int) -> np.ndarray:
    """Probability of control and of each arm, shape (n, n_arms + 1)."""
    if propensity is None:
        propensity = [1 / (n_arms + 1)] * n_arms
    given = np.asarray(propensity(X) if isinstance(propensity, Callable) else propensity, dtype=np.float64)  # type: ignore[arg-type]
    if given.ndim < 2 and callable(propensity):
        given = given.reshape(-1, 1)
    expected = (len(X), n_arms) if callable(propensity) else (n_arms,)
    given = given.reshape(1) if given.ndim == 0 else given
    faults = []
    if given.shape != expected:
        faults.append(f"propensity has shape {given.shape}; {expected} is expected, the treated arms in sorted order")
    elif not (given > 0).all() or (given.sum(axis=-1) >= 1).any():
        faults.append("propensity must be above 0 in each treated arm and leave something for control")
    if faults:
        raise DataError(faults, "the arguments of make_campaign")
    given = np.broadcast_to(given, (len(X), n_arms))
    return np.column_stack([1 - given.sum(axis=1), given])


def _called(function: Callable, X: pd.DataFrame, name: str) -> np.ndarray:
    found = np.asarray(function(X), dtype=np.float64)
    if found.shape != (len(X),) or not np.isfinite(found).all():
        raise DataError(
            [f"{name}(features) has shape {found.shape}; finite numbers of shape ({len(X)},) are expected"],
            "the arguments of make_campaign",
        )
    return found
