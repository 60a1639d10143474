"""What every model of stage panels must do, so that everything built on them can rely on it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from ..checks import check_generator
from ..exceptions import DataError
from ..stages import StageChain, StageSpace
from ..typing import Estimator, Seed
from .transaction_contract import ContractError

#: Simulated customers and periods of the checks.
N_CUSTOMERS, N_PERIODS = 3000, 12


def check_stage_model(estimator: Estimator, chain: StageChain | None = None, random_state: Seed = None) -> None:
    """Check a model of stage panels against the contract of the library; raise with every rule it breaks.

    Customers are simulated from a chain, one observation in twenty is lost, and the model is fitted to them.

    Parameters
    ----------
    estimator : estimator
        Unfitted, with the attribute ``stages`` (a StageSpace) equal to the chain's; a copy is made.
    chain : StageChain, default=None
        What the customers are simulated from; None takes four stages of which the last is rupture, absorbs, and cannot be
        reached from the third. The model's family should hold it, nearly.
    random_state : int, Generator, RandomState or None
        None takes the same customers at every call, so that a model that passes passes again.

    Raises
    ------
    ContractError
        Listing the rules that are broken.

    Examples
    --------
    >>> from crmml.stages import MarkovStageModel
    >>> from crmml.testing import check_stage_model, contract_chain
    >>> check_stage_model(MarkovStageModel(contract_chain().stages))
    """
    chain = contract_chain() if chain is None else chain
    rng = check_generator(0 if random_state is None else random_state)
    start = chain.stages.transient_mask.astype(float)
    X = chain.simulate(N_CUSTOMERS, N_PERIODS, start=start, random_state=int(rng.integers(2**31)))
    lost = rng.random(X.shape) < 0.05
    lost[:, :2] = False
    X[lost] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fitted = clone(estimator).fit(X)
        broken = [
            f"{rule.__doc__} {found}" for rule in RULES if (found := _outcome(rule, chain, fitted, X)) is not None
        ]
    if broken:
        raise ContractError(type(estimator).__name__, broken)


def contract_chain() -> StageChain:
    """Return the chain that the contract simulates from, unless it is given another."""
    space = StageSpace(
        ("new", "growing", "loyal", "broken"),
        rupture="broken",
        absorbing=("broken",),
        allowed={
            "new": ("growing", "loyal", "broken"),
            "growing": ("new", "loyal", "broken"),
            "loyal": ("new", "growing"),
        },
    )
    P = [[0.5, 0.3, 0.05, 0.15], [0.1, 0.55, 0.3, 0.05], [0.05, 0.15, 0.8, 0.0], [0.0, 0.0, 0.0, 1.0]]
    return StageChain(P, space, "M")


def _outcome(rule: Callable, chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    try:
        return rule(chain, fitted, X)
    except Exception as error:
        return f"It raised {type(error).__name__}: {error}"


def _tells_its_result(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """After fit there are chain_, stages_, log_likelihood_ and n_parameters_; aic_, bic_ and describe() tell them."""
    if not isinstance(fitted.chain_, StageChain) or fitted.stages_ != chain.stages:
        return f"chain_ is {fitted.chain_!r}, stages_ {fitted.stages_!r}."
    if abs(fitted.aic_ - (2 * fitted.n_parameters_ - 2 * fitted.log_likelihood_)) > 1e-6 or not np.isfinite(
        fitted.bic_
    ):
        return f"aic_ is {fitted.aic_}, bic_ {fitted.bic_}."
    return None if isinstance(fitted.describe(), str) else "describe() is no text."


def _score_is_the_mean_log_likelihood(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """score(X) times the number of customers is log_likelihood_, on the panel that was fitted."""
    total = fitted.score(X) * len(X)
    return (
        None
        if abs(total - fitted.log_likelihood_) <= 1e-8 * abs(total)
        else f"{total:.10g} against {fitted.log_likelihood_:.10g}."
    )


def _predictions_are_probabilities(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """predict_proba() is (n_customers, n_stages), within [0, 1], sums to 1, and stays where a stage absorbs."""
    for horizon in (0, 1, 2, 24):
        proba = fitted.predict_proba(X[:200], horizon)
        if proba.shape != (200, len(chain)) or not ((proba >= 0) & (proba <= 1 + 1e-12)).all():
            return f"at horizon {horizon} the shape is {proba.shape}, the range {proba.min():.3g} to {proba.max():.3g}."
        if np.abs(proba.sum(axis=1) - 1).max() > 1e-9:
            return f"at horizon {horizon} a sum is off by {np.abs(proba.sum(axis=1) - 1).max():.2g}."
        last = np.array([row[~np.isnan(row)][-1] for row in X[:200]]).astype(int)
        gone = chain.stages.absorbing_mask[last]
        if gone.any() and np.abs(proba[gone, last[gone]] - 1).max() > 1e-9:
            return f"at horizon {horizon} an absorbing stage is left."
        if horizon == 0 and np.abs(proba[np.arange(200), last] - 1).max() > 1e-9:
            return "at horizon 0 it is not the last observed stage."
    return None


def _moves_that_cannot_happen_do_not(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """A move that the space rules out has probability 0, and a panel with one is refused with a DataError."""
    at = np.array([[float(i)] * 3 for i in np.flatnonzero(~chain.stages.absorbing_mask)])
    proba = fitted.predict_proba(at)
    ruled_out = ~chain.stages.allowed_moves[at[:, 0].astype(int)]
    if proba[ruled_out].max(initial=0.0) > 0:
        return f"one has probability {proba[ruled_out].max():.3g}."
    for wrong, what in (([[3.0, 0.0, 0.0]], "a move out of rupture"), ([[0.0, 9.0, 0.0]], "a code that is no stage")):
        try:
            clone(fitted).fit(np.vstack([X[:, :3], wrong]))
        except DataError:
            continue
        return f"{what} was taken."
    return None


def _customers_stay_apart(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """The order of the customers does not matter, and no move is counted from one customer to the next."""
    other = clone(fitted).fit(X[::-1])
    gap = abs(other.log_likelihood_ - fitted.log_likelihood_) / abs(fitted.log_likelihood_)
    moved = np.abs(other.predict_proba(X[:50]) - fitted.predict_proba(X[:50])).max()
    return f"log-likelihoods differ by {gap:.2g}, predictions by {moved:.2g}." if gap > 1e-6 or moved > 1e-3 else None


def _padding_changes_nothing(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """Unobserved periods before the first or after the last change neither the fit nor the predictions."""
    hole = np.full((len(X), 2), np.nan)
    padded = np.hstack([hole, X, hole])
    other = clone(fitted).fit(padded)
    gap = abs(other.log_likelihood_ - fitted.log_likelihood_) / abs(fitted.log_likelihood_)
    moved = np.abs(fitted.predict_proba(padded[:50]) - fitted.predict_proba(X[:50])).max()
    return f"log-likelihoods differ by {gap:.2g}, predictions by {moved:.2g}." if gap > 1e-6 or moved > 1e-9 else None


def _finds_the_truth(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """Next-stage probabilities of customers in each stage are near those simulated from."""
    steady = np.array([[float(i)] * 4 for i in np.flatnonzero(~chain.stages.absorbing_mask)])
    truth = chain.P[~chain.stages.absorbing_mask]
    if (gap := float(np.abs(fitted.predict_proba(steady) - truth).max())) > 0.06:
        return f"the largest difference is {gap:.3f}."
    return None


def _nothing_seen_is_refused(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """A customer of whom nothing was observed is refused with a DataError, not answered with NaN."""
    try:
        proba = fitted.predict_proba(np.vstack([X[:2], np.full((1, X.shape[1]), np.nan)]))
    except DataError:
        return None
    return f"predict_proba() gave {proba[-1].tolist()}."


def _copies_are_equal(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """A pickled copy predicts the same, a clone has the same settings, and neither holds the customers' rows."""
    stored = pickle.dumps(fitted)
    if not np.array_equal(pickle.loads(stored).predict_proba(X[:50], 3), fitted.predict_proba(X[:50], 3)):
        return "the copy predicts otherwise."
    if str(clone(fitted).get_params()) != str(fitted.get_params()):
        return "fit changed the settings."
    return f"it takes {len(stored):,} bytes." if len(stored) > 200_000 else None


