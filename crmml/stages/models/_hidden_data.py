"""What EM of a hidden Markov model works on: rows that begin at their first observation, in blocks, and distinct values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ...exceptions import DataError
from ._emissions import Emission, Parameters
from ._forward_backward import backward, forward
from ._transition_logit import TransitionLogit

#: Numbers in one array of a block; small enough for the cache.
BLOCK = 120_000
#: Customers whose observations are told apart at once.
PART = 50_000
#: Probabilities up to this have run to 0.
BOUNDARY = 1e-6


@dataclass(frozen=True)
class HiddenParameters:
    """Start distribution, transition coefficients, emission parameters."""

    start: np.ndarray
    transition: np.ndarray
    emission: Parameters

    def to_vector(self, logit: TransitionLogit, emission: Emission) -> np.ndarray:
        """Return all without bounds, in one vector: log odds of the start against the first stage come first."""
        log_start = np.log(np.maximum(self.start, 1e-12))
        return np.concatenate(
            [log_start[1:] - log_start[0], logit.to_vector(self.transition), emission.to_vector(self.emission)]
        )

    @classmethod
    def from_vector(
        cls, vector: np.ndarray, like: HiddenParameters, logit: TransitionLogit, emission: Emission
    ) -> HiddenParameters:
        """Undo :meth:`to_vector`."""
        n = len(like.start)
        eta = np.concatenate([[0.0], vector[: n - 1]])
        start = np.exp(eta - eta.max())
        transition = logit.from_vector(vector[n - 1 : n - 1 + logit.size])
        return cls(start / start.sum(), transition, emission.from_vector(vector[n - 1 + logit.size :], like.emission))

    def permuted(self, order: np.ndarray, emission: Emission, logit: TransitionLogit) -> HiddenParameters:
        """Return the parameters with the stages in another order."""
        return HiddenParameters(
            self.start[order], logit.permuted(self.transition, order), emission.permuted(self.emission, order)
        )


@dataclass
class Expectation:
    """Log-likelihood, and expected stages and moves given the data."""

    log_likelihood: float
    start: np.ndarray
    moves: np.ndarray
    value_mass: np.ndarray


@dataclass(frozen=True)
class EMResult:
    """Where one start of EM ended."""

    parameters: HiddenParameters
    history: list[float]
    converged: bool


class HiddenData:
    """A panel laid out for the passes.

    Parameters
    ----------
    X : ndarray of shape (n, n_periods)
        NaN where nothing was seen; every row has something.
    transition_covariates, emission_covariates : ndarray of shape (n, n_periods, k), default=None
    weight : ndarray of shape (n,), default=None
        How many customers each row stands for; None is one each.
    """

    def __init__(
        self,
        X: np.ndarray,
        transition_covariates: np.ndarray | None = None,
        emission_covariates: np.ndarray | None = None,
        weight: np.ndarray | None = None,
    ) -> None:
        self.X, self.weight = X, weight
        n, periods = X.shape
        seen = ~np.isnan(X)
        self.first = seen.argmax(axis=1)
        self.last = periods - 1 - seen[:, ::-1].argmax(axis=1) - self.first
        del seen
        shifted = bool((self.first > 0).any())
        Y = X
        if shifted:
            column = self.first[:, None] + np.arange(periods)
            inside = column < periods
            column = np.minimum(column, periods - 1)
            Y = np.where(inside, np.take_along_axis(X, column, axis=1), np.nan)
        after = np.arange(periods) - self.first[:, None]
        matters = (after >= 0) & (after <= self.last[:, None])
        z = _within(transition_covariates, matters, "transition")
        w = _within(emission_covariates, matters, "emission")
        self.n_transition, self.n_emission = (0 if c is None else c.shape[-1] for c in (z, w))
        if shifted:
            z, w = (None if c is None else np.take_along_axis(c, column[:, :, None], axis=1) for c in (z, w))
        self.width = width = int(self.last.max()) + 1  # periods in which nobody was observed any more are left out
        Y, z, w = Y[:, :width], None if z is None else z[:, :width], None if w is None else w[:, :width]
        self._tell_values_apart(Y, w)
        self.z_rows: np.ndarray | None = None
        self.z_codes: np.ndarray | None = None
        if z is not None:
            self.z_rows, place = np.unique(z.reshape(n * width, -1), axis=0, return_inverse=True)
            self.z_codes = place.reshape(n, width)

    def _tell_values_apart(self, Y: np.ndarray, w: np.ndarray | None) -> None:
        """Set the distinct observations, how often each occurs, and which one each cell is, part by part."""
        parts = [slice(at, at + PART) for at in range(0, len(Y), PART)]

        def rows_of(part: slice) -> tuple[np.ndarray, np.ndarray]:
            there = ~np.isnan(Y[part])
            return there, Y[part][there][:, None] if w is None else np.column_stack([Y[part][there], w[part][there]])

        axis = None if w is None else 0  # rows of one column are sorted faster as numbers
        rows = np.unique(np.concatenate([np.unique(rows_of(part)[1], axis=axis) for part in parts]), axis=axis)
        rows = rows.reshape(len(rows), -1)
        self.values, self.value_covariates = rows[:, 0], None if w is None else rows[:, 1:]
        self.codes = np.full(Y.shape, len(rows), dtype=np.int32)
        for part in parts:
            there, own = rows_of(part)
            if w is None:
                code = np.searchsorted(self.values, own[:, 0])
            else:
                code = np.unique(np.concatenate([rows, own]), axis=0, return_inverse=True)[1].ravel()[len(rows) :]
            self.codes[part][there] = code
        each = None if self.weight is None else np.repeat(self.weight, Y.shape[1])
        counts = np.bincount(self.codes.ravel(), each, minlength=len(rows) + 1)[:-1]
        self.n_observed, self.value_weight = float(counts.sum()), counts.astype(float)

    def blocks(self, n_stages: int) -> Iterator[slice]:
        """Yield slices of customers whose arrays fit the cache."""
        width = n_stages * n_stages if self.z_rows is not None else n_stages
        size = max(16, BLOCK // (self.width * width))
        for at in range(0, len(self.codes), size):
            yield slice(at, min(at + size, len(self.codes)))

    def mean_transition_covariates(self) -> np.ndarray | None:
        """Return the mean of the transition covariates over customers and periods, (1, k)."""
        if self.z_rows is None or self.z_codes is None:
            return None
        each = None if self.weight is None else np.repeat(self.weight, self.width)
        weight = np.bincount(self.z_codes.ravel(), each, minlength=len(self.z_rows))
        return (weight @ self.z_rows / weight.sum())[None]

    def last_transition_covariates(self) -> np.ndarray | None:
        """Return the transition covariates of each customer's last observed period, (n, k)."""
        if self.z_rows is None or self.z_codes is None:
            return None
        return self.z_rows[self.z_codes[np.arange(len(self.X)), self.last]]

    @property
    def size(self) -> float:
        """Customers, by their weights."""
        return float(len(self.X) if self.weight is None else self.weight.sum())

    # ---- passes ---------------------------------------------------------------------------------------------------

    def _tables(
        self, p: HiddenParameters, emission: Emission, logit: TransitionLogit
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return emission probabilities of each distinct value over their largest, their logs, its log, and P."""
        log_b = emission.log_density(self.values, self.value_covariates, p.emission)
        top = log_b.max(axis=1)
        logs = np.vstack([log_b - top[:, None], np.zeros(log_b.shape[1])])
        return np.exp(logs), logs, np.append(top, 0.0), logit.probabilities(p.transition, self.z_rows)

    def _logs(self, log_b: np.ndarray, block: slice) -> Callable[[int, np.ndarray], np.ndarray]:
        return lambda t, which: log_b[self.codes[block][which, t]]

    def _moves(self, P: np.ndarray, block: slice) -> np.ndarray:
        if self.z_codes is None:
            return P
        return P[self.z_codes[block, :-1].T]

    def _weight(self, block: slice) -> np.ndarray | None:
        return None if self.weight is None else self.weight[block]

    def e_step(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit) -> Expectation:
        """Return the log-likelihood, and expected stages and moves given the data."""
        b, log_b, top, P = self._tables(p, emission, logit)
        n_stages = len(p.start)
        total = float(top[:-1] @ self.value_weight)
        start = np.zeros(n_stages)
        moves = np.zeros_like(P)
        mass = np.zeros((len(b), n_stages))
        for block in self.blocks(n_stages):
            codes = np.ascontiguousarray(self.codes[block].T)
            A, rows = self._moves(P, block), b[codes]
            weight = self._weight(block)
            alpha, c, shift = forward(p.start, A, rows, self._logs(log_b, block), weight)
            total += _total_log(c, weight) + shift
            gamma, xi = backward(A, rows, alpha, c, self.last[block], weight=weight)
            if weight is not None:
                gamma *= weight[:, None]
            start += gamma[0].sum(axis=0)
            if self.z_codes is None:
                moves += xi
            elif xi is not None:
                at = self.z_codes[block, :-1].T.ravel()
                flat = xi.reshape(len(at), -1)
                for k in range(flat.shape[1]):
                    moves.reshape(len(moves), -1)[:, k] += np.bincount(at, flat[:, k], len(moves))
            flat_codes = codes.ravel()
            for s in range(n_stages):
                mass[:, s] += np.bincount(flat_codes, gamma[:, :, s].ravel(), len(b))
        return Expectation(total, start, moves, mass[:-1])

    def log_likelihood(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit) -> float:
        """Return the total log-likelihood."""
        b, log_b, top, P = self._tables(p, emission, logit)
        total = float(top[:-1] @ self.value_weight)
        for block in self.blocks(len(p.start)):
            rows = b[self.codes[block].T]
            weight = self._weight(block)
            _, c, shift = forward(p.start, self._moves(P, block), rows, self._logs(log_b, block), weight)
            total += _total_log(c, weight) + shift
        return total

    def score(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit) -> tuple[float, np.ndarray]:
        """Return the log-likelihood and its gradient by the vector, by Fisher's identity."""
        e = self.e_step(p, emission, logit)
        by_start = (e.start - e.start.sum() * p.start)[1:]
        by_moves = logit.score(e.moves, self.z_rows, p.transition)
        by_values = emission.score(self.values, self.value_covariates, e.value_mass, p.emission)
        return e.log_likelihood, np.concatenate([by_start, by_moves, by_values])

    # ---- stages of customers --------------------------------------------------------------------------------------

    def stages(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit, *, smooth: bool) -> np.ndarray:
        """Return filtered or smoothed stages (n, n_periods, n_stages), NaN outside of what was observed."""
        b, log_b, _, P = self._tables(p, emission, logit)
        result = np.full((*self.X.shape, len(p.start)), np.nan)
        for block in self.blocks(len(p.start)):
            A, rows = self._moves(P, block), b[self.codes[block].T]
            alpha, c, _ = forward(p.start, A, rows, self._logs(log_b, block))
            if smooth:
                alpha, _ = backward(A, rows, alpha, c, self.last[block], moves=False)
            self._put(result, block, np.moveaxis(alpha, 0, 1))
        return result

    def last_filtered(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit) -> np.ndarray:
        """Return the filtered stage of each customer's last observed period, (n, n_stages)."""
        b, log_b, _, P = self._tables(p, emission, logit)
        result = np.empty((len(self.X), len(p.start)))
        for block in self.blocks(len(p.start)):
            alpha, *_ = forward(p.start, self._moves(P, block), b[self.codes[block].T], self._logs(log_b, block))
            result[block] = alpha[self.last[block], np.arange(alpha.shape[1])]
        return result

    def paths(self, p: HiddenParameters, emission: Emission, logit: TransitionLogit, decode: Callable) -> np.ndarray:
        """Return most likely paths (n, n_periods), NaN outside of what was observed."""
        log_b = emission.log_density(self.values, self.value_covariates, p.emission)
        log_b = np.vstack([log_b, np.zeros(log_b.shape[1])])
        P = logit.probabilities(p.transition, self.z_rows)
        result = np.full(self.X.shape, np.nan)
        for block in self.blocks(len(p.start)):
            path = decode(p.start, self._moves(P, block), log_b[self.codes[block].T], self.last[block])
            self._put(result, block, path.T.astype(float))
        return result

    def _put(self, result: np.ndarray, block: slice, found: np.ndarray) -> None:
        """Write what was found for shifted rows where it belongs, up to the last observed period."""
        step = np.arange(self.width)
        who, t = np.nonzero(step[None, :] <= self.last[block][:, None])
        result[who + block.start, t + self.first[block][who]] = found[who, t]


def _total_log(c: np.ndarray, weight: np.ndarray | None) -> float:
    return float(np.log(c).sum() if weight is None else (np.log(c) @ weight).sum())


def m_step(
    e: Expectation, data: HiddenData, emission: Emission, logit: TransitionLogit, p: HiddenParameters
) -> HiddenParameters:
    """Return the parameters that fit the expected stages and moves best."""
    return HiddenParameters(
        e.start / e.start.sum(),
        logit.m_step(e.moves, data.z_rows, p.transition),
        emission.m_step(data.values, data.value_covariates, e.value_mass, p.emission),
    )


def em(
    data: HiddenData, emission: Emission, logit: TransitionLogit, p: HiddenParameters, max_iter: int, tol: float
) -> EMResult:
    """Run EM from one start; the log-likelihood must never fall.

    Raises
    ------
    ArithmeticError
        When it falls by more than rounding: a fault of a model that was added, not of the data.
    """
    e = data.e_step(p, emission, logit)
    history = [e.log_likelihood]
    for _ in range(max_iter):
        p = m_step(e, data, emission, logit, p)
        e = data.e_step(p, emission, logit)
        gain = e.log_likelihood - history[-1]
        if gain < -1e-9 * abs(history[-1]) - 1e-9:
            raise ArithmeticError(f"EM lowered the log-likelihood from {history[-1]:.10g} to {e.log_likelihood:.10g}.")
        history.append(e.log_likelihood)
        if gain <= tol * abs(e.log_likelihood):
            return EMResult(p, history, True)
    return EMResult(p, history, False)


def polish(data: HiddenData, emission: Emission, logit: TransitionLogit, result: EMResult) -> EMResult:
    """Go on from the end of EM, which creeps where stages overlap, by L-BFGS on the same likelihood; it never falls."""
    p = result.parameters

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = data.score(HiddenParameters.from_vector(vector, p, logit, emission), emission, logit)
        return (-value / data.n_observed, -gradient / data.n_observed) if np.isfinite(value) else (1e10, 0 * gradient)

    vector = p.to_vector(logit, emission)
    found = minimize(
        loss,
        vector,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-13, "gtol": 1e-9},
    )
    better = HiddenParameters.from_vector(found.x, p, logit, emission)
    value = -found.fun * data.n_observed
    if value <= result.history[-1] or not emission.legal(better.emission):
        return result
    settled = bool(np.abs(found.jac).max() < 1e-5)
    return EMResult(better, [*result.history, value], result.converged or settled)


