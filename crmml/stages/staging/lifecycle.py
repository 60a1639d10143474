"""From a transaction log to the stages of the relationship life cycle, by each customer's own rhythm."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ...checks import UNIT_WORDS
from ...exceptions import DataError, warn
from ...fitting import atomic
from ...transactions.activity import PERIODS, Activity, Grid, make_grid
from ...transactions.compression import unique_rows
from ...transactions.opening import end_text
from ...transactions.rhythm import EventState, fit_gaps, growth, own_rhythm
from ...typing import Frame, Moment
from ..process.space import StageSpace, relationship_lifecycle
from .base import PeriodStager

EXPLORATION, FORMATION, STABILITY, DECLINE, RUPTURE = range(5)
_MEANING = {
    "formation_purchases": "purchase days of the arc from which on exploration is over",
    "stability_purchases": "purchase days of the arc that stability takes",
    "stability_tenure": "length of the arc that stability takes, in pooled interpurchase times",
    "growth_ratio": "earlier over recent gaps (with amounts: recent over earlier spend a day) from which on it still grows",
    "slowdown_ratio": "recent over earlier gaps (with amounts: earlier over recent spend a day) from which on it declines",
    "recent_gaps": "gaps that count as recent, at most half of the arc's",
    "decline_lateness": "time since the last purchase, in the customer's expected gaps, above which it declines",
    "rupture_lateness": "time since the last purchase, in the customer's expected gaps, above which it is broken",
}


class LifecycleStager(PeriodStager):
    r"""Assigns the stages of :func:`relationship_lifecycle` to a transaction log, by each customer's own rhythm.

    Purchases on one day count as one. What is late for a weekly buyer is not for a yearly one, so that lateness is
    measured in the customer's own expected interpurchase time.

    **The expected interpurchase time** pools a customer's own gaps with those of all. Customer i's gaps are exponential
    with rate :math:`\lambda_i`, the rates gamma distributed with shape r and rate :math:`r\mu`, which is the gamma-mixed
    Poisson process of the NBD [1]_. After k gaps of total length s the posterior of the rate is gamma with shape
    :math:`r + k` and rate :math:`r\mu + s`, and the expected interpurchase time is one over the expected rate,

    .. math:: m = \frac{r\mu + s}{r + k} = \frac{r}{r+k}\,\mu + \frac{k}{r+k}\,\frac{s}{k},

    the pooled time :math:`\mu` weighted as r gaps, the own mean gap as k. The mean of the posterior of
    :math:`1/\lambda`, :math:`(r\mu + s)/(r + k - 1)`, is infinite for new customers where :math:`r \le 1`, as it usually
    is; hence this one. The gap that is still open does not enter m: it is what lateness compares with m.

    **Fitting.** :math:`\mu` and r are learnt from the closed gaps (k, s) and the open, right-censored gap of length c of
    each customer of the training log. After each purchase a customer never comes back with a probability that is beta
    distributed over customers, with parameters a and b, since otherwise the pool would take those who left for slow
    buyers. This is the likelihood of the MBG/NBD [2]_,

    .. math:: L = \frac{\Gamma(r+k)\,\Gamma(b+k)\,\Gamma(a+b)}{\Gamma(r)\,\Gamma(b)\,\Gamma(a+b+k+1)}\,(r\mu)^r
              \left[\frac{a}{(r\mu+s)^{r+k}} + \frac{b+k}{(r\mu+s+c)^{r+k}}\right].

    The sum over customers of log L, plus a weak log-prior that keeps small logs proper (:math:`\log\mu` normal around the
    log mean closed gap, sd 2; :math:`\log r` around 0, sd 1; the logit of :math:`a/(a+b)` around 0, sd 1.5;
    :math:`\log(a+b)` around log 2, sd 1), is maximised.

    **Arcs.** A gap longer than ``rupture_lateness`` times what was expected at its beginning is a rupture, whether or not
    a period ended in it. The purchase that ends it wins the customer back and begins a new arc: purchases, tenure and
    growth are counted from it, while m keeps the gaps of earlier arcs and leaves the broken one out.

    **The stage** at the end of a period is the first of these that holds:

    1. rupture: the time since the last purchase is above ``rupture_lateness`` × m (or, with ``win_back=False``, there
       was a rupture before);
    2. decline: it is above ``decline_lateness`` × m, or the arc has ``stability_purchases`` and slows down: its growth is
       at most 1 / ``slowdown_ratio``;
    3. exploration: the arc has fewer than ``formation_purchases`` purchases;
    4. stability: it has ``stability_purchases``, at least ``stability_tenure`` × μ from the first to the last, and its
       growth is below ``growth_ratio``;
    5. formation.

    Growth is the earlier gaps' mean over the recent ones'; with ``value`` it is multiplied by the recent over the earlier
    mean amount. Each of these means is shrunk towards the arc's own with the weight of one gap or purchase. A customer in
    decline who buys returns to exploration, formation or stability, as counts and rhythm say.

    The stage at the end of a period uses events up to then only, and pooled quantities are learnt in :meth:`fit`:
    truncating the log given to :meth:`assign` changes no earlier stage. The thresholds are opinion, not estimates.

    Parameters
    ----------
    period : {"D", "W", "M", "Y"}, default=None
        Stages are assigned at the end of each day, week (Sunday), calendar month or year. None takes the period that
        :meth:`assign` or :func:`crmml.transactions.stage_panel` asks for, else months.
    customer_id, timestamp : str
        Columns of the log.
    value : str, default=None
        Column of amounts, none of them negative; it enters growth. Refunds are netted by
        :func:`crmml.transactions.clean` first, lest they count as purchases.
    formation_purchases : int, default=2
    stability_purchases : int, default=5
    stability_tenure : float, default=2.0
        In pooled interpurchase times.
    growth_ratio : float, default=2.0
        Above 1.
    slowdown_ratio : float, default=3.0
        Above 1; None means that lateness alone tells decline.
    recent_gaps : int, default=3
    decline_lateness : float, default=2.0
        In the customer's expected interpurchase times; at a known rate 1 of 7 gaps is longer.
    rupture_lateness : float, default=4.0
        Above ``decline_lateness``; at a known rate 1 of 55 gaps is longer.
    win_back : bool, default=True
        Whether a purchase leads out of rupture.
    pooled : {"learn"} or (float, float), default="learn"
        Learn μ and r in ``fit``, or take these, μ in days.

    Attributes
    ----------
    pooled_interpurchase_time_ : float
        μ in ``unit_``.
    pooled_strength_ : float
        r, in gaps.
    never_back_probability_ : float
        a / (a + b), the share of customers who never come back after the first purchase; NaN where ``pooled`` was given.
    unit_ : str
        "D": the times are days.
    n_customers_, n_gaps_ : int
        What they were learnt from.
    log_likelihood_ : float
        Of the gaps, without the prior; NaN where ``pooled`` was given.
    converged_ : bool
    observation_end_ : str
        Of the training log.
    thresholds_ : DataFrame
        threshold, value, meaning.

    Notes
    -----
    Gaps of real customers are burstier than exponential ones, and where r is small a single short gap already makes a fast
    rhythm. In a log younger than ``rupture_lateness`` × μ, nobody with one purchase can be in rupture yet, and those who
    are come back more often than those in decline. ``pooled=(μ, r)`` with a larger r trusts the own gaps less.

    References
    ----------
    .. [1] Ehrenberg, A. S. C. (1959), The pattern of consumer purchases. Applied Statistics 8 (1), 26-41.
    .. [2] Batislam, E. P., Denizel, M. and Filiztekin, A. (2007), Empirical validation and comparison of models for
       customer base analysis. International Journal of Research in Marketing 24 (3), 201-209.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.stages.staging.lifecycle import LifecycleStager
    >>> log = load_cdnow_sample()
    >>> stager = LifecycleStager().fit(log)
    >>> round(stager.pooled_interpurchase_time_), round(stager.pooled_strength_, 2)
    (98, 0.62)
    >>> long = stager.assign(log)
    >>> long[long["customer_id"] == 111].iloc[[0, 5, 10, 17]]
         customer_id     period      stage
    125          111 1997-01-01  formation
    130          111 1997-06-01  formation
    135          111 1997-11-01  stability
    142          111 1998-06-01  stability
    """

    _parameter_constraints: ClassVar[dict] = {
        "period": [StrOptions(set(PERIODS)), None],
        "customer_id": [str],
        "timestamp": [str],
        "value": [str, None],
        "formation_purchases": [Interval(Integral, 1, None, closed="left")],
        "stability_purchases": [Interval(Integral, 2, None, closed="left")],
        "stability_tenure": [Interval(Real, 0, None, closed="left")],
        "growth_ratio": [Interval(Real, 1, None, closed="neither")],
        "slowdown_ratio": [Interval(Real, 1, None, closed="neither"), None],
        "recent_gaps": [Interval(Integral, 1, None, closed="left")],
        "decline_lateness": [Interval(Real, 0, None, closed="neither")],
        "rupture_lateness": [Interval(Real, 0, None, closed="neither")],
        "win_back": ["boolean"],
        "pooled": [StrOptions({"learn"}), "array-like", tuple],
    }

    def __init__(
        self,
        period: str | None = None,
        *,
        customer_id: str = "customer_id",
        timestamp: str = "timestamp",
        value: str | None = None,
        formation_purchases: int = 2,
        stability_purchases: int = 5,
        stability_tenure: float = 2.0,
        growth_ratio: float = 2.0,
        slowdown_ratio: float | None = 3.0,
        recent_gaps: int = 3,
        decline_lateness: float = 2.0,
        rupture_lateness: float = 4.0,
        win_back: bool = True,
        pooled: Any = "learn",
    ):
        self.period = period
        self.customer_id = customer_id
        self.timestamp = timestamp
        self.value = value
        self.formation_purchases = formation_purchases
        self.stability_purchases = stability_purchases
        self.stability_tenure = stability_tenure
        self.growth_ratio = growth_ratio
        self.slowdown_ratio = slowdown_ratio
        self.recent_gaps = recent_gaps
        self.decline_lateness = decline_lateness
        self.rupture_lateness = rupture_lateness
        self.win_back = win_back
        self.pooled = pooled

    @property
    def stages(self) -> StageSpace:
        """The five stages, in their order."""
        return relationship_lifecycle(win_back=self.win_back)

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, log: Frame, y: None = None, *, observation_end: Moment | None = None) -> LifecycleStager:
        """Learn the pooled interpurchase time and its strength.

        Parameters
        ----------
        log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
            One row a transaction.
        y : None
            Ignored; there for the convention.
        observation_end : str, date or datetime, default=None
            Last instant observed, inclusive; a bare date means the whole day. None takes the last event.

        Returns
        -------
        self : LifecycleStager

        Raises
        ------
        DataError
            Naming every fault of the log at once; also where nobody bought on two days, so that there is no gap.
        """
        self._check_thresholds()
        activity = self._read(log, self.value, observation_end)
        first, last = activity.day[activity.offsets[:-1]], activity.day[activity.offsets[1:] - 1]
        k = np.diff(activity.offsets) - 1.0
        s, c = (last - first).astype(np.float64), (activity.end_day - last).astype(np.float64)
        self.unit_ = "D"
        self.n_customers_, self.n_gaps_ = int(k.size), int(k.sum())
        self.observation_end_ = end_text(activity.end)
        if isinstance(self.pooled, str):
            self._learn(k, s, c)
        else:
            self.pooled_interpurchase_time_, self.pooled_strength_ = map(float, self.pooled)
            self.never_back_probability_ = self.log_likelihood_ = float("nan")
            self.converged_ = True
        values = {name: getattr(self, name) for name in _MEANING}
        self.thresholds_ = pd.DataFrame(
            {
                "threshold": list(values),
                "value": [np.nan if value is None else float(value) for value in values.values()],
                "meaning": list(_MEANING.values()),
            }
        )
        return self

    def _learn(self, k: np.ndarray, s: np.ndarray, c: np.ndarray) -> None:
        if not k.any():
            raise DataError(
                [
                    f"none of its {k.size:,} customers bought on two different days: there is no gap to learn a rhythm from; "
                    "give a longer log, or pooled=(expected interpurchase time in days, strength in gaps)"
                ],
                "the transaction log",
            )
        unique, counts, _ = unique_rows(k, s, c)
        order = np.lexsort(unique[::-1])  # one order whatever the engine: equal logs give equal fits
        k, s, c = (column[order] for column in unique)
        found = fit_gaps(k, s, c, counts[order].astype(np.float64))
        self.pooled_interpurchase_time_, self.pooled_strength_ = found.pooled, found.strength
        self.never_back_probability_ = found.gone
        self.log_likelihood_, self.converged_ = found.log_likelihood, found.converged
        if not found.converged:
            warn("The pooled rhythm is no interior optimum; give a longer log, or pooled=.", ConvergenceWarning)

    def assign(
        self,
        log: Frame,
        *,
        period: str | None = None,
        observation_end: Moment | None = None,
        include_incomplete: bool = False,
    ) -> Any:
        """Assign a stage to every customer at the end of every complete period since the first purchase.

        Parameters
        ----------
        log : frame of any engine
            One row a transaction, from each customer's first purchase on; other customers than in training are welcome.
        period : {"D", "W", "M", "Y"}, default=None
            Where the stager itself names none.
        observation_end : str, date or datetime, default=None
            Last instant observed, inclusive; a bare date, or midnight, means the whole day. None takes the last event: its
            whole day where the log knows days only, else that very instant, so that the period it falls in is
            incomplete. Later events are left out and counted in a warning.
        include_incomplete : bool, default=False
            Also assign the stage at the end of observation where that lies within a period; it may change when the
            period is complete.

        Returns
        -------
        frame in the engine of the log
            customer_id, period (its first day), stage (name); one row per customer and period, sorted by both.

        Raises
        ------
        DataError
            Naming every fault of the log at once; also where no period is complete.
        """
        check_is_fitted(self)
        self._check_thresholds()
        every = self._period(period)
        activity = self._read(log, self.value, observation_end)
        grid = make_grid(activity, every, include_incomplete)
        return self._answer(activity, grid, self._codes(activity, grid))

    def _codes(self, activity: Activity, grid: Grid) -> np.ndarray:
        pooled, strength = self.pooled_interpurchase_time_, self.pooled_strength_
        state = own_rhythm(activity.day, activity.offsets, pooled, strength, self.rupture_lateness)
        faster = growth(activity.day, state, self.recent_gaps, activity.value, activity.offsets)
        healthy = self._healthy(activity, state, faster)
        event = grid.event
        lateness = (grid.last_day - activity.day[event]) / state.expected[event]
        codes = healthy[event]
        codes[lateness > self.decline_lateness] = DECLINE
        broken = lateness > self.rupture_lateness
        if not self.win_back:
            broken |= state.arc[event] > 0
        codes[broken] = RUPTURE
        return codes

    def _healthy(self, activity: Activity, state: EventState, faster: np.ndarray) -> np.ndarray:
        """Stage right after each purchase, when nothing is late."""
        many = state.purchases >= self.stability_purchases
        settled = activity.day - state.arc_start >= self.stability_tenure * self.pooled_interpurchase_time_
        codes = np.full(activity.day.size, FORMATION, dtype=np.int8)
        codes[many & settled & (faster < self.growth_ratio)] = STABILITY
        codes[state.purchases < self.formation_purchases] = EXPLORATION
        if self.slowdown_ratio is not None:
            codes[many & (faster * self.slowdown_ratio <= 1)] = DECLINE
        return codes

    def _check_thresholds(self) -> None:
        faults = []
        if self.rupture_lateness <= self.decline_lateness:
            faults.append(
                f"rupture_lateness={self.rupture_lateness:g} must be above decline_lateness={self.decline_lateness:g}"
            )
        if self.stability_purchases <= self.formation_purchases:
            faults.append(
                f"stability_purchases={self.stability_purchases} must be above formation_purchases={self.formation_purchases}"
            )
        if not isinstance(self.pooled, str):
            pair = np.asarray(self.pooled, dtype=float)
            if pair.shape != (2,) or not np.isfinite(pair).all() or (pair <= 0).any():
                faults.append(f"pooled={self.pooled!r} must be two numbers above 0: days, and gaps they weigh")
        if faults:
            raise ValueError("; ".join(faults) + ".")

    def describe(self) -> str:
        """Return what was learnt and how stages are told, in plain sentences."""
        check_is_fitted(self)
        unit = UNIT_WORDS[self.unit_]
        time, strength = self.pooled_interpurchase_time_, self.pooled_strength_
        own = 3 / (strength + 3)
        said = [
            f"Learnt from {self.n_customers_:,} customers and {self.n_gaps_:,} gaps between purchase days up to "
            f"{self.observation_end_}."
            if isinstance(self.pooled, str)
            else "The pooled rhythm was given, not learnt.",
            f"A customer of whom nothing is known yet is expected to buy every {time:.3g} {unit}; this weighs as much as "
            f"{strength:.3g} own gaps, so that after three gaps a customer's own rhythm counts {own:.0%}.",
        ]
        if isinstance(self.pooled, str):
            said.append(f"After a first purchase {self.never_back_probability_:.0%} are expected never to come back.")
        said.append(
            f"Without a purchase for {self.decline_lateness:g} expected gaps a relationship declines "
            f"({self.decline_lateness * time:.0f} {unit} after a first purchase), after {self.rupture_lateness:g} it is broken "
            f"({self.rupture_lateness * time:.0f} {unit})."
        )
        if self.slowdown_ratio is not None:
            said.append(
                f"It also declines when, with {self.stability_purchases} purchases or more, it goes {self.slowdown_ratio:g} times "
                "slower than before."
            )
        said.append(
            f"Exploration lasts until purchase {self.formation_purchases}; stability takes {self.stability_purchases} purchases over "
            f"{self.stability_tenure * time:.0f} {unit} and less than {self.growth_ratio:g}-fold growth; between them is formation."
        )
        said.append(
            "A purchase after a rupture begins again with exploration."
            if self.win_back
            else "A broken relationship stays broken."
        )
        return " ".join(said)
