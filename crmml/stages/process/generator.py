r"""A relationship in continuous time: what follows from a matrix of intensities.

A customer stays in stage :math:`i` for an exponential time of mean :math:`-1/q_{ii}` and then moves to :math:`j` with
probability :math:`-q_{ij}/q_{ii}`. With :math:`Q_{TT}` the intensities between transient stages (rupture and absorbing
stages left out, so that win-back arcs are cut) [1]_:

* transition probabilities :math:`P(t) = e^{Qt}` for any time :math:`t \ge 0`;
* fundamental matrix :math:`N = (-Q_{TT})^{-1}`: expected time in each stage;
* expected time to rupture :math:`t = N 1`, variance :math:`2Nt - t \circ t`; absorption :math:`B = N Q_{TR}`;
* value of a stage that pays at the rate :math:`R`: :math:`V = \int_0^\infty e^{-\delta u} P(u) R\,du = (\delta I - Q)^{-1}
  R`, :math:`\delta = \ln(1 + d)` per year, win-back arcs kept.

The derivative of the probability of rupture by a horizon is the integral of Van Loan [2]_.

References
----------
.. [1] Norris, J. R. (1997), Markov Chains. Cambridge University Press. Chapters 2 and 3.
.. [2] Van Loan, C. F. (1978), Computing integrals involving the matrix exponential. IEEE Transactions on Automatic
   Control 23(3), 395-404.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...checks import UNIT_WORDS, check_cells, check_count, check_number, check_random_state, check_unit
from ...frames.ruler import convert, discount_intensity
from ...typing import ArrayLike, Seed
from .base import ROUNDING, StageProcess, reachable
from .chain import StageChain
from .displays import RuptureCurveDisplay, TransitionHeatmapDisplay
from .exponential import exp_adjoint, exp_generator, exp_integral
from .space import StageSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How far a row may miss zero, as a share of its greatest intensity, before it is refused.
ROW_SUM_TOLERANCE = 1e-8


class StageGenerator(StageProcess):
    """A continuous-time Markov process on relationship stages; immutable.

    Parameters
    ----------
    Q : array-like of shape (n_stages, n_stages)
        Intensities per unit of time, rows the origins: at least 0 off the diagonal, each row summing to 0.
    stages : StageSpace or sequence of str, default=None
        None numbers the stages.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        What time is counted in; needed where an annual discount rate is not 0.
    draws : array-like of shape (n_draws, n_stages, n_stages), default=None
        Draws of Q from a posterior, for intervals.

    Raises
    ------
    DataError
        Naming the rows that are no intensities, and moves that the space rules out.

    Examples
    --------
    >>> from crmml.stages import StageSpace
    >>> from crmml.stages.process.generator import StageGenerator
    >>> space = StageSpace(["active", "gone"], rupture="gone", absorbing=["gone"])
    >>> process = StageGenerator([[-0.2, 0.2], [0.0, 0.0]], space, unit="Y")
    >>> process.hitting_time()
    array([5., 0.])
    >>> process.rupture_probability(2).round(4)
    array([0.3297, 1.    ])
    >>> process.lifetime_value([100.0, 0.0], 0.10).round(1)
    array([338.6,   0. ])
    """

    _noun = "matrix of intensities"
    _steps = "units of time"

    unit: str | None

    def __init__(self, Q: Any, stages: Any = None, unit: str | None = None, *, draws: Any = None) -> None:
        super().__init__(Q, stages, draws)
        self.__dict__.update(unit=None if unit is None else check_unit(unit))

    def __repr__(self) -> str:
        return f"StageGenerator({len(self)} stages: {', '.join(self.stages.names)}; unit={self.unit!r})"

    @property
    def Q(self) -> np.ndarray:  # noqa: N802 - the field's name
        """Intensities (n_stages, n_stages) per unit."""
        return self.matrix

    def _faults(self, matrix: np.ndarray, space: StageSpace) -> list[str]:
        faults = []
        for i, (name, row, allowed) in enumerate(zip(space.names, matrix, space.allowed_moves, strict=True)):
            off = np.delete(row, i)
            if (off < 0).any():
                faults.append(
                    f"the row of {name!r} has negative intensities off the diagonal (down to {off.min():.4g})"
                )
            elif abs(row.sum()) > ROW_SUM_TOLERANCE * np.abs(row).max():
                faults.append(f"the row of {name!r} sums to {row.sum():.10g}, not to 0")
            if len(wrong := np.flatnonzero((row > 0) & ~allowed)):
                faults.append(
                    f"it moves from {name!r} to {', '.join(repr(space.names[j]) for j in wrong)}, which the space rules out"
                )
        return faults

    def _without_rounding(self, matrix: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        small = np.abs(matrix) <= ROUNDING * np.abs(matrix).max(axis=1, keepdims=True)
        rounded = small & ((matrix < 0) | ((matrix > 0) & ~allowed)) & ~np.eye(len(matrix), dtype=bool)
        kept = np.where(rounded, 0.0, matrix)
        near = rounded.any(axis=1) & (np.abs(kept.sum(axis=1)) <= ROW_SUM_TOLERANCE * np.abs(kept).max(axis=1))
        at = np.flatnonzero(near)
        kept[at, at] -= kept[at].sum(axis=1)
        return kept

    def _with(self, matrix: np.ndarray) -> StageGenerator:
        other = object.__new__(StageGenerator)
        other.__dict__.update(self.__dict__, matrix=matrix, _draws=None)
        return other

    def _drain(self, inside: np.ndarray) -> np.ndarray:
        return -self.matrix[np.ix_(inside, inside)]

    def _ends(self) -> bool:
        """Whether every customer sooner or later comes to rest."""
        rest = np.diag(self.matrix) >= 0
        return bool((reachable(self.matrix) & rest).any(axis=1).all())

    def _noticed(self) -> np.ndarray:
        return 1e-14 * np.maximum(-np.diag(self.matrix), 0.0)

    def _stopped(self, targets: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        return np.where(targets[:, None], 0.0, matrix)

    def _moved(self, matrix: np.ndarray, horizon: float) -> np.ndarray:
        return exp_generator(matrix, horizon)

    def _lever_unit(self) -> str:
        return self._steps if self.unit is None else UNIT_WORDS[self.unit]

    def _sensitivity_by(self, stopped: np.ndarray, targets: np.ndarray, horizon: Any) -> np.ndarray:
        h, n = _time(horizon, "horizon"), len(self)
        reach = np.zeros((n, n, n))  # of P(h)[s, rupture] by q[i, j], for each s; minus the same by q[i, rupture]
        for s in range(n):
            reach[s] = exp_adjoint(stopped, h, np.outer(np.eye(n)[s], targets.astype(float)))
        return reach - reach[:, :, np.flatnonzero(targets)[:1]]

    # ---- moving on ------------------------------------------------------------------------------------------------

    def step(self, t: float = 1.0) -> np.ndarray:
        """Return the transition probabilities over a time, exp(Q t).

        Parameters
        ----------
        t : float, default=1.0
            At least 0, in units.

        Returns
        -------
        ndarray of shape (n_stages, n_stages)
        """
        return exp_generator(self.matrix, _time(t, "t"))

    def forecast(self, start: Any, horizons: Any) -> np.ndarray:
        """Return the expected stage mix at times ahead.

        Parameters
        ----------
        start : array-like of shape (n_stages,), mapping by stage, or str
            Customers (or shares) per stage now, or the one stage they are in.
        horizons : float or array-like of shape (n_horizons,)
            Times ahead in units, at least 0, in any order.

        Returns
        -------
        ndarray of shape (n_stages,) or (n_horizons, n_stages)
        """
        mix = self._start(start)
        if np.ndim(horizons) == 0:
            return mix @ self.step(horizons)
        return np.array([mix @ self.step(t) for t in horizons])

    def simulate(
        self, n_customers: int, T: float, *, start: ArrayLike | None = None, random_state: Seed = None
    ) -> pd.DataFrame:
        """Simulate customers and record every move at its time.

        Parameters
        ----------
        n_customers : int
            At least 1.
        T : float
            How long each is followed, in units.
        start : array-like of shape (n_stages,), mapping by stage, or str, default=None
            Where they start: shares, or one stage; None is the first stage.
        random_state : int, Generator, RandomState or None

        Returns
        -------
        DataFrame with columns customer_id, time, stage
            The start at time 0 and one row for each move, sorted by customer and time; stages by name.
        """
        random = check_random_state(random_state)
        n, length = check_count(n_customers, "n_customers", least=1), _time(T, "T")
        share = self._start(start)
        moves = 1 + int(min(-np.diag(self.matrix).min() * length, 2.0**62))
        check_cells(n_customers=n, **{} if self._ends() else {"moves_each": moves})
        now = random.choice(len(self), size=n, p=share / share.sum())
        rate = np.maximum(-np.diag(self.matrix), 0.0)
        arcs = np.maximum(self.matrix, 0.0)
        upto = np.cumsum(arcs, axis=1)
        last = np.array([np.flatnonzero(row)[-1] if row.any() else i for i, row in enumerate(arcs)])
        who, time = np.arange(n), np.zeros(n)
        rows = [(who, time, now)]
        while len(who):
            moving = rate[now] > 0
            who, time, now = who[moving], time[moving], now[moving]
            time = time + random.standard_exponential(len(who)) / rate[now]
            within = time < length
            who, time, now = who[within], time[within], now[within]
            level = random.random_sample(len(who)) * upto[now, -1]
            now = np.minimum((level[:, None] >= upto[now]).sum(axis=1), last[now])
            rows.append((who, time, now))
        ids, times, codes = (np.concatenate(part) for part in zip(*rows, strict=True))
        order = np.lexsort((times, ids))
        names = np.array(self.stages.names, dtype=object)
        return pd.DataFrame({"customer_id": ids[order], "time": times[order], "stage": names[codes[order]]})

    def to_chain(self, step: float | None = None, period: str | None = None) -> StageChain:
        """Return the chain seen at times that are a step apart, with the transition probabilities exp(Q step).

        Parameters
        ----------
        step : float, default=None
            In units; None is one unit, or the period where one is given.
        period : {"h", "D", "W", "M", "Y"}, default=None
            How long the step is; None is the unit where the step is one unit, otherwise unknown.

        Returns
        -------
        StageChain
            Its space allows every move that can happen within a step; draws go with it.

        Raises
        ------
        ValueError
            When the step is not the period's length in this unit.
        """
        if period is not None and self.unit is not None:
            length = convert(1.0, check_unit(period, "period"), self.unit)
            if step is not None and not np.isclose(step, length, rtol=1e-9):
                raise ValueError(
                    f"step={step!r} is not the length of a period: {period!r} is {length:g} {self._lever_unit()}."
                )
            step = length
        step = 1.0 if step is None else check_number(step, "step", above=0)
        period = self.unit if period is None and step == 1 else period
        space = StageSpace(
            self.stages.names,
            rupture=self.stages.rupture,
            absorbing=self.stages.absorbing,
            allowed=reachable(self.matrix),
            labels=self.stages.labels,
        )
        draws = None if self._draws is None else exp_generator(self._draws, step)
        return StageChain(self.step(step), space, period, draws=draws)

    # ---- rupture and money ----------------------------------------------------------------------------------------

    def hitting_time_variance(self, target: Any = None) -> np.ndarray:
        """Return the variance of the time until a target is first entered.

        Parameters
        ----------
        target : str, int or sequence of them, default=None
            Stages; None is rupture.

        Returns
        -------
        ndarray of shape (n_stages,)
            In units squared; inf from where the target is not entered for certain.
        """
        targets = self._targets(target)
        sure = self._cut(targets) & ~targets
        variance = np.where(targets, 0.0, np.inf)
        N = self._visits(sure)
        t = N.sum(axis=1)
        variance[sure] = np.maximum(2 * N @ t - t**2, 0.0)
        return variance

    def lifetime_value(
        self, reward: ArrayLike, annual_discount_rate: float = 0.0, *, horizon: float | None = None
    ) -> np.ndarray:
        """Return the expected discounted value of a customer in each stage.

        Parameters
        ----------
        reward : array-like of shape (n_stages,) or mapping by stage
            Money per unit of time in each stage, earned continuously, costs negative.
        annual_discount_rate : float, default=0.0
            Per year, at least 0.
        horizon : float, default=None
            Time that counts, in units; None is all.

        Returns
        -------
        ndarray of shape (n_stages,)
            In the currency of ``reward``.

        Raises
        ------
        ValueError
            When the rate is not 0 and the unit is unknown, or the value is not finite: rate 0, no horizon and a stage that
            pays for ever.
        """
        pay = self._per_stage(reward, "reward")
        if annual_discount_rate != 0 and self.unit is None:
            raise ValueError(
                "An annual discount rate needs to know what time is counted in: make the generator, or the model, with "
                "unit='M' or the like."
            )
        discount = discount_intensity(annual_discount_rate, self.unit or "Y")
        if horizon is not None:
            return exp_integral(self.matrix, _time(horizon, "horizon"), discount, pay)
        if discount > 0:
            return np.linalg.solve(discount * np.eye(len(self)) - self.matrix, pay)
        return self._undiscounted(pay)

    def plot(self, ax: Axes | None = None) -> RuptureCurveDisplay | TransitionHeatmapDisplay:
        """Draw how soon relationships break, or, where no stage is a rupture, the moves within one unit of time.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        RuptureCurveDisplay or TransitionHeatmapDisplay
        """
        if self.stages.rupture_mask.any():
            return RuptureCurveDisplay.from_result(self).plot(ax=ax)
        return TransitionHeatmapDisplay(self.stages, self.step(1.0)).plot(ax=ax)

    def _time_in_words(self) -> str:
        return self._steps if self.unit is None else UNIT_WORDS[self.unit]


def _time(value: Any, what: str) -> float:
    return check_number(value, what, least=0)