def covariance_of(
    data: HiddenData, emission: Emission, logit: TransitionLogit, p: HiddenParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Return the unbounded vector of the parameters and its covariance: the observed information, inverted.

    The information is differenced once from the score. Probabilities that ran to 0 have no error, and directions in which
    the likelihood is flat none to speak of: both are NaN.
    """
    vector = p.to_vector(logit, emission)
    n_start = len(p.start) - 1
    size = _step_sizes(data, emission, logit, p)
    at = np.flatnonzero(_inside(data, logit, p, len(vector)))
    reference = 0 if p.start[0] > BOUNDARY else int(p.start.argmax())
    opens = np.eye(len(p.start))[:, 1:]  # what a log odds of the start moves by, one row each stage
    opens[0] = -1.0

    def score(step: np.ndarray) -> np.ndarray:
        moved = HiddenParameters.from_vector(vector + step, p, logit, emission)
        found = data.score(moved, emission, logit)[1]
        if reference:  # the first stage is never begun in: odds are taken against the most frequent one
            own = np.concatenate([[-found[:n_start].sum()], found[:n_start]])
            found[:n_start] = np.delete(own, reference)
        return found[at]

    H = np.empty((len(at),) * 2)
    for row, k in enumerate(at):
        step = np.zeros(len(vector))
        length = 1e-4 * size[k]
        if reference and k < n_start:
            step[:n_start] = length * np.delete(opens, reference, axis=0)[k]
        else:
            step[k] = length
        H[row] = (score(step) - score(-step)) / (2 * length) * size[at] * size[k]
    covariance = np.full((len(vector),) * 2, np.nan)
    covariance[np.ix_(at, at)] = invert_where_sound(-(H + H.T) / 2) * np.outer(size[at], size[at])
    if reference:  # in other coordinates than the vector's
        covariance[:n_start], covariance[:, :n_start] = np.nan, np.nan
    return vector, covariance


def invert_where_sound(information: np.ndarray) -> np.ndarray:
    """Return the inverse of an information matrix, NaN for entries that take part in a flat direction."""
    value, direction = np.linalg.eigh(information)
    sound = value > 1e-9 * value.max(initial=0.0)
    inverse = (direction[:, sound] / value[sound]) @ direction[:, sound].T
    unknown = np.abs(direction[:, ~sound]).max(axis=1, initial=0.0) > 1e-3
    inverse[unknown], inverse[:, unknown] = np.nan, np.nan
    return inverse


def _step_sizes(data: HiddenData, emission: Emission, logit: TransitionLogit, p: HiddenParameters) -> np.ndarray:
    """Return what counts as a step of size 1 in each entry of the vector."""
    largest = None if data.z_rows is None else np.abs(data.z_rows).max(axis=0)
    parts = [np.ones(len(p.start) - 1), logit.sizes(largest), emission.sizes(data.value_covariates, p.emission)]
    return np.concatenate(parts)


def _inside(data: HiddenData, logit: TransitionLogit, p: HiddenParameters, length: int) -> np.ndarray:
    """Return the mask of the entries of the vector that did not run to the edge."""
    P = logit.probabilities(p.transition, data.z_rows)
    never = logit.never(P if P.ndim == 2 else P.max(axis=0))
    begun = p.start[1:] > BOUNDARY
    if p.start[0] <= BOUNDARY:
        begun = np.delete(p.start > BOUNDARY, int(p.start.argmax()))
    return np.concatenate([begun, ~never, np.ones(length - len(begun) - logit.size, dtype=bool)])


def _within(array: np.ndarray | None, matters: np.ndarray, what: str) -> np.ndarray | None:
    """Return covariates (n, n_periods, k), 0 outside of the periods that matter; refused where missing within them."""
    if array is None:
        return None
    array = np.where(matters[:, :, None], array, 0.0)
    if (wrong := int((~np.isfinite(array)).any(axis=2).sum())) > 0:
        raise DataError(
            [f"the {what} covariates are missing or infinite in {wrong:,} observed customer periods"], "the covariates"
        )
    return array
