r"""Coefficients of a logistic regression against a reference class, with errors from the observed information.

With probabilities :math:`p`, weights :math:`w` and rows :math:`x` (an intercept first), the information about classes a, b is
:math:`\sum w\, p_a(\delta_{ab} - p_b)\, x x^\top`, to which a penalty by squares adds :math:`1/C` on every coefficient but the
intercepts.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from ._hidden_data import invert_where_sound


def contrasts(
    classifier: LogisticRegression, features: np.ndarray, weight: np.ndarray | None, reference: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return destinations other than the reference, their log odds against it, and standard errors.

    Parameters
    ----------
    classifier : LogisticRegression
        Fitted; its classes are codes of stages.
    features : ndarray of shape (n, k)
    weight : ndarray of shape (n,) or None
    reference : int
        One of the classes.

    Returns
    -------
    destinations : ndarray of int of shape (m,)
    estimate, std_error : ndarray of shape (m, k + 1)
        The intercept comes first. NaN errors where the penalty is none by squares, classes are weighed, or the data do not
        tell.
    """
    classes = classifier.classes_.astype(int)
    rows = np.column_stack([classifier.intercept_, classifier.coef_])
    binary = len(classes) == 2
    if binary:
        rows = np.vstack([np.zeros_like(rows), rows])
    at = int(np.flatnonzero(classes == reference)[0])
    others = np.delete(np.arange(len(classes)), at)
    estimate = rows[others] - rows[at]
    by_squares = not getattr(classifier, "l1_ratio", None) and getattr(classifier, "penalty", None) != "l1"
    if not by_squares or classifier.class_weight is not None:
        return classes[others], estimate, np.full(estimate.shape, np.nan)
    X = np.column_stack([np.ones(len(features)), features])
    p = classifier.predict_proba(features)
    w = np.ones(len(X)) if weight is None else weight
    ridge = np.r_[0.0 if classifier.fit_intercept else np.inf, np.full(features.shape[1], 1.0 / classifier.C)]
    free = np.isfinite(ridge)
    X, ridge = X[:, free], ridge[free]
    if binary or not ridge.any():
        covariance = invert_where_sound(_information(X, p[:, others], w, ridge))
    else:  # all classes are penalised alike: every class has its coefficients, intercepts up to a common shift
        whole = np.linalg.pinv(_information(X, p, w, ridge), hermitian=True)
        k = X.shape[1]
        against = np.delete(np.eye(len(classes)), at, axis=0)
        against[:, at] = -1.0
        C = np.kron(against, np.eye(k))
        covariance = C @ whole @ C.T
    error = np.zeros(estimate.shape)
    error[:, free] = np.sqrt(np.maximum(np.diag(covariance), 0.0)).reshape(len(others), -1)
    return classes[others], estimate, error


def _information(X: np.ndarray, p: np.ndarray, weight: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Return the penalised information of the coefficients of some classes, (m k, m k)."""
    m, k = p.shape[1], X.shape[1]
    H = np.zeros((m, k, m, k))
    for a in range(m):
        for b in range(a + 1):
            own = weight * p[:, a] * ((a == b) - p[:, b])
            H[a, :, b] = (X * own[:, None]).T @ X
            H[b, :, a] = H[a, :, b].T
    return H.reshape(m * k, m * k) + np.kron(np.eye(m), np.diag(ridge))
