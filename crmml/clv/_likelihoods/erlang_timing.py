r"""BG/CNBD-k and MBG/CNBD-k: numerics on arrays.

As BG/NBD and MBG/NBD, but the times between purchases are Erlang-k: a customer buys after every k-th event of a Poisson
process of rate λ, so that purchases come the more regularly the larger k is (Platzer & Reutterer 2016). Over customers
λ ~ Gamma(shape r, rate alpha) and the dropout probability p ~ Beta(a, b). With R = r + k x, z = (T − t_x) / (alpha + T),
g the times between the x + 1 purchases, and m = 1 where a customer may leave after the first purchase too (MBG), else 0,

.. math::
    \ln L = \ln\frac{\Gamma(R)}{\Gamma(r)} + r \ln\alpha - R \ln(\alpha+t_x)
            + (k-1) \sum \ln g - x \ln\Gamma(k)
            + \ln\frac{B(a, b+x+m)}{B(a, b)} + \ln\left[A + 1_{x+m>0}\,\frac{a}{b+x+m-1}\right],

.. math:: A = (1-z)^R \sum_{i<k} \frac{(R)_i}{i!} z^i,

A being the probability of silence since t_x. At k = 1 this is BG/NBD or MBG/NBD. The log gaps carry no parameter but
decide between one k and another: the likelihood of k > 1 needs them, predictions do not.

Conditional expectations are exact, not the usual approximation that rescales the NBD's; see :mod:`.erlang_renewal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, gammaln

from .erlang_renewal import Renewal, count_log_proba as _renewal_count, log_expected_purchases, log_poly, log_stays_alive
from .rising import log_rising
from .rows import Rows

#: Largest k: by then the gaps vary by no more than a sixth.
MAX_K = 32


@dataclass(frozen=True)
class ErlangRows(Rows):
    """Rows with the sum of the logs of the times between purchases.

    Attributes
    ----------
    sum_log_gap : ndarray of shape (n,)
        Sum over the x gaps between the x + 1 purchases of the log of each, in the unit of t_x; 0 where x = 0.
    """

    sum_log_gap: np.ndarray


def log_likelihood(rows: Rows, theta: Sequence[Any], *, k: int, modified: bool) -> np.ndarray:
    """Log-likelihood of each row; theta = (r, alpha, a, b). k > 1 takes :class:`ErlangRows`."""
    r, alpha, a, b = theta = _parameters(theta)
    count = _at_purchase(rows, theta, k)
    log_silent = _log_silent(rows, theta, k)
    timing = (
        _at_count(log_rising, rows, r, k) + r * (np.log(alpha) - np.log(alpha + rows.t_x)) - k * rows.x * np.log(alpha + rows.t_x)
    )
    del count
    return timing + _constant(rows, k) + _log_stayed(rows, a, b, modified) + _log_bracket(rows, log_silent, a, b, modified)
