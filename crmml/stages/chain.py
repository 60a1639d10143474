r"""A relationship as a Markov chain: what follows from a transition matrix.

With :math:`T` the moves between transient stages (rupture and absorbing stages left out, so that win-back arcs are cut),
:math:`R` those from transient stages into the others [1]_:

* fundamental matrix :math:`N = (I - T)^{-1}`: expected visits, the start counted;
* expected periods to rupture :math:`t = N 1`, variance :math:`(2N - I)t - t \circ t`;
* absorption :math:`B = N R`; sojourn :math:`1/(1 - p_{ii})` periods;
* value of a stage :math:`V = \sum_k (1 + d)^{-k} P^k R` (Pfeifer and Carraway [2]_), win-back arcs kept.

Quantities of rupture are first passages: the chain is stopped when it enters rupture, whether or not it absorbs.

References
----------
.. [1] Kemeny, J. G. and Snell, J. L. (1976), Finite Markov Chains. Springer. Chapter 3.
.. [2] Pfeifer, P. E. and Carraway, R. L. (2000), Modeling customer relationships as Markov chains. Journal of Interactive
   Marketing 14(2), 43-55.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.utils import check_random_state

from ..exceptions import DataError
from ..ruler import DAYS_PER_UNIT, check_unit
from ._process import StageProcess
from .lever import Lever, best_lever
from .space import StageSpace

#: How far a row may miss one before it is refused.
ROW_SUM_TOLERANCE = 1e-8


class StageChain(StageProcess):
    """A discrete-time Markov chain on relationship stages; immutable.

    Parameters
    ----------
    P : array-like of shape (n_stages, n_stages)
        Transition probabilities per period, rows the origins, each summing to 1.
    stages : StageSpace or sequence of str, default=None
        None numbers the stages.
    period : {"h", "D", "W", "M", "Y"}, default=None
        How long a period lasts; needed where an annual discount rate is not 0.
    counts : array-like of shape (n_stages, n_stages), default=None
        Observed moves, for displays.
    concentration : array-like of shape (n_stages, n_stages), default=None
        Dirichlet parameters of each row's posterior; taken as 0 where a probability is fixed by the space.
    draws : array-like of shape (n_draws, n_stages, n_stages), default=None
        Draws of P from a posterior that is no Dirichlet.

    Raises
    ------
    DataError
        Naming the rows that are no probabilities, and moves that the space rules out.

    Examples
    --------
    >>> from crmml.stages import StageChain, StageSpace
    >>> space = StageSpace(["active", "gone"], rupture="gone", absorbing=["gone"])
    >>> chain = StageChain([[0.8, 0.2], [0.0, 1.0]], space, period="Y")
    >>> chain.hitting_time()
    array([5., 0.])
    >>> chain.rupture_probability(2).round(2)
    array([0.36, 1.  ])
    >>> chain.lifetime_value([100.0, 0.0], 0.10).round(1)
    array([366.7,   0. ])
    """

    _noun = "transition matrix"

    period: str | None
    counts: np.ndarray | None

    def __init__(
        self,
        P: Any,
        stages: Any = None,
        period: str | None = None,
        *,
        counts: Any = None,
        concentration: Any = None,
        draws: Any = None,
    ) -> None:
        super().__init__(P, stages, draws)
        if concentration is not None and np.shape(concentration) != self.matrix.shape:
            raise DataError([f"concentration has the shape {np.shape(concentration)}"], "the transition matrix")
        self.__dict__.update(
            period=None if period is None else check_unit(period),
            counts=None if counts is None else np.asarray(counts, dtype=float),
            _concentration=None
            if concentration is None
            else np.where(
                self.stages.allowed_moves & ~self.stages.absorbing_mask[:, None],
                np.asarray(concentration, dtype=float),
                0.0,
            ),
        )

    def __repr__(self) -> str:
        return f"StageChain({len(self)} stages: {', '.join(self.stages.names)}; period={self.period!r})"

    @property
    def P(self) -> np.ndarray:  # noqa: N802 - the field's name
        """Transition probabilities (n_stages, n_stages)."""
        return self.matrix

    def _faults(self, matrix: np.ndarray, space: StageSpace) -> list[str]:
        faults = []
        for name, row, allowed in zip(space.names, matrix, space.allowed_moves, strict=True):
            if (row < 0).any() or (row > 1 + ROW_SUM_TOLERANCE).any():
                faults.append(f"the row of {name!r} has entries outside 0 to 1 ({row.min():.4g} to {row.max():.4g})")
            elif abs(row.sum() - 1) > ROW_SUM_TOLERANCE:
                faults.append(f"the row of {name!r} sums to {row.sum():.10g}, not to 1")
            if len(wrong := np.flatnonzero((row > 0) & ~allowed)):
                faults.append(
                    f"it moves from {name!r} to {', '.join(repr(space.names[j]) for j in wrong)}, which the space rules out"
                )
        return faults

    def _with(self, matrix: np.ndarray) -> StageChain:
        other = object.__new__(StageChain)
        other.__dict__.update(self.__dict__, matrix=matrix, _draws=None, _concentration=None)
        return other

    @property
    def has_draws(self) -> bool:
        """Whether :meth:`sample` can draw from the posterior of P."""
        return self._concentration is not None or super().has_draws  # type: ignore[attr-defined]

    def sample(self, n_draws: int = 1000, random_state: Any = None) -> np.ndarray:
        """Draw transition matrices from the posterior.

        Parameters
        ----------
        n_draws : int, default=1000
        random_state : int, Generator, RandomState or None

        Returns
        -------
        ndarray of shape (n_draws, n_stages, n_stages)
            Rows drawn from their Dirichlet distributions, or the stored draws.

        Raises
        ------
        ValueError
            When the chain carries no posterior.
        """
        concentration = self._concentration  # type: ignore[attr-defined]
        if concentration is None:
            return super().sample(n_draws, random_state)
        free = concentration > 0
        gamma = check_random_state(random_state).standard_gamma(
            np.where(free, concentration, 1.0), size=(n_draws, *free.shape)
        )
        gamma = np.where(free, np.maximum(gamma, np.finfo(float).tiny), 0.0)
        total = gamma.sum(axis=2, keepdims=True)
        return np.where(total > 0, gamma / np.where(total > 0, total, 1.0), self.matrix)

    # ---- moving on ------------------------------------------------------------------------------------------------

    def step(self, h: int = 1) -> np.ndarray:
        """Return the transition probabilities over h periods, P to the power h.

        Parameters
        ----------
        h : int, default=1
            At least 0.

        Returns
        -------
        ndarray of shape (n_stages, n_stages)
        """
        return np.linalg.matrix_power(self.matrix, _whole(h, "h"))

    def forecast(self, start: Any, horizon: int, *, arrivals: Any = None) -> np.ndarray:
        """Return the expected stage mix, period by period.

        Parameters
        ----------
        start : array-like of shape (n_stages,), mapping by stage, or str
            Customers (or shares) per stage now, or the one stage they are in.
        horizon : int
            Periods ahead, at least 0.
        arrivals : array-like of shape (n_stages,), default=None
            Customers who join each stage at the start of every later period.

        Returns
        -------
        ndarray of shape (horizon + 1, n_stages)
            Row 0 is the start.
        """
        mix = [self._start(start)]
        new = 0.0 if arrivals is None else self._per_stage(arrivals, "arrivals")
        for _ in range(_whole(horizon, "horizon")):
            mix.append(mix[-1] @ self.matrix + new)
        return np.array(mix)

    def simulate(self, n_customers: int, n_periods: int, *, start: Any = None, random_state: Any = None) -> np.ndarray:
        """Simulate customers.

        Parameters
        ----------
        n_customers, n_periods : int
            At least 1 each.
        start : array-like of shape (n_stages,), mapping by stage, or str, default=None
            Where they start: shares, or one stage; None is the first stage.
        random_state : int, Generator, RandomState or None

        Returns
        -------
        ndarray of shape (n_customers, n_periods)
            A panel of codes; its first column is the start.
        """
        generator = check_random_state(random_state)
        n, periods = _whole(n_customers, "n_customers", 1), _whole(n_periods, "n_periods", 1)
        share = self._start(start)
        X = np.empty((n, periods))
        now = generator.choice(len(self), size=n, p=share / share.sum())
        upto = np.cumsum(self.matrix, axis=1)
        upto[:, -1] = np.inf
        last = np.array([np.flatnonzero(row)[-1] for row in self.matrix])
        for t in range(periods):
            X[:, t] = now
            now = np.minimum((generator.random_sample(n)[:, None] >= upto[now]).sum(axis=1), last[now])
        return X

    def stationary(self) -> np.ndarray:
        """Return the distribution over stages that the chain keeps, win-back arcs included.

        Returns
        -------
        ndarray of shape (n_stages,)

        Raises
        ------
        ValueError
            When there are several, because the stages fall into several classes that are never left; they are named.
        """
        _, group = connected_components(self.matrix > 0, directed=True, connection="strong")
        closed = [c for c in np.unique(group) if not (self.matrix[np.ix_(group == c, group != c)] > 0).any()]
        if len(closed) > 1:
            named = "; ".join(
                ", ".join(n for n, g in zip(self.stages.names, group, strict=True) if g == c) for c in closed
            )
            raise ValueError(f"There is no single stationary distribution: these are never left once entered: {named}.")
        members = np.flatnonzero(group == closed[0])
        share = np.zeros(len(self))
        share[members] = _stationary_of(self.matrix[np.ix_(members, members)])
        return share

    # ---- rupture --------------------------------------------------------------------------------------------------

    def fundamental_matrix(self) -> np.ndarray:
        """Return the expected number of periods spent in each transient stage, from each, the start counted.

        Returns
        -------
        ndarray of shape (n_transient, n_transient)
            Over the stages that are neither rupture nor absorbing, in their order; inf where the end is not certain.
        """
        return self._visits(self._open())

    def absorption_probabilities(self) -> np.ndarray:
        """Return where a relationship ends: the probability of each rupture or absorbing stage, from each transient one.

        Returns
        -------
        ndarray of shape (n_transient, n_ends)
            Rows the transient stages, columns the stages that are rupture or absorbing, each in their order. A row sums to
            1 where an end is certain.
        """
        inside = self._open()
        T, R = self.matrix[np.ix_(inside, inside)], self.matrix[np.ix_(inside, ~inside)]
        can = _reaches(T, R.sum(axis=1) > 0)
        B = np.zeros(R.shape)
        B[can] = np.linalg.solve(np.eye(can.sum()) - T[np.ix_(can, can)], R[can])
        return B

    def hitting_time(self, target: Any = None) -> np.ndarray:
        """Return the expected number of periods until a target is first entered.

        Parameters
        ----------
        target : str, int or sequence of them, default=None
            Stages; None is rupture.

        Returns
        -------
        ndarray of shape (n_stages,)
            0 at the target; inf from where it is not entered for certain.
        """
        targets = self._targets(target)
        sure = self._cut(targets) & ~targets
        time = np.where(targets, 0.0, np.inf)
        time[sure] = self._visits(sure).sum(axis=1)
        return time

    def hitting_time_variance(self, target: Any = None) -> np.ndarray:
        """Return the variance of the number of periods until a target is first entered.

        Parameters
        ----------
        target : str, int or sequence of them, default=None
            Stages; None is rupture.

        Returns
        -------
        ndarray of shape (n_stages,)
            In periods squared; NaN never, inf from where the target is not entered for certain.
        """
        targets = self._targets(target)
        sure = self._cut(targets) & ~targets
        variance = np.where(targets, 0.0, np.inf)
        N = self._visits(sure)
        t = N.sum(axis=1)
        variance[sure] = np.maximum((2 * N - np.eye(len(N))) @ t - t**2, 0.0)
        return variance

    def sojourn_time(self) -> np.ndarray:
        """Return the expected number of periods of a stay in each stage, 1/(1 − p); inf where it is never left."""
        stay = np.diag(self.matrix)
        with np.errstate(divide="ignore"):
            return 1 / (1 - np.minimum(stay, 1.0))

    def rupture_probability(self, horizon: Any) -> np.ndarray:
        """Return the probability that the relationship has broken by a horizon: first passage into rupture.

        Parameters
        ----------
        horizon : int, inf or array-like of them
            Periods ahead, at least 0; inf is ever.

        Returns
        -------
        ndarray of shape (n_stages,) or (n_stages, n_horizons)
            1 from rupture itself.
        """
        targets = self._targets(None)
        cut = np.where(targets[:, None], np.eye(len(self)), self.matrix)
        horizons = np.asarray(horizon, dtype=float)
        if horizons.ndim > 1 or horizons.size == 0 or not (horizons >= 0).all():
            raise ValueError(f"horizon={horizon!r} must be a number of periods, at least 0, or a list of them.")
        columns = []
        for h in np.atleast_1d(horizons):
            if np.isinf(h):
                columns.append(self._ever(targets))
            else:
                columns.append(np.linalg.matrix_power(cut, _whole(h, "horizon"))[:, targets].sum(axis=1))
        probability = np.clip(np.column_stack(columns), 0.0, 1.0)
        return probability[:, 0] if horizons.ndim == 0 else probability

    def rupture_sensitivity(self, horizon: int | None = None) -> np.ndarray:
        """Return how much rupture is put off, or made less likely, when a little of its probability goes elsewhere.

        Entry [s, i, j] is the derivative, for a relationship now in stage s, with respect to the probability that is moved
        from the arc i → rupture to the arc i → j, which is the compensating arc (from all arcs into rupture together
        where there are several). Without a horizon it is that of the expected periods to rupture, N[s, i] · t[j]; with one
        it is that of :meth:`rupture_probability`, which is never above 0.

        Parameters
        ----------
        horizon : int, default=None
            Periods ahead, at least 1.

        Returns
        -------
        ndarray of shape (n_stages, n_stages, n_stages)
            0 where i or j is rupture, or i is absorbing; inf or NaN never occurs where rupture is certain.
        """
        targets = self._targets(None)
        n = len(self)
        through = ~targets & ~self.stages.absorbing_mask
        D = np.zeros((n, n, n))
        if horizon is None:
            sure = self._cut(targets) & ~targets
            N, t = np.zeros((n, n)), np.where(targets, 0.0, np.inf)
            N[np.ix_(sure, sure)] = self._visits(sure)
            t[sure] = N[np.ix_(sure, sure)].sum(axis=1)
            with np.errstate(invalid="ignore"):
                D = np.where(N[:, :, None] > 0, N[:, :, None] * t, 0.0)
            D[~sure] = np.where(targets[:, None, None], 0.0, np.inf)[~sure]
        else:
            h = _whole(horizon, "horizon", 1)
            cut = np.where(targets[:, None], np.eye(n), self.matrix)
            broken = [targets.astype(float)]
            for _ in range(h - 1):
                broken.append(cut @ broken[-1])
            visits = np.eye(n)
            for k in range(h):
                D += visits[:, :, None] * (broken[h - 1 - k] - 1.0)
                visits = visits @ cut
        D[:, ~through, :] = 0.0
        D[:, :, targets] = 0.0
        return D

    def best_lever(self, horizon: int | None = None, *, start: Any = None) -> Lever:
        """Return the arc on which a small change does most against rupture.

        Parameters
        ----------
        horizon : int, default=None
            Judge by the probability of rupture by then; None judges by the expected time to it.
        start : array-like of shape (n_stages,), mapping by stage, or str, default=None
            The customers it is to help: shares per stage or one stage; None weighs all transient stages alike.

        Returns
        -------
        Lever
        """
        inside = self._open() & ~self._targets(None)
        return best_lever(self, self._start(inside.astype(float) if start is None else start), horizon)

    # ---- money ----------------------------------------------------------------------------------------------------

    def lifetime_value(
        self,
        reward: Any,
        annual_discount_rate: float = 0.0,
        *,
        horizon: int | None = None,
        first_payment: Literal["now", "end", "next"] = "now",
    ) -> np.ndarray:
        """Return the expected discounted value of a customer in each stage.

        Parameters
        ----------
        reward : array-like of shape (n_stages,) or mapping by stage
            Money per period in each stage, costs negative.
        annual_discount_rate : float, default=0.0
            Per year, at least 0; a period's is (1 + rate) to the power of the period in years, less 1.
        horizon : int, default=None
            Number of payments that count, the first included; None is all.
        first_payment : {"now", "end", "next"}, default="now"
            Whether the first payment is the present period's, undiscounted; the present period's, paid at its end and so
            discounted once; or the next period's, paid in the stage the customer will then be in.

        Returns
        -------
        ndarray of shape (n_stages,)
            In the currency of ``reward``.

        Raises
        ------
        ValueError
            When the rate is not 0 and the chain's period is unknown, or the value is not finite: rate 0, no horizon and a
            stage that pays for ever.
        """
        pay = self._per_stage(reward, "reward")
        discount = self._period_discount(annual_discount_rate)
        if first_payment not in ("now", "end", "next"):
            raise ValueError(f"first_payment={first_payment!r} must be 'now', 'end' or 'next'.")
        if horizon is not None:
            value, term = np.zeros(len(self)), pay
            for _ in range(_whole(horizon, "horizon")):
                value = value + term
                term = discount * (self.matrix @ term)
        elif discount < 1:
            value = np.linalg.solve(np.eye(len(self)) - discount * self.matrix, pay)
        else:
            value = self._undiscounted(pay)
        if first_payment == "end":
            return discount * value
        return value if first_payment == "now" else discount * (self.matrix @ value)

    def _undiscounted(self, pay: np.ndarray) -> np.ndarray:
        """Return total pay where it ends for certain; stages that pay for ever are refused by name."""
        _, group = connected_components(self.matrix > 0, directed=True, connection="strong")
        for_ever = np.array([not (self.matrix[np.ix_(group == c, group != c)] > 0).any() for c in group])
        if (paying := for_ever & (pay != 0)).any():
            named = ", ".join(n for n, p in zip(self.stages.names, paying, strict=True) if p)
            raise ValueError(
                f"Without a discount rate and a horizon the value is infinite: {named} pay for ever. Give "
                "annual_discount_rate above 0 or a horizon."
            )
        value = np.zeros(len(self))
        value[~for_ever] = self._visits(~for_ever) @ pay[~for_ever]
        return value

    def _period_discount(self, annual_discount_rate: float) -> float:
        if not (np.isfinite(annual_discount_rate) and annual_discount_rate >= 0):
            raise ValueError(f"annual_discount_rate={annual_discount_rate!r} must be a number, at least 0.")
        if annual_discount_rate == 0:
            return 1.0
        if self.period is None:
            raise ValueError(
                "An annual discount rate needs to know how long a period is: make the chain, or the model, with period='M' or "
                "the like."
            )
        return float((1 + annual_discount_rate) ** -(DAYS_PER_UNIT[self.period] / DAYS_PER_UNIT["Y"]))

    # ---- words ----------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Say in plain sentences how long relationships last, where they break and what would help most."""
        from .wording import describe_chain

        return describe_chain(self)

    # ---- parts ----------------------------------------------------------------------------------------------------

    def _visits(self, inside: np.ndarray) -> np.ndarray:
        """Return (I − T)⁻¹ over the stages of a mask; inf between stages that are not left for certain."""
        T = self.matrix[np.ix_(inside, inside)]
        leaves = _reaches(T, 1 - T.sum(axis=1) > 1e-14)
        sure = ~(_reach(T) & ~leaves).any(axis=1) & leaves
        N = np.where(_reach(T), np.inf, 0.0)
        N[np.ix_(sure, sure)] = np.linalg.inv(np.eye(sure.sum()) - T[np.ix_(sure, sure)])
        return N

    def _ever(self, targets: np.ndarray) -> np.ndarray:
        T = self.matrix[np.ix_(~targets, ~targets)]
        into = self.matrix[np.ix_(~targets, targets)].sum(axis=1)
        can = _reaches(T, into > 0)
        inner = np.zeros(len(T))
        inner[can] = np.linalg.solve(np.eye(can.sum()) - T[np.ix_(can, can)], into[can])
        ever = np.ones(len(self))
        ever[~targets] = inner
        return ever


def _whole(value: Any, what: str, least: int = 0) -> int:
    if not np.isfinite(value) or value != int(value) or value < least:
        raise ValueError(f"{what}={value!r} must be a whole number, at least {least}.")
    return int(value)


def _reach(T: np.ndarray) -> np.ndarray:
    """Return whether each stage can be reached from each, in any number of moves."""
    reach = (T > 0) | np.eye(len(T), dtype=bool)
    while not np.array_equal(reach, further := (reach.astype(int) @ reach.astype(int)) > 0):
        reach = further
    return reach


def _reaches(T: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return the mask of the stages from which one of the goal's can be reached."""
    return (_reach(T) & goal).any(axis=1)


def _stationary_of(P: np.ndarray) -> np.ndarray:
    """Return the stationary distribution of an irreducible chain by elimination without subtractions (GTH)."""
    A = np.array(P)
    n = len(A)
    for k in range(n - 1, 0, -1):
        A[:k, k] /= A[k, :k].sum()
        A[:k, :k] += np.outer(A[:k, k], A[k, :k])
    share = np.zeros(n)
    share[0] = 1.0
    for k in range(1, n):
        share[k] = share[:k] @ A[:k, k]
    return share / share.sum()
