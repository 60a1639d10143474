r"""BG/CNBD-k and MBG/CNBD-k: numerics on arrays.

As BG/NBD and MBG/NBD, but the times between purchases are Erlang-k: a customer buys at every k-th event of a Poisson
process of rate λ, so that purchases come the more regularly the larger k is. Over customers λ ~ Gamma(shape r, rate α) and
the dropout probability p ~ Beta(a, b). With R = r + k x, z = (T − t_x) / (α + T), g the times between the x + 1
purchases, and m = 1 where a customer may leave after the first purchase too, else 0,

.. math::
    \ln L = \ln\frac{\Gamma(R)}{\Gamma(r)} + r \ln\alpha - R \ln(\alpha+t_x) + (k-1) \sum \ln g - x \ln\Gamma(k)
            + \ln\frac{B(a, b+x+m)}{B(a, b)} + \ln\left[A + 1_{x+m>0}\,\frac{a}{b+x+m-1}\right],

.. math:: A = (1-z)^R \sum_{i<k} \frac{(R)_i}{i!} z^i,

A being the probability of silence since t_x of a customer who is alive. At k = 1 this is the beta-geometric NBD, which is
called then. The log gaps carry no parameter but decide between one k and another; rows without them leave that term out.

Given alive at T the phases passed since the last purchase are random; :mod:`.erlang_renewal` sums over them exactly.
``theta`` is (r, alpha, a, b): scalars, one value per row, or draws of shape (m, 1) or (m, n).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betainc, expit, gammaln

from ...typing import Numbers, Theta
from . import beta_geometric, erlang_renewal
from .rising import log_rising, log_rising_slope
from .rows import Rows


@dataclass(frozen=True)
class ErlangRows(Rows):
    """Rows with the sum of the logs of the times between purchases.

    Attributes
    ----------
    sum_log_gap : ndarray of shape (n,) or None
        Sum over the x times between the x + 1 purchases of the log of each, in the unit of t_x; 0 where x = 0.
    """

    sum_log_gap: np.ndarray | None = None


def log_likelihood(rows: Rows, theta: Theta, *, k: int, modified: bool = False) -> np.ndarray:
    """Log-likelihood of each row."""
    if k == 1:
        return beta_geometric.log_likelihood(rows, theta, modified=modified)
    return _value(rows, _parameters(theta), k, modified)


def log_likelihood_gradient(
    rows: Rows, theta: Sequence[float], *, k: int, modified: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood (n,) and its gradient (4, n) with respect to the log parameters; theta scalar or one value per row."""
    if k == 1:
        return beta_geometric.log_likelihood_gradient(rows, theta, modified=modified)
    natural = r, alpha, a, b = _parameters(theta)
    x, t_x, T = rows.x, rows.t_x, rows.T
    m = int(modified)
    R, z = r + k * x, (T - t_x) / (alpha + T)
    poly, by_R = np.ones_like(z), np.zeros_like(z)
    term, slope = np.ones_like(z), np.zeros_like(z)
    for i in range(1, k):
        slope = (slope * (R + i - 1) + term) * z / i
        term = term * (R + i - 1) * z / i
        poly, by_R = poly + term, by_R + slope
    silent_by_R = np.log1p(-z) + by_R / poly
    silent_by_alpha = alpha * (R + k - 1) * term * (T - t_x) / ((alpha + t_x) * (alpha + T) * poly)
    log_odds = _log_odds_gone(rows, natural, k, modified)
    alive, gone = expit(-log_odds), expit(log_odds)
    slope_ab, share = _at_count(log_rising_slope, a + b, rows, 1, m), a / (a + b)
    gradient = np.stack(
        [
            _at_count(log_rising_slope, r, rows, k, 0) - r * np.log1p(t_x / alpha) + alive * r * silent_by_R,
            (r * t_x - alpha * k * x) / (alpha + t_x) + alive * silent_by_alpha,
            gone - share * slope_ab,
            _at_count(log_rising_slope, b, rows, 1, m) - (1 - share) * slope_ab - gone * b / _occasions(x, b, m),
        ]
    )
    return _value(rows, natural, k, modified), gradient


def log_probability_alive(
    rows: Rows, theta: Theta, ahead: float = 0.0, *, k: int, modified: bool = False
) -> np.ndarray:
    """Log of the probability that each customer is alive at T + ahead."""
    if k == 1:
        return beta_geometric.log_probability_alive(rows, theta, ahead, modified=modified)
    natural = _parameters(theta)
    now = -np.logaddexp(0.0, _log_odds_gone(rows, natural, k, modified))
    if not np.any(ahead):
        return now
    return now + _given_alive(erlang_renewal.log_stays_alive, rows, ahead, natural, k, modified)


