r"""Forward and backward passes over many customers at once, scaled so that nothing underflows.

Arrays are laid out (period, customer, stage). With start probabilities :math:`\pi`, transitions :math:`A` and emission
probabilities :math:`b_t` (each divided by its largest over the stages, which does not change a posterior),

.. math:: \alpha_0 = \pi b_0 / c_0, \quad \alpha_t = (\alpha_{t-1} A)\, b_t / c_t, \quad
   \beta_{t} = A\,(b_{t+1} \beta_{t+1} / c_{t+1}), \quad \gamma_t = \alpha_t \beta_t,

with :math:`c_t` the sums that make :math:`\alpha_t` a distribution, and :math:`\log L = \sum_t \log c_t` [1]_. Transitions are
one matrix, or one for each customer and period. Where what can be reached underflows, the period is worked out from logs; a
stage whose posterior once fell below 1e-300 stays lost, which matters only where moves are ruled out and the data later
contradict that by as much.

References
----------
.. [1] Rabiner, L. R. (1989), A tutorial on hidden Markov models and selected applications in speech recognition.
   Proceedings of the IEEE 77(2), 257-286.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Below this a sum has lost its digits, and the row is worked out again from logs.
SMALLEST = 1e-280


def forward(
    start: np.ndarray,
    A: np.ndarray,
    b: np.ndarray,
    logs: Callable[[int, np.ndarray], np.ndarray] | None = None,
    weight: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the filtered stages and the scale of each period.

    Parameters
    ----------
    start : ndarray of shape (n_stages,)
    A : ndarray of shape (n_stages, n_stages) or (n_periods - 1, n, n_stages, n_stages)
    b : ndarray of shape (n_periods, n, n_stages)
        Where all stages that can be reached underflow, it is put on another scale in place.
    logs : callable, default=None
        ``logs(t, which)`` returns the logs of b of some customers; needed where b can underflow.
    weight : ndarray of shape (n,), default=None
        How many customers each stands for, in the shift.

    Returns
    -------
    alpha : ndarray of shape (n_periods, n, n_stages)
    c : ndarray of shape (n_periods, n)
    shift : float
        What the other scales took off the log-likelihood, to be added to the sum of log c.
    """
    alpha, c, shift = np.empty_like(b), np.empty(b.shape[:2]), 0.0
    for t in range(len(b)):
        before = np.broadcast_to(start, b.shape[1:]) if t == 0 else _ahead(alpha[t - 1], A, t - 1)
        row = before * b[t]
        scale = row @ np.ones(row.shape[1])
        if (lost := scale < SMALLEST).any() and logs is not None:
            log_b = np.where(before[lost] > 0, logs(t, np.flatnonzero(lost)), -np.inf)
            top = (log_b + np.log(np.maximum(before[lost], np.finfo(float).tiny))).max(axis=1, keepdims=True)
            b[t, lost] = np.exp(np.minimum(log_b - top, 700.0))
            row[lost] = before[lost] * b[t, lost]
            scale[lost] = row[lost].sum(axis=1)
            shift += float(top.sum() if weight is None else top[:, 0] @ weight[lost])
        c[t] = scale
        np.divide(row, scale[:, None], out=alpha[t])
    return alpha, c, shift


def backward(
    A: np.ndarray,
    b: np.ndarray,
    alpha: np.ndarray,
    c: np.ndarray,
    last: np.ndarray,
    moves: bool = True,
    weight: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the smoothed stages and the expected moves.

    Parameters
    ----------
    A, b
        As for :func:`forward`.
    alpha, c
        What it returned.
    last : ndarray of shape (n,)
        Each customer's last observed period; moves after it are not counted.
    moves : bool, default=True
        Whether to return expected moves.
    weight : ndarray of shape (n,), default=None
        How many customers each stands for, in the expected moves.

    Returns
    -------
    gamma : ndarray of shape (n_periods, n, n_stages)
    xi : ndarray of shape (n_stages, n_stages) or (n_periods - 1, n, n_stages, n_stages) or None
        Summed over customers and periods where A is one matrix.
    """
    gamma = np.empty_like(alpha)
    gamma[-1] = alpha[-1]
    own = A.ndim > 2
    xi = None if not moves else np.empty(A.shape) if own else np.zeros(A.shape)
    beta = np.ones(alpha.shape[1:])
    for t in range(len(b) - 2, -1, -1):
        w = b[t + 1] * beta
        w /= c[t + 1][:, None]
        if xi is not None:
            kept = alpha[t] if (last > t).all() else alpha[t] * (last > t)[:, None]
            kept = kept if weight is None else kept * weight[:, None]
            if own:
                xi[t] = kept[:, :, None] * A[t] * w[:, None, :]
            else:
                xi += kept.T @ w
        beta = np.einsum("nij,nj->ni", A[t], w) if own else w @ A.T
        np.multiply(alpha[t], beta, out=gamma[t])
    if xi is not None and not own:
        xi *= A
    return gamma, xi


def viterbi(start: np.ndarray, A: np.ndarray, log_b: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return each customer's most likely path of stages, shape (n_periods, n); after the last period it stands still.

    Parameters
    ----------
    start, A
        As for :func:`forward`.
    log_b : ndarray of shape (n_periods, n, n_stages)
        Logs of emission probabilities.
    last : ndarray of shape (n,)
        Each customer's last observed period.
    """
    with np.errstate(divide="ignore"):
        log_start, log_A = np.log(start), np.log(A)
    n_periods, n, _ = log_b.shape
    best = log_start + log_b[0]
    back = np.empty(log_b.shape, dtype=np.int16)
    for t in range(1, n_periods):
        step = log_A[t - 1] if A.ndim > 2 else log_A
        via = best[:, :, None] + step
        back[t] = via.argmax(axis=1)
        best_now = np.take_along_axis(via, back[t][:, None, :].astype(np.intp), axis=1)[:, 0] + log_b[t]
        over = last < t
        back[t, over] = np.arange(log_b.shape[2])
        best = np.where(over[:, None], best, best_now)
    path = np.empty((n_periods, n), dtype=np.intp)
    path[-1] = best.argmax(axis=1)
    for t in range(n_periods - 1, 0, -1):
        path[t - 1] = back[t][np.arange(n), path[t]]
    return path


def _ahead(alpha: np.ndarray, A: np.ndarray, t: int) -> np.ndarray:
    return np.einsum("ni,nij->nj", alpha, A[t]) if A.ndim > 2 else alpha @ A