def _estimates_are_told(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """summary() has estimate, std_error, lower and upper, by the names of params_; coverage=90 is refused."""
    table = fitted.summary(0.9)
    if table.index.name != "parameter" or list(table) != ["estimate", "std_error", "lower", "upper"]:
        return f"its index is {table.index.name!r}, its columns are {list(table)}."
    if list(table.index) != list(fitted.params_):
        return "params_ has other names."
    try:
        fitted.summary(90)
    except ValueError:
        return None
    return "coverage=90 was taken."


def _rupture_is_a_first_passage(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """rupture_probability() is (n_customers,), within [0, 1], never falls with the horizon, and is 1 after rupture."""
    found = np.stack([fitted.rupture_probability(X[:200], horizon) for horizon in (0, 1, 6)])
    if found.shape != (3, 200) or not ((found >= 0) & (found <= 1 + 1e-9)).all():
        return f"the shape is {found.shape}, the range {found.min():.3g} to {found.max():.3g}."
    last = np.array([row[~np.isnan(row)][-1] for row in X[:200]]).astype(int)
    if np.abs(found[0] - chain.stages.rupture_mask[last]).max() > 1e-9:
        return "at horizon 0 it is not whether the last observed stage is rupture."
    return None if (np.diff(found, axis=0) >= -1e-9).all() else "it falls with the horizon."


def _weights_are_copies(chain: StageChain, fitted: Any, X: np.ndarray) -> str | None:
    """A weight of 2 is the same as the customer twice, and a weight of 0 as leaving the customer out."""
    few = X[:600]
    weight = np.arange(len(few)) % 3
    weighed = clone(fitted).fit(few, sample_weight=weight)
    copied = clone(fitted).fit(np.repeat(few, weight, axis=0))
    gap = abs(weighed.log_likelihood_ - copied.log_likelihood_) / abs(copied.log_likelihood_)
    score = abs(weighed.score(few, sample_weight=weight) * weight.sum() - weighed.log_likelihood_)
    if gap > 1e-6 or score > 1e-6 * abs(weighed.log_likelihood_):
        return f"log-likelihoods differ by {gap:.2g}, the score by {score:.2g}."
    return None


RULES: tuple[Callable[[StageChain, Any, np.ndarray], str | None], ...] = (
    _tells_its_result,
    _score_is_the_mean_log_likelihood,
    _predictions_are_probabilities,
    _moves_that_cannot_happen_do_not,
    _customers_stay_apart,
    _padding_changes_nothing,
    _finds_the_truth,
    _nothing_seen_is_refused,
    _copies_are_equal,
    _estimates_are_told,
    _rupture_is_a_first_passage,
    _weights_are_copies,
)