def conditional_expectation(rows: Rows, horizon: float, theta: Theta, *, k: int, modified: bool = False) -> np.ndarray:
    """Expected purchases in (T, T + horizon], given each customer's history."""
    if k == 1:
        return beta_geometric.conditional_expectation(rows, horizon, theta, modified=modified)
    natural = _parameters(theta)
    now = -np.logaddexp(0.0, _log_odds_gone(rows, natural, k, modified))
    return np.exp(now + _given_alive(erlang_renewal.log_expected_purchases, rows, horizon, natural, k, modified))


def conditional_count_log_proba(
    rows: Rows, horizon: float, theta: Theta, max_count: int, *, k: int, modified: bool = False
) -> np.ndarray:
    """Log P(X(T, T + horizon) = j), j = 0 .. max_count, on a last axis, given each customer's history."""
    if k == 1:
        return beta_geometric.conditional_count_log_proba(rows, horizon, theta, max_count, modified=modified)
    natural = _parameters(theta)
    log_odds = _log_odds_gone(rows, natural, k, modified)
    log_proba = _given_alive(
        lambda renewal: erlang_renewal.count_log_proba(renewal, max_count), rows, horizon, natural, k, modified
    )
    log_proba = log_proba - np.logaddexp(0.0, log_odds)[..., None]
    log_proba[..., 0] = np.logaddexp(log_proba[..., 0], -np.logaddexp(0.0, -log_odds))
    return log_proba


def next_purchase_quantile(rows: Rows, quantile: float, theta: Theta, *, k: int, modified: bool = False) -> np.ndarray:
    """Time after T by which the next purchase has come with probability ``quantile``, given that one comes at all.

    Who is alive at T buys again for certain; the time s ahead solves A(T + s) = (1 − quantile) A(T).
    """
    if k == 1:
        return beta_geometric.next_purchase_quantile(rows, quantile, theta, modified=modified)
    r, alpha, *_ = _parameters(theta)
    R, seen, silence = np.broadcast_arrays(r + k * rows.x, alpha + rows.t_x, rows.T - rows.t_x)
    if quantile == 0:
        return np.zeros(R.shape)
    target = _log_silent(R, seen, silence, k) + np.log1p(-quantile)

    def short(s: np.ndarray) -> np.ndarray:
        return _log_silent(R, seen, silence + s, k) > target

    lower, upper = np.zeros(R.shape), (seen + silence) * k / R
    with np.errstate(over="ignore"):  # times beyond every number are infinite
        while (far := short(upper)).any():
            lower, upper = np.where(far, upper, lower), np.where(far, 2 * upper, upper)
    for _ in range(60):
        middle = (lower + upper) / 2
        far = short(middle)
        lower, upper = np.where(far, middle, lower), np.where(far, upper, middle)
    return (lower + upper) / 2


def expectation(t: Numbers, theta: Theta, *, k: int, modified: bool = False) -> np.ndarray:
    """Expected repeat purchases of a new customer by time t."""
    if k == 1:
        return beta_geometric.expectation(t, theta, modified=modified)
    natural = _parameters(theta)
    return np.exp(
        _log_first_stay(natural, modified) + _new(erlang_renewal.log_expected_purchases, t, natural, k, modified)
    )


def count_log_proba(t: float, theta: Theta, max_count: int, *, k: int, modified: bool = False) -> np.ndarray:
    """Log P(X(t) = j), j = 0 .. max_count, of a new customer."""
    if k == 1:
        return beta_geometric.count_log_proba(t, theta, max_count, modified=modified)
    natural = _parameters(theta)
    log_proba = _new(lambda renewal: erlang_renewal.count_log_proba(renewal, max_count), t, natural, k, modified)
    if modified:
        _, _, a, b = natural
        log_proba = log_proba + _log_first_stay(natural, modified)[..., None]
        log_proba[..., 0] = np.logaddexp(log_proba[..., 0], np.log(a) - np.log(a + b))
    return log_proba


