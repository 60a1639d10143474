r"""One integral over the dropout time, for every model whose customers may leave at any moment.

While alive a customer buys as a Poisson process whose rate is Gamma(shape p, rate α). Say the customer may also leave, at a
time whose survival function is S and density f. The probability of *silence*, no purchase within u, is

.. math:: Q(u) = S(u) \left(\frac{\alpha}{\alpha+u}\right)^{p}
               + \int_0^u f(\tau) \left(\frac{\alpha}{\alpha+\tau}\right)^{p} d\tau :

alive and quiet, or gone at τ and quiet until then. Given x purchases, the last at t_x, the rate is
Gamma(r + x, α + t_x) and the dropout law is the one given survival of t_x, so that the likelihood of a row is

.. math:: L = \frac{\Gamma(r+x)}{\Gamma(r)} \frac{\alpha^r}{(\alpha+t_x)^{r+x}}\, S(t_x)\, Q(T - t_x),

and the first term's share of Q is P(alive). All terms are positive: nothing cancels.

The integral is taken by Gauss-Legendre nodes in a variable w that the dropout law provides. In a good variable the
integrand is analytic in a strip |Im w| < π around the path, and the order follows from the bound on a Bernstein ellipse
ρ [1]_: error <= (64/15) M ρ^(-2n) / (1 - ρ^-2), where M, the maximum on the ellipse, follows from the slope and the
curvature of the log integrand. Rows are grouped by the order they need and computed in blocks that stay in cache.

References
----------
.. [1] Trefethen, L. N. (2008), Is Gauss quadrature better than Clenshaw-Curtis? SIAM Review 50, 67-87, theorem 4.5.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ...exceptions import WorkError
from ...typing import Numbers

#: exp(-NEGLIGIBLE) of an integral may be left out: 1e-14.
NEGLIGIBLE = 32.0
#: exp(-PRECISION) is the relative error asked of the bound, which itself is generous.
PRECISION = 28.0
#: Half-width of the strip used; the integrands' singularities stand at π.
STRIP = 2.6
#: Orders of a single panel; what needs more is cut into 2, 4, ... panels of the last.
ORDERS = (4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 128)
#: Panels are doubled so often at most: 65,536 of them, whose nodes are 67 MB in each array of a row.
MOST_DOUBLINGS = 16
#: Ellipses tried for the bound.
ELLIPSES = (1.3, 1.6, 2.0, 2.8, 4.2, 7.0, 14.0, 50.0)
#: Nodes times rows of one block.
BLOCK = 1 << 14


class Window(NamedTuple):
    """The stretch 0 <= w <= width of the integration variable, and how fast the log integrand moves in it."""

    #: What the law needs to get from w back to time, per row.
    scale: Any
    width: np.ndarray
    #: Largest absolute slope of the log integrand in w.
    slope: np.ndarray
    #: Largest absolute second derivative.
    curvature: np.ndarray
    #: Time passed per unit of w at the end of the window.
    speed: np.ndarray


class Nodes(NamedTuple):
    """The dropout law at the nodes, arrays of shape (nodes, rows)."""

    #: log((α + u) / α), u being the time at the node.
    log_growth: np.ndarray
    #: u / (α + u).
    age: np.ndarray
    #: Log density of the dropout time at u, times du/dw.
    log_density: np.ndarray
    #: Derivatives of the log density of the dropout time at u with respect to each log parameter; empty unless asked.
    score: list[np.ndarray]


class DropoutLaw(ABC):
    """Distribution of the time until a customer leaves, the spread over customers integrated out.

    Bound to its parameters (natural scale, the literature's order), each a scalar or an array of one entry per row.
    A new dropout process is one subclass.
    """

    def __init__(self, *parameters: Any):
        self.parameters = parameters

    def take(self, index: np.ndarray) -> DropoutLaw:
        """Return the law of the rows at ``index``."""
        return type(self)(*(value if np.ndim(value) == 0 else value[index] for value in self.parameters))

    @abstractmethod
    def after(self, t: Numbers) -> DropoutLaw:
        """Return the law of the remaining time, given that the customer has stayed until t."""

    @abstractmethod
    def pull_back(self, t: Numbers, gradient: np.ndarray) -> np.ndarray:
        """Gradient of log S(t) + F(after(t)) with respect to the own log parameters, from F's with respect to after(t)'s."""

    @abstractmethod
    def log_survival(self, u: Numbers) -> np.ndarray:
        """Log probability of staying longer than u >= 0."""

    @abstractmethod
    def score_survival(self, u: Numbers) -> list[np.ndarray]:
        """Derivatives of log S(u) with respect to each log parameter."""

    @abstractmethod
    def window(self, p: np.ndarray, alpha: np.ndarray, u: np.ndarray, cut: bool = True) -> Window:
        """Integration variable of the times 0 .. u; with ``cut``, without the end where the integrand is negligible."""

    @abstractmethod
    def nodes(self, w: np.ndarray, scale: Numbers, alpha: Numbers, score: bool = False) -> Nodes:
        """Return the law at the nodes w of a window."""

    @abstractmethod
    def lifetime(self, horizon: Any, delta: float = 0.0) -> np.ndarray:
        r"""Discounted time spent alive within the horizon, :math:`\int_0^h e^{-\delta u} S(u) du`."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Times until n customers leave, infinite where beyond the largest number."""


class Silence(NamedTuple):
    """What a stretch without a purchase says, arrays of shape (n,)."""

    #: log Q(u).
    log_proba: np.ndarray
    #: Log probability of being alive at its end, and of being gone.
    log_alive: np.ndarray
    log_gone: np.ndarray
    #: Derivatives of log Q with respect to log p, log α and each log parameter of the law, shape (k, n), or None.
    gradient: np.ndarray | None


def silence(p: Numbers, alpha: Numbers, law: DropoutLaw, u: Numbers, gradient: bool = False) -> Silence:
    """No purchase within u by customers with rates Gamma(p, alpha) and dropout law ``law``; arguments (n,) or scalar."""
    arguments = np.broadcast_arrays(p, alpha, u, *law.parameters)
    p, alpha, u = (np.ascontiguousarray(a, dtype=float) for a in arguments[:3])
    window = law.window(p, alpha, u)
    result = np.empty((3 + (2 + len(law.parameters)) * gradient, u.size))
    log_ratio = np.log1p(u / alpha)
    log_stay = law.log_survival(u) - p * log_ratio
    for index, node, weight in plan(window):
        part = law.take(index)
        width, shape, rate = window.width[index], p[index], alpha[index]
        at = part.nodes(node[:, None] * width, window.scale[index], rate, gradient)
        value = at.log_density
        value -= shape * at.log_growth
        top = np.maximum(value.max(axis=0), log_stay[index])
        value -= top
        np.exp(value, out=value)
        value *= (weight[:, None]) * width
        gone, stay = value.sum(axis=0), np.exp(log_stay[index] - top)
        total = gone + stay
        with np.errstate(divide="ignore"):
            log_gone, log_total = np.log(gone), np.log(total)
        result[0, index] = _log_silence(top + log_total, log_stay[index], gone, top)
        result[1, index] = -np.logaddexp(0.0, log_gone + top - log_stay[index])
        result[2, index] = log_gone - log_total
        if gradient:
            end = u[index]
            result[3, index] = -shape * (_mean(value, at.log_growth) + stay * log_ratio[index]) / total
            result[4, index] = shape * (_mean(value, at.age) + stay * end / (rate + end)) / total
            for j, (inside, final) in enumerate(zip(at.score, part.score_survival(end), strict=True)):
                result[5 + j, index] = (_mean(value, inside) + stay * final) / total
    return Silence(result[0], result[1], result[2], result[3:] if gradient else None)


def _log_silence(log_total: np.ndarray, log_stay: np.ndarray, gone: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Log Q; where it is close to 0 from the complement, so that it keeps its relative precision."""
    short = np.flatnonzero(log_stay > -0.1)
    if short.size:
        log_total[short] = np.log1p(np.expm1(log_stay[short]) + gone[short] * np.exp(top[short]))
    return log_total


def count_log_weights(p: Numbers, alpha: Numbers, law: DropoutLaw, u: Numbers, max_count: int) -> np.ndarray:
    r"""Log of E[(α/(α+τ))^p (τ/(α+τ))^j] for j = 0 .. max_count, shape (n, max_count + 1).

    τ is the time of leaving, or u for those who stay longer. Times Γ(p+j) / (Γ(p) j!) it is the probability of j purchases
    within u.
    """
    arguments = np.broadcast_arrays(p, alpha, u, *law.parameters)
    p, alpha, u = (np.ascontiguousarray(a, dtype=float) for a in arguments[:3])
    window = law.window(p, alpha, u, cut=False)
    half = np.maximum(window.width / 2, 1e-100)
    with np.errstate(divide="ignore", invalid="ignore"):
        later = np.maximum(u, 1e-200)
        pull = max_count * alpha / (later * (alpha + later)) * window.speed
        log_age = np.where(u > 0, np.log(u) - np.log(alpha + u), -np.inf)
    if max_count:
        curvature = window.curvature + p * np.minimum((1 + half) ** 2 / half, 16.0) + max_count
        window = window._replace(slope=2 * window.slope + pull, curvature=curvature)
    log_stay = law.log_survival(u) - p * np.log1p(u / alpha)
    result = np.empty((u.size, max_count + 1))
    for index, node, weight in plan(window):
        width = window.width[index]
        at = law.take(index).nodes(node[:, None] * width, window.scale[index], alpha[index])
        with np.errstate(divide="ignore"):
            start = at.log_density - p[index] * at.log_growth + np.log(weight[:, None] * width)
            step = np.log(at.age)
        for j in range(max_count + 1):
            stay = log_stay[index] + (j * log_age[index] if j else 0.0)
            value = start + j * step if j else start.copy()
            top = np.maximum(value.max(axis=0), stay)
            finite = np.where(np.isfinite(top), top, 0.0)
            value -= finite
            with np.errstate(divide="ignore"):
                result[index, j] = finite + np.log(np.exp(value).sum(axis=0) + np.exp(stay - finite))
    return result


def log_integral(log_integrand: Any, window: Window) -> np.ndarray:
    """Log of the integral over each window of exp(log_integrand(w, index)), w of shape (nodes, rows at index)."""
    result = np.empty(window.width.size)
    for index, node, weight in plan(window):
        value = log_integrand(node[:, None] * window.width[index], index)
        top = value.max(axis=0)
        with np.errstate(divide="ignore"):
            result[index] = top + np.log((weight @ np.exp(value - top)) * window.width[index])
    return result


def shorten(width: np.ndarray, bound: Any) -> np.ndarray:
    """Narrow windows to where the integrand is not negligible.

    ``bound(w, end)`` returns the log integrand relative to its start at w, and a slope at which it falls at least from
    there to ``end`` (a concave one's own slope; negative where it may rise).
    """
    best = width
    for part in (0.5, 0.25, 0.125, 0.0625, 0.03125):
        w = part * width
        height, fall = bound(w, width)
        with np.errstate(divide="ignore", invalid="ignore"):
            end = w + np.maximum(0.0, NEGLIGIBLE + height) / fall
        best = np.where((fall > 0) & (end < best), end, best)
    return best


def plan(window: Window) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Blocks of rows that share a rule: (index into the rows, nodes in (0, 1), weights)."""
    code = _rule_codes(window.width / 2, window.slope, window.curvature)
    counts = np.bincount(code)
    order = np.argsort(code.astype(np.uint8), kind="stable")
    at = 0
    for rule in np.flatnonzero(counts).tolist():
        node, weight = _rule(rule)
        step = max(1, BLOCK // node.size)
        end = at + int(counts[rule])
        for start in range(at, end, step):
            yield order[start : min(start + step, end)], node, weight
        at = end


def _rule_codes(half: np.ndarray, slope: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Which rule each row needs: an index of ORDERS, or len(ORDERS) - 1 + m for 2**m panels of the last order."""
    code = np.searchsorted(ORDERS, _required_order(half, slope, curvature))
    left = np.flatnonzero(code == len(ORDERS))
    panels = 0
    while left.size:
        if panels == MOST_DOUBLINGS:
            raise WorkError(
                f"the integral over the time of leaving needs more than {ORDERS[-1] << MOST_DOUBLINGS:,} nodes for {left.size:,} of "
                f"{half.size:,} customers: the parameters, the times or the number of counts are too extreme; take a shorter "
                "horizon or a smaller max_count, and look at the parameters."
            )
        panels += 1
        code[left] = len(ORDERS) - 1 + panels
        need = _required_order(half[left] / 2**panels, slope[left], curvature[left])
        left = left[need > ORDERS[-1]]
    return code


def _required_order(half: np.ndarray, slope: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    base = PRECISION + np.log1p(slope * half)
    real, imaginary = slope * half, 0.8 * curvature * half**2
    order = np.full(half.shape, np.inf)
    for rho in ELLIPSES:
        a, b = (rho + 1 / rho) / 2, (rho - 1 / rho) / 2
        need = (base + (a - 1) * real + b * b * imaginary) * (0.5 / np.log(rho))
        need[half * b > STRIP] = np.inf
        np.minimum(order, need, out=order)
    return order


@lru_cache(maxsize=64)
def _rule(code: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1)."""
    panels = 2 ** max(0, code - len(ORDERS) + 1)
    node, weight = np.polynomial.legendre.leggauss(ORDERS[min(code, len(ORDERS) - 1)])
    node, weight = (node + 1) / 2, weight / 2
    return ((np.arange(panels)[:, None] + node) / panels).ravel(), np.tile(weight / panels, panels)


def _mean(value: np.ndarray, term: np.ndarray) -> np.ndarray:
    """Sum over the nodes of value * term."""
    return np.einsum("jn,jn->n", value, term)
