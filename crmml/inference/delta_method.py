"""The delta method: the covariance of a smooth function of estimates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def delta_method(
    function: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, covariance: np.ndarray, step: float = 1e-5
) -> tuple[np.ndarray, np.ndarray]:
    """Value and covariance of ``function(theta)`` by a first-order expansion.

    Cov[f] = G C G', with G the Jacobian of f by central differences.

    Parameters
    ----------
    function : callable
        Maps (k,) to (m,).
    theta : ndarray of shape (k,)
    covariance : ndarray of shape (k, k)
    step : float, default=1e-5

    Returns
    -------
    value : ndarray of shape (m,)
    covariance : ndarray of shape (m, m)

    Examples
    --------
    >>> import numpy as np
    >>> value, covariance = delta_method(np.exp, np.array([np.log(2.0)]), np.array([[0.01]]))
    >>> round(float(value[0]), 6), round(float(covariance[0, 0]), 6)    # exp(theta)^2 * 0.01
    (2.0, 0.04)
    """
    theta = np.asarray(theta, float)
    value = np.atleast_1d(function(theta))
    jacobian = np.empty((value.size, theta.size))
    for j in range(theta.size):
        h = step * max(1.0, abs(theta[j]))
        forward, backward = theta.copy(), theta.copy()
        forward[j] += h
        backward[j] -= h
        jacobian[:, j] = (np.atleast_1d(function(forward)) - np.atleast_1d(function(backward))) / (2 * h)
    return value, jacobian @ covariance @ jacobian.T
