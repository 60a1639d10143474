"""Maximum likelihood with analytic gradient, observed information and a convergence test; knows no customers.

The maximiser first walks with a bounded quasi-Newton method (scipy's L-BFGS-B), then takes Newton steps whose Hessian is
the central difference of the analytic gradient, until the Newton decrement

    d = g' J^-1 g / 2,        g = gradient, J = observed information = minus the Hessian

falls below a tolerance. To second order d is the log-likelihood still to be gained, in the data's own units, so the
test means the same for ten customers and ten million [1]_.

References
----------
.. [1] Boyd, S. and Vandenberghe, L. (2004), Convex Optimization, section 9.5.1. Cambridge University Press.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

#: objective(theta) -> (log-likelihood, gradient of shape (k,))
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

#: Central-difference step for the Hessian, on the fitted (log or linear) scale: truncation about 1e-8, rounding 1e-11.
HESSIAN_STEP = 1e-4
#: Log-likelihood still to be gained at which an optimum counts as found, .0014 standard errors away, where no standard error is
#: above one unit: on a ridge, whose end may be infinitely far, no gain is small enough.
FOUND, IDENTIFIED = 1e-6, 1.0
#: Log-likelihood that a unit along any direction may gain where the likelihood is flat.
FLAT = 0.01


@dataclass(frozen=True)
class MaximumLikelihood:
    """Where a maximisation ended and what is known there.

    Attributes
    ----------
    theta : ndarray of shape (k,)
        The point, on the fitted scale.
    log_likelihood : float
    gradient : ndarray of shape (k,)
    information : ndarray of shape (k, k)
        Observed information, minus the Hessian of the log-likelihood.
    covariance : ndarray of shape (k, k)
        Its inverse; NaN throughout when the information is not positive definite.
    converged : bool
        True only for an interior optimum: positive definite information, decrement below the tolerance, no bound met.
    decrement : float
        Log-likelihood still to be gained, to second order; infinite where the information is not positive definite.
    at_bound : tuple of int
        Indices of the entries that stopped at a bound.
    message : str
        What was found, in a sentence.
    n_evaluations : int
        Objective calls, those for the Hessian included.
    left : float
        Log-likelihood that one unit along any direction may still gain, to first order: about 0 at an optimum, and on a ridge or
        plateau that has none (:attr:`flat`); more where the maximiser was lost.
    """

    theta: np.ndarray
    log_likelihood: float
    gradient: np.ndarray
    information: np.ndarray
    covariance: np.ndarray
    converged: bool
    decrement: float
    at_bound: tuple[int, ...]
    message: str
    n_evaluations: int
    left: float = 0.0

    @property
    def flat(self) -> bool:
        """Whether there is no interior optimum and nothing is lost by stopping here: the likelihood tends to a limit."""
        return not self.converged and self.left <= FLAT


class _Counted:
    """The objective with its calls counted."""

    def __init__(self, objective: Objective):
        self.objective = objective
        self.calls = 0

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        try:
            return self.objective(theta)
        except ArithmeticError:  # a point so extreme that it cannot be evaluated is no optimum
            return -np.inf, np.zeros_like(theta)


def maximize(
    objective: Objective,
    start: np.ndarray,
    *,
    lower: np.ndarray,
    upper: np.ndarray,
    scale: float = 1.0,
    tolerance: float = 1e-9,
    max_iter: int = 500,
    information: np.ndarray | None = None,
) -> MaximumLikelihood:
    """Maximise a log-likelihood given with its gradient.

    Parameters
    ----------
    objective : callable
        ``objective(theta)`` returns the log-likelihood and its gradient of shape (k,).
    start : array-like of shape (k,)
    lower, upper : array-like of shape (k,)
        Box within which the objective can be evaluated. An optimum on its edge is reported, never passed off as one.
    scale : float, default=1.0
        Size of the log-likelihood, for instance the number of observations; the quasi-Newton walk works on
        log-likelihood / scale.
    tolerance : float, default=1e-9
        Newton decrement, in units of the log-likelihood, below which the optimum counts as found.
    max_iter : int, default=500
        Iterations of the quasi-Newton walk.
    information : ndarray of shape (k, k), default=None
        A guess of the information at a start that is near the optimum already, for instance from a sample of the data:
        Newton steps begin at once, and the walk is taken only where they fail.

    Returns
    -------
    MaximumLikelihood

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.inference import maximize
    >>> fit = maximize(lambda t: (-((t[0] - 2) ** 2), np.array([-2 * (t[0] - 2)])), [0.0], lower=[-9], upper=[9])
    >>> fit.converged, round(float(fit.theta[0]), 6), round(float(fit.covariance[0, 0]), 6)
    (True, 2.0, 0.5)
    """
    counted = _Counted(objective)
    lower, upper = np.asarray(lower, float), np.asarray(upper, float)
    theta = np.clip(np.asarray(start, float), lower, upper)
    value, gradient = counted(theta)
    if not np.isfinite(value):
        raise ValueError(f"The log-likelihood is {value} at the start values {theta}; check the data or the start.")
    walk, target = "Newton steps alone", tolerance * 1e-2
    found = None if information is None else _newton(counted, theta, lower, upper, target, information)
    if found is None or not found[-1] <= tolerance:
        theta, walk = _walk(counted, theta, lower, upper, scale, max_iter)
        found = _newton(counted, theta, lower, upper, target)
    theta, value, gradient, information, decrement = found
    edge = 1e-6 * (upper - lower)
    at_bound = tuple(int(i) for i in np.flatnonzero((theta <= lower + edge) | (theta >= upper - edge)))
    covariance = invert_information(information)
    positive = bool(np.isfinite(covariance).all())
    gain = max(tolerance, 1e-15 * abs(value) * np.sqrt(theta.size))
    if positive and np.sqrt(np.diag(covariance)).max() <= IDENTIFIED:
        gain = max(gain, FOUND)
    left = _left(gradient, information, theta, lower + edge, upper - edge)
    converged = positive and not at_bound and decrement <= gain
    if converged:
        message = f"optimum found, {decrement:.1e} of log-likelihood still to be gained"
    elif at_bound:
        message = f"entries {list(at_bound)} ran to the edge of the box: there is no interior optimum"
    elif not positive:
        message = "the information matrix is not positive definite: the optimum is flat or not identified"
    else:
        message = f"stopped with {decrement:.1e} of log-likelihood still to be gained ({walk})"
    return MaximumLikelihood(
        theta,
        float(value),
        gradient,
        information,
        covariance,
        converged,
        decrement,
        at_bound,
        message,
        counted.calls,
        left,
    )


def _left(
    gradient: np.ndarray, information: np.ndarray, theta: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> float:
    """Log-likelihood that a unit along each direction of the information may gain, out of the box not counted."""
    inside = ~(((theta <= lower) & (gradient < 0)) | ((theta >= upper) & (gradient > 0)))
    if not np.isfinite(information).all():
        return float("inf")
    curvature, direction = np.linalg.eigh(information[np.ix_(inside, inside)])
    slope = np.abs(direction.T @ gradient[inside])
    with np.errstate(divide="ignore", invalid="ignore"):
        bowl = np.where(curvature > 0, slope**2 / (2 * curvature), np.inf)
    return float(np.minimum(bowl, slope).sum() + np.maximum(-curvature, 0.0).sum() / 2)


def _walk(counted, theta, lower, upper, scale, max_iter):
    """Quasi-Newton walk; returns the point it ended at and scipy's word on why."""

    def negative(point):
        value, gradient = counted(point)
        return (-value / scale, -gradient / scale) if np.isfinite(value) else (1e300, np.zeros_like(point))

    with _thread_pools().limit(limits=1, user_api="blas"):
        result = minimize(
            negative,
            theta,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack([lower, upper]),
            options={"maxiter": max_iter, "maxfun": 2 * max_iter, "ftol": 1e-8, "gtol": 1e-6, "maxcor": 10},
        )
    return result.x, str(result.message)


