r"""The exponential of generators without subtractions, batched, and its adjoint derivative; pure numerics.

With :math:`\mu = \max_i -q_{ii}` the matrix :math:`Q + \mu I` has no negative entry, so that

.. math:: e^{Qt} = \Bigl(e^{-\mu t/2^s}\, e^{(Q + \mu I)t/2^s}\Bigr)^{2^s}

is a Taylor series and squarings of matrices without negative entries: each entry comes out with a small relative error,
however small it is, and defective generators need no care [1]_. Rows are set to the sum 1 after each squaring.

The adjoint derivative :math:`G = \int_0^t e^{Q'u} A\, e^{Q'(t-u)}\,du` of :math:`\sum_{ab} A_{ab} (e^{Qt})_{ab}` is the upper
right block of the exponential of :math:`\begin{pmatrix} Q' & A \\ 0 & Q' \end{pmatrix} t` [2]_.

References
----------
.. [1] Jensen, A. (1953), Markoff chains as an aid in the study of Markoff processes. Skandinavisk Aktuarietidskrift 36,
   87-91.
.. [2] Van Loan, C. F. (1978), Computing integrals involving the matrix exponential. IEEE Transactions on Automatic
   Control 23(3), 395-404.
"""

from __future__ import annotations

import numpy as np

from ...typing import Numbers

#: Terms of the Taylor series on matrices of norm at most 1: the first left out is below 1e-19.
TERMS = 20


def exp_generator(Q: np.ndarray, t: Numbers) -> np.ndarray:
    """Return exp(Q t), rows summing to 1, of one generator or a batch.

    Parameters
    ----------
    Q : ndarray of shape (..., n, n)
    t : float or ndarray of shape (...)
        At least 0 and finite.

    Examples
    --------
    >>> import numpy as np
    >>> exp_generator(np.array([[-1.0, 1.0], [0.0, 0.0]]), np.log(2)).round(6)
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    P = _exponential(Q, np.asarray(t, dtype=float), stochastic=True)
    return P / P.sum(axis=-1, keepdims=True)


def exp_adjoint(Q: np.ndarray, t: Numbers, A: np.ndarray) -> np.ndarray:
    """Return the derivative of sum(A * exp(Q t)) with respect to the entries of Q.

    Parameters
    ----------
    Q, A : ndarrays of shape (..., n, n)
        A has no negative entry.
    t : float or ndarray of shape (...)

    Returns
    -------
    ndarray of shape (..., n, n)
    """
    Q, A = np.broadcast_arrays(Q, A)
    n = Q.shape[-1]
    block = np.zeros((*Q.shape[:-2], 2 * n, 2 * n))
    block[..., :n, :n] = block[..., n:, n:] = np.swapaxes(Q, -1, -2)
    size = np.maximum(A.max(axis=(-1, -2), keepdims=True, initial=0.0), np.finfo(float).tiny)
    rate = np.maximum(-np.diagonal(Q, axis1=-2, axis2=-1).min(axis=-1), np.finfo(float).tiny)[..., None, None]
    block[..., :n, n:] = A / size * rate  # of the generator's own size, so that it does not steer the squarings
    return _exponential(block, np.asarray(t, dtype=float), stochastic=False)[..., :n, n:] * (size / rate)


def exp_integral(Q: np.ndarray, t: float, discount: float, reward: np.ndarray) -> np.ndarray:
    """Return the integral over 0 to t of exp(-discount u) exp(Q u) reward.

    Examples
    --------
    >>> import numpy as np
    >>> exp_integral(np.zeros((2, 2)), 3.0, 0.0, np.array([1.0, 2.0])).round(6)
    array([3., 6.])
    """
    n = len(Q)
    total = np.zeros(n)
    for sign in (1, -1):
        part = np.maximum(sign * reward, 0.0)
        if not part.any():
            continue
        size = part.max()
        rate = max(-np.diag(Q).min(), discount, 1 / t if t > 0 else 1.0)
        block = np.zeros((n + 1, n + 1))
        block[:n, :n] = Q - discount * np.eye(n)
        block[:n, n] = part / size * rate
        total += sign * _exponential(block, np.asarray(t), stochastic=False)[:n, n] * (size / rate)
    return total


def _exponential(M: np.ndarray, t: np.ndarray, *, stochastic: bool) -> np.ndarray:
    """Exponential of M t for M without negative entries off the diagonal."""
    n = M.shape[-1]
    eye = np.eye(n)
    shift = np.maximum(-np.diagonal(M, axis1=-2, axis2=-1).min(axis=-1), 0.0) * t
    N = np.maximum(M * t[..., None, None] + shift[..., None, None] * eye, 0.0)
    norm = float(N.sum(axis=-1).max(initial=0.0))
    squarings = max(0, int(np.ceil(np.log2(norm)))) if norm > 0 else 0
    N = N / 2.0**squarings
    result = eye + N / TERMS
    for k in range(TERMS - 1, 0, -1):
        result = eye + (N @ result) / k
    result = result * np.exp(-shift / 2.0**squarings)[..., None, None]
    for _ in range(squarings):
        if stochastic:
            result = result / result.sum(axis=-1, keepdims=True)
        result = result @ result
    return result