def simulate(
    n: int, T: np.ndarray, theta: Theta, rng: np.random.Generator, *, k: int, modified: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Customers and times of simulated repeat purchases in (0, T], round by round."""
    r, alpha, a, b = theta
    rate = rng.gamma(r, 1.0, n) / alpha
    leaves = rng.beta(a, b, n)
    alive = np.arange(n)
    if modified:
        alive = alive[rng.random(n) >= leaves]
    time = np.zeros(n)
    customers, times = [], []
    while alive.size:
        with np.errstate(divide="ignore", over="ignore"):
            time[alive] += rng.gamma(k, 1.0, alive.size) / rate[alive]
        alive = alive[time[alive] <= T[alive]]
        customers.append(alive)
        times.append(time[alive])
        alive = alive[rng.random(alive.size) >= leaves[alive]]
    return np.concatenate([*customers, np.empty(0, dtype=np.intp)]), np.concatenate([*times, np.empty(0)])


# ---- parts ----------------------------------------------------------------------------------------------------------


def _parameters(theta: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    r, alpha, a, b = (np.asarray(value, dtype=float) for value in theta)
    return r, alpha, a, b


def _value(rows: Rows, theta: Sequence[np.ndarray], k: int, modified: bool) -> np.ndarray:
    r, alpha, a, b = theta
    m = int(modified)
    value = _at_count(log_rising, r, rows, k, 0) - r * np.log1p(rows.t_x / alpha)
    value = value - k * rows.x * np.log(alpha + rows.t_x) - rows.x * gammaln(k)
    log_gap = getattr(rows, "sum_log_gap", None)
    if log_gap is not None:
        value = value + (k - 1) * log_gap
    log_silent = _log_silent(r + k * rows.x, alpha + rows.t_x, rows.T - rows.t_x, k)
    repeat = value + _at_count(log_rising, b, rows, 1, m) - _at_count(log_rising, a + b, rows, 1, m) + log_silent
    repeat = repeat + np.logaddexp(0.0, _log_odds_gone(rows, theta, k, modified, log_silent))
    if not modified:
        return repeat
    # ln(1 − P(alive) P(a purchase | alive)), exact however short T is
    return np.where(rows.x > 0, repeat, np.log1p(b / (a + b) * np.expm1(log_silent)))


def _at_count(function: Callable, c: np.ndarray, rows: Rows, times: int, plus: int) -> np.ndarray:
    """function(c, times x + plus) a row, computed once for each distinct count where c does not differ between rows."""
    if c.ndim == 0 or c.shape[-1] == 1:
        return function(c, times * rows.x_values + plus)[..., rows.x_code]
    return function(c, times * rows.x + plus)


def _occasions(x: np.ndarray, b: Any, m: int) -> np.ndarray:
    """What a is set against in the odds of having left; any positive number where leaving is impossible."""
    return b + x if m else np.where(x > 0, b + x - 1, 1.0)


def _log_silent(R: np.ndarray, seen: np.ndarray, silence: np.ndarray, k: int) -> np.ndarray:
    """Log of A, the probability that fewer than k phases have passed: 1 − I_z(k, R), or its sum where that is small.

    z = silence / (seen + silence), with α + t_x for what was seen; 1 − z keeps its digits however long the silence.
    """
    log_rest = -np.log1p(silence / seen)
    z = -np.expm1(log_rest)
    passed = betainc(k, R, z)
    summed = R * log_rest + erlang_renewal.log_poly(R, z, k)
    return np.where(passed < 0.5, np.log1p(-np.minimum(passed, 0.5)), summed)


def _log_odds_gone(
    rows: Rows, theta: Sequence[np.ndarray], k: int, modified: bool, log_silent: np.ndarray | None = None
) -> np.ndarray:
    """Log odds of having left by T against being alive; minus infinity where that is impossible."""
    r, alpha, a, b = theta
    if log_silent is None:
        log_silent = _log_silent(r + k * rows.x, alpha + rows.t_x, rows.T - rows.t_x, k)
    odds = np.log(a) - np.log(_occasions(rows.x, b, int(modified))) - log_silent
    return odds if modified else np.where(rows.x > 0, odds, -np.inf)


def _given_alive(
    function: Callable, rows: Rows, horizon: Any, theta: Sequence[np.ndarray], k: int, modified: bool
) -> np.ndarray:
    """An expectation given alive at T of rows and parameters that broadcast against each other."""
    r, alpha, a, b = theta
    return _flat(
        function, (r + k * rows.x, rows.T - rows.t_x, alpha + rows.T, horizon, a, b + rows.x + int(modified)), k
    )


def _new(function: Callable, t: Any, theta: Sequence[np.ndarray], k: int, modified: bool) -> np.ndarray:
    """An expectation of a new customer who stayed after the first purchase."""
    r, alpha, a, b = theta
    return _flat(function, (r, 0.0, alpha, t, a, b + int(modified)), k)


def _flat(function: Callable, parts: tuple, k: int) -> np.ndarray:
    arrays = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in parts))
    shape, silence, rate, time, a, b = (array.ravel() for array in arrays)
    result = function(erlang_renewal.Renewal(shape, silence, rate, time, a, b, k))
    return result.reshape(arrays[0].shape + result.shape[1:])


def _log_first_stay(theta: Sequence[np.ndarray], modified: bool) -> np.ndarray:
    """Log of the probability that a customer does not leave after the first purchase."""
    _, _, a, b = theta
    return np.log(b) - np.log(a + b) if modified else np.zeros(np.broadcast_shapes(a.shape, b.shape))