@lru_cache(maxsize=1)
def _thread_pools() -> ThreadpoolController:
    """The BLAS pools: on matrices of 20 by 20 a second thread only waits, at full CPU, and scipy's walk would start it."""
    return ThreadpoolController()


def _newton(counted, theta, lower, upper, tolerance, guess=None, max_steps=25):
    """Newton steps with a Hessian that is renewed only when progress slows; returns the point and its information."""
    value, gradient = counted(theta)
    information = _rough_information(counted, theta, gradient) if guess is None else guess
    fresh = False
    for _ in range(max_steps):
        step, decrement = newton_step(information, gradient)
        if step is None or decrement <= tolerance:
            break
        shrink = 1.0
        while shrink > 1e-4:
            candidate = np.clip(theta + shrink * step, lower, upper)
            new_value, new_gradient = counted(candidate)
            if np.isfinite(new_value) and new_value >= value - 1e-14 * abs(value):
                break
            shrink /= 2
        else:
            break
        moved = np.max(np.abs(candidate - theta))
        _, new_decrement = newton_step(information, new_gradient)
        slow = new_decrement > 0.1 * decrement
        theta, value, gradient = candidate, new_value, new_gradient
        if moved <= 1e-13 * (1 + np.max(np.abs(theta))):
            break
        if slow and new_decrement > tolerance:
            information, fresh = observed_information(counted, theta), True
        else:
            fresh = False
    if not fresh:
        information = observed_information(counted, theta)
    return theta, value, gradient, information, newton_step(information, gradient)[1]


def newton_step(information: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Return J^-1 g and the decrement g' J^-1 g / 2; (None, inf) when J is not positive definite."""
    try:
        step = cho_solve(cho_factor(information), gradient)
    except (LinAlgError, ValueError):
        return None, np.inf
    return step, float(gradient @ step) / 2


def observed_information(objective: Objective, theta: np.ndarray, step: float = HESSIAN_STEP) -> np.ndarray:
    """Minus the Hessian at ``theta``, shape (k, k), by central differences of the analytic gradient (2k calls)."""
    k = theta.size
    hessian = np.empty((k, k))
    for j in range(k):
        forward, backward = theta.copy(), theta.copy()
        forward[j] += step
        backward[j] -= step
        hessian[j] = (objective(forward)[1] - objective(backward)[1]) / (forward[j] - backward[j])
    return -(hessian + hessian.T) / 2


def _rough_information(objective: Objective, theta: np.ndarray, gradient: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Minus the Hessian by one-sided differences, five digits for k calls: enough to steer Newton steps by."""
    hessian = np.array([(objective(theta + step * unit)[1] - gradient) / step for unit in np.eye(theta.size)])
    return -(hessian + hessian.T) / 2


def invert_information(information: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite information matrix, or NaN throughout when it is not (numerically) one."""
    k = information.shape[0]
    diagonal = np.diag(information)
    if not (np.isfinite(information).all() and (diagonal > 0).all()):
        return np.full((k, k), np.nan)
    scale = 1 / np.sqrt(diagonal)
    try:
        factor = cho_factor(information * np.outer(scale, scale))
    except LinAlgError:
        return np.full((k, k), np.nan)
    if np.min(np.abs(np.diag(factor[0]))) < 1e-6:
        return np.full((k, k), np.nan)
    return cho_solve(factor, np.eye(k)) * np.outer(scale, scale)
