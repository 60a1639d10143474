"""The probability from which a customer is called a churner: by profit, by F-score, or as given. Pure numpy."""

from __future__ import annotations

import re

import numpy as np

from .costs import ContactCosts


def beta_of(threshold: str | float) -> float | None:
    """β of an F-score such as "f1" or "f0.5"; None for the other rules.

    Raises
    ------
    ValueError
        For a rule that there is not.
    """
    if not isinstance(threshold, str) or threshold == "profit":
        return None
    if found := re.fullmatch(r"f(\d+(\.\d+)?)", threshold):
        beta = float(found.group(1))
        if beta > 0:
            return beta
    raise ValueError(
        f"threshold={threshold!r} is not known; choose 'profit', 'f1' (or 'f2', 'f0.5'), or a probability."
    )


def best_threshold(
    threshold: str | float,
    p: np.ndarray,
    y: np.ndarray | None,
    rows: np.ndarray,
    costs: ContactCosts,
    *,
    exact: bool,
) -> float:
    """The threshold by the rule asked for.

    Parameters
    ----------
    threshold : "profit", "fβ" or float
    p, y : ndarrays of shape (n,)
        Probabilities and labels of rows held out; y None where there are none.
    rows : ndarray of int, shape (n,)
        Which customers of ``costs`` they are.
    exact : bool
        Whether probabilities are calibrated, so that the break-even of common costs needs no search.

    Returns
    -------
    float
        Infinite where contacting never pays.
    """
    if not isinstance(threshold, str):
        return float(threshold)
    beta = beta_of(threshold)
    if y is None or (beta is None and exact and not costs.per_customer):
        border = float(np.mean(costs.break_even())) if beta is None else 0.5
        return border if border <= 1 else np.inf
    order = np.argsort(-p, kind="stable")
    last = np.append(p[order][1:] < p[order][:-1], True)  # ties share one threshold
    if beta is not None:
        hits = np.cumsum(y[order])
        value = (1 + beta**2) * hits / (beta**2 * y.sum() + np.arange(1, y.size + 1))
    else:
        chance = p if exact else y.astype(np.float64)
        own = {
            name: _rows(getattr(costs, name), rows) for name in ("clv", "incentive_cost", "contact_cost", "acceptance")
        }
        value = np.cumsum(ContactCosts(**own).expected_profit(chance)[order])
    candidates = np.flatnonzero(last)
    best = candidates[np.argmax(value[candidates])]
    if beta is None and value[best] <= 0:
        return np.inf
    below = p[order[best + 1]] if best + 1 < p.size else 0.0
    return float((p[order[best]] + below) / 2)


def _rows(amount: float | np.ndarray, rows: np.ndarray) -> float | np.ndarray:
    return amount[rows] if isinstance(amount, np.ndarray) else amount
