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

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...checks import (
    DAYS_PER_UNIT,
    MOST_PERIODS,
    UNIT_WORDS,
    check_annual_rate,
    check_cells,
    check_choice,
    check_count,
    check_draws,
    check_random_state,
    check_unit,
)
from ...exceptions import DataError
from ...typing import ArrayLike, Seed
from .base import KEPT_SEED, ROUNDING, StageProcess
from .displays import TransitionHeatmapDisplay
from .space import StageSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    _steps = "periods"

    period: str | None
    counts: np.ndarray | None
    _concentration: np.ndarray | None

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
        faults = [
            f"{name} must be numbers of at least 0, of shape {self.matrix.shape}"
            for name, given in (("concentration", concentration), ("counts", counts))
            if given is not None
            and (np.shape(given) != self.matrix.shape or not (np.asarray(given, dtype=float) >= 0).all())
        ]
        if faults:
            raise DataError(faults, "the transition matrix")
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

    def _without_rounding(self, matrix: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        rounded = (np.abs(matrix) <= ROUNDING) & ((matrix < 0) | ((matrix > 0) & ~allowed))
        kept = np.where(rounded, 0.0, matrix)
        total = kept.sum(axis=1, keepdims=True)
        near = rounded.any(axis=1, keepdims=True) & (np.abs(total - 1) <= ROW_SUM_TOLERANCE)
        return np.where(near, kept / np.where(near, total, 1.0), kept)

    def _with(self, matrix: np.ndarray) -> StageChain:
        other = object.__new__(StageChain)
        other.__dict__.update(self.__dict__, matrix=matrix, _draws=None, _concentration=None)
        return other

    def _drain(self, inside: np.ndarray) -> np.ndarray:
        return np.eye(int(inside.sum())) - self.matrix[np.ix_(inside, inside)]

    def _noticed(self) -> np.ndarray:
        return np.full(len(self), 1e-14)

    def _stopped(self, targets: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        return np.where(targets[:, None], np.eye(len(self)), matrix)

    def _moved(self, matrix: np.ndarray, horizon: float) -> np.ndarray:
        return np.linalg.matrix_power(matrix, check_count(horizon, "horizon", most=MOST_PERIODS))

    def _sensitivity_by(self, stopped: np.ndarray, targets: np.ndarray, horizon: Any) -> np.ndarray:
        h = check_count(horizon, "horizon", least=1, most=MOST_PERIODS)
        broken = [targets.astype(float)]
        for _ in range(h - 1):
            broken.append(stopped @ broken[-1])
        D, visits = np.zeros((len(self),) * 3), np.eye(len(self))
        for k in range(h):
            D += visits[:, :, None] * (broken[h - 1 - k] - 1.0)
            visits = visits @ stopped
        return D

    @property
    def has_draws(self) -> bool:
        """Whether :meth:`sample` can draw from the posterior of P."""
        return self._concentration is not None or super().has_draws

    def draws(self, n_draws: int = 1000, random_state: Seed = None) -> np.ndarray:
        """Draw transition matrices from the posterior.

        Parameters
        ----------
        n_draws : int, default=1000
        random_state : int, RandomState or None
            None takes the same draws at every call.

        Returns
        -------
        ndarray of shape (n_draws, n_stages, n_stages)
            Rows drawn from their Dirichlet distributions, or the stored draws.

        Raises
        ------
        ValueError
            When the chain carries no posterior.
        """
        concentration = self._concentration
        if concentration is None:
            return super().draws(n_draws, random_state)
        free = concentration > 0
        n_draws = check_draws(n_draws, cells=free.size)
        gamma = check_random_state(KEPT_SEED if random_state is None else random_state).standard_gamma(
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
        return np.linalg.matrix_power(self.matrix, check_count(h, "h", most=MOST_PERIODS))

    def forecast(self, start: ArrayLike, horizon: int, *, arrivals: Any = None) -> np.ndarray:
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
        for _ in range(check_count(horizon, "horizon", most=MOST_PERIODS)):
            mix.append(mix[-1] @ self.matrix + new)
        return np.array(mix)

    def simulate(
        self, n_customers: int, n_periods: int, *, start: ArrayLike | None = None, random_state: Seed = None
    ) -> np.ndarray:
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
        n, periods = check_count(n_customers, "n_customers", least=1), check_count(n_periods, "n_periods", least=1)
        check_cells(n_customers=n, n_periods=periods)
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

    # ---- rupture --------------------------------------------------------------------------------------------------

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

    # ---- money ----------------------------------------------------------------------------------------------------

    def lifetime_value(
        self,
        reward: ArrayLike,
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
        check_choice(first_payment, "first_payment", ("now", "end", "next"))
        if horizon is not None:
            value, term = np.zeros(len(self)), pay
            for _ in range(check_count(horizon, "horizon", most=MOST_PERIODS)):
                value = value + term
                term = discount * (self.matrix @ term)
        elif discount < 1:
            value = np.linalg.solve(np.eye(len(self)) - discount * self.matrix, pay)
        else:
            value = self._undiscounted(pay)
        if first_payment == "end":
            return discount * value
        return value if first_payment == "now" else discount * (self.matrix @ value)

    def _period_discount(self, annual_discount_rate: float) -> float:
        if check_annual_rate(annual_discount_rate) == 0:
            return 1.0
        if self.period is None:
            raise ValueError(
                "An annual discount rate needs to know how long a period is: make the chain, or the model, with period='M' or "
                "the like."
            )
        return float((1 + annual_discount_rate) ** -(DAYS_PER_UNIT[self.period] / DAYS_PER_UNIT["Y"]))

    # ---- words ----------------------------------------------------------------------------------------------------

    def plot(self, ax: Axes | None = None) -> TransitionHeatmapDisplay:
        """Draw the probabilities as colours, with the moves they rest on.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        TransitionHeatmapDisplay
        """
        return TransitionHeatmapDisplay.from_result(self).plot(ax=ax)

    def _time_in_words(self) -> str:
        return self._steps if self.period is None else UNIT_WORDS[self.period]
